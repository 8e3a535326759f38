//! No guest can make the host panic or hang, leave anything behind, or reach its neighbour,
//! whatever it calls with whatever arguments.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[path = "../hostile/mod.rs"]
mod hostile;

use hostile::{Guests, Host};

static HOST: LazyLock<Host> = LazyLock::new(|| {
    let built = Path::new(env!("GUESTS"));
    let interpreters = ["route", "hooks", "session", "middleware"]
        .map(|kind| built.join(format!("examples/interpreter_{kind}.wasm")));
    let guests = Guests {
        interpreters: interpreters.each_ref().map(|file| file.as_path()),
        publish: &built.join("example_bench_publish.wasm"),
        hello: &built.join("example_bench_hello.wasm"),
    };
    Host::start(&guests, &built.join("compiled"))
});

fuzz_target!(|input: &[u8]| HOST.run(input));
