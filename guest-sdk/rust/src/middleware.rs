//! Ready-made middleware.
//!
//! Each function here makes a closure. Pass it to [`App::middleware`](crate::App::middleware), or
//! call it in a middleware of your own.
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
//! They add headers to every answer: also to an upgrade's 101, to a stream's head and to the answer
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

/// Changes the headers of an event's outcome, also of an error's answer.
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
