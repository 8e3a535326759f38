//! Patterns: which paths a route matches.
//!
//! `text` reads patterns from texts, and `file` from file names.

use std::collections::HashSet;
use std::fmt;

use super::invalid::InvalidPattern;
use super::matcher::{Matcher, Piece};
use super::path::MAX_SEGMENTS;
use super::text;

/// The most optional parameters in a pattern: the table holds a place for each combination.
pub(crate) const MAX_OPTIONALS: usize = 4;

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this text, compared with the decoded path.
    Static(String),
    /// Any one segment: `:name`, or `*` if it has no name.
    Param { name: Option<String>, optional: bool },
    /// Any one segment that fits a regex, or text around parameters: `:id(\d+)`, `:name.:ext`.
    Mixed { matcher: Matcher, optional: bool },
    /// The rest of the path. It is always the last segment.
    Rest(Rest),
}

/// A catch-all, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rest {
    /// `**`: any number of segments, known as `_`.
    Unnamed,
    /// `**:name`: one or more segments.
    Named(String),
    /// `:name+`: one or more segments.
    OneOrMore(String),
    /// `:name*`: any number of segments.
    ZeroOrMore(String),
}

/// Which paths a route matches, such as `/rooms/:id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    segments: Vec<Segment>,
    /// The names of what the segments capture, in order.
    names: Vec<String>,
}

impl Pattern {
    /// Reads a pattern such as `/users/:id(\d+)`, `/files/:name.:ext` or `/docs/:path*`. A `\`
    /// makes the next character plain. Like a path, the pattern is folded first.
    ///
    /// # Errors
    /// The text is not a pattern. The message says what would be right.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        Self::new(text::segments(text)?)
    }

    /// `/**`, which every path matches.
    pub fn everything() -> Self {
        Self { segments: vec![Segment::Rest(Rest::Unnamed)], names: vec!["_".to_owned()] }
    }

    pub(super) fn new(segments: Vec<Segment>) -> Result<Self, InvalidPattern> {
        if segments.len() > MAX_SEGMENTS {
            return Err(InvalidPattern::TooManySegments);
        }
        if segments.iter().filter(|segment| segment.is_optional()).count() > MAX_OPTIONALS {
            return Err(InvalidPattern::TooManyOptionals);
        }
        let before_last = segments.split_last().map_or(&[][..], |(_, before)| before);
        if let Some(rest) = before_last.iter().find(|segment| matches!(segment, Segment::Rest(_))) {
            return Err(InvalidPattern::NotLast(rest.to_string()));
        }
        let names = names(&segments);
        let mut seen = HashSet::new();
        match names.iter().find(|name| !seen.insert(name.as_str())) {
            Some(name) => Err(InvalidPattern::Twice(name.clone())),
            None => Ok(Self { segments, names }),
        }
    }

    /// The segments, in order; none for `/`.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The names of the parameters, in order. A parameter without a name is named by its index
    /// among those (`0`, `1`), and an unnamed rest `_`.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub(super) fn param(&self, index: usize) -> &str {
        &self.names[index]
    }

    /// The catch-all at its end.
    pub fn rest(&self) -> Option<&Rest> {
        match self.segments.last() {
            Some(Segment::Rest(rest)) => Some(rest),
            _ => None,
        }
    }
}

fn names(segments: &[Segment]) -> Vec<String> {
    let mut unnamed = 0;
    let mut names = Vec::new();
    for segment in segments {
        for name in segment.captures() {
            names.push(match (name, segment) {
                (Some(name), _) => name.to_owned(),
                (None, Segment::Rest(_)) => "_".to_owned(),
                (None, _) => {
                    unnamed += 1;
                    (unnamed - 1).to_string()
                }
            });
        }
    }
    names
}

impl Segment {
    /// The segment that these pieces make. `written` is its text.
    pub(super) fn of(
        written: &str,
        pieces: Vec<Piece>,
        optional: bool,
    ) -> Result<Self, InvalidPattern> {
        let mut texts = pieces.iter().filter_map(Piece::text);
        texts.try_for_each(|text| check_text(text, pieces.len() == 1))?;
        if pieces.windows(2).any(|pair| pair.iter().all(|piece| piece.text().is_none())) {
            return Err(InvalidPattern::SideBySide(written.to_owned()));
        }
        Ok(match pieces.as_slice() {
            [] => return Err(InvalidPattern::Empty),
            [Piece::Text(text)] => Self::Static(text.clone()),
            [Piece::Capture { name, regex: None }] => Self::Param { name: name.clone(), optional },
            _ => Self::Mixed { matcher: Matcher::new(pieces)?, optional },
        })
    }

    /// The names of what it captures, in order.
    pub fn captures(&self) -> Vec<Option<&str>> {
        match self {
            Self::Static(_) => Vec::new(),
            Self::Param { name, .. } => vec![name.as_deref()],
            Self::Mixed { matcher, .. } => matcher.names().collect(),
            Self::Rest(rest) => vec![rest.name()],
        }
    }

    pub fn is_optional(&self) -> bool {
        matches!(self, Self::Param { optional: true, .. } | Self::Mixed { optional: true, .. })
    }
}

fn check_text(text: &str, whole: bool) -> Result<(), InvalidPattern> {
    if whole && matches!(text, "." | "..") {
        return Err(InvalidPattern::Dots(text.to_owned()));
    }
    let encoded = text.match_indices('%').find_map(|(at, _)| {
        let byte = text.get(at..at + 3)?;
        byte[1..].bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(byte)
    });
    encoded.map_or(Ok(()), |byte| Err(InvalidPattern::Encoded(byte.to_owned())))
}

impl Rest {
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Unnamed => None,
            Self::Named(name) | Self::OneOrMore(name) | Self::ZeroOrMore(name) => Some(name),
        }
    }

    /// Whether it also matches an empty rest.
    pub fn may_be_empty(&self) -> bool {
        matches!(self, Self::Unnamed | Self::ZeroOrMore(_))
    }
}

/// A parameter's name as given, if it is one.
pub(super) fn name(text: &str) -> Result<String, InvalidPattern> {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !text.chars().all(is_name_char) {
        return Err(InvalidPattern::Name(text.to_owned()));
    }
    Ok(text.to_owned())
}

pub(super) fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Writes the text that [`Pattern::parse`] reads as the same pattern.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.segments.is_empty() {
            return f.write_str("/");
        }
        self.segments.iter().try_for_each(|segment| write!(f, "/{segment}"))
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static(text) => text::write_escaped(f, text),
            Self::Param { name: Some(name), .. } => write!(f, ":{name}"),
            Self::Param { name: None, .. } => f.write_str("*"),
            Self::Mixed { matcher, .. } => write!(f, "{matcher}"),
            Self::Rest(Rest::Unnamed) => f.write_str("**"),
            Self::Rest(Rest::Named(name)) => write!(f, "**:{name}"),
            Self::Rest(Rest::OneOrMore(name)) => write!(f, ":{name}+"),
            Self::Rest(Rest::ZeroOrMore(name)) => write!(f, ":{name}*"),
        }?;
        f.write_str(if self.is_optional() { "?" } else { "" })
    }
}
