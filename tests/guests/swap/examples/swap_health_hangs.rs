//! A version whose health check never ends.

test_guests_swap::version!("health-hangs");

#[lithe_sdk::health]
fn health() -> Result<()> {
    loop {
        std::hint::black_box(());
    }
}
