//! `/echo`: a WebSocket that greets and echoes, and JSON for plain HTTP.

use lithe_sdk::{Event, Outcome, Response, Result, SocketEvent, json};

#[lithe_sdk::handler(websocket)]
fn echo(event: Event) -> Result<Outcome> {
    let ws = event.ws();
    if !ws.is_upgrade_request() {
        return Ok(Response::json(&json!({ "mode": "http" }))?.into());
    }
    ws.upgrade(async |mut socket| {
        socket.send_text("connected")?;
        while let Some(event) = socket.next().await {
            match event {
                SocketEvent::Text(text) => socket.send_text(format!("echo:{text}"))?,
                SocketEvent::Binary(bytes) => socket.send_binary(bytes)?,
                SocketEvent::Close(_) => break,
            }
        }
        Ok(())
    })
    .protocol_from(["chat"])
    .accept()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::Message;
    use lithe_sdk::testing::TestEvent;

    #[test]
    fn plain_http_gets_json() {
        let outcome = TestEvent::get("/echo").call(echo);
        assert_eq!(outcome.status(), 200);
        assert_eq!(outcome.text(), r#"{"mode":"http"}"#);
    }

    #[test]
    fn text_is_echoed_and_binary_comes_back_as_it_was() {
        let socket = TestEvent::get("/echo").upgrade([]).call(echo).socket();
        socket.send_text("ping");
        socket.send_binary([0, 1, 2]);
        assert_eq!(
            socket.sent(),
            [Message::from("connected"), Message::from("echo:ping"), Message::from(vec![0, 1, 2])]
        );
    }

    #[test]
    fn chat_is_spoken_where_it_is_offered() {
        let protocol = |offered: &[&str]| {
            TestEvent::get("/echo").upgrade(offered.iter().copied()).call(echo).protocol()
        };
        assert_eq!(protocol(&["chat", "superchat"]).as_deref(), Some("chat"));
        assert_eq!(protocol(&["superchat"]), None);
        assert_eq!(protocol(&[]), None);
    }
}
