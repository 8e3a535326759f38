//! Runs around every request of the site, and says so.

use lithe_sdk::{Event, Next, Outcome, Result};

#[lithe_sdk::middleware]
fn seen(event: &Event, next: Next) -> Result<Outcome> {
    Ok(next.run(event)?.with_header("x-seen-by", "{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::TestEvent;

    #[test]
    fn it_says_that_it_was_there() {
        let outcome = TestEvent::get("/").call_middleware(seen, |_| "hello");
        assert_eq!(outcome.header("x-seen-by"), Some("{name}"));
    }
}
