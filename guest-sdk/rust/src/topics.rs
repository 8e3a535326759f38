//! Topics: groups of sockets that hear the same messages.
//!
//! The host keeps the topics of this plugin's sockets. So topics outlast the instance, as the
//! sockets do, and one call reaches all subscribers. A socket leaves its topics when it is gone.
//!
//! ```
//! use std::rc::Rc;
//!
//! use lithe_sdk::testing::TestEvent;
//! use lithe_sdk::{Event, Hooks, Message, Peer, Response, Result, topics};
//!
//! #[derive(Default)]
//! struct Room;
//!
//! impl Hooks for Room {
//!     fn open(&self, peer: &Peer) -> Result<()> {
//!         Ok(peer.subscribe("room")?)
//!     }
//!
//!     /// What one says, the others hear.
//!     fn message(&self, peer: &Peer, message: Message) -> Result<()> {
//!         peer.publish("room", message);
//!         Ok(())
//!     }
//!
//!     /// What is posted, all hear.
//!     fn fallback(&self, event: Event) -> Result<Response> {
//!         let heard = topics::publish("room", event.text()?);
//!         Ok(Response::text(format!("{heard} heard it")))
//!     }
//! }
//!
//! let room = Rc::new(Room);
//! let join = || TestEvent::get("/").upgrade([]).call_hooks(&room).socket();
//! let (ann, bob) = (join(), join());
//! ann.send_text("hi");
//! assert_eq!(TestEvent::post("/").body("news").call_hooks(&room).text(), "2 heard it");
//! assert_eq!(ann.sent_text(), ["news"]);
//! assert_eq!(bob.sent_text(), ["hi", "news"]);
//! ```

use std::error::Error;
use std::fmt;

use serde::Serialize;

use crate::{AsMessage, MessageRef, Result, Sender, sys};

/// Queues a message for every subscriber of the topic, and returns for how many. It leaves out
/// those that are closing and those whose queue is full. Handlers, hooks, sessions and tasks may
/// call it.
///
/// A message over the site's limit reaches nobody.
pub fn publish(topic: impl AsRef<str>, message: impl AsMessage) -> usize {
    sys::publish(topic.as_ref(), message.as_message(), None)
}

/// The same with the JSON of `value`, as text.
///
/// # Errors
/// `value` has no JSON form.
pub fn publish_json<T: Serialize + ?Sized>(topic: impl AsRef<str>, value: &T) -> Result<usize> {
    Ok(publish(topic, serde_json::to_string(value)?))
}

/// The subscribers of the topic on this node, by number.
pub fn members(topic: impl AsRef<str>) -> Vec<Sender> {
    senders(sys::members(Some(topic.as_ref())))
}

/// How many subscribers the topic has on this node.
pub fn count(topic: impl AsRef<str>) -> usize {
    sys::members(Some(topic.as_ref())).len()
}

/// All sockets of this plugin on this node, by number. Sockets whose handshake is not complete, and
/// sockets whose `close` hook has not returned, are among them: [`Sender::state`] tells them apart.
pub fn sockets() -> Vec<Sender> {
    senders(sys::members(None))
}

fn senders(mut ids: Vec<u32>) -> Vec<Sender> {
    ids.sort_unstable();
    ids.into_iter().map(Sender::new).collect()
}

impl Sender {
    /// Subscribes this socket to the topic. Does nothing if it is subscribed already.
    ///
    /// # Errors
    /// See [`SubscribeError`].
    pub fn subscribe(&self, topic: impl AsRef<str>) -> Result<(), SubscribeError> {
        sys::subscribe(self.id(), topic.as_ref())
    }

    /// Ends this socket's subscription, if there is one.
    pub fn unsubscribe(&self, topic: impl AsRef<str>) {
        sys::unsubscribe(self.id(), topic.as_ref());
    }

    /// The topics that this socket hears, in the order of their names. A socket that is gone hears
    /// none.
    pub fn topics(&self) -> Vec<String> {
        sys::subscriptions(self.id())
    }

    /// Whether this socket hears the topic.
    pub fn is_subscribed(&self, topic: impl AsRef<str>) -> bool {
        self.topics().iter().any(|heard| heard == topic.as_ref())
    }

    /// Queues a message for every subscriber of the topic but this socket, and returns for how
    /// many. This socket need not be a subscriber. See [`topics::publish`](publish), which reaches
    /// all.
    pub fn publish(&self, topic: impl AsRef<str>, message: impl AsMessage) -> usize {
        sys::publish(topic.as_ref(), message.as_message(), Some(self.id()))
    }

    /// The same with the JSON of `value`, as text.
    ///
    /// # Errors
    /// `value` has no JSON form.
    pub fn publish_json<T: Serialize + ?Sized>(
        &self,
        topic: impl AsRef<str>,
        value: &T,
    ) -> Result<usize> {
        let json = serde_json::to_string(value)?;
        Ok(sys::publish(topic.as_ref(), MessageRef::Text(&json), Some(self.id())))
    }
}

/// Why a socket could not subscribe to a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscribeError {
    /// The socket is gone.
    Closed,
    /// The socket has as many topics as the site allows, given here.
    TooMany(u32),
    /// The topic's name is longer than 256 bytes.
    NameTooLong,
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the socket is closed; it hears no topics"),
            Self::TooMany(limit) => write!(
                f,
                "the socket has {limit} topics, as many as the site allows; unsubscribe it from some, \
                 or publish to fewer and broader ones"
            ),
            Self::NameTooLong => {
                f.write_str("the topic's name is over 256 bytes: name it by a key or a hash")
            }
        }
    }
}

impl Error for SubscribeError {}

#[cfg(test)]
mod tests;
