//! Foreign text for the log: cut at a bound, and without characters that a terminal or a reader of
//! lines would obey.

use std::fmt::{self, Write as _};

/// The most lines of one text, so that a short text full of newlines stays short.
const MAX_LINES: usize = 64;

/// The beginning of each line of a text after the first.
const CONTINUED: &str = "\n    | ";

/// How newlines in a text are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Newlines {
    /// They are escaped.
    Escaped,
    /// Each continues on a new line with a mark in front, so that nobody takes it for a line of the
    /// host's.
    Marked,
}

/// Whether a terminal obeys the character or displays text differently because of it: control
/// characters (ISO/IEC 6429), ends of lines and paragraphs, changes of the text's direction (UAX
/// #9), and invisible characters.
fn is_escaped(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Appends a text, escaped.
pub(super) fn push(to: &mut String, text: &str, newlines: Newlines) {
    let mut rest = text;
    while let Some(at) = rest.find(is_escaped) {
        let (plain, special) = rest.split_at(at);
        to.push_str(plain);
        let mut special = special.chars();
        let c = special.next();
        rest = special.as_str();
        match (c, newlines) {
            (Some('\n'), Newlines::Marked) => to.push_str(CONTINUED),
            (Some('\r'), Newlines::Marked) if rest.starts_with('\n') => {}
            (c, _) => to.extend(c.into_iter().flat_map(char::escape_default)),
        }
    }
    to.push_str(rest);
}

/// The text as part of one line: every control character is escaped.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    push(&mut escaped, text, Newlines::Escaped);
    escaped
}

/// JSON whose strings have no character that a terminal obeys. Its meaning is unchanged (RFC 8259,
/// section 7).
pub fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !is_escaped(c) {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped
}

/// The first bytes of what a value displays, up to `bound`, and the number of bytes left out. No
/// more than `bound` is ever in memory.
pub(crate) fn excerpt(what: impl fmt::Display, bound: usize) -> String {
    let mut text = Bounded::new(String::new(), bound);
    // A value that fails to display everything may have displayed some of it.
    let _ = write!(text, "{what}");
    let Bounded { mut text, more, .. } = text;
    push_more(&mut text, more);
    text
}

/// What a value displays, as lines that are escaped and marked.
pub(super) fn lines(what: &impl fmt::Display, bound: usize) -> String {
    let mut text = Bounded::new(String::new(), bound);
    let _ = write!(text, "{what}");
    let mut escaped = String::with_capacity(text.text.len());
    push(&mut escaped, &text.text, Newlines::Marked);
    push_more(&mut escaped, text.more);
    escaped
}

/// Appends how much was cut off.
pub(super) fn push_more(to: &mut String, more: usize) {
    if more > 0 {
        let _ = write!(to, "… ({more} bytes more)");
    }
}

/// Where to cut a text of several lines, so that at most `bound` bytes are left.
pub(super) fn end(text: &str, bound: usize) -> usize {
    let text = &text[..text.floor_char_boundary(bound)];
    text.match_indices('\n').nth(MAX_LINES).map_or(text.len(), |(at, _)| at)
}

/// Keeps what is written up to a bound, and counts the rest.
pub(super) struct Bounded {
    pub text: String,
    pub more: usize,
    bound: usize,
}

impl Bounded {
    /// Starts with an empty `text`, whose memory is used again.
    pub(crate) fn new(mut text: String, bound: usize) -> Self {
        text.clear();
        Self { text, more: 0, bound }
    }
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = if self.more > 0 { 0 } else { self.bound.saturating_sub(self.text.len()) };
        let (kept, rest) = text.split_at(text.floor_char_boundary(room));
        self.text.push_str(kept);
        self.more = self.more.saturating_add(rest.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(text: &str, newlines: Newlines) -> String {
        let mut to = String::new();
        push(&mut to, text, newlines);
        to
    }

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        for (text, escaped) in [
            ("plain ä € 👩‍💻", "plain ä € 👩‍💻"),
            ("\u{1b}[31mred\u{1b}]0;title\u{7}", r"\u{1b}[31mred\u{1b}]0;title\u{7}"),
            ("\0\t\r\n\u{8}\u{7f}", r"\u{0}\t\r\n\u{8}\u{7f}"),
            ("\u{9b}31m\u{85}", r"\u{9b}31m\u{85}"),
            ("\u{202e}abc\u{2066}\u{2028}\u{2029}", r"\u{202e}abc\u{2066}\u{2028}\u{2029}"),
            ("a\u{200b}\u{feff}\u{e0041}", r"a\u{200b}\u{feff}\u{e0041}"),
        ] {
            assert_eq!(escape(text), escaped);
        }
    }

    #[test]
    fn every_control_character_is_escaped() {
        let all: String = (0..=0x10_ffff).filter_map(char::from_u32).collect();
        let escaped = escape(&all);
        assert!(!escaped.contains(is_escaped));
        assert!(!pushed(&all, Newlines::Marked).replace('\n', "").contains(is_escaped));
        assert!(!escape_json(&all).replace('\n', "").contains(is_escaped));
        assert!(!format!("{all:?}").contains(is_escaped), "fields are shown so");
    }

    #[test]
    fn lines_that_follow_are_marked() {
        assert_eq!(pushed("a\nb\r\nc\rd", Newlines::Marked), "a\n    | b\n    | c\\rd");
    }

    #[test]
    fn json_means_what_it_meant() {
        let text = "\u{9b}31m\u{202e}\u{e0041}\n\u{1b}ä";
        let json = serde_json::to_string_pretty(&[text]).unwrap();
        let escaped = escape_json(&json);
        assert!(!escaped.replace('\n', "").contains(is_escaped), "{escaped}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&escaped).unwrap(), [text]);
    }

    #[test]
    fn what_is_over_the_bound_is_counted() {
        assert_eq!(excerpt("abcdef", 6), "abcdef");
        assert_eq!(excerpt("abcdefg", 4), "abcd… (3 bytes more)");
        assert_eq!(excerpt("aäöü", 4), "aä… (4 bytes more)");
        assert_eq!(excerpt(format_args!("{}{}", "ab", "cd"), 1), "a… (3 bytes more)");
        let long = "x".repeat(3_000_000);
        assert_eq!(excerpt(&long, 10), "xxxxxxxxxx… (2999990 bytes more)");
    }

    #[test]
    fn a_text_of_newlines_is_cut() {
        let text = "\n".repeat(1_000);
        assert_eq!(end(&text, 500), MAX_LINES);
        assert_eq!(end("a\nb", 500), 3);
        assert_eq!(end("aä", 2), 1);
    }
}
