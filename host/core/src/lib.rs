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
//! Inside, the modules are floors, and each imports only from those below it: see
//! `ARCHITECTURE.md`.

// Clippy knows no tests where a feature is asked for beside `test`, as for the model checker's.
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

/// What the commands, the tests and the fuzz targets of Lithe itself use. It may change with every
/// version.
#[doc(hidden)]
pub mod internals {
    pub mod host {
        pub use crate::host::loader;
    }
    pub mod admin {
        pub use crate::admin::{Listeners, connect};
    }
    pub mod site {
        pub use crate::site::{
            Given, Loading, MAX_DEPLOY, Progress, Report, Root, Serving, SiteDir, SiteManager,
            Sites, Status, Terms, Watcher, clean, components, recover, role_of, tell_all,
        };
    }
    pub mod pipeline {
        pub use crate::pipeline::{Public, SiteSnapshot};
    }
    pub mod session {
        pub use crate::session::{Agreed, Limits, run, stream};
    }
    pub mod plugin {
        pub use crate::plugin::{
            Account, Cache, CompileError, Compiling, Digest, Effort, Fit, Grant, Handled, Handler,
            Handover, Instances, LoadError, Loader, MAX_CACHE, Middleware, Pair, PluginIdentity,
            PluginVersion, Program, Report, Role, STATE_FOLDER, Session, Settings, Source, Swap,
            run_child,
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
