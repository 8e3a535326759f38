//! | word | does |
//! |---|---|
//! | `subscribe:TOPIC`, `unsubscribe:TOPIC` | answers `ok`, or why not |
//! | `publish:TOPIC:TEXT` | to all subscribers; then says how many heard it |
//! | `others:TOPIC:TEXT` | the same without this socket |
//! | `count:TOPIC` | how many subscribe |
//! | `topics` | what this socket hears |
//! | `once:MS`, `every:MS` | `tick MS` after that time, or again and again |
//! | `cancel` | what the last of them started |
//! | `burst:COUNT:SIZE` | numbered messages, until one is refused; then the text `refused`, after `drain` |
//! | `busy:MS` | holds the instance up for so long, then answers `done` |
//! | `close` | closes with 4000 |
//! | `keep` | keeps this socket for all; answers `ok` |
//! | `tell:TEXT` | to the one that is kept; answers its state, and `ok` or why not |
//! | `id`, `seen` | the socket's number; how many messages the instance has seen |
//! | `attach:TEXT`, `attachment` | leaves a text with the socket, and says it |
//! | `panic` | traps |
//!
//! Anything else comes back.

use std::cell::{Cell, RefCell};

use lithe_sdk::anyhow::Context as _;
use lithe_sdk::task::JoinHandle;
use lithe_sdk::{
    CloseInfo, Hooks, Message, Peer, Result, SendError, Sender, SubscribeError, task, time, topics,
};

use crate::{count, millis, numbered, split};

thread_local! {
    static LAST: RefCell<Option<JoinHandle<()>>> = const { RefCell::new(None) };
    static KEPT: Cell<Option<Sender>> = const { Cell::new(None) };
}

pub(crate) struct Words;

impl Hooks for Words {
    fn open(&self, _: &Peer) -> Result<()> {
        count(|counts| &counts.opened);
        Ok(())
    }

    fn message(&self, peer: &Peer, message: Message) -> Result<()> {
        let seen = count(|counts| &counts.messages);
        let (word, rest) = split(&message);
        test_guests_misbehave::by_word(&word);
        let (topic, text) = rest.split_once(':').unwrap_or((&rest, ""));
        match word.as_str() {
            "subscribe" => peer.send_text(subscribed(peer.subscribe(&rest)))?,
            "unsubscribe" => {
                peer.unsubscribe(&rest);
                peer.send_text("ok")?;
            }
            "publish" => {
                let heard = topics::publish(topic, text);
                peer.send_text(format!("heard by {heard}"))?;
            }
            "others" => {
                let heard = peer.publish(topic, text);
                peer.send_text(format!("heard by {heard}"))?;
            }
            "topics" => peer.send_text(peer.topics().join(","))?,
            "count" => peer.send_text(topics::count(&rest).to_string())?,
            "once" => tick(peer, &rest, false)?,
            "every" => tick(peer, &rest, true)?,
            "cancel" => {
                LAST.take().iter().for_each(JoinHandle::cancel);
            }
            "burst" => {
                for message in numbered(&rest)? {
                    match peer.send_binary(message) {
                        Err(SendError::QueueFull) => break,
                        sent => sent?,
                    }
                }
            }
            "busy" => {
                std::thread::sleep(millis(&rest)?);
                peer.send_text("done")?;
            }
            "close" => peer.close(4000, "as told")?,
            "keep" => {
                KEPT.set(Some(peer.sender()));
                peer.send_text("ok")?;
            }
            "tell" => {
                let to = KEPT.get().context("`tell` comes after `keep`")?;
                let state = to.state();
                let told = to.send_text(&rest).map_or_else(|e| e.to_string(), |()| "ok".to_owned());
                peer.send_text(format!("{state:?}: {told}"))?;
            }
            "attach" => {
                peer.set_attachment(&rest)?;
                peer.send_text("ok")?;
            }
            "attachment" => peer.send_text(String::from_utf8_lossy(&peer.attachment()))?,
            "id" => peer.send_text(peer.id().to_string())?,
            "seen" => peer.send_text(seen.to_string())?,
            _ => peer.send(&message)?,
        }
        Ok(())
    }

    fn drain(&self, peer: &Peer) -> Result<()> {
        count(|counts| &counts.drained);
        Ok(peer.send_text("refused")?)
    }

    fn close(&self, _: &Peer, _: CloseInfo) -> Result<()> {
        count(|counts| &counts.closed);
        Ok(())
    }
}

fn subscribed(result: Result<(), SubscribeError>) -> String {
    result.map_or_else(|error| error.to_string(), |()| "ok".to_owned())
}

/// A task of the instance: it goes on when the socket is gone, and is counted.
fn tick(peer: &Peer, period: &str, again: bool) -> Result<()> {
    let (to, text) = (peer.sender(), format!("tick {period}"));
    let mut ticks = time::interval(millis(period)?);
    let handle = task::spawn(async move {
        loop {
            ticks.tick().await;
            count(|counts| &counts.ticks);
            // The socket may be gone.
            let _ = to.send_text(&text);
            if !again {
                break;
            }
        }
    });
    LAST.set(Some(handle));
    Ok(())
}
