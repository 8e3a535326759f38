//! No bytes make the admin's listeners panic, hang or write elsewhere, and nothing changes without
//! the token.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[path = "../admin/mod.rs"]
mod admin;

use admin::Admin;

static ADMIN: LazyLock<Admin> = LazyLock::new(|| {
    let guests = Path::new(env!("GUESTS"));
    Admin::start(&guests.join("example_bench_hello.wasm"), &guests.join("compiled"))
});

fuzz_target!(|input: &[u8]| ADMIN.hear(input));
