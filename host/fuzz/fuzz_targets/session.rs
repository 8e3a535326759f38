//! No bytes after the handshake make a session panic, hang or stay, and each message comes back
//! before the end, in order, and unchanged; compressed or not, for each way that guests are run.
//!
//! The first two bytes of the input say how the rest is sent.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[path = "../session/mod.rs"]
mod session;

use session::Echoes;

static ECHOES: LazyLock<Echoes> = LazyLock::new(|| {
    let guests = Path::new(env!("GUESTS"));
    let (hooks, own) = (guests.join("example_bench_echo.wasm"), guests.join("example_loop.wasm"));
    Echoes::load(&hooks, &own, &guests.join("compiled"))
});

fuzz_target!(|input: &[u8]| ECHOES.hear(input));
