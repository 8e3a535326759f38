//! Guests that do what bytes tell them: every call of the contract with any arguments, and misuse
//! of it below the bindings.
//!
//! A program is a request's body, or a socket's message; [`Op`] says what it is made of. What the
//! calls answer goes back to the client that sent the program: the response, or a message.
//!
//! The examples of this package are the components: one for each kind.

#![allow(unsafe_code, reason = "the generated bindings need it")]

mod op;
mod program;

pub use op::{Op, Slot};
pub use program::Program;

#[cfg(target_arch = "wasm32")]
mod bindings;
#[cfg(target_arch = "wasm32")]
mod files;
#[cfg(target_arch = "wasm32")]
mod interpreter;
#[cfg(target_arch = "wasm32")]
mod raw;
#[cfg(target_arch = "wasm32")]
mod realloc;

#[cfg(target_arch = "wasm32")]
pub use bindings::{batch, handler, hooks, middleware, session};
#[cfg(target_arch = "wasm32")]
pub use interpreter::Component;
