//! No `lithe.toml` makes the host panic, hang or take more than its bounds, and an error says where
//! it is.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[path = "../settings/mod.rs"]
mod settings;

use settings::Settings;

static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
    let guests = Path::new(env!("GUESTS"));
    Settings::new(&guests.join("example_bench_echo.wasm"), &guests.join("compiled"))
});

fuzz_target!(|input: &[u8]| SETTINGS.read(input));
