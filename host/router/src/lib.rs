//! Patterns, and the tables that match paths against them.
//!
//! This package knows nothing about components or HTTP connections. A route's value is whatever the
//! caller stores. Whether a file exists, and which files are global, is up to the site. A lookup
//! costs one step for each segment of the path, however many routes there are; `tree` says what the
//! exceptions cost.

mod conflict;
mod file;
mod invalid;
mod matcher;
mod path;
mod pattern;
mod scopes;
mod search;
mod table;
mod text;
mod totals;
mod tree;

pub use conflict::Conflict;
pub use file::{RouteFile, ScopeFile, ScopeKind, method_suffix};
pub use invalid::InvalidPattern;
pub use matcher::{Matcher, Piece};
pub use path::{InvalidPath, MAX_SEGMENTS, Path};
pub use pattern::{Pattern, Rest, Segment};
pub use scopes::Scopes;
pub use table::{Found, Router};
pub use totals::{TooMuch, Totals};
