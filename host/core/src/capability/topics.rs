//! `topics`: groups of a plugin's sockets that get the same messages.

mod local;

use std::fmt::Debug;
use std::sync::Arc;

use super::State;
use super::socket::Socket;
use crate::capability::bindings::socket::SocketId;
use crate::capability::bindings::topics::{self as wit, Message, SubscribeError};
use crate::config::Scope;
use crate::message::Opcode;

pub(crate) use local::{LocalTopics, Subscriptions};

/// The longest name of a topic, in bytes.
const MAX_NAME: usize = 256;

/// A topic of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Topic {
    /// The value of the route parameter that the topic belongs to. None if it belongs to the
    /// plugin.
    pub scope: Option<Arc<str>>,
    /// The name that the guest uses.
    pub name: String,
}

/// The topics of one plugin: on this node alone, or joined with those of other nodes by a broker.
///
/// A socket is on one node. So an implementation knows the subscribers of its own node, and
/// delivers to them itself, as [`LocalTopics`] does. An implementation with a broker would hold a
/// `LocalTopics`, and pass what other nodes must get to a task of its own, by a queue, because no
/// call here may wait. A publish is one dynamic call, however many subscribers there are.
pub(crate) trait Topics: Debug + Send + Sync {
    /// Subscribes a socket to a topic. Subscribing again changes nothing.
    ///
    /// # Errors
    /// The socket has as many topics as it may have, its site may not hold more in memory, or it
    /// has left.
    fn subscribe(&self, socket: &Arc<Socket>, topic: Topic) -> Result<(), SubscribeError>;

    /// Ends a socket's subscription to a topic.
    fn unsubscribe(&self, socket: &Socket, topic: &Topic);

    /// Moves a socket's subscription to the topic of the same name in another scope. It needs no
    /// more memory than before, so this always succeeds.
    fn rescope(&self, socket: &Arc<Socket>, from: &Topic, to: Topic);

    /// Ends all subscriptions of a socket that is gone. It cannot subscribe again.
    fn leave(&self, socket: &Socket);

    /// Queues a message for all subscribers, on every node. Returns for how many on this node.
    fn publish(&self, topic: &Topic, publication: &Publication<'_>) -> u32;

    /// The subscribers on this node, by number.
    fn members(&self, topic: &Topic) -> Vec<u32>;
}

/// A message for the subscribers of a topic.
#[derive(Debug)]
pub(crate) struct Publication<'p> {
    pub opcode: Opcode,
    pub payload: &'p [u8],
    /// A socket of this node that does not get the message.
    pub not_to: Option<u32>,
    /// A socket whose task is about to look at its queue, and need not be woken.
    pub awake: Option<u32>,
}

impl Socket {
    /// The names of the socket's topics, sorted.
    fn subscriptions(&self) -> Vec<String> {
        let topics = self.topics.lock();
        let names = topics.iter().flatten().map(|topic| topic.name.clone());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        names
    }
}

impl State {
    /// The topic with this name, in the scope of this instance.
    fn topic(&self, name: String) -> Topic {
        Topic { scope: self.scope.clone(), name }
    }

    /// Whether a socket is in the scope of this instance.
    fn is_in_scope(&self, socket: &Socket) -> bool {
        match (&self.scope, &self.context.settings.scope) {
            (Some(own), Scope::Param(name)) => socket.request.scope_value(name) == &**own,
            _ => true,
        }
    }
}

impl wit::Host for State {
    fn subscribe(
        &mut self,
        socket: SocketId,
        topic: String,
    ) -> wasmtime::Result<Result<(), SubscribeError>> {
        if topic.len() > MAX_NAME {
            return Ok(Err(SubscribeError::NameTooLong));
        }
        let Some(socket) = self.socket(socket) else { return Ok(Err(SubscribeError::Closed)) };
        let topic = self.topic(topic);
        Ok(self.context.sockets.topics.subscribe(&socket, topic))
    }

    fn unsubscribe(&mut self, socket: SocketId, topic: String) -> wasmtime::Result<()> {
        if let Some(socket) = self.socket(socket) {
            self.context.sockets.topics.unsubscribe(&socket, &self.topic(topic));
        }
        Ok(())
    }

    fn subscriptions(&mut self, socket: SocketId) -> wasmtime::Result<Vec<String>> {
        Ok(self.socket(socket).map(|socket| socket.subscriptions()).unwrap_or_default())
    }

    fn publish(
        &mut self,
        topic: String,
        message: Message,
        not_to: Option<SocketId>,
    ) -> wasmtime::Result<u32> {
        let (opcode, payload) = match &message {
            Message::Text(text) => (Opcode::Text, text.as_bytes()),
            Message::Binary(bytes) => (Opcode::Binary, &**bytes),
        };
        let publication = Publication { opcode, payload, not_to, awake: self.sent_after() };
        Ok(self.context.sockets.topics.publish(&self.topic(topic), &publication))
    }

    fn members(&mut self, topic: Option<String>) -> wasmtime::Result<Vec<SocketId>> {
        Ok(match topic {
            Some(topic) => self.context.sockets.topics.members(&self.topic(topic)),
            None => {
                let sockets = self.context.sockets.all();
                let is_member =
                    |socket: &&Arc<Socket>| !socket.is_stream() && self.is_in_scope(socket);
                sockets.iter().filter(is_member).map(|socket| socket.id).collect()
            }
        })
    }
}

#[cfg(test)]
mod tests;
