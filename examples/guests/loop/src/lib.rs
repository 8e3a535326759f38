//! `/loop`: an echo as a blocking loop, in an instance of its own for each connection.

use lithe_sdk::{Event, Outcome, Result, SocketEvent};

#[lithe_sdk::handler(session)]
fn echo(event: Event) -> Result<Outcome> {
    event
        .ws()
        .upgrade_blocking(|mut socket| {
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
    use lithe_sdk::Message;
    use lithe_sdk::testing::TestEvent;

    #[test]
    fn each_message_comes_back_unchanged() {
        let socket = TestEvent::get("/loop").upgrade([]).call(echo).socket();
        socket.send_text("a");
        socket.send_binary([1]);
        socket.close(1000, "");
        assert_eq!(socket.sent(), [Message::from("a"), Message::from(vec![1])]);
    }

    #[test]
    fn plain_http_is_told_to_upgrade() {
        assert_eq!(TestEvent::get("/loop").call(echo).status(), 426);
    }
}
