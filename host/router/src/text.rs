//! Patterns in text: segments are read, and written so that they read the same again.

use std::fmt::{self, Write as _};

use super::invalid::InvalidPattern;
use super::matcher::Piece;
use super::pattern::{Rest, Segment, is_name_char, name};

/// The characters that have a meaning in patterns, or are reserved for one.
const RESERVED: [char; 10] = [':', '*', '(', ')', '[', ']', '{', '}', '?', '\\'];

const INSTEAD: &str = "write a parameter as `:name`, and the character itself after a `\\`";

/// Splits and folds a pattern, and reads its segments.
pub(super) fn segments(text: &str) -> Result<Vec<Segment>, InvalidPattern> {
    let mut parts = Vec::new();
    for part in split(text)? {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.into_iter().map(segment).collect()
}

/// Splits at each `/` that is not in a regex.
fn split(text: &str) -> Result<Vec<&str>, InvalidPattern> {
    let mut parts = Vec::new();
    let (mut begin, mut at) = (0, 0);
    while let Some(c) = text[at..].chars().next() {
        let end = at + c.len_utf8();
        at = match c {
            '(' => text.len() - group(&text[at..], text)?.1.len(),
            '\\' => end + text[end..].chars().next().map_or(0, char::len_utf8),
            _ => end,
        };
        if c == '/' {
            parts.push(&text[begin..at - 1]);
            begin = at;
        }
    }
    parts.push(&text[begin..]);
    Ok(parts)
}

fn segment(text: &str) -> Result<Segment, InvalidPattern> {
    let whole = || InvalidPattern::Whole(text.to_owned());
    if let Some(after) = text.strip_prefix("**") {
        return Ok(Segment::Rest(match after.strip_prefix(':') {
            Some(given) => Rest::Named(name(given)?),
            None if after.is_empty() => Rest::Unnamed,
            None => return Err(whole()),
        }));
    }
    let mut pieces = Vec::new();
    let mut left = text;
    while let Some(first) = left.chars().next() {
        let after = &left[first.len_utf8()..];
        match first {
            ':' | '(' | '*' => {
                let (piece, after) = capture(left, text)?;
                pieces.push(piece);
                left = after;
            }
            '\\' => {
                let escaped = after.chars().next().ok_or_else(|| reserved(first, text, INSTEAD))?;
                push_char(&mut pieces, escaped);
                left = &after[escaped.len_utf8()..];
                continue;
            }
            _ if RESERVED.contains(&first) => return Err(reserved(first, text, INSTEAD)),
            _ => {
                push_char(&mut pieces, first);
                left = after;
                continue;
            }
        }
        // A modifier may follow only a capture that has come through here, at the end.
        match (left, pieces.as_slice()) {
            ("?", [_]) => return Segment::of(text, pieces, true),
            ("+", [Piece::Capture { name: Some(name), regex: None }]) => {
                return Ok(Segment::Rest(Rest::OneOrMore(name.clone())));
            }
            ("*", [Piece::Capture { name: Some(name), regex: None }]) => {
                return Ok(Segment::Rest(Rest::ZeroOrMore(name.clone())));
            }
            ("?" | "+" | "*", _) => return Err(whole()),
            _ => {}
        }
    }
    Segment::of(text, pieces, false)
}

/// Takes a capture from the beginning of `left`, a part of `segment`: `:name`, `:name(regex)`,
/// `(regex)` or `*`.
fn capture<'t>(left: &'t str, segment: &str) -> Result<(Piece, &'t str), InvalidPattern> {
    if let Some(after) = left.strip_prefix('*') {
        return Ok((Piece::Capture { name: None, regex: None }, after));
    }
    let (given, after) = match left.strip_prefix(':') {
        Some(after) => {
            let end = after.find(|c| !is_name_char(c)).unwrap_or(after.len());
            let (given, after) = after.split_at(end);
            (Some(name(given)?), after)
        }
        None => (None, left),
    };
    let (regex, after) = match after.starts_with('(') {
        true => group(after, segment).map(|(regex, after)| (Some(regex), after))?,
        false => (None, after),
    };
    Ok((Piece::Capture { name: given, regex }, after))
}

/// Takes a regex in parentheses from the beginning of `left`, a part of `segment`. Parentheses in
/// it have to be in pairs, except escaped ones and those in a class.
pub(super) fn group<'t>(left: &'t str, segment: &str) -> Result<(String, &'t str), InvalidPattern> {
    let (mut depth, mut in_class, mut escaped) = (0_usize, false, false);
    for (at, c) in left.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ']' => in_class = false,
            _ if in_class => {}
            '[' => in_class = true,
            '(' => depth += 1,
            ')' if depth == 1 => return Ok((left[1..at].to_owned(), &left[at + 1..])),
            ')' => depth -= 1,
            _ => {}
        }
    }
    Err(InvalidPattern::Unclosed { open: '(', within: segment.to_owned() })
}

pub(super) fn push_char(pieces: &mut Vec<Piece>, c: char) {
    match pieces.last_mut() {
        Some(Piece::Text(text)) => text.push(c),
        _ => pieces.push(Piece::Text(c.to_string())),
    }
}

pub(super) fn reserved(found: char, segment: &str, instead: &'static str) -> InvalidPattern {
    InvalidPattern::Reserved { found, segment: segment.to_owned(), instead }
}

pub(super) fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|c| {
        if c == '/' || RESERVED.contains(&c) {
            f.write_char('\\')?;
        }
        f.write_char(c)
    })
}

/// Writes text so that it does not read as a part of the capture before it: of its name, or as a
/// modifier.
pub(super) fn write_after(f: &mut fmt::Formatter<'_>, capture: &Piece, text: &str) -> fmt::Result {
    let bare = matches!(capture, Piece::Capture { name: Some(_), regex: None });
    if text == "+" || (bare && text.starts_with(is_name_char)) {
        f.write_char('\\')?;
    }
    write_escaped(f, text)
}
