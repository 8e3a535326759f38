//! For those who deploy: an HTTP API, on a socket that only this user can reach, and, where the site
//! says so, on a loopback address behind a token.
//!
//! Both take the same way as a changed file does: [`crate::site::Sites`].

mod api;
mod control;
mod listeners;

pub use control::connect;
pub use listeners::Listeners;
