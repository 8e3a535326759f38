//! Async sessions that do what a message says: `panic`, `loop`, `memory`, `exit`, `return`, `error`;
//! anything else comes back. `?twice` upgrades the same event twice. Plain GET: `async`.

use lithe_sdk::anyhow::bail;
use lithe_sdk::{Event, Outcome, Response, Result, Socket, SocketEvent};

#[lithe_sdk::handler(websocket)]
fn hostile(event: Event) -> Result<Outcome> {
    if !event.ws().is_upgrade_request() {
        return Ok(Response::text("async").into());
    }
    if event.query_param_str("twice").is_some() {
        let _first = event.ws().upgrade(session).accept()?;
    }
    event.ws().upgrade(session).accept()
}

async fn session(mut socket: Socket) -> Result<()> {
    while let Some(event) = socket.next().await {
        match event {
            SocketEvent::Text(word) => {
                test_guests_misbehave::by_word(&word);
                match word.as_str() {
                    "return" => return Ok(()),
                    "error" => bail!("as told"),
                    _ => socket.send_text(word)?,
                }
            }
            SocketEvent::Binary(bytes) => socket.send_binary(bytes)?,
            SocketEvent::Close(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::TestEvent;

    fn end_of(word: &str) -> Option<u16> {
        let socket = TestEvent::get("/").upgrade([]).call(hostile).socket();
        socket.send_text(word);
        socket.closed().map(|(code, _)| code)
    }

    #[test]
    fn words_are_obeyed() {
        assert_eq!(end_of("return"), Some(1000));
        assert_eq!(end_of("error"), Some(1011));
        assert_eq!(end_of("hello"), None);
    }

    #[test]
    fn twice_is_once_too_often() {
        assert_eq!(TestEvent::get("/?twice").upgrade([]).call(hostile).status(), 500);
        assert_eq!(TestEvent::get("/").call(hostile).text(), "async");
    }
}
