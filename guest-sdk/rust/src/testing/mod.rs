//! Unit tests without a network and without a host.
//!
//! A [`TestEvent`] calls a handler, and gives a [`TestOutcome`]. A [`TestSocket`] plays the client
//! of an upgrade, a [`TestStream`] the client of a stream. Sessions run on the real executor. A
//! host in memory keeps the contract's rules. Each thread has its own, so tests do not see each
//! other.
//!
//! ```
//! use lithe_sdk::testing::TestEvent;
//! use lithe_sdk::{Event, HttpError, Response, Result};
//!
//! #[lithe_sdk::handler]
//! fn room(event: Event) -> Result<Response> {
//!     match event.param("id")? {
//!         7 => Ok(Response::text("room 7")),
//!         _ => Err(HttpError::not_found().into()),
//!     }
//! }
//!
//! assert_eq!(TestEvent::get("/rooms/7").param("id", "7").call(room).text(), "room 7");
//! assert_eq!(TestEvent::get("/rooms/8").param("id", "8").call(room).status(), 404);
//! ```
//!
//! Other functions are called by [`call_hooks`](TestEvent::call_hooks),
//! [`call_middleware`](TestEvent::call_middleware) around a handler in place of `next`,
//! [`call_error_handler`](TestEvent::call_error_handler), and [`call_app`](TestEvent::call_app),
//! which finds the route by itself. [`swap`](swap()) has another version take over.

mod clock;
mod event;
mod outcome;
mod queue;
mod routing;
mod socket;
mod stream;
mod swap;

pub use clock::{advance, timers};
pub use event::TestEvent;
pub use outcome::TestOutcome;
pub use socket::TestSocket;
pub use stream::TestStream;
pub use swap::{hand_over, move_to_app, move_to_hooks, swap};
