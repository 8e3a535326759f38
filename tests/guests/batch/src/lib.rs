//! Batches as the contract has them, without the SDK, which always begins each turn.
//!
//! | a short text | does |
//! |---|---|
//! | `which` | answers the number of the call, and which turn of it this is |
//! | `hold` | prints that it holds the instance, and does so for a second |
//! | `print TEXT` | prints the text |
//! | `begin N` | begins the turn of socket N |
//! | `skip` | from now on no turn is begun |
//! | `panic`, `loop`, `memory` | misbehaves |
//! | else | comes back |
//!
//! `hooks.receive` answers a long message with `long`, and any other one with itself. A socket is
//! told its number first.

#![allow(unsafe_code, reason = "the generated bindings need it")]

use std::cell::Cell;
use std::time::Duration;

use exports::lithe::plugin::handler::{Event, HttpError, Outcome};
use exports::lithe::plugin::hooks::{CloseInfo, SocketId};
use lithe::plugin::socket::{self, Message};
use lithe::plugin::turn;
use lithe::plugin::ws::{self, UpgradeOptions};

wit_bindgen::generate!({ path: "../../../wit", world: "batch-plugin" });

const HOLD: Duration = Duration::from_secs(1);

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
    static SKIPS: Cell<bool> = const { Cell::new(false) };
}

struct Batches;

export!(Batches);

fn say(to: SocketId, text: impl Into<String>) {
    // A socket that closes hears nothing.
    let _ = socket::send(to, &Message::Text(text.into()));
}

fn hear(from: SocketId, text: &str, turn: usize) {
    test_guests_misbehave::by_word(text);
    match text.split_once(' ').unwrap_or((text, "")) {
        ("which", _) => say(from, format!("{} {turn}", CALLS.get())),
        ("hold", _) => {
            println!("holding");
            std::thread::sleep(HOLD);
            say(from, "held");
        }
        ("print", text) => {
            println!("{text}");
            say(from, "printed");
        }
        ("begin", number) => {
            turn::begin(number.parse().unwrap_or(u32::MAX));
            say(from, "begun");
        }
        ("skip", _) => {
            SKIPS.set(true);
            say(from, "skipping");
        }
        _ => say(from, text),
    }
}

impl exports::lithe::plugin::handler::Guest for Batches {
    fn handle(event: Event) -> Result<Outcome, HttpError> {
        let options = UpgradeOptions {
            protocol: None,
            headers: Vec::new(),
            attachment: Vec::new(),
            pinned: false,
        };
        Ok(Outcome::Upgrade(ws::upgrade(&event, &options)?))
    }
}

impl exports::lithe::plugin::batch::Guest for Batches {
    fn receive(messages: Vec<u8>) {
        CALLS.set(CALLS.get() + 1);
        let (mut left, mut current, mut turn) = (&messages[..], None, 0);
        while let Some((head, rest)) = left.split_first_chunk::<8>() {
            let [socket, length] = [0, 4]
                .map(|at| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
            let (payload, rest) = rest.split_at((length / 2) as usize);
            if current.is_some_and(|current| current != socket) {
                turn += 1;
                if !SKIPS.get() {
                    turn::begin(socket);
                }
            }
            current = Some(socket);
            match length % 2 {
                0 => hear(socket, &String::from_utf8_lossy(payload), turn),
                _ => drop(socket::send(socket, &Message::Binary(payload.to_vec()))),
            }
            left = rest;
        }
    }
}

impl exports::lithe::plugin::hooks::Guest for Batches {
    fn open(socket: SocketId) {
        say(socket, socket.to_string());
    }

    fn receive(socket: SocketId, messages: Vec<Message>) {
        for message in messages {
            match message {
                Message::Text(text) if text.len() <= 1024 => say(socket, text),
                _ => say(socket, "long"),
            }
        }
    }

    fn drain(_: SocketId) {}

    fn close(socket: SocketId, info: CloseInfo) {
        println!("socket {socket} ended with {}", info.code);
    }

    fn timer(_: u32) {}
}
