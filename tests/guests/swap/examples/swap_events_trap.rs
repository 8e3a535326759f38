//! A version that is healthy, and traps on each upgrade, message and request.

test_guests_swap::version!("events-trap", || panic!("as told"));

#[lithe_sdk::health]
fn health() -> Result<()> {
    Ok(())
}
