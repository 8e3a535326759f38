//! A route: a pool of instances.

use lithe_sdk::{Event, Response, Result};

#[lithe_sdk::handler]
fn files(event: Event) -> Result<Response> {
    test_guests_files::handle(&event)
}
