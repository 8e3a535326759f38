//! `/chat`: a room in which everyone gets what anyone says.
//!
//! All sessions run in one instance, so the room is a plain list in its memory.

use std::cell::RefCell;

use lithe_sdk::{Event, Outcome, Response, Result, Sender, SocketEvent, json};

thread_local! {
    static MEMBERS: RefCell<Vec<Sender>> = const { RefCell::new(Vec::new()) };
}

#[lithe_sdk::handler(websocket)]
fn chat(event: Event) -> Result<Outcome> {
    let ws = event.ws();
    if !ws.is_upgrade_request() {
        let about = json!({
            "name": "Lithe Chat Room",
            "connections": online(),
            "instructions": "Connect with a WebSocket client to join the chat",
        });
        return Ok(Response::json(&about)?.into());
    }
    ws.upgrade(async |mut socket| {
        let _member = Member::join(socket.sender());
        while let Some(event) = socket.next().await {
            if let SocketEvent::Text(text) = event {
                broadcast(&format!("Message: {text}"));
            }
        }
        Ok(())
    })
    .accept()
}

/// A member of the room. Dropping it leaves the room, however the session ends.
struct Member(Sender);

impl Member {
    fn join(sender: Sender) -> Self {
        MEMBERS.with_borrow_mut(|members| members.push(sender));
        broadcast(&format!("User joined ({} online)", online()));
        Self(sender)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        MEMBERS.with_borrow_mut(|members| members.retain(|member| *member != self.0));
        broadcast(&format!("User left ({} online)", online()));
    }
}

fn online() -> usize {
    MEMBERS.with_borrow(Vec::len)
}

fn broadcast(text: &str) {
    MEMBERS.with_borrow(|members| {
        for member in members {
            // A member that is about to leave must not keep the others from getting the message.
            let _ = member.send_text(text);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::{TestEvent, TestSocket};

    fn join() -> TestSocket {
        TestEvent::get("/chat").upgrade([]).call(chat).socket()
    }

    fn connections() -> u64 {
        let about: serde_json::Value = TestEvent::get("/chat").call(chat).json();
        about["connections"].as_u64().expect("a number")
    }

    #[test]
    fn everyone_hears_who_joins_says_something_and_leaves() {
        let ann = join();
        assert_eq!(ann.sent_text(), ["User joined (1 online)"]);
        let bob = join();
        assert_eq!(ann.sent_text(), ["User joined (2 online)"]);
        assert_eq!(bob.sent_text(), ["User joined (2 online)"]);
        bob.send_text("hi");
        assert_eq!(ann.sent_text(), ["Message: hi"]);
        assert_eq!(bob.sent_text(), ["Message: hi"]);
        ann.close(1000, "");
        assert!(ann.sent_text().is_empty());
        assert_eq!(bob.sent_text(), ["User left (1 online)"]);
    }

    #[test]
    fn http_counts_who_is_there_however_they_leave() {
        assert_eq!(connections(), 0);
        let (ann, bob) = (join(), join());
        assert_eq!(connections(), 2);
        ann.disconnect();
        assert_eq!(connections(), 1);
        drop(bob);
        assert_eq!(connections(), 0);
    }

    #[test]
    fn an_abandoned_handshake_never_joins() {
        TestEvent::get("/chat").upgrade([]).call(chat).abandon();
        assert_eq!(connections(), 0);
    }
}
