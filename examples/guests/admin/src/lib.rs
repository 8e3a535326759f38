//! `/admin`: what only those clients see that the middleware of its folder lets pass.

use lithe_sdk::{Event, Response, Result, json};

#[lithe_sdk::handler]
fn admin(event: Event) -> Result<Response> {
    Response::json(&json!({ "area": "admin", "path": event.path() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::TestEvent;

    #[test]
    fn it_says_where_one_is() {
        let outcome = TestEvent::get("/admin").call(admin);
        assert_eq!(outcome.text(), r#"{"area":"admin","path":"/admin"}"#);
    }
}
