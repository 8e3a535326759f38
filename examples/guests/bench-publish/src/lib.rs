//! `/bench/publish`: each message to everyone, its sender included, for measuring.

use lithe_sdk::{Hooks, Message, Peer, Result, topics};

const TOPIC: &str = "all";

#[derive(Default)]
struct Publish;

#[lithe_sdk::hooks]
impl Hooks for Publish {
    fn open(&self, peer: &Peer) -> Result<()> {
        Ok(peer.subscribe(TOPIC)?)
    }

    fn message(&self, _: &Peer, message: Message) -> Result<()> {
        topics::publish(TOPIC, message);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    use lithe_sdk::testing::TestEvent;

    #[test]
    fn each_message_reaches_everyone_once_and_unchanged() {
        let hooks = Rc::new(Publish);
        let join = || TestEvent::get("/bench/publish").upgrade([]).call_hooks(&hooks).socket();
        let (ann, bob) = (join(), join());
        let messages = [Message::from("a"), Message::from(vec![1]), Message::from("")];
        ann.send(messages.clone());
        assert_eq!((ann.sent(), bob.sent()), (messages.to_vec(), messages.to_vec()));
        drop(ann);
        bob.send_text("alone");
        assert_eq!(bob.sent_text(), ["alone"]);
    }

    #[test]
    fn plain_http_is_told_to_upgrade() {
        assert_eq!(TestEvent::get("/bench/publish").call_hooks(&Rc::new(Publish)).status(), 426);
    }
}
