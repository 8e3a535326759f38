//! Write plugins for the Lithe WebAssembly host in Rust: HTTP handlers, WebSocket sessions,
//! streamed answers, middleware and error handlers.
//!
//! A plugin is a `cdylib` crate with one annotated item, built for `wasm32-wasip2`. One route:
//!
//! | attribute | sessions and streams are | the host runs it in |
//! |---|---|---|
//! | [`#[handler]`](macro@handler) | none | a pool of instances, in parallel |
//! | [`#[handler(websocket)]`](macro@handler) | async closures | one instance for all, so memory is shared |
//! | [`#[handler(session)]`](macro@handler) | blocking closures | an instance for each connection |
//! | [`#[hooks]`](macro@hooks) | calls of a [`Hooks`] value | one instance for all, and a socket may outlive it |
//!
//! Several routes, or code around routes:
//!
//! | attribute | on | |
//! |---|---|---|
//! | [`#[app]`](macro@app), `app(websocket)`, `app(session)` | `fn() -> App` | an [`App`] with groups, its own middleware and error handlers; run as a handler with the same word |
//! | [`#[middleware]`](macro@middleware) | `fn(&Event, Next) -> Result<Outcome>` | runs around the routes of its folder; [some](mod@middleware) are ready-made |
//! | [`#[error_handler]`](macro@error_handler) | `fn(&Event, HttpError) -> Result<Response>` | answers for errors in its folder |
//!
//! [`routes!`] makes an [`App`] of a folder of route files.
//!
//! When a new version of the plugin takes over, it gets the sockets of hooks that are not
//! [pinned](UpgradeOptions::pinned). Async and blocking sessions stay with their version until they
//! end. A version may prepare for that:
//!
//! | | |
//! |---|---|
//! | [`#[hooks(state)]`](macro@hooks), `handler(websocket, state = NAME)`, `app(websocket, state = NAME)` | the memory that an `impl State` saves and restores moves along |
//! | [`Sender::context`] | the host keeps this value with the socket |
//! | [`Hooks::resume`] | hears of each socket that this version takes over |
//! | [`#[health]`](macro@health) on `fn() -> Result<()>` | the host asks it before this version serves anything |
//!
//! ```
//! use lithe_sdk::{Event, Outcome, Response, Result, SocketEvent, json};
//!
//! #[lithe_sdk::handler(websocket)]
//! fn chat(event: Event) -> Result<Outcome> {
//!     let ws = event.ws();
//!     if !ws.is_upgrade_request() {
//!         return Ok(Response::json(&json!({ "mode": "http" }))?.into());
//!     }
//!     ws.upgrade(async |mut socket| {
//!         socket.send_text("connected")?;
//!         while let Some(event) = socket.next().await {
//!             match event {
//!                 SocketEvent::Text(text) => socket.send_text(format!("echo:{text}"))?,
//!                 SocketEvent::Binary(_) => {}
//!                 SocketEvent::Close(_) => break,
//!             }
//!         }
//!         Ok(())
//!     })
//!     .protocol("chat")
//!     .accept()
//! }
//!
//! // No network, no host: the same function in a unit test.
//! use lithe_sdk::testing::TestEvent;
//!
//! let socket = TestEvent::get("/chat").upgrade(["chat"]).call(chat).socket();
//! socket.send_text("ping");
//! assert_eq!(socket.sent_text(), ["connected", "echo:ping"]);
//! ```
//!
//! In a native build the attributes export nothing. The functions stay plain functions, which
//! [`testing`] can call.

#![warn(missing_docs)]

extern crate self as lithe_sdk;

mod app;
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, missing_docs, unused_imports)]
mod bindings;
mod blocking;
mod context;
mod cookie;
mod drain;
mod error;
mod event;
mod executor;
#[doc(hidden)]
pub mod export;
mod form;
mod headers;
mod hooks;
mod instance;
mod message;
pub mod middleware;
mod next;
mod outcome;
#[cfg(any(target_arch = "wasm32", test))]
mod packed;
mod payload;
mod query;
mod receiver;
mod response;
mod sender;
mod sessions;
mod socket;
mod state;
mod stream;
mod sys;
pub mod task;
#[cfg(not(target_arch = "wasm32"))]
#[allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test panics if something is not as expected"
)]
pub mod testing;
pub mod time;
pub mod topics;
mod ws;

pub use anyhow;
pub use lithe_sdk_macros::{app, error_handler, handler, health, hooks, middleware, routes};
pub use serde_json::json;

pub use app::{App, HandlerExt, WebSocket};
pub use blocking::BlockingSocket;
pub use context::ContextError;
pub use cookie::{Cookie, SameSite};
pub use error::{HttpError, Result};
pub use event::Event;
pub use hooks::{Hooks, Peer};
pub use message::{CloseInfo, Message, SocketEvent};
pub use next::Next;
pub use outcome::{Accepted, IntoOutcome, Outcome};
pub use payload::{AsMessage, MessageRef};
pub use receiver::Receiver;
pub use response::{Body, IntoResponse, Response};
pub use sender::{AttachmentError, CloseError, ReadyState, SendError, Sender};
pub use socket::Socket;
pub use state::{Saved, SavedBytes, State};
pub use stream::{BlockingBodySender, BodySender, BodyWriter, Sse, Stream};
pub use topics::SubscribeError;
pub use ws::{Upgrade, UpgradeOptions, Ws};

/// The handler in the repository's README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;

/// What the SDK's own README says compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct OwnReadme;
