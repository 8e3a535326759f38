//! Async sessions that do what a message says: `panic`, `loop`, `memory`, `exit`, `return`,
//! `error`, `close:CODE:REASON`, `flood:N`; anything else comes back. How each one ended, and after
//! how many messages, is printed. `?twice` upgrades the same event twice. Plain GET: `async`.

use lithe_sdk::anyhow::{Context, bail};
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
    let mut messages = 0;
    while let Some(event) = socket.next().await {
        match event {
            SocketEvent::Text(text) => {
                messages += 1;
                test_guests_misbehave::by_word(&text);
                let (word, rest) = text.split_once(':').unwrap_or((&text, ""));
                match word {
                    "return" => return Ok(()),
                    "error" => bail!("as told"),
                    "close" => {
                        let (code, reason) =
                            rest.split_once(':').context("`close` is close:CODE:REASON")?;
                        socket.close(code.parse()?, reason)?;
                    }
                    "flood" => {
                        let chunk = vec![0; 64 * 1024];
                        for _ in 0..rest.parse()? {
                            // Until the host closes the socket.
                            if socket.send_binary(&chunk).is_err() {
                                break;
                            }
                        }
                    }
                    _ => socket.send_text(text)?,
                }
            }
            SocketEvent::Binary(bytes) => socket.send_binary(bytes)?,
            SocketEvent::Close(info) => {
                println!("ended after {messages} messages: {} clean={}", info.code, info.clean);
            }
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
        assert_eq!(end_of("close:4001:bye"), Some(4001));
        assert_eq!(end_of("flood:2"), None);
        assert_eq!(end_of("hello"), None);
    }

    #[test]
    fn twice_is_once_too_often() {
        assert_eq!(TestEvent::get("/?twice").upgrade([]).call(hostile).status(), 500);
        assert_eq!(TestEvent::get("/").call(hostile).text(), "async");
    }
}
