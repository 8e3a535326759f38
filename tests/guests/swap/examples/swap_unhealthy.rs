//! A version that says that it is not healthy.

test_guests_swap::version!("unhealthy");

#[lithe_sdk::health]
fn health() -> Result<()> {
    lithe_sdk::anyhow::bail!("unhealthy as told")
}
