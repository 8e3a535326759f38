//! Segments with a regex, or with text around parameters.
//!
//! Both become one anchored regex of `regex-lite`. It is linear in the segment's length and small
//! for each route, because it caches no automaton for each thread. `\d` and `\w` mean ASCII. A
//! regex with a Unicode class is refused.

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::fmt;

use regex_lite::{Regex, RegexBuilder};

use super::invalid::InvalidPattern;
use super::text;

/// The most memory that a compiled regex may take. `[a-z0-9-]{1,64}` needs half of it; a larger
/// regex would also be slow.
const MAX_REGEX_BYTES: usize = 16 * 1024;

/// The weight of the smallest regex.
const MIN_WEIGHT: usize = 256;

/// The longest segment that is compared with a regex, in bytes. The time is bounded by the product
/// of both.
const MAX_SEGMENT: usize = 1024;

/// A part of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    /// Without a regex, a named capture takes one or more characters, and an unnamed one (`*`) any
    /// number. The first capture takes as many as it can.
    Capture {
        name: Option<String>,
        regex: Option<String>,
    },
}

/// Matches one segment. Two matchers are equal if they are written the same.
#[derive(Clone, Debug)]
pub struct Matcher {
    pieces: Vec<Piece>,
    regex: Regex,
    /// The memory that the compiled regex takes, rounded up to a power of two.
    weight: u32,
    /// The regex's groups that are captures. A capture's own regex may have groups, too.
    groups: Vec<usize>,
}

impl Matcher {
    pub(super) fn new(pieces: Vec<Piece>) -> Result<Self, InvalidPattern> {
        let mut source = String::from("^");
        let mut groups = Vec::new();
        let mut next = 1;
        for piece in &pieces {
            match piece {
                Piece::Text(text) => source.push_str(&regex_lite::escape(text)),
                Piece::Capture { name, regex } => {
                    groups.push(next);
                    next += 1;
                    match (name, regex) {
                        (_, Some(regex)) => {
                            next += inner_groups(regex)?;
                            source.push_str(&format!("({regex})"));
                        }
                        (Some(_), None) => source.push_str("((?s:.+))"),
                        (None, None) => source.push_str("((?s:.*))"),
                    }
                }
            }
        }
        source.push('$');
        let (regex, weight) = compile(&source).map_err(|reason| InvalidPattern::Regex {
            regex: pieces.iter().filter_map(Piece::regex).collect::<Vec<_>>().join("` and `"),
            reason,
        })?;
        Ok(Self { pieces, regex, weight, groups })
    }

    /// The same matcher, for which upper and lower case ASCII letters are equal.
    pub(super) fn ignoring_case(&self) -> Self {
        let mut builder = RegexBuilder::new(self.regex.as_str());
        // This compiles, because the regex has compiled before: folding adds at most a second range
        // for each, and the size has no limit here. If that is ever wrong, the case matters, which
        // does no harm.
        let folded = builder.case_insensitive(true).size_limit(usize::MAX).build();
        Self { regex: folded.unwrap_or_else(|_| self.regex.clone()), ..self.clone() }
    }

    /// The memory that it takes in use, in bytes: the compiled regex, and what one thread keeps in
    /// order to run it, which is the places of all groups for each step of the regex.
    pub(super) fn memory(&self) -> usize {
        let groups = self.regex.captures_len();
        (self.weight as usize).saturating_mul(groups.saturating_add(2))
    }

    /// The cost of comparing it with this segment, in steps without a unit of time.
    pub(super) fn cost(&self, segment: &str) -> u32 {
        self.weight * segment.len().min(MAX_SEGMENT) as u32
    }

    /// Whether the segment matches. If so, its captures are appended. A segment of more than 1 KiB
    /// never matches.
    pub(super) fn capture<'p>(&self, segment: &'p str, into: &mut Vec<Cow<'p, str>>) -> bool {
        if segment.len() > MAX_SEGMENT {
            return false;
        }
        let Some(captures) = self.regex.captures(segment) else {
            return false;
        };
        let text = |group: &usize| captures.get(*group).map_or("", |found| found.as_str());
        into.extend(self.groups.iter().map(|group| Cow::Borrowed(text(group))));
        true
    }

    /// The names of its captures, in order.
    pub fn names(&self) -> impl Iterator<Item = Option<&str>> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Capture { name, .. } => Some(name.as_deref()),
        })
    }

    /// Whether both match the same segments, whatever the names.
    pub(super) fn same_shape(&self, other: &Self, case_sensitive: bool) -> bool {
        let same = |(a, b): (&Piece, &Piece)| match (a, b) {
            (Piece::Text(a), Piece::Text(b)) if !case_sensitive => a.eq_ignore_ascii_case(b),
            (Piece::Text(a), Piece::Text(b)) => a == b,
            (Piece::Capture { name, regex }, Piece::Capture { name: n, regex: r }) => {
                name.is_some() == n.is_some() && regex == r
            }
            _ => false,
        };
        self.pieces.len() == other.pieces.len() && self.pieces.iter().zip(&other.pieces).all(same)
    }

    /// Which of two is tried first: the one with more text, then the one with more regexes, then in
    /// the order of their texts. So the order does not depend on when they were added.
    pub(super) fn precedence(&self, other: &Self) -> Ordering {
        let rank = |matcher: &Self| {
            let texts = matcher.pieces.iter().filter_map(Piece::text).map(str::len);
            let regexes = matcher.pieces.iter().filter_map(Piece::regex).count();
            (Reverse(texts.sum::<usize>()), Reverse(regexes))
        };
        rank(self).cmp(&rank(other)).then_with(|| self.to_string().cmp(&other.to_string()))
    }
}

impl Piece {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Capture { .. } => None,
        }
    }

    fn regex(&self) -> Option<&str> {
        match self {
            Self::Text(_) => None,
            Self::Capture { regex, .. } => regex.as_deref(),
        }
    }
}

/// How many groups a capture's regex has. It must be valid alone, so that it cannot close its
/// group.
fn inner_groups(regex: &str) -> Result<usize, InvalidPattern> {
    let compiled = match regex {
        "" => Err("it is empty, write what a value looks like, such as `[0-9]+`".to_owned()),
        _ => compile(regex),
    };
    match compiled {
        Ok((regex, _)) => Ok(regex.captures_len() - 1),
        Err(reason) => Err(InvalidPattern::Regex { regex: regex.to_owned(), reason }),
    }
}

/// Compiles a regex. Returns the memory that it takes, too.
fn compile(source: &str) -> Result<(Regex, u32), String> {
    let within = |bytes: usize| RegexBuilder::new(source).size_limit(bytes).build();
    let mut bytes = MAX_REGEX_BYTES;
    let mut regex = within(bytes).map_err(|error| error.to_string())?;
    while let Ok(smaller) = within(bytes / 2)
        && bytes > MIN_WEIGHT
    {
        regex = smaller;
        bytes /= 2;
    }
    Ok((regex, bytes as u32))
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.pieces == other.pieces
    }
}

impl Eq for Matcher {}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = None;
        for piece in &self.pieces {
            match (piece, before) {
                (Piece::Text(text), Some(capture)) => text::write_after(f, capture, text)?,
                (Piece::Text(text), None) => text::write_escaped(f, text)?,
                (Piece::Capture { name: None, regex: None }, _) => f.write_str("*")?,
                (Piece::Capture { name, regex }, _) => {
                    name.iter().try_for_each(|name| write!(f, ":{name}"))?;
                    regex.iter().try_for_each(|regex| write!(f, "({regex})"))?;
                }
            }
            before = Some(piece);
        }
        Ok(())
    }
}
