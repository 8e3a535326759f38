//! Why two routes cannot be in one table.

use http::Method;

/// Why a route cannot be added. The caller adds which two routes conflict.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Conflict {
    #[error(
        "both serve {} `{pattern}`: remove one, or give them different methods",
        shown(.method)
    )]
    Same { method: Option<Method>, pattern: String },
    #[error(
        "both serve {} some of the same paths, with `{pattern}` and `{other}`: remove one, or give \
         them different methods",
        shown(.method)
    )]
    Overlap { method: Option<Method>, pattern: String, other: String },
    #[error("`{pattern}` names a parameter differently from `{other}`: use the same names")]
    Names { pattern: String, other: String },
    #[error("`{pattern}` and `{other}` are two kinds of catch-all in one folder: keep one kind")]
    CatchAlls { pattern: String, other: String },
}

fn shown(method: &Option<Method>) -> &str {
    method.as_ref().map_or("any method of", Method::as_str)
}
