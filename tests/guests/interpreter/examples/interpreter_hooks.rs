//! Runs programs as the kind `hooks`.

#![cfg(target_arch = "wasm32")]

use test_guests_interpreter::{Component, handler, hooks};

handler::export!(Component with_types_in handler);
hooks::export!(Component with_types_in hooks);
