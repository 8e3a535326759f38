//! Runs programs as the kind `session`.

#![cfg(target_arch = "wasm32")]

use test_guests_interpreter::{Component, handler, session};

handler::export!(Component with_types_in handler);
session::export!(Component with_types_in session);
