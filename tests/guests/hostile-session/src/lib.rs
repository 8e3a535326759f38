//! Blocking sessions that do what a message says: `panic`, `loop`, `memory`, `exit`, `return`,
//! `error`, `sleep` (3 s, then comes back), `close:CODE:REASON`, `flood:N`, `subscribe:TOPIC`,
//! `publish:TOPIC:TEXT`; anything else comes back. How each one ended, and after how many messages,
//! is printed. Plain GET: `session`.

use std::time::Duration;

use lithe_sdk::anyhow::{Context, bail};
use lithe_sdk::{BlockingSocket, Event, Outcome, Response, Result, SocketEvent, topics};

#[lithe_sdk::handler(session)]
fn hostile(event: Event) -> Result<Outcome> {
    if !event.ws().is_upgrade_request() {
        return Ok(Response::text("session").into());
    }
    event.ws().upgrade_blocking(session).accept()
}

fn session(mut socket: BlockingSocket) -> Result<()> {
    let mut messages = 0;
    while let Some(event) = socket.next() {
        match event {
            SocketEvent::Text(text) => {
                messages += 1;
                test_guests_misbehave::by_word(&text);
                let (word, rest) = text.split_once(':').unwrap_or((&text, ""));
                match word {
                    "return" => return Ok(()),
                    "error" => bail!("as told"),
                    "sleep" => {
                        std::thread::sleep(Duration::from_secs(3));
                        socket.send_text(text)?;
                    }
                    "close" => {
                        let (code, reason) =
                            rest.split_once(':').context("`close` is close:CODE:REASON")?;
                        socket.close(code.parse()?, reason)?;
                    }
                    "subscribe" => {
                        socket.subscribe(rest)?;
                        socket.send_text("ok")?;
                    }
                    "publish" => {
                        let (topic, text) = rest.split_once(':').unwrap_or((rest, ""));
                        let heard = topics::publish(topic, text);
                        socket.send_text(format!("heard by {heard}"))?;
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
        socket.close(1001, "");
        socket.closed().map(|(code, _)| code)
    }

    #[test]
    fn words_are_obeyed() {
        assert_eq!(end_of("return"), Some(1000));
        assert_eq!(end_of("error"), Some(1011));
        assert_eq!(end_of("close:4001:bye"), Some(4001));
        assert_eq!(end_of("flood:2"), Some(1001));
        assert_eq!(end_of("hello"), Some(1001));
        assert_eq!(TestEvent::get("/").call(hostile).text(), "session");
    }
}
