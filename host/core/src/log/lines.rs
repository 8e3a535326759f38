//! Formats events as lines. Only this module writes foreign text into the log.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::layer::{Context, Layer};

use super::queue::Queue;
use super::secrets::{self, Secrets};
use super::text::{self, Bounded, Newlines};
use super::{MAX_TEXT, sites};

/// The most bytes that are shown of a field.
const MAX_FIELD: usize = 1024;

/// Fields that are shown up to [`MAX_TEXT`] and may have several lines: an event's message, and why
/// something failed.
const LONG: [&str; 2] = ["message", "failure"];

const DIMMED: &str = "\x1b[2m";
const ITALIC: &str = "\x1b[3m";
const PLAIN: &str = "\x1b[0m";

/// Targets of the host's own reports about a site, which the site is not charged for. Each reports
/// once for a deploy, or once a second.
const NOT_CHARGED: [&str; 2] = ["swap", "limits"];

/// Formats events and queues them.
pub(super) struct Lines {
    queue: Arc<Queue>,
    colours: bool,
}

thread_local! {
    /// Buffers for a line and for a field of it. Taken while a line is made: what a value's
    /// `Display` logs has buffers of its own.
    static ROOM: Cell<(String, String)> = const { Cell::new((String::new(), String::new())) };
}

impl Lines {
    pub(crate) fn new(queue: Arc<Queue>, colours: bool) -> Self {
        Self { queue, colours }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut about = About::default();
        event.record(&mut about);
        let charged = match NOT_CHARGED.contains(&metadata.target()) {
            true => None,
            false => about.sites.first(),
        };
        if charged.is_some_and(|site| !site.has_room()) {
            return;
        }
        let secrets: Vec<_> = about.sites.iter().filter_map(|site| site.secrets()).collect();
        let (mut line, room) = ROOM.take();
        line.clear();
        let target = about.target.as_deref().unwrap_or(metadata.target());
        begin(&mut line, metadata.level(), target, self.colours);
        let mut fields = Fields { line, room, secrets: &secrets, colours: self.colours };
        event.record(&mut fields);
        let Fields { mut line, room, .. } = fields;
        line.push('\n');
        if charged.is_none_or(|site| site.admit(line.len())) {
            self.queue.push(&line);
        }
        ROOM.set((line, room));
    }
}

/// The line that says how many lines were lost.
pub(super) fn lost(lines: usize, colours: bool) -> String {
    let mut line = String::new();
    begin(&mut line, &Level::WARN, "log", colours);
    let _ = writeln!(line, " dropped {lines} lines: standard error did not take them in time");
    line
}

/// Begins a line with the time, the level and the target.
fn begin(line: &mut String, level: &Level, target: &str, colours: bool) {
    let paint = |code| if colours { code } else { "" };
    let (dimmed, plain) = (paint(DIMMED), paint(PLAIN));
    let colour = paint(match *level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    });
    line.push_str(dimmed);
    // Writing to a string cannot fail.
    let _ = SystemTime.format_time(&mut Writer::new(line));
    let _ = write!(line, "{plain} {colour}{level:>5}{plain} {dimmed}{target}:{plain}");
}

/// What has to be known before the fields are written.
#[derive(Default)]
struct About {
    sites: Vec<Arc<dyn sites::Site>>,
    /// The target, if the event comes from the crate `log`.
    target: Option<String>,
}

impl Visit for About {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "site" => self.sites = sites::named(value),
            "log.target" => self.target = Some(text::escape(value)),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "site" {
            self.sites = sites::named(&format!("{value:?}"));
        }
    }
}

/// Writes the fields.
struct Fields<'s> {
    line: String,
    room: String,
    secrets: &'s [Arc<Secrets>],
    colours: bool,
}

impl Fields<'_> {
    /// Writes the field's name. Returns how the field is shown, or nothing if it is not shown.
    fn begin(&mut self, field: &Field) -> Option<Shape> {
        let name = field.name();
        if name.starts_with("log.") {
            return None;
        }
        self.line.push(' ');
        if name != "message" {
            let (italic, dimmed, plain) = match self.colours {
                true => (ITALIC, DIMMED, PLAIN),
                false => ("", "", ""),
            };
            let name = name.trim_start_matches("r#");
            let _ = write!(self.line, "{italic}{name}{plain}{dimmed}={plain}");
        }
        Some(match LONG.contains(&name) {
            true => Shape { bound: MAX_TEXT, newlines: Newlines::Marked },
            false => Shape { bound: MAX_FIELD, newlines: Newlines::Escaped },
        })
    }

    /// Writes a text, and that `more` of its bytes are left out.
    fn write(&mut self, text: &str, more: usize, shape: Shape, quoted: bool) {
        let (shown, rest) = secrets::hide(text, text::end(text, shape.bound), self.secrets);
        match quoted {
            true => drop(write!(self.line, "{shown:?}")),
            false => text::push(&mut self.line, &shown, shape.newlines),
        }
        text::push_more(&mut self.line, rest.saturating_add(more));
    }
}

/// How a field is shown.
#[derive(Clone, Copy)]
struct Shape {
    bound: usize,
    newlines: Newlines,
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if let Some(shape) = self.begin(field) {
            let looked_at = shape.bound + secrets::MAX_PATTERN;
            let (text, rest) = value.split_at(value.floor_char_boundary(looked_at));
            self.write(text, rest.len(), shape, field.name() != "message");
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if let Some(shape) = self.begin(field) {
            let room = std::mem::take(&mut self.room);
            let mut bounded = Bounded::new(room, shape.bound + secrets::MAX_PATTERN);
            // A value that fails to display everything may have displayed some of it.
            let _ = write!(bounded, "{value:?}");
            self.write(&bounded.text, bounded.more, shape, false);
            self.room = bounded.text;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, PipeReader, pipe};
    use std::time::Duration;

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// The lines that an event makes, without their times.
    fn logged(colours: bool, log: impl FnOnce()) -> Vec<String> {
        let (reader, writer): (PipeReader, _) = pipe().unwrap();
        let queue = Queue::start(writer, |lost| lost.to_string()).unwrap();
        let lines = Lines::new(queue.clone(), colours);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), log);
        // Marks the end of what the test reads.
        queue.push("end\n");
        queue.flush(Duration::from_secs(60));
        let lines = BufReader::new(reader).lines().map(Result::unwrap);
        let lines = lines.take_while(|line| line != "end");
        lines
            .map(|line| line.split_once('Z').map_or(line.clone(), |(_, rest)| rest.to_owned()))
            .collect()
    }

    #[test]
    fn a_line_has_what_the_event_says_and_its_fields() {
        let lines = logged(false, || {
            let plugin = "a \"b\"";
            tracing::info!(target: "guest", site = "none", plugin, number = 7, "it {}", "says");
        });
        assert_eq!(lines, [r#"  INFO guest: it says site="none" plugin="a \"b\"" number=7"#]);
    }

    #[test]
    fn no_field_forges_a_line_or_has_more_than_its_bound() {
        let forged = "a\u{1b}[2J\nforged";
        let lines = logged(false, || {
            tracing::error!(target: "x", text = forged, shown = %forged, failure = %forged, "{forged}");
        });
        assert_eq!(
            lines,
            [
                " ERROR x: a\\u{1b}[2J",
                "    | forged text=\"a\\u{1b}[2J\\nforged\" shown=a\\u{1b}[2J\\nforged failure=a\\u{1b}[2J",
                "    | forged"
            ]
        );
        let long = "x".repeat(100_000);
        let lines = logged(false, || tracing::info!(target: "x", path = long, failure = %long));
        let (path, failure) = ("x".repeat(MAX_FIELD), "x".repeat(MAX_TEXT));
        let expected = format!(
            "  INFO x: path=\"{path}\"… (98976 bytes more) failure={failure}… (91808 bytes more)"
        );
        assert_eq!(lines, [expected]);
    }

    #[test]
    fn only_the_hosts_own_colours_are_in_a_line() {
        let lines = logged(true, || tracing::warn!(target: "x", text = "\u{1b}[31m", "\u{1b}[31m"));
        assert_eq!(
            lines,
            ["\u{1b}[0m \u{1b}[33m WARN\u{1b}[0m \u{1b}[2mx:\u{1b}[0m \\u{1b}[31m \
              \u{1b}[3mtext\u{1b}[0m\u{1b}[2m=\u{1b}[0m\"\\u{1b}[31m\""]
        );
    }
}
