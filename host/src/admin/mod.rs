//! For those who deploy: an HTTP API, on a socket that only this user can reach, and, where the site
//! says so, on a loopback address behind a token.
//!
//! Both take the same way as a changed file does: [`crate::site::Live`].

mod api;
mod client;
mod listeners;

pub use client::{Client, ClientError, Share};
pub use listeners::Listeners;

use std::path::PathBuf;

use crate::plugin::state_folder;
use crate::site::Site;

/// Where the host that serves a site listens for this user's commands.
fn control_path(site: &Site) -> PathBuf {
    state_folder(&site.root).join("control")
}
