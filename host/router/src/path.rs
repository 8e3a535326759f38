//! A request's path, split and decoded.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The most segments that a path or a pattern may have. This is far more than any site needs. It
/// bounds the depth of a search, and so its stack.
pub const MAX_SEGMENTS: usize = 256;

/// A path's segments, percent-decoded, with `//`, a trailing `/`, `.` and `..` folded (RFC 3986,
/// section 5.2.4). Segments are split before they are decoded: an encoded `/` stays inside one.
#[derive(Debug, PartialEq, Eq)]
pub struct Path<'a> {
    segments: Vec<Cow<'a, str>>,
}

/// Why a path cannot be matched; the request's answer is 400.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidPath {
    #[error("the path has a `%` that is not followed by two hexadecimal digits")]
    Encoding,
    #[error("the path is not UTF-8 once it is decoded")]
    NotUtf8,
    #[error("the path has a NUL")]
    Nul,
    #[error("the path has more than {MAX_SEGMENTS} segments")]
    TooManySegments,
}

impl<'a> Path<'a> {
    /// Parses the path of a request's target, without its query.
    ///
    /// # Errors
    /// The path has an invalid percent-encoding, does not decode to UTF-8, has a NUL, or has more
    /// than [`MAX_SEGMENTS`] segments. What comes after those is not read.
    pub fn parse(raw: &'a str) -> Result<Self, InvalidPath> {
        let mut segments = Vec::new();
        for part in raw.split('/') {
            let segment = decode(part)?;
            match &*segment {
                "" | "." => {}
                ".." => {
                    segments.pop();
                }
                _ if segments.len() == MAX_SEGMENTS => return Err(InvalidPath::TooManySegments),
                _ => segments.push(segment),
            }
        }
        Ok(Self { segments })
    }

    /// The decoded segments, in order; none for `/`.
    pub fn segments(&self) -> &[Cow<'a, str>] {
        &self.segments
    }

    /// The folded path as text, such as `/rooms/blue`.
    pub fn decoded(&self) -> String {
        if self.segments.is_empty() {
            return "/".to_owned();
        }
        let length = self.segments.iter().map(|segment| 1 + segment.len()).sum();
        self.segments
            .iter()
            .fold(String::with_capacity(length), |path, segment| path + "/" + segment)
    }
}

fn decode(part: &str) -> Result<Cow<'_, str>, InvalidPath> {
    let bytes = part.as_bytes();
    if !bytes.iter().any(|byte| matches!(byte, b'%' | 0)) {
        return Ok(Cow::Borrowed(part));
    }
    let well_formed = |at: usize| {
        let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_hexdigit);
        digit(at + 1) && digit(at + 2)
    };
    if bytes.iter().enumerate().any(|(at, byte)| *byte == b'%' && !well_formed(at)) {
        return Err(InvalidPath::Encoding);
    }
    let text = percent_decode_str(part).decode_utf8().map_err(|_| InvalidPath::NotUtf8)?;
    if text.contains('\0') {
        return Err(InvalidPath::Nul);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(raw: &str) -> String {
        Path::parse(raw).unwrap().decoded()
    }

    #[test]
    fn folds_slashes_and_dots() {
        assert_eq!(decoded("/"), "/");
        assert_eq!(decoded("//users///42/"), "/users/42");
        assert_eq!(decoded("/users/team/../profile"), "/users/profile");
        assert_eq!(decoded("/./a/./b/."), "/a/b");
        assert_eq!(decoded("/../../a"), "/a");
        assert_eq!(decoded("/a/%2e%2e/b"), "/b");
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for raw in ["/", "//a/../b/", "/x/./y/..", "/..", "/a/b/../../c"] {
            assert_eq!(decoded(&decoded(raw)), decoded(raw));
        }
    }

    #[test]
    fn decodes_after_splitting() {
        let path = Path::parse("/a%2Fb/caf%C3%A9").unwrap();
        assert_eq!(path.segments(), ["a/b", "café"]);
    }

    #[test]
    fn refuses_what_does_not_decode() {
        assert_eq!(Path::parse("/a%2"), Err(InvalidPath::Encoding));
        assert_eq!(Path::parse("/a%zz"), Err(InvalidPath::Encoding));
        assert_eq!(Path::parse("/a%"), Err(InvalidPath::Encoding));
        assert_eq!(Path::parse("/%ff"), Err(InvalidPath::NotUtf8));
        assert_eq!(Path::parse("/a%00"), Err(InvalidPath::Nul));
    }

    #[test]
    fn refuses_too_many_segments_once_they_are_folded() {
        let deepest = "/a".repeat(MAX_SEGMENTS);
        assert_eq!(Path::parse(&deepest).unwrap().segments().len(), MAX_SEGMENTS);
        assert!(Path::parse(&format!("//{deepest}/b/..{}", "/".repeat(10_000))).is_err());
        assert!(Path::parse(&format!("{}{deepest}", "/b/..//.".repeat(10_000))).is_ok());
        let error = Path::parse(&"/a".repeat(10_000)).map(drop).unwrap_err();
        assert_eq!(error.to_string(), "the path has more than 256 segments");
    }
}
