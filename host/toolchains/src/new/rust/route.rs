//! Answers requests.

use lithe_sdk::{Event, Response};

#[lithe_sdk::handler]
fn hello(event: Event) -> Response {
    Response::text(format!("Hello from {}", event.path()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::TestEvent;

    #[test]
    fn it_says_where_it_is() {
        assert_eq!(TestEvent::get("/").call(hello).text(), "Hello from /");
    }
}
