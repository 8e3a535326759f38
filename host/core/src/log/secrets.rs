//! Hides secrets in text for the log.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

/// Shorter texts are not searched for: they would be found everywhere.
const MIN_HIDDEN: usize = 6;

/// A long secret is searched for in pieces of this many bytes.
const PIECE: usize = 1024;

/// The longest text that is searched for: a piece, and a rest that is too short for a piece of its
/// own.
pub(super) const MAX_PATTERN: usize = PIECE + MIN_HIDDEN;

/// What the log shows in place of a secret.
const HIDDEN: &str = "(secret)";

/// The forms that secrets may have in a text: the secret as it is, each of its lines, and both as
/// string literals of Rust and of JSON.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Patterns(BTreeSet<String>);

impl Patterns {
    /// The forms of these secrets.
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Self {
        let mut patterns = BTreeSet::new();
        for secret in secrets {
            let rust = format!("{secret:?}");
            let json = serde_json::Value::from(secret).to_string();
            let forms = [secret, without_quotes(&rust), without_quotes(&json)];
            let lines = secret.lines().map(str::trim);
            for form in forms.into_iter().chain(lines) {
                patterns.extend(pieces(form).map(str::to_owned));
            }
        }
        Self(patterns)
    }

    /// The forms in any of these sets.
    pub fn union<'p>(several: impl IntoIterator<Item = &'p Self>) -> Self {
        Self(several.into_iter().flat_map(|own| own.0.iter().cloned()).collect())
    }

    /// How many bytes the forms have together. The size of their finder grows with it.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(String::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Shows only how many forms there are.
impl std::fmt::Debug for Patterns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({} texts)", self.0.len())
    }
}

fn without_quotes(text: &str) -> &str {
    let text = text.strip_prefix('"').unwrap_or(text);
    text.strip_suffix('"').unwrap_or(text)
}

/// The pieces in which a text is searched for. No piece is too short, unless the text itself is.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = match rest.len() <= MAX_PATTERN {
            true => rest.len(),
            false => rest.floor_char_boundary(PIECE),
        };
        let piece;
        (piece, rest) = rest.split_at(end);
        (piece.len() >= MIN_HIDDEN).then_some(piece)
    })
}

/// Finds secrets.
#[derive(Debug)]
pub(crate) struct Secrets {
    /// The forms, sorted.
    patterns: Vec<String>,
    /// None if there are more forms than a finder can have.
    finder: Option<AhoCorasick>,
}

impl Secrets {
    /// Builds the finder. Takes up to a second: see `MAX_HIDDEN` in `capability/account.rs`.
    pub(crate) fn new(patterns: Patterns) -> Self {
        let patterns: Vec<String> = patterns.0.into_iter().collect();
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            // This kind's size grows only with the secrets' bytes.
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&patterns);
        Self { patterns, finder: finder.ok() }
    }

    /// Whether it finds exactly these forms.
    pub(crate) fn finds_only(&self, patterns: &Patterns) -> bool {
        self.patterns.iter().eq(&patterns.0)
    }

    fn find(&self, text: &str, found: &mut Vec<Range<usize>>) {
        match &self.finder {
            Some(finder) => found.extend(finder.find_iter(text).map(|found| found.range())),
            None => found.push(0..text.len()),
        }
    }

    /// Where a text that continues can be cut without cutting a secret in two.
    pub(crate) fn cut(&self, text: &[u8]) -> usize {
        let end = text.len().saturating_sub(self.begins_at_end(text));
        let Some(finder) = &self.finder else { return end };
        // The end of a secret may look like the beginning of another.
        let mut found = finder.find_iter(text).map(|found| found.range());
        match found.find(|found| found.end > end) {
            Some(found) if found.start >= end => end,
            Some(found) if found.start > 0 => found.start,
            Some(found) => found.end,
            None => end,
        }
    }

    /// How many bytes at the end of a text that continues may be the beginning of a secret.
    fn begins_at_end(&self, text: &[u8]) -> usize {
        let longest = text.len().min(MAX_PATTERN);
        let begins = |end: &[u8]| {
            let after = self.patterns.partition_point(|pattern| pattern.as_bytes() <= end);
            self.patterns.get(after).is_some_and(|pattern| pattern.as_bytes().starts_with(end))
        };
        let ends = (1..=longest).rev().map(|length| &text[text.len() - length..]);
        ends.into_iter().find(|end| begins(end)).map_or(0, <[u8]>::len)
    }
}

/// The first `end` bytes of a text with its secrets hidden, and how many bytes are left out. A
/// secret that begins before `end` is hidden as a whole.
pub(super) fn hide<'t>(
    text: &'t str,
    end: usize,
    secrets: &[std::sync::Arc<Secrets>],
) -> (Cow<'t, str>, usize) {
    let mut found = Vec::new();
    secrets.iter().for_each(|secrets| secrets.find(text, &mut found));
    if secrets.len() > 1 {
        found.sort_unstable_by_key(|found| found.start);
    }
    let mut shown = String::new();
    let mut at = 0;
    for found in found {
        if found.start >= end {
            break;
        }
        // Two secrets may overlap.
        if found.start >= at {
            shown.push_str(text.get(at..found.start).unwrap_or_default());
            shown.push_str(HIDDEN);
        }
        at = at.max(found.end);
    }
    if at == 0 {
        let (shown, rest) = text.split_at(text.floor_char_boundary(end));
        return (shown.into(), rest.len());
    }
    let end = text.floor_char_boundary(end.max(at));
    shown.push_str(text.get(at..end).unwrap_or_default());
    (shown.into(), text.len() - end)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn secrets(secrets: &[&str]) -> Arc<Secrets> {
        Arc::new(Secrets::new(Patterns::new(secrets.iter().copied())))
    }

    fn hidden(text: &str, secret: &[&str]) -> String {
        hide(text, text.len(), &[secrets(secret)]).0.into_owned()
    }

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        for (text, shown) in [
            ("it is hunter22!", "it is (secret)!"),
            ("hunter22hunter22", "(secret)(secret)"),
            ("nothing", "nothing"),
            ("", ""),
            ("hunter2", "hunter2"),
        ] {
            assert_eq!(hidden(text, &["hunter22"]), shown);
        }
        assert_eq!(hidden("short", &["short"]), "short", "it has fewer than 6 bytes");
        assert_eq!(hidden("abcdefgh", &["abcdef", "abcdefgh"]), "(secret)", "the longest first");
    }

    #[test]
    fn each_line_of_a_secret_is_hidden() {
        let key = "-----BEGIN KEY-----\r\n  MIIEvQIBADAN\nab\n-----END KEY-----";
        assert_eq!(hidden("the second is MIIEvQIBADAN", &[key]), "the second is (secret)");
        assert_eq!(hidden(key, &[key]), "(secret)");
        assert_eq!(hidden(&format!("{key:?}"), &[key]), "\"(secret)\"");
        let json = serde_json::json!({ "key": key }).to_string();
        assert_eq!(hidden(&json, &[key]), "{\"key\":\"(secret)\"}");
    }

    #[test]
    fn a_long_secret_is_hidden_in_pieces() {
        for length in [PIECE, PIECE + 1, PIECE + 7, 10 * PIECE + 3] {
            let secret: String = ('\u{100}'..).take(length).collect();
            let shown = hidden(&format!("<{secret}>"), &[&secret]);
            assert_eq!(shown.replace("(secret)", ""), "<>", "{length}");
            let longest = pieces(&secret).map(str::len).max();
            assert!(longest <= Some(MAX_PATTERN), "{longest:?}");
        }
    }

    #[test]
    fn a_secret_at_the_cut_is_hidden_whole() {
        let text = "0123456789hunter22 and more";
        let secrets = [secrets(&["hunter22"])];
        assert_eq!(hide(text, 10, &secrets), ("0123456789".into(), 17));
        assert_eq!(hide(text, 11, &secrets), ("0123456789(secret)".into(), 9));
        assert_eq!(hide(text, 20, &secrets), ("0123456789(secret) a".into(), 7));
    }

    #[test]
    fn secrets_of_several_may_overlap() {
        let both = [secrets(&["abcdefgh"]), secrets(&["efghijkl"])];
        assert_eq!(hide("xabcdefghijkly", 14, &both).0, "x(secret)y");
    }

    #[test]
    fn a_text_is_cut_in_no_secret() {
        let overlapping = secrets(&["token-Q8x7t", "abcdefQ8x7abcdef"]);
        for (text, cut) in [
            ("pp token-Q8x7t", "pp "),
            ("pp token-Q8x7t and more", "pp token-Q8x7t and more"),
            ("pp token-Q8x7t tok", "pp token-Q8x7t "),
            ("pp abcdefQ8x7abcdef", "pp "),
            ("pp abcdefQ8x7abcde", "pp "),
            ("token-Q8x7t", "token-Q8x7t"),
            ("plain", "plain"),
        ] {
            assert_eq!(&text[..overlapping.cut(text.as_bytes())], cut, "{text}");
        }
    }

    #[test]
    fn a_secret_may_begin_at_the_end_of_a_text() {
        let secrets = secrets(&["hunter22", "hunger"]);
        for (text, bytes) in [
            ("a hunter2", 7),
            ("a hu", 2),
            ("a h", 1),
            ("hunter22", 0),
            ("", 0),
            ("ab", 0),
            ("hunge", 5),
        ] {
            assert_eq!(secrets.begins_at_end(text.as_bytes()), bytes, "{text}");
        }
    }
}
