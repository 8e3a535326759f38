//! For those who deploy: an HTTP API, on a socket that only this user can reach, and, where the site
//! says so, on a loopback address behind a token.
//!
//! Both take the same way as a changed file does: [`crate::site::Sites`].

mod api;
mod client;
mod listeners;

pub use client::{Client, ClientError, Share};
pub use listeners::Listeners;

use std::path::{Path, PathBuf};

use crate::plugin::state_folder;

/// Where the host that serves what is in a folder listens for this user's commands.
fn control_path(folder: &Path) -> PathBuf {
    state_folder(folder).join("control")
}
