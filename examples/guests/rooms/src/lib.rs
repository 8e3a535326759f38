//! `/rooms/[id]`: everyone in a room gets each message as it was sent, the sender included.
//!
//! All sessions run in one instance, so the rooms are a plain map in its memory.

use std::cell::RefCell;
use std::collections::BTreeMap;

use lithe_sdk::{Event, Message, Outcome, Response, Result, Sender, SocketEvent, json};

thread_local! {
    static ROOMS: RefCell<BTreeMap<String, Vec<Sender>>> = const { RefCell::new(BTreeMap::new()) };
}

#[lithe_sdk::handler(websocket)]
fn room(event: Event) -> Result<Outcome> {
    let id: String = event.param("id")?;
    let ws = event.ws();
    if !ws.is_upgrade_request() {
        let members = ROOMS.with_borrow(|rooms| rooms.get(&id).map_or(0, Vec::len));
        return Ok(Response::json(&json!({ "room": id, "members": members }))?.into());
    }
    ws.upgrade(async move |mut socket| {
        let member = Member::enter(id, socket.sender());
        while let Some(event) = socket.next().await {
            match event {
                SocketEvent::Text(text) => member.say(&text.into()),
                SocketEvent::Binary(bytes) => member.say(&bytes.into()),
                SocketEvent::Close(_) => break,
            }
        }
        Ok(())
    })
    .accept()
}

/// A member of a room. Dropping it leaves the room, however the session ends. The last member
/// removes the room.
struct Member {
    room: String,
    sender: Sender,
}

impl Member {
    fn enter(room: String, sender: Sender) -> Self {
        ROOMS.with_borrow_mut(|rooms| rooms.entry(room.clone()).or_default().push(sender));
        Self { room, sender }
    }

    fn say(&self, message: &Message) {
        ROOMS.with_borrow(|rooms| {
            for member in rooms.get(&self.room).into_iter().flatten() {
                // A member that is about to leave must not keep the others from getting the
                // message.
                let _ = member.send(message);
            }
        });
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        ROOMS.with_borrow_mut(|rooms| {
            if let Some(members) = rooms.get_mut(&self.room) {
                members.retain(|member| *member != self.sender);
                if members.is_empty() {
                    rooms.remove(&self.room);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::{TestEvent, TestSocket};

    fn enter(id: &str) -> TestSocket {
        TestEvent::get("/rooms").param("id", id).upgrade([]).call(room).socket()
    }

    fn about(id: &str) -> String {
        TestEvent::get("/rooms").param("id", id).call(room).text()
    }

    #[test]
    fn a_room_hears_what_is_said_in_it_and_nothing_else() {
        let (ann, bob, eve) = (enter("1"), enter("1"), enter("2"));
        ann.send_text("hi");
        ann.send_binary([7]);
        for socket in [&ann, &bob] {
            assert_eq!(socket.sent(), [Message::from("hi"), Message::from(vec![7])]);
        }
        assert!(eve.sent().is_empty());
    }

    #[test]
    fn http_counts_the_members_and_nothing_is_announced() {
        let (ann, bob) = (enter("1"), enter("1"));
        assert_eq!(about("1"), r#"{"members":2,"room":"1"}"#);
        bob.disconnect();
        assert_eq!(about("1"), r#"{"members":1,"room":"1"}"#);
        drop(bob);
        assert!(ann.sent().is_empty());
        drop(ann);
        assert_eq!(about("1"), r#"{"members":0,"room":"1"}"#);
        assert!(ROOMS.with_borrow(BTreeMap::is_empty));
    }
}
