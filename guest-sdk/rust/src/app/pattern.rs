//! Text patterns, as far as the SDK reads them. The host matches paths.

use std::fmt;

/// A pattern's segments.
#[derive(Debug)]
pub(crate) struct Pattern {
    pub segments: Vec<Segment>,
}

#[derive(Debug)]
pub(crate) struct Segment {
    pub parts: Vec<Part>,
    pub repeat: Repeat,
}

/// What a segment is made of.
#[derive(Debug)]
#[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "only `testing` matches paths"))]
pub(crate) enum Part {
    Text(String),
    /// At least one character.
    Capture {
        name: Option<String>,
        /// The SDK does not read its regular expression.
        has_regex: bool,
    },
}

/// How many segments of a path it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    Once,
    Optional,
    OneOrMore,
    Any,
}

/// Why a text is not a pattern.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    Unclosed,
    Name(String),
    Twice(String),
    CatchAll,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclosed => f.write_str("a `(` has no `)`"),
            Self::Name(name) => write!(
                f,
                "`{name}` is not a name: use letters, digits and `_`, not beginning with a digit"
            ),
            Self::Twice(name) => write!(f, "parameter `{name}` stands twice in it; rename one"),
            Self::CatchAll => {
                f.write_str("a part that takes any number of segments has to be the last")
            }
        }
    }
}

/// The one spelling of a pattern: a leading `/`, no empty segments, no trailing `/`.
pub(super) fn canonical(pattern: &str) -> Result<String, Malformed> {
    Pattern::parse(pattern)?;
    let segments = split(pattern)?;
    Ok(format!("/{}", segments.join("/")))
}

impl Pattern {
    pub(crate) fn parse(pattern: &str) -> Result<Self, Malformed> {
        let segments = split(pattern)?.into_iter().map(Segment::parse);
        let pattern = Self { segments: segments.collect::<Result<_, _>>()? };
        let takes_many = |s: &Segment| matches!(s.repeat, Repeat::OneOrMore | Repeat::Any);
        if pattern.segments.iter().rev().skip(1).any(takes_many) {
            return Err(Malformed::CatchAll);
        }
        let names: Vec<_> = pattern.names().collect();
        match names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            Some((_, name)) => Err(Malformed::Twice((*name).to_owned())),
            None => Ok(pattern),
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().flat_map(|segment| &segment.parts).filter_map(|part| match part {
            Part::Capture { name, .. } => name.as_deref(),
            Part::Text(_) => None,
        })
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, Malformed> {
        if let Some(name) = text.strip_prefix("**") {
            let name = name.strip_prefix(':').map(name_of).transpose()?;
            let repeat = if name.is_some() { Repeat::OneOrMore } else { Repeat::Any };
            return Ok(Self { parts: vec![Part::Capture { name, has_regex: false }], repeat });
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let part;
            (part, rest) = match first {
                ':' => capture(&rest[1..])?,
                '*' => (Part::Capture { name: None, has_regex: false }, &rest[1..]),
                _ => {
                    let end = rest.find([':', '*']).unwrap_or(rest.len());
                    (Part::Text(rest[..end].to_owned()), &rest[end..])
                }
            };
            parts.push(part);
            // A modifier of a whole segment, not of a parameter inside one.
            let repeat = match rest {
                "?" => Repeat::Optional,
                "+" => Repeat::OneOrMore,
                "*" => Repeat::Any,
                _ => continue,
            };
            if matches!(parts.as_slice(), [Part::Capture { name: Some(_), .. }]) {
                return Ok(Self { parts, repeat });
            }
        }
        Ok(Self { parts, repeat: Repeat::Once })
    }
}

/// A parameter after its `:`, and what follows it.
fn capture(text: &str) -> Result<(Part, &str), Malformed> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let regex = regex_length(rest)?;
    let part = Part::Capture { name: Some(name_of(name)?), has_regex: regex > 0 };
    Ok((part, &rest[regex..]))
}

fn name_of(name: &str) -> Result<String, Malformed> {
    let mut chars = name.chars();
    let starts_well = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if starts_well && chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Ok(name.to_owned())
    } else {
        Err(Malformed::Name(name.to_owned()))
    }
}

/// Splits at `/`, outside of regular expressions; empty segments are dropped.
fn split(pattern: &str) -> Result<Vec<&str>, Malformed> {
    let mut segments = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(byte) = pattern.as_bytes().get(at) {
        match byte {
            b'(' => at += regex_length(&pattern[at..])?,
            b'/' => {
                segments.push(&pattern[start..at]);
                at += 1;
                start = at;
            }
            _ => at += 1,
        }
    }
    segments.push(&pattern[start..]);
    segments.retain(|segment| !segment.is_empty());
    Ok(segments)
}

/// Bytes of a regular expression with its parentheses, at the beginning of the text; 0 if there is
/// none.
fn regex_length(text: &str) -> Result<usize, Malformed> {
    if !text.starts_with('(') {
        return Ok(0);
    }
    let (mut depth, mut escaped) = (0_usize, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok(at + 1);
        }
    }
    Err(Malformed::Unclosed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_one_spelling() {
        for (pattern, expected) in [
            ("", "/"),
            ("/", "/"),
            ("rooms//:id/", "/rooms/:id"),
            ("/a/:id(\\d+|a/b)/c", "/a/:id(\\d+|a/b)/c"),
            ("/files/:name.:ext", "/files/:name.:ext"),
            ("/files/:path+", "/files/:path+"),
            ("/a/**:rest", "/a/**:rest"),
        ] {
            assert_eq!(canonical(pattern).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for (pattern, error) in [
            ("/users/:", Malformed::Name(String::new())),
            ("/users/:1a", Malformed::Name("1a".into())),
            ("/users/:id(\\d+", Malformed::Unclosed),
            ("/users/:id(\\))(", Malformed::Unclosed),
            ("/:id/:id", Malformed::Twice("id".into())),
            ("/:path+/x", Malformed::CatchAll),
            ("/**/x", Malformed::CatchAll),
            ("/**:a-b", Malformed::Name("a-b".into())),
        ] {
            assert_eq!(canonical(pattern), Err(error), "{pattern}");
        }
    }

    #[test]
    fn a_modifier_is_of_a_whole_segment() {
        let repeat = |pattern| Pattern::parse(pattern).unwrap().segments[0].repeat;
        assert_eq!(repeat("/:id?"), Repeat::Optional);
        assert_eq!(repeat("/:id(\\d+)?"), Repeat::Optional);
        assert_eq!(repeat("/:path+"), Repeat::OneOrMore);
        assert_eq!(repeat("/:path*"), Repeat::Any);
        assert_eq!(repeat("/**"), Repeat::Any);
        assert_eq!(repeat("/a-:path+"), Repeat::Once);
        assert_eq!(repeat("/*"), Repeat::Once);
    }
}
