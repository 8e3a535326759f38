//! A version with blocking sessions.

use lithe_sdk::{Event, Outcome, Result};

#[lithe_sdk::handler(session)]
fn swap(event: Event) -> Result<Outcome> {
    test_guests_swap::session("v1", &event)
}
