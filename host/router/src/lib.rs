//! Patterns and the tables that match paths against them.
//!
//! Knows nothing of components or of HTTP connections: a route's value is whatever the caller
//! stores, and whether a file exists, or which files are global, is the site's business. A lookup
//! costs one step for each segment of the path, however many routes there are; `tree` says what
//! the exceptions cost.

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
