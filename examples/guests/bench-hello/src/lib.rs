//! `/bench/hello`: a few bytes of text, for measuring.

use lithe_sdk::{Event, Response};

#[lithe_sdk::handler]
fn hello(_event: Event) -> Response {
    Response::text("hello world")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::TestEvent;

    #[test]
    fn it_says_hello() {
        let outcome = TestEvent::get("/bench/hello").call(hello);
        assert_eq!(outcome.text(), "hello world");
        assert_eq!(outcome.header("content-type"), Some("text/plain; charset=utf-8"));
    }
}
