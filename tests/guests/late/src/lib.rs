//! Takes its time before it serves. `START`, `ROUTES` and `HEALTH` in its environment say how:
//! `sleep` or `loop`, each for longer than anybody waits. Answers `late` at `/`.

use std::time::Duration;

use lithe_sdk::{App, Result};

/// What its linker calls when an instance is made.
#[allow(unsafe_code, reason = "the linker looks for this name")]
#[unsafe(no_mangle)]
pub extern "C" fn _initialize() {
    take_time("START");
}

#[lithe_sdk::app]
fn app() -> App {
    take_time("ROUTES");
    App::new().get("/", |_| "late")
}

#[lithe_sdk::health]
fn healthy() -> Result<()> {
    take_time("HEALTH");
    Ok(())
}

fn take_time(what: &str) {
    match std::env::var(what).as_deref() {
        Ok("sleep") => std::thread::sleep(Duration::from_secs(100_000)),
        Ok("loop") => loop {
            std::hint::black_box(());
        },
        _ => {}
    }
}
