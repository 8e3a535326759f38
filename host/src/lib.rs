//! Lithe: a WebAssembly plugin host for HTTP and WebSocket.
//!
//! The host owns every socket; a guest owns every decision. `ARCHITECTURE.md` has the map; the
//! modules are its floors, and each imports only from those below it.

#![deny(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod cli;

pub mod admin;

pub mod site;

pub mod server;

pub mod pipeline;

pub mod session;

pub mod plugin;

pub mod runtime;

pub mod capability;

mod bindings;
mod buffers;
mod clock;

pub mod config;
pub mod descriptors;
pub mod files;
pub mod log;
pub mod message;
pub mod router;
mod supervise;
mod sync;
