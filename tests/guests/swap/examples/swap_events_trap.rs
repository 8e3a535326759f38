//! A version that is healthy, and traps on each upgrade, message and request.

#![allow(clippy::panic, reason = "guests misbehave on purpose")]

test_guests_swap::version!("events-trap", || panic!("as told"));

#[lithe_sdk::health]
fn health() -> Result<()> {
    Ok(())
}
