//! Runs programs as the kind `middleware`.

#![cfg(target_arch = "wasm32")]

use test_guests_interpreter::{Component, middleware};

middleware::export!(Component with_types_in middleware);
