//! Files below `routes/`, whose names are patterns.

use http::Method;

use super::invalid::InvalidPattern;
use super::matcher::Piece;
use super::pattern::{Pattern, Rest, Segment, name};
use super::text::{group, push_char, reserved};

/// A file below `routes/`, read as a route.
#[derive(Debug, PartialEq, Eq)]
pub struct RouteFile {
    /// None for any method.
    pub method: Option<Method>,
    pub pattern: Pattern,
}

/// A file that runs for its folder and everything below it.
#[derive(Debug, PartialEq, Eq)]
pub struct ScopeFile {
    pub kind: ScopeKind,
    /// None for any method.
    pub method: Option<Method>,
    /// Ends in `/**`, which covers the folder's own path too.
    pub pattern: Pattern,
}

/// The kinds of scoped files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeKind {
    /// `_middleware`
    Middleware,
    /// `_error`
    Error,
}

/// The methods that a file's name may end in.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::HEAD,
    Method::OPTIONS,
];

/// The characters that have a meaning in a name outside of `[]`, or in a pattern.
const RESERVED: [char; 9] = [']', ':', '*', '(', ')', '{', '}', '?', '\\'];

const INSTEAD: &str = "write a parameter as `[name]`, a catch-all as `[...name]`";

impl RouteFile {
    /// Reads a path below `routes/`, with `/` between its parts and without its extension, such as
    /// `rooms/[id].get`.
    ///
    /// # Errors
    /// The name is not a pattern. The message says what would be right.
    pub fn parse(stem: &str) -> Result<Self, InvalidPattern> {
        let (folder, file) = split(stem);
        let (last, method) = method_suffix(file);
        let mut segments = folder.map_or_else(|| Ok(Vec::new()), segments)?;
        if last != "index" {
            segments.push(segment(last)?);
        }
        Ok(Self { method, pattern: Pattern::new(segments)? })
    }
}

impl ScopeFile {
    /// Reads a path below `routes/` as [`RouteFile::parse`] does. None if it is not a scoped
    /// file's.
    ///
    /// # Errors
    /// Its folder is not a pattern, or is a catch-all. The message says what would be right.
    pub fn parse(stem: &str) -> Result<Option<Self>, InvalidPattern> {
        let (folder, file) = split(stem);
        let (name, method) = method_suffix(file);
        let kind = match name {
            "_middleware" => ScopeKind::Middleware,
            "_error" => ScopeKind::Error,
            _ => return Ok(None),
        };
        let mut segments = folder.map_or_else(|| Ok(Vec::new()), segments)?;
        if let Some(rest) = segments.iter().find(|segment| matches!(segment, Segment::Rest(_))) {
            return Err(InvalidPattern::ScopeInCatchAll(rest.to_string()));
        }
        segments.push(Segment::Rest(Rest::Unnamed));
        Ok(Some(Self { kind, method, pattern: Pattern::new(segments)? }))
    }
}

/// Takes the method from the end of a file's name, such as `chat.get`. Only the part after the last
/// `.` counts, and only if it is one of the methods of route files, in any case. So `feed.json` and
/// `[name].[ext]` stay whole.
pub fn method_suffix(file: &str) -> (&str, Option<Method>) {
    let Some((name, suffix)) = file.rsplit_once('.').filter(|(name, _)| !name.is_empty()) else {
        return (file, None);
    };
    match METHODS.into_iter().find(|method| suffix.eq_ignore_ascii_case(method.as_str())) {
        Some(method) => (name, Some(method)),
        None => (file, None),
    }
}

fn split(stem: &str) -> (Option<&str>, &str) {
    stem.rsplit_once('/').map_or((None, stem), |(folder, file)| (Some(folder), file))
}

fn segments(folder: &str) -> Result<Vec<Segment>, InvalidPattern> {
    folder.split('/').map(segment).collect()
}

fn segment(text: &str) -> Result<Segment, InvalidPattern> {
    if let Some(inner) = text.strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]")) {
        return match inner.strip_prefix("...") {
            Some(given) => Ok(Segment::Rest(Rest::ZeroOrMore(name(given)?))),
            None => Segment::of(text, vec![optional(inner, text)?], true),
        };
    }
    if let Some(given) = text.strip_prefix("[...").and_then(|rest| rest.strip_suffix(']')) {
        return Ok(Segment::Rest(match given.strip_suffix('+') {
            Some(given) => Rest::OneOrMore(name(given)?),
            None if given.is_empty() => Rest::Unnamed,
            None => Rest::Named(name(given)?),
        }));
    }
    let mut pieces = Vec::new();
    let mut left = text;
    while let Some(first) = left.chars().next() {
        left = &left[first.len_utf8()..];
        match first {
            '[' => {
                let (piece, after) = param(left, text)?;
                pieces.push(piece);
                left = after;
            }
            _ if RESERVED.contains(&first) => return Err(reserved(first, text, INSTEAD)),
            _ => push_char(&mut pieces, first),
        }
    }
    Segment::of(text, pieces, false)
}

/// Takes a parameter from the beginning of `left`, which follows its `[`, and the `]` after it.
fn param<'t>(left: &'t str, segment: &str) -> Result<(Piece, &'t str), InvalidPattern> {
    let unclosed = || InvalidPattern::Unclosed { open: '[', within: segment.to_owned() };
    let end = left.find(['(', ']']).ok_or_else(unclosed)?;
    if left.starts_with(['[', '.']) {
        let open = segment.matches('[').count() > segment.matches(']').count();
        return Err(if open { unclosed() } else { InvalidPattern::Whole(segment.to_owned()) });
    }
    let (given, after) = left.split_at(end);
    let (regex, after) = match after.starts_with('(') {
        true => group(after, segment).map(|(regex, after)| (Some(regex), after))?,
        false => (None, after),
    };
    let after = after.strip_prefix(']').ok_or_else(unclosed)?;
    let name = if given == "_" && regex.is_none() { None } else { Some(name(given)?) };
    Ok((Piece::Capture { name, regex }, after))
}

/// Reads the inside of `[[…]]`.
fn optional(inner: &str, segment: &str) -> Result<Piece, InvalidPattern> {
    let closed = format!("{inner}]");
    match param(&closed, segment)? {
        (piece, "") => Ok(piece),
        _ => Err(InvalidPattern::Whole(segment.to_owned())),
    }
}
