//! Ready-made middleware.
//!
//! Each function here makes one: a closure for [`App::middleware`](crate::App::middleware), or to be
//! called in the body of a component's.
//!
//! ```
//! use lithe_sdk::middleware::{bearer_auth, timing};
//! use lithe_sdk::{App, Event, Next, Outcome, Result};
//!
//! let app = App::new()
//!     .middleware(timing())
//!     .group("/admin", |admin| admin.middleware(bearer_auth(["secret"])).get("/", |_| "hello"));
//!
//! #[lithe_sdk::middleware]
//! fn auth(event: &Event, next: Next) -> Result<Outcome> {
//!     bearer_auth(["secret"])(event, next)
//! }
//! ```
//!
//! What they add to an answer they also add to an upgrade's 101, to a stream's head and to the answer
//! of an error.

mod auth;
mod cors;
mod origin;
mod trace;

pub use auth::{basic_auth, bearer_auth, bearer_token, constant_time_eq};
pub use cors::{Cors, cors};
pub use origin::{same_origin, same_origin_or};
pub use trace::{request_id, timing};

use crate::{HttpError, Outcome, Result};

/// Changes the headers of what came of an event, the answer of an error included.
fn with_headers(
    result: Result<Outcome>,
    change: impl FnOnce(&mut Vec<(String, String)>),
) -> Result<Outcome> {
    match result {
        Ok(mut outcome) => {
            change(outcome.headers_mut());
            Ok(outcome)
        }
        Err(error) => {
            let mut error = HttpError::of(&error);
            change(&mut error.headers);
            Err(error.into())
        }
    }
}
