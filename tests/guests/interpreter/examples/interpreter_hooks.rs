//! Runs programs as the kind `hooks`, with batches.

#![cfg(target_arch = "wasm32")]

use test_guests_interpreter::{Component, batch, handler, hooks};

handler::export!(Component with_types_in handler);
hooks::export!(Component with_types_in hooks);
batch::export!(Component with_types_in batch);
