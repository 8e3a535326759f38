//! Lithe as a library: a WebAssembly plugin host for HTTP and WebSocket.
//!
//! The host owns every socket; a guest owns every decision. A site is a folder: `routes/` has components,
//! `public/` static files, and `lithe.toml` the settings. A [`Host`] serves one site, or one for each folder in
//! a folder. It runs in your program, beside the program's own work:
//!
//! ```no_run
//! # async fn run() -> anyhow::Result<()> {
//! use lithe_host::Host;
//!
//! let mut host = Host::builder().site("my-site").listen("127.0.0.1:4000").start().await?;
//! host.ready().await?;
//! println!("listening on http://{}", host.addr());
//!
//! let next = std::fs::read("next.wasm")?;
//! let report = host.deploy([("routes/chat.wasm".to_owned(), next.into())].into()).await?;
//! println!("{report}");
//! for plugin in host.status()?.plugins {
//!     println!("{}: {} sockets", plugin.plugin, plugin.sockets);
//! }
//!
//! host.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! A host needs Tokio's runtime with several threads. It logs events of `tracing`. [`start_log`] writes them to
//! standard error as the `lithe` command does, with every site's secrets hidden.
//!
//! Inside, the modules are floors, and each imports only from those below it: see `ARCHITECTURE.md`.

#![deny(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod host;

mod admin;

mod site;

mod server;

mod pipeline;

mod session;

mod plugin;

mod runtime;

mod capability;

mod bindings;
mod buffers;
mod clock;

mod config;
mod descriptors;
mod files;
mod lease;
mod log;
mod message;
mod supervise;
mod sync;

pub use host::{Builder, CannotListen, Host};
pub use log::{Log, start as start_log};
pub use pipeline::Split;
pub use plugin::{Digest, EmptyMemory};
pub use site::{
    CanaryStatus, Change, DeployError, DrainingStatus, Given, NotServed, Report, Serving,
    SiteManager, Status, Terms,
};

/// What the commands and the tests of Lithe itself are made from. It may change with every version.
#[doc(hidden)]
pub mod internals {
    pub mod host {
        pub use crate::host::loader;
    }
    pub mod admin {
        pub use crate::admin::*;
    }
    pub mod site {
        pub use crate::site::*;
    }
    pub mod server {
        pub use crate::server::*;
    }
    pub mod pipeline {
        pub use crate::pipeline::*;
    }
    pub mod session {
        pub use crate::session::*;
    }
    pub mod plugin {
        pub use crate::plugin::*;
    }
    pub mod runtime {
        pub use crate::runtime::*;
    }
    pub mod capability {
        pub use crate::capability::*;
    }
    pub mod config {
        pub use crate::config::*;
    }
    pub mod descriptors {
        pub use crate::descriptors::*;
    }
    pub mod files {
        pub use crate::files::*;
    }
    pub mod log {
        pub use crate::log::*;
    }
    pub mod message {
        pub use crate::message::*;
    }
    pub mod supervise {
        pub use crate::supervise::*;
    }
}
