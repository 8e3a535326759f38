//! Why a pattern is refused.

use super::path::MAX_SEGMENTS;
use super::pattern::MAX_OPTIONALS;

/// Why a text or a file's name is not a pattern. The caller adds which file it is.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidPattern {
    #[error("the name has an empty segment: a file below `routes/` needs a name")]
    Empty,
    #[error("a segment `{0}` never matches, because paths are folded: remove it")]
    Dots(String),
    #[error("`{0}` never matches, because paths are decoded first: write the character itself")]
    Encoded(String),
    #[error(
        "`{0}` is not a parameter's name: use letters, digits and `_`, not beginning with a digit"
    )]
    Name(String),
    #[error("parameter `{0}` stands twice in one route: rename one")]
    Twice(String),
    #[error("`{open}` in `{within}` is not closed")]
    Unclosed { open: char, within: String },
    #[error("`{found}` in segment `{segment}` has a meaning: {instead}")]
    Reserved { found: char, segment: String, instead: &'static str },
    #[error(
        "segment `{0}` mixes an optional parameter or a catch-all with something else: give it a \
         segment of its own, without a regex for a catch-all"
    )]
    Whole(String),
    #[error("segment `{0}` has two parameters side by side: put text between them")]
    SideBySide(String),
    #[error("`{0}` is a catch-all, which takes the rest of the path: make it the last segment")]
    NotLast(String),
    #[error("the regex `{regex}` is not valid: {reason}")]
    Regex { regex: String, reason: String },
    #[error("the pattern has more than {MAX_SEGMENTS} segments, so no path can match it")]
    TooManySegments,
    #[error("the pattern has more than {MAX_OPTIONALS} optional parameters: split the route")]
    TooManyOptionals,
    #[error(
        "`{0}` takes the rest of the path, so nothing is below it: move the file to a folder \
         above"
    )]
    ScopeInCatchAll(String),
}
