//! Patterns, and the file names that stand for them.

use std::fmt;

use http::Method;

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this text.
    Static(String),
    /// Any one segment, kept under this name.
    Param(String),
}

/// What paths a route matches, such as `/rooms/:id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    segments: Vec<Segment>,
}

/// A file below `routes/`, read as a route.
#[derive(Debug, PartialEq, Eq)]
pub struct RouteFile {
    /// None: any method.
    pub method: Option<Method>,
    pub pattern: Pattern,
}

/// Why a file name is no route.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidPattern {
    #[error("segment `{0}` is not supported: write a plain name, or one parameter as `[name]`")]
    Unsupported(String),
    #[error(
        "`{0}` is not a parameter's name: use letters, digits and `_`, not beginning with a digit"
    )]
    Name(String),
    #[error("parameter `{0}` stands twice in one route: rename one")]
    Twice(String),
    #[error("the name has an empty segment")]
    Empty,
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

impl RouteFile {
    /// Reads a path below `routes/`, with `/` between its parts and without its extension, such as
    /// `rooms/[id].get`.
    ///
    /// # Errors
    /// A segment that is no pattern, or a parameter that stands twice.
    pub fn parse(stem: &str) -> Result<Self, InvalidPattern> {
        let (rest, method) = match stem.rsplit_once('.') {
            Some((rest, suffix)) if !rest.is_empty() => {
                match METHODS.into_iter().find(|m| suffix.eq_ignore_ascii_case(m.as_str())) {
                    Some(method) => (rest, Some(method)),
                    None => (stem, None),
                }
            }
            _ => (stem, None),
        };
        let folded = match rest {
            "index" => "",
            _ => rest.strip_suffix("/index").unwrap_or(rest),
        };
        let parts = folded.split('/').filter(|_| !folded.is_empty());
        let segments = parts.map(Segment::parse).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { method, pattern: Pattern::new(segments)? })
    }
}

impl Pattern {
    fn new(segments: Vec<Segment>) -> Result<Self, InvalidPattern> {
        let pattern = Self { segments };
        let names: Vec<&str> = pattern.params().collect();
        match names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            Some((_, name)) => Err(InvalidPattern::Twice((*name).to_owned())),
            None => Ok(pattern),
        }
    }

    /// The segments, in order; none for `/`.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The names of the parameters, in order.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Param(name) => Some(name.as_str()),
            Segment::Static(_) => None,
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.segments.is_empty() {
            return f.write_str("/");
        }
        self.segments.iter().try_for_each(|segment| match segment {
            Segment::Static(text) => write!(f, "/{text}"),
            Segment::Param(name) => write!(f, "/:{name}"),
        })
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, InvalidPattern> {
        if text.is_empty() {
            return Err(InvalidPattern::Empty);
        }
        if !text.contains(['[', ']', '(', ')', '*', ':']) {
            return Ok(Self::Static(text.to_owned()));
        }
        let inner = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .filter(|inner| !inner.contains(['[', ']', '(', ')', '.', '*', ':']))
            .ok_or_else(|| InvalidPattern::Unsupported(text.to_owned()))?;
        let mut chars = inner.chars();
        let starts_well = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !starts_well || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(InvalidPattern::Name(inner.to_owned()));
        }
        Ok(Self::Param(inner.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stem: &str) -> (Option<Method>, String) {
        let file = RouteFile::parse(stem).unwrap();
        (file.method, file.pattern.to_string())
    }

    #[test]
    fn file_names_become_patterns() {
        assert_eq!(read("index"), (None, "/".into()));
        assert_eq!(read("index.get"), (Some(Method::GET), "/".into()));
        assert_eq!(read("a/index"), (None, "/a".into()));
        assert_eq!(read("index/a"), (None, "/index/a".into()));
        assert_eq!(read("chat.get"), (Some(Method::GET), "/chat".into()));
        assert_eq!(read("chat.PoSt"), (Some(Method::POST), "/chat".into()));
        assert_eq!(read("feed.json"), (None, "/feed.json".into()));
        assert_eq!(read("rooms/[id].delete"), (Some(Method::DELETE), "/rooms/:id".into()));
        assert_eq!(read("a/[x]/b/[y]"), (None, "/a/:x/b/:y".into()));
    }

    #[test]
    fn a_name_that_is_no_pattern_is_refused_with_the_reason() {
        let refused = |stem| RouteFile::parse(stem).unwrap_err();
        assert_eq!(refused("[id"), InvalidPattern::Unsupported("[id".into()));
        assert_eq!(refused("[...all]"), InvalidPattern::Unsupported("[...all]".into()));
        assert_eq!(refused("[1d]"), InvalidPattern::Name("1d".into()));
        assert_eq!(refused("[]"), InvalidPattern::Name(String::new()));
        assert_eq!(refused("[a]/[a]"), InvalidPattern::Twice("a".into()));
        assert_eq!(refused("a//b"), InvalidPattern::Empty);
    }
}
