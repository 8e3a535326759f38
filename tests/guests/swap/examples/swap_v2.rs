//! A version that works.

test_guests_swap::version!("v2");

#[lithe_sdk::health]
fn health() -> Result<()> {
    Ok(())
}
