//! Blocking sessions that do what a message says: `panic`, `loop`, `memory`, `exit`, `return`, `error`,
//! `sleep` (1 s, then comes back); anything else comes back. Plain GET: `session`.

use std::time::Duration;

use lithe_sdk::anyhow::bail;
use lithe_sdk::{BlockingSocket, Event, Outcome, Response, Result, SocketEvent};

#[lithe_sdk::handler(session)]
fn hostile(event: Event) -> Result<Outcome> {
    if !event.ws().is_upgrade_request() {
        return Ok(Response::text("session").into());
    }
    event.ws().upgrade_blocking(session).accept()
}

fn session(mut socket: BlockingSocket) -> Result<()> {
    while let Some(event) = socket.next() {
        match event {
            SocketEvent::Text(word) => {
                test_guests_misbehave::by_word(&word);
                match word.as_str() {
                    "return" => return Ok(()),
                    "error" => bail!("as told"),
                    "sleep" => std::thread::sleep(Duration::from_secs(1)),
                    _ => {}
                }
                socket.send_text(word)?;
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
        socket.close(1001, "");
        socket.closed().map(|(code, _)| code)
    }

    #[test]
    fn words_are_obeyed() {
        assert_eq!(end_of("return"), Some(1000));
        assert_eq!(end_of("error"), Some(1011));
        assert_eq!(end_of("hello"), Some(1001));
        assert_eq!(TestEvent::get("/").call(hostile).text(), "session");
    }
}
