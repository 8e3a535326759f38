//! A version that works.

test_guests_swap::version!("v1");

#[lithe_sdk::health]
fn health() -> Result<()> {
    Ok(())
}
