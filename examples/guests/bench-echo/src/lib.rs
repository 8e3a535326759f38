//! `/bench/echo`: every message back unchanged, for measuring.

use lithe_sdk::{Hooks, Message, Peer, Result};

#[derive(Default)]
struct Echo;

#[lithe_sdk::hooks]
impl Hooks for Echo {
    fn message(&self, peer: &Peer, message: Message) -> Result<()> {
        Ok(peer.send(&message)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    use lithe_sdk::testing::TestEvent;

    #[test]
    fn each_message_comes_back_unchanged_and_nothing_else() {
        let socket = TestEvent::get("/bench/echo").upgrade([]).call_hooks(&Rc::new(Echo)).socket();
        let messages = [Message::from("a"), Message::from(vec![1]), Message::from("")];
        socket.send(messages.clone());
        assert_eq!(socket.sent(), messages);
    }

    #[test]
    fn plain_http_is_told_to_upgrade() {
        assert_eq!(TestEvent::get("/bench/echo").call_hooks(&Rc::new(Echo)).status(), 426);
    }
}
