//! The middleware of `/admin` and everything below it, WebSockets included: it lets clients pass
//! that have the token.
//!
//! A real site would take the token from its environment.

use lithe_sdk::middleware::{bearer_token, constant_time_eq};
use lithe_sdk::{Event, Next, Outcome, Response, Result, json};

const TOKEN: &str = "secret-token";

#[lithe_sdk::middleware]
fn auth(event: &Event, next: Next) -> Result<Outcome> {
    println!("{} {}", event.method(), event.uri());
    let token = bearer_token(event).unwrap_or_default();
    if constant_time_eq(token, TOKEN) {
        return next.run(event);
    }
    let refusal = Response::json(&json!({ "error": "Unauthorized" }))?;
    Ok(refusal.with_status(401).with_header("www-authenticate", "Bearer").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::{TestEvent, TestOutcome};

    fn ask(authorization: &str) -> TestOutcome {
        TestEvent::get("/admin/ws")
            .upgrade([])
            .header("authorization", authorization)
            .call_middleware(auth, |event: Event| event.ws().upgrade(async |_| Ok(())).accept())
    }

    #[test]
    fn the_token_opens_the_socket() {
        assert!(ask("Bearer secret-token").is_upgrade());
    }

    #[test]
    fn everyone_else_is_refused_in_json() {
        for authorization in ["", "Bearer", "Bearer secret", "Basic secret-token"] {
            let outcome = ask(authorization);
            assert_eq!(outcome.status(), 401, "{authorization}");
            assert_eq!(outcome.text(), r#"{"error":"Unauthorized"}"#);
        }
    }
}
