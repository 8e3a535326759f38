//! Runs the host as people do: a process, a site on disk, a port.
//!
//! ```ignore
//! let host = TestHost::builder(program).route("rooms/[id]", ECHO).start().await;
//! let mut client = host.connect("/rooms/42").await;
//! ```
//!
//! Nothing here waits for luck: each wait has a condition and a deadline, and says what it was for.
//! A site has generous times where its test does not say otherwise (`site.rs`), and a panic of the
//! host fails the test, whether or not the test would have noticed it.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test panics if something is not as expected"
)]

/// The guests, which are built from source.
pub mod artifacts {
    include!(concat!(env!("OUT_DIR"), "/artifacts.rs"));
}

mod browser;
pub mod components;
pub mod conformance;
mod deadline;
mod frame;
mod host;
mod http_client;
mod output;
pub mod proc;
mod process;
mod raw;
mod site;
mod times;
mod websocket;

pub use browser::{Browser, Tab};
pub use deadline::{DEADLINE, eventually, eventually_built, sooner_than, within};
pub use frame::Frame;
pub use host::{Builder, Ended, TestHost};
pub use http_client::{Response, request};
pub use proc::Task;
pub use process::{Process, Signal};
pub use raw::Raw;
pub use site::Site;
pub use times::percentile;
pub use websocket::{Client, Receiver, Sender};
