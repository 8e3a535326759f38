//! `/hybrid`: a page, and the WebSocket that it opens on the same path.

use lithe_sdk::{Event, Outcome, Response, Result, json};

const PAGE: &str = include_str!("page.html");

#[lithe_sdk::handler(websocket)]
fn hybrid(event: Event) -> Result<Outcome> {
    let ws = event.ws();
    if ws.is_supported() && ws.is_upgrade_request() {
        return ws
            .upgrade(async |mut socket| {
                socket.send_text("WebSocket connection established")?;
                while socket.next().await.is_some() {}
                Ok(())
            })
            .accept();
    }
    if event.method() == "GET" {
        return Ok(Response::html(PAGE).into());
    }
    let error = Response::json(&json!({ "error": "Method not allowed" }))?;
    Ok(error.with_status(405).with_header("allow", "GET").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::TestEvent;

    #[test]
    fn one_path_is_a_page_and_a_socket() {
        let page = TestEvent::get("/hybrid").call(hybrid);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(page.text().contains("new WebSocket("));
        let socket = TestEvent::get("/hybrid").upgrade([]).call(hybrid).socket();
        socket.send_text("Hello from browser");
        assert_eq!(socket.sent_text(), ["WebSocket connection established"]);
        assert!(!socket.is_closed());
    }

    #[test]
    fn other_methods_are_refused_in_json() {
        let outcome = TestEvent::post("/hybrid").call(hybrid);
        assert_eq!(outcome.status(), 405);
        assert_eq!(outcome.text(), r#"{"error":"Method not allowed"}"#);
        assert_eq!(outcome.header("allow"), Some("GET"));
    }
}
