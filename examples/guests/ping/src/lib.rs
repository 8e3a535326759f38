//! `/ping`: answers `ping` with `pong`, in the event-driven style.

use lithe_sdk::{Hooks, Message, Peer, Result};

#[derive(Default)]
struct Ping;

#[lithe_sdk::hooks]
impl Hooks for Ping {
    fn message(&self, peer: &Peer, message: Message) -> Result<()> {
        if message.text() == "ping" {
            peer.send_text("pong")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    use lithe_sdk::testing::TestEvent;

    #[test]
    fn only_ping_is_answered() {
        let socket = TestEvent::get("/ping").upgrade([]).call_hooks(&Rc::new(Ping)).socket();
        socket.send_text("hello");
        socket.send_text("ping");
        socket.send_binary([1]);
        assert_eq!(socket.sent_text(), ["pong"]);
    }

    #[test]
    fn plain_http_is_told_to_upgrade() {
        assert_eq!(TestEvent::get("/ping").call_hooks(&Rc::new(Ping)).status(), 426);
    }
}
