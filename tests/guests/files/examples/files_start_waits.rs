//! A route whose instances wait for an hour before they have started.

use lithe_sdk::{Event, Response, Result};

/// What is called when an instance is made.
#[allow(unsafe_code, reason = "the linker looks for this name")]
#[cfg(target_arch = "wasm32")]
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    wasip2::clocks::monotonic_clock::subscribe_duration(3_600_000_000_000).block();
}

#[lithe_sdk::handler]
fn never(_event: Event) -> Result<Response> {
    Ok(Response::text("started"))
}
