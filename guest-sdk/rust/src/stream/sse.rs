//! Server-sent events (HTML Standard, 9.2).

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// One server-sent event, as text on the wire.
///
/// ```
/// use lithe_sdk::Sse;
///
/// let event = Sse::data("two\nlines").event("note").id("7");
/// assert_eq!(event.to_string(), "event: note\nid: 7\ndata: two\ndata: lines\n\n");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sse {
    data: Option<String>,
    event: Option<String>,
    id: Option<String>,
    retry: Option<Duration>,
    comment: Option<String>,
}

impl Sse {
    /// An event with that text, of one line or more.
    pub fn data(data: impl Into<String>) -> Self {
        Self { data: Some(data.into()), ..Self::default() }
    }

    /// An event whose text is JSON.
    ///
    /// # Errors
    /// `value` has no JSON form, such as a map whose keys are not strings.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Self> {
        serde_json::to_string(value).map(Self::data)
    }

    /// A line that browsers skip. It keeps proxies from closing a quiet connection.
    pub fn comment(text: impl Into<String>) -> Self {
        Self { comment: Some(text.into()), ..Self::default() }
    }

    /// The event's name, for which a browser listens. By default it is `message`.
    #[must_use]
    pub fn event(mut self, name: impl Into<String>) -> Self {
        self.event = Some(name.into());
        self
    }

    /// The event's id, which the browser sends as `last-event-id` when it connects again.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// How long the browser waits before it connects again, in whole milliseconds.
    #[must_use]
    pub fn retry(mut self, after: Duration) -> Self {
        self.retry = Some(after);
        self
    }
}

impl fmt::Display for Sse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (field, text) in [("event", &self.event), ("id", &self.id)] {
            if let Some(text) = text {
                // A field has one line, and a browser takes all of `\r`, `\n` and `\r\n` for its
                // end.
                writeln!(f, "{field}: {}", text.replace(['\r', '\n'], " "))?;
            }
        }
        if let Some(retry) = self.retry {
            writeln!(f, "retry: {}", retry.as_millis())?;
        }
        for (field, text) in [("", &self.comment), ("data", &self.data)] {
            if let Some(text) = text {
                let text = text.replace("\r\n", "\n");
                text.split(['\r', '\n']).try_for_each(|line| writeln!(f, "{field}: {line}"))?;
            }
        }
        f.write_str("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_end_begins_a_data_line() {
        assert_eq!(
            Sse::data("a\r\nb\rc\nd\n").to_string(),
            "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"
        );
        assert_eq!(Sse::data("").to_string(), "data: \n\n");
    }

    #[test]
    fn no_field_can_begin_another() {
        let event = Sse::data("x").event("a\ndata: b").id("1\r\nretry: 1");
        assert_eq!(event.to_string(), "event: a data: b\nid: 1  retry: 1\ndata: x\n\n");
    }

    #[test]
    fn the_other_fields_are_written() {
        let event = Sse::json(&[1, 2]).unwrap().retry(Duration::from_millis(1500));
        assert_eq!(event.to_string(), "retry: 1500\ndata: [1,2]\n\n");
        assert_eq!(Sse::comment("still here").to_string(), ": still here\n\n");
    }
}
