//! A poll as one app: `POST /votes/:option`, `GET /votes`, and the sockets of `/live`, which hear
//! each tally.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use lithe_sdk::{App, Event, Hooks, Message, Peer, Response, Result, State, json, topics};

const TOPIC: &str = "votes";

thread_local! {
    static POLL: Rc<Poll> = Rc::default();
}

#[derive(Default)]
struct Poll {
    votes: RefCell<BTreeMap<String, u32>>,
}

impl Poll {
    fn vote(&self, option: String) {
        *self.votes.borrow_mut().entry(option).or_default() += 1;
        topics::publish(TOPIC, self.tally());
    }

    fn tally(&self) -> String {
        json!(*self.votes.borrow()).to_string()
    }
}

impl Hooks for Poll {
    fn open(&self, peer: &Peer) -> Result<()> {
        peer.subscribe(TOPIC)?;
        Ok(peer.send_text(self.tally())?)
    }

    fn message(&self, _: &Peer, message: Message) -> Result<()> {
        self.vote(message.text().into_owned());
        Ok(())
    }
}

impl State for Poll {
    type Saved = BTreeMap<String, u32>;

    fn save(&self) -> Result<Self::Saved> {
        Ok(self.votes.borrow().clone())
    }

    fn restore(&self, saved: Self::Saved) -> Result<()> {
        let mut votes = self.votes.borrow_mut();
        for (option, count) in saved {
            *votes.entry(option).or_default() += count;
        }
        Ok(())
    }
}

#[lithe_sdk::app(websocket, state = POLL)]
fn app() -> App {
    let poll = POLL.with(Rc::clone);
    let (voted, asked) = (poll.clone(), poll.clone());
    App::new()
        .post("/votes/:option", move |event: Event| -> Result<Response> {
            voted.vote(event.param("option")?);
            Ok(Response::text(voted.tally()))
        })
        .get("/votes", move |_: Event| Response::text(asked.tally()))
        .ws("/live", poll)
}
