//! A version whose health check traps.

#![allow(clippy::panic, reason = "guests misbehave on purpose")]

test_guests_swap::version!("health-traps");

#[lithe_sdk::health]
fn health() -> Result<()> {
    panic!("as told")
}
