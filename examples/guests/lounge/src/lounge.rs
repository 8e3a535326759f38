use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use lithe_sdk::{
    CloseInfo, Event, Hooks, HttpError, Message, Peer, Response, Result, State, UpgradeOptions,
    json, topics,
};
use serde::{Deserialize, Serialize};

use crate::SAYS;

const TOPIC: &str = "lounge";

/// How many messages a newcomer gets.
const HISTORY: usize = 50;

/// The longest name and the longest message, in characters. With the number of members, they keep
/// what moves to another version below the site's limit.
const MAX_NAME: usize = 40;
const MAX_TEXT: usize = 1000;
const MAX_MEMBERS: usize = 1000;

#[derive(Default)]
struct Lounge {
    room: RefCell<Room>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Room {
    /// The members by the number of their socket, which stays the same in another version.
    members: BTreeMap<u32, String>,
    /// The messages, oldest first.
    history: VecDeque<Said>,
    /// How many members have come without a name.
    guests: u32,
}

#[derive(Clone, Serialize, Deserialize)]
struct Said {
    name: String,
    text: String,
}

#[lithe_sdk::hooks(state)]
impl Hooks for Lounge {
    fn upgrade(&self, event: &Event) -> Result<UpgradeOptions> {
        if self.room.borrow().members.len() >= MAX_MEMBERS {
            return Err(HttpError::new(503, "the lounge is full").into());
        }
        if let Some(name) = asked_name(event)
            && !is_name(&name)
        {
            let message = format!("`name` is not 1 to {MAX_NAME} characters long");
            return Err(HttpError::bad_request(message).into());
        }
        Ok(UpgradeOptions::default())
    }

    fn open(&self, peer: &Peer) -> Result<()> {
        let name = self.room.borrow_mut().join(peer);
        for said in &self.room.borrow().history {
            peer.send_text(said.print())?;
        }
        peer.subscribe(TOPIC)?;
        topics::publish(TOPIC, format!("* {name} has joined"));
        Ok(())
    }

    fn message(&self, peer: &Peer, message: Message) -> Result<()> {
        let Message::Text(text) = message else { return Ok(()) };
        if text == "/who" {
            let names = self.room.borrow().names().join(", ");
            return Ok(peer.send_text(format!("* here: {names}"))?);
        }
        if text.chars().count() > MAX_TEXT {
            return Ok(peer.send_text(format!("* at most {MAX_TEXT} characters, please"))?);
        }
        topics::publish(TOPIC, self.room.borrow_mut().say(peer, text).print());
        Ok(())
    }

    fn close(&self, peer: &Peer, _: CloseInfo) -> Result<()> {
        // A socket that never came in does not leave.
        if let Some(name) = self.room.borrow_mut().members.remove(&peer.id()) {
            topics::publish(TOPIC, format!("* {name} has left"));
        }
        Ok(())
    }

    fn fallback(&self, event: Event) -> Result<Response> {
        if event.method() != "GET" {
            return Err(HttpError::method_not_allowed("GET").into());
        }
        let room = self.room.borrow();
        Response::json(&json!({ "members": room.names(), "history": &room.history }))
    }
}

impl State for Lounge {
    type Saved = Room;

    fn save(&self) -> Result<Room> {
        Ok(self.room.borrow().clone())
    }

    fn restore(&self, saved: Room) -> Result<()> {
        let Room { members, mut history, guests } = saved;
        let mut room = self.room.borrow_mut();
        room.members.extend(members);
        room.guests = room.guests.max(guests);
        history.append(&mut room.history);
        room.history = history;
        room.forget();
        Ok(())
    }
}

impl Room {
    /// The name of a newcomer; or of a member from before a trap, in which the instance lost what
    /// it knew.
    fn join(&mut self, peer: &Peer) -> String {
        let Self { members, guests, .. } = self;
        let name = members.entry(peer.id()).or_insert_with(|| {
            peer.event().and_then(|event| asked_name(&event)).unwrap_or_else(|| {
                *guests += 1;
                format!("guest-{guests}")
            })
        });
        name.clone()
    }

    fn say(&mut self, peer: &Peer, text: String) -> Said {
        let said = Said { name: self.join(peer), text };
        self.history.push_back(said.clone());
        self.forget();
        said
    }

    fn forget(&mut self) {
        let old = self.history.len().saturating_sub(HISTORY);
        self.history.drain(..old);
    }

    fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.members.values().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

impl Said {
    fn print(&self) -> String {
        format!("{}{SAYS}{}", self.name, self.text)
    }
}

fn asked_name(event: &Event) -> Option<String> {
    event.query_param_str("name").map(|name| name.trim().to_owned())
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    use lithe_sdk::testing::{TestEvent, TestSocket, swap};

    fn join(lounge: &Rc<Lounge>, query: &str) -> TestSocket {
        TestEvent::get(&format!("/lounge{query}")).upgrade([]).call_hooks(lounge).socket()
    }

    #[test]
    fn everyone_hears_who_comes_says_something_and_goes() {
        let lounge = Rc::default();
        let ann = join(&lounge, "?name=Ann");
        assert_eq!(ann.sent_text(), ["* Ann has joined"]);
        let guest = join(&lounge, "");
        guest.send_text("hello");
        guest.send_text("/who");
        let heard = ["* guest-1 has joined", "guest-1: hello"];
        assert_eq!(ann.sent_text(), heard);
        assert_eq!(guest.sent_text(), [heard[0], heard[1], "* here: Ann, guest-1"]);
        guest.disconnect();
        assert_eq!(ann.sent_text(), ["* guest-1 has left"]);
        assert_eq!(join(&lounge, "").sent_text(), ["guest-1: hello", "* guest-2 has joined"]);
    }

    #[test]
    fn newcomers_hear_the_last_50_messages() {
        let lounge = Rc::default();
        let ann = join(&lounge, "?name=Ann");
        for number in 0..60 {
            ann.send_text(number.to_string());
        }
        let mut heard = join(&lounge, "?name=Bob").sent_text();
        assert_eq!(heard.pop().as_deref(), Some("* Bob has joined"));
        let expected: Vec<_> = (10..60).map(|number| format!("Ann: {number}")).collect();
        assert_eq!(heard, expected);
    }

    #[test]
    fn plain_http_gets_members_and_messages() {
        let lounge = Rc::default();
        let ann = join(&lounge, "?name=Ann");
        ann.send_text("hello");
        let get = || TestEvent::get("/lounge").call_hooks(&lounge).text();
        assert_eq!(get(), r#"{"history":[{"name":"Ann","text":"hello"}],"members":["Ann"]}"#);
        drop(ann);
        assert_eq!(get(), r#"{"history":[{"name":"Ann","text":"hello"}],"members":[]}"#);
        assert_eq!(TestEvent::post("/lounge").call_hooks(&lounge).status(), 405);
    }

    #[test]
    fn names_and_messages_are_bounded() {
        let lounge = Rc::default();
        for name in ["", "%20", "a%0Ab", &"x".repeat(41)] {
            let refused = TestEvent::get(&format!("/lounge?name={name}")).upgrade([]);
            assert_eq!(refused.call_hooks(&lounge).status(), 400, "{name}");
        }
        let ann = join(&lounge, "?name=Ann");
        ann.send_text("x".repeat(1001));
        ann.send_binary([1]);
        assert_eq!(ann.sent_text(), ["* Ann has joined", "* at most 1000 characters, please"]);
    }

    #[test]
    fn who_never_came_in_does_not_leave() {
        let lounge = Rc::default();
        let ann = join(&lounge, "?name=Ann");
        TestEvent::get("/lounge?name=Bob").upgrade([]).call_hooks(&lounge).abandon();
        assert_eq!(ann.sent_text(), ["* Ann has joined"]);
    }

    #[test]
    fn a_full_lounge_lets_nobody_in() {
        let lounge = Rc::<Lounge>::default();
        lounge.room.borrow_mut().members = (0..1000).map(|id| (id, "x".into())).collect();
        assert_eq!(TestEvent::get("/lounge").upgrade([]).call_hooks(&lounge).status(), 503);
    }

    #[test]
    fn members_and_messages_move_to_another_version() {
        let (before, after) = (Rc::default(), Rc::default());
        let (ann, guest) = (join(&before, "?name=Ann"), join(&before, ""));
        guest.send_text("before");
        ann.sent();
        guest.sent();
        swap(&before, &after).unwrap();
        ann.send_text("after");
        ann.send_text("/who");
        assert_eq!(ann.sent_text(), ["Ann: after", "* here: Ann, guest-1"]);
        let bob = join(&after, "");
        assert_eq!(bob.sent_text(), ["guest-1: before", "Ann: after", "* guest-2 has joined"]);
        guest.disconnect();
        assert_eq!(bob.sent_text(), ["* guest-1 has left"]);
    }

    #[test]
    fn what_several_instances_had_becomes_one() {
        let [one, other, after] = std::array::from_fn(|_| Rc::<Lounge>::default());
        let (_ann, bob) = (join(&one, "?name=Ann"), join(&other, "?name=Bob"));
        bob.send_text("hello");
        swap(&one, &after).unwrap();
        swap(&other, &after).unwrap();
        assert_eq!(after.room.borrow().names(), ["Ann", "Bob"]);
        assert_eq!(after.room.borrow().history.len(), 1);
    }

    #[test]
    fn the_largest_lounge_can_move() {
        let (before, after) = (Rc::<Lounge>::default(), Rc::<Lounge>::default());
        {
            // What takes most bytes as JSON.
            let (name, text) = ("\u{10FFFF}".repeat(MAX_NAME), "\0".repeat(MAX_TEXT));
            let mut room = before.room.borrow_mut();
            room.members = (0..1000).map(|id| (u32::MAX - id, name.clone())).collect();
            room.history = vec![Said { name, text }; HISTORY].into();
        }
        assert!(swap(&before, &after).is_ok());
    }
}
