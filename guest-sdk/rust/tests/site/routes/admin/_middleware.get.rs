use lithe_sdk::{Event, Next, Outcome, Result};

pub fn middleware(event: &Event, next: Next) -> Result<Outcome> {
    Ok(next.run(event)?.with_header("x-order", "admin"))
}
