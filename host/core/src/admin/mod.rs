//! The API for deploys: HTTP on a socket that only this user can reach and, if the site says so, on
//! a loopback address behind a token.
//!
//! Both listeners change a site in the same way as a changed file does: by [`crate::site::Sites`].

mod answer;
mod api;
mod audit;
mod body;
mod control;
mod forbidden;
mod listeners;
mod query;
mod tokens;

pub use audit::{ChangeKind, Component, Line, Lines, Outcome};
pub use control::connect;
pub use listeners::Listeners;
