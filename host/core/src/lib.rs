//! Lithe as a library: a WebAssembly plugin host for HTTP and WebSocket.
//!
//! The host owns every socket; a guest owns every decision. A site is a folder: `routes/` has
//! components, `public/` static files, and `lithe.toml` the settings. A [`Host`] serves one site,
//! or one for each folder in a folder. It runs in your program, beside the program's own work:
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
//! A host needs Tokio's runtime with several threads. It logs events of `tracing`. [`start_log`]
//! writes them to standard error as the `lithe` command does, with every site's secrets hidden.
//!
//! Inside, the modules are floors, and each imports only from those below it. `ARCHITECTURE.md` has
//! a glossary, and says why things are as they are.
//!
//! | floor | what it does, and where |
//! |---|---|
//! | `host` | the public API |
//! | `admin` | deploys over HTTP |
//! | `site` | a folder on disk (`scan`, `watch`), its changes (`manager`), all sites (`sites`) |
//! | `server` | connections, hosts, a graceful stop, the sweep of what is quiet (`sweep`) |
//! | `pipeline` | a request: bounds, public files, route, body, middleware (`chain`), answer |
//! | `session` | a WebSocket after the 101: frames, messages, close codes (`end`) |
//! | `plugin` | a version: loaded (`load`), compiled (`compile`), swapped (`swap`). The `cache` checks the digest of each compiled artifact before `artifact` maps it |
//! | `runtime` | instances and their calls. `share` holds a site to its CPU share, `ledger` to its part of the pool. `shared_instance/handover` freezes an instance between two events for a swap |
//! | `capability` | the host's side of each WIT interface. `meter` measures a call's CPU time. `socket/outbound` is a socket's queue, and `socket/send` closes with 1013 if it is full |
//!
//! All floors use `config` (settings and their ranges), `files` (a site's files), `log`, `message`,
//! `outgoing`, `buffers`, `machine`, `lease`, `clock`, `descriptors`, `supervise` and `sync`.

// Clippy does not recognize tests that need a feature, such as those of the model checker.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::panic,
        clippy::unwrap_used,
        reason = "a test panics if something is not as expected"
    )
)]

// The modules of the public API. The rest of what others can name is hidden, in `internals`.
#[warn(missing_docs)]
mod host;
#[warn(missing_docs)]
mod log;
#[warn(missing_docs)]
mod site;

mod admin;

mod server;

mod pipeline;

mod session;

mod plugin;

mod runtime;

mod capability;

mod buffers;
mod clock;

mod config;
mod descriptors;
mod files;
mod lease;
mod machine;
mod message;
mod outgoing;
mod supervise;
mod sync;

pub use host::{Builder, CannotListen, Host};
pub use log::{Log, start as start_log};
pub use pipeline::Split;
pub use plugin::{Digest, EmptyMemory};
pub use site::{
    CanaryStatus, Change, DeployError, DrainingStatus, Given, LoweredStatus, MemoryStatus,
    NotServed, Report, Serving, SiteManager, Status, Terms,
};

/// What the commands, the tests and the fuzz targets of Lithe itself use. It may change with every
/// version.
#[doc(hidden)]
pub mod internals {
    pub mod host {
        pub use crate::host::loader;
    }
    pub mod admin {
        pub use crate::admin::{ChangeKind, Component, Line, Lines, Listeners, Outcome, connect};
    }
    pub mod site {
        pub use crate::site::{
            Given, Loading, MAX_DEPLOY, MemoryStatus, ProgressReports, Report, Root, Serving,
            SiteDir, SiteManager, Sites, Status, Terms, Watcher, clean, components, find, recover,
            role_of, tell_all,
        };
    }
    pub mod pipeline {
        pub use crate::pipeline::{Public, SiteSnapshot};
    }
    pub mod session {
        pub use crate::session::{Agreed, SessionLimits, run, stream};
    }
    pub mod plugin {
        pub use crate::plugin::{
            Account, Cache, CompileError, Compiling, Digest, Effort, Fit, Grant, Handled, Handler,
            Handover, Inspection, Instances, LoadError, Loader, MAX_CACHE, Middleware, Pair,
            PluginIdentity, PluginVersion, Program, Role, STATE_FOLDER, Session, Settings, Source,
            Swap, run_child,
        };
    }
    pub mod runtime {
        pub use crate::runtime::{Failure, Kind, Pool, Runtime, step_back};
        pub mod exports {
            pub use crate::runtime::exports::Exports;
        }
    }
    pub mod capability {
        pub mod event {
            pub use crate::capability::event::{Request, RequestId};
        }
        pub mod grants {
            pub use crate::capability::grants::{Grants, SecretsRoom};
        }
        pub mod next {
            pub use crate::capability::next::Next;
        }
        pub mod outcome {
            pub use crate::capability::outcome::{Answer, Answered};
        }
    }
    pub mod config {
        pub use crate::config::*;
    }
    pub mod files {
        pub use crate::files::{FileError, Folder, read_named};
    }
    pub mod log {
        pub use crate::log::{escape, escape_json, flush, is_terminal, say, start};
    }
    pub mod supervise {
        pub use crate::supervise::alone_async;
    }
}
