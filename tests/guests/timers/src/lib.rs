//! Timers as the contract has them, without the SDK, which shares one of them among all that wait.
//!
//! | `GET ?` | does |
//! |---|---|
//! | `set=MS` | a timer; answers its number, or why not |
//! | `set=MS&repeat` | one that goes off again and again |
//! | `set=MS&count=N` | so many; answers the numbers of the first and the last, or why not |
//! | `cancel=NUMBER` | cancels one |
//! | | answers the numbers that have gone off since this was asked last, in order |

#![allow(unsafe_code, reason = "the generated bindings need it")]

use std::cell::RefCell;

use exports::lithe::plugin::handler::{Event, HttpError, Outcome};
use exports::lithe::plugin::hooks::{CloseInfo, Message, SocketId};
use lithe::plugin::http::{Body, Response};
use lithe::plugin::timers::{self, TimerError};

wit_bindgen::generate!({ path: "../../../wit", world: "hooks-plugin" });

thread_local! {
    static GONE_OFF: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

struct Timers;

export!(Timers);

impl exports::lithe::plugin::handler::Guest for Timers {
    fn handle(event: Event) -> Result<Outcome, HttpError> {
        let query = event.query().unwrap_or_default();
        let number = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name)?.1.parse().ok()
        };
        let repeat = query.split('&').any(|word| word == "repeat");
        let answer = if let Some(delay) = number("set") {
            set(delay, repeat, number("count").unwrap_or(1))
        } else if let Some(id) = number("cancel") {
            timers::cancel(id);
            "cancelled".to_owned()
        } else {
            list(&GONE_OFF.take())
        };
        let body = Body::Text(answer);
        Ok(Outcome::Response(Response { status: 200, headers: Vec::new(), body }))
    }
}

fn set(delay: u32, repeat: bool, count: u32) -> String {
    let set: Result<Vec<u32>, _> = (0..count).map(|_| timers::set(delay, repeat)).collect();
    match set.as_deref() {
        Ok([first, .., last]) => list(&[*first, *last]),
        Ok(ids) => list(ids),
        Err(TimerError::TooMany(limit)) => format!("more than {limit}"),
    }
}

fn list(ids: &[u32]) -> String {
    ids.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

impl exports::lithe::plugin::hooks::Guest for Timers {
    fn open(_: SocketId) {}

    fn receive(_: SocketId, _: Vec<Message>) {}

    fn drain(_: SocketId) {}

    fn close(_: SocketId, _: CloseInfo) {}

    fn timer(id: u32) {
        GONE_OFF.with_borrow_mut(|ids| ids.push(id));
    }
}
