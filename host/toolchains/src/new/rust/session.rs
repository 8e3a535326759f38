//! A WebSocket that greets and echoes, as a loop.

use lithe_sdk::{Event, Outcome, Result, SocketEvent};

#[lithe_sdk::handler(session)]
fn echo(event: Event) -> Result<Outcome> {
    event
        .ws()
        .upgrade_blocking(|mut socket| {
            socket.send_text("hello")?;
            while let Some(event) = socket.next() {
                match event {
                    SocketEvent::Text(text) => socket.send_text(text)?,
                    SocketEvent::Binary(bytes) => socket.send_binary(bytes)?,
                    SocketEvent::Close(_) => {}
                }
            }
            Ok(())
        })
        .accept()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::TestEvent;

    #[test]
    fn it_greets_and_echoes() {
        let socket = TestEvent::get("/").upgrade([]).call(echo).socket();
        socket.send_text("one");
        socket.close(1000, "");
        assert_eq!(socket.sent_text(), ["hello", "one"]);
    }
}
