//! A version whose health check traps.

test_guests_swap::version!("health-traps");

#[lithe_sdk::health]
fn health() -> Result<()> {
    panic!("as told")
}
