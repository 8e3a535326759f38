//! Runs programs as the kind `route`.

#![cfg(target_arch = "wasm32")]

use test_guests_interpreter::{Component, handler};

handler::export!(Component with_types_in handler);
