//! A WebSocket that greets and echoes, as events.

use lithe_sdk::{Hooks, Message, Peer, Result};

#[derive(Default)]
struct Echo;

#[lithe_sdk::hooks]
impl Hooks for Echo {
    fn open(&self, peer: &Peer) -> Result<()> {
        Ok(peer.send_text("hello")?)
    }

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
    fn it_greets_and_echoes() {
        let socket = TestEvent::get("/").upgrade([]).call_hooks(&Rc::new(Echo)).socket();
        socket.send_text("one");
        assert_eq!(socket.sent_text(), ["hello", "one"]);
    }
}
