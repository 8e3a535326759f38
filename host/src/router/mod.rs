//! Patterns and the table that matches paths against them.
//!
//! Knows nothing of components or of HTTP connections: a route's value is whatever the caller
//! stores. A lookup costs one step for each segment of the path, however many routes there are.

mod path;
mod pattern;
mod table;

pub use path::{InvalidPath, Path};
pub use pattern::{InvalidPattern, Pattern, RouteFile, Segment};
pub use table::{Conflict, Found, Router};
