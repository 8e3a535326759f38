//! `topics`: groups of a plugin's sockets that hear the same messages.

mod local;

use std::fmt::Debug;
use std::sync::Arc;

use super::State;
use super::socket::Socket;
use crate::capability::bindings::socket::SocketId;
use crate::capability::bindings::topics::{self as wit, Message, SubscribeError};
use crate::config::{Limit, Scope};
use crate::message::Opcode;

pub(crate) use local::{Heard, LocalTopics};

/// A topic's name, in bytes.
const MAX_NAME: usize = 256;

/// A topic of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Topic {
    /// The value of the route parameter that the topic is for; none, if it is the plugin's.
    pub scope: Option<Arc<str>>,
    /// As the guest says it.
    pub name: String,
}

/// The topics of one plugin: on this node alone, or joined with those of other nodes by a broker.
///
/// A socket is on one node. So each implementation knows the subscribers of its own node, and
/// delivers to them itself ([`LocalTopics`] does both, and one with a broker would hold it); what
/// other nodes are to hear leaves by a queue and a task of its own, for no call here may wait. A
/// guest's call is one dynamic call, however many subscribers there are.
pub(crate) trait Topics: Debug + Send + Sync {
    /// The socket hears the topic from now on; once, however often it subscribes.
    ///
    /// # Errors
    /// The socket has as many topics as it may, or has left.
    fn subscribe(&self, socket: &Arc<Socket>, topic: Topic) -> Result<(), SubscribeError>;

    /// The socket hears the topic no longer.
    fn unsubscribe(&self, socket: &Socket, topic: &Topic);

    /// The socket is gone: it hears nothing from now on.
    fn leave(&self, socket: &Socket);

    /// Queues a message for all subscribers, on every node. Answers for how many on this one.
    fn publish(&self, topic: &Topic, publication: &Publication<'_>) -> u32;

    /// The subscribers on this node, by number.
    fn members(&self, topic: &Topic) -> Vec<u32>;
}

/// A message for the subscribers of a topic.
#[derive(Debug)]
pub(crate) struct Publication<'p> {
    pub opcode: Opcode,
    pub payload: &'p [u8],
    /// This socket, of this node, does not hear it.
    pub not_to: Option<u32>,
    /// This socket's task is about to look at its queue: it need not be woken.
    pub awake: Option<u32>,
}

impl Socket {
    /// What it hears, in the order of the names.
    fn subscriptions(&self) -> Vec<String> {
        let heard = self.topics.lock();
        let names = heard.iter().flatten().map(|topic| topic.name.clone());
        let mut heard: Vec<String> = names.collect();
        heard.sort_unstable();
        heard
    }
}

impl State {
    /// The topic of that name, of the scope that the instance is for.
    fn topic(&self, name: String) -> Topic {
        Topic { scope: self.scope.clone(), name }
    }

    /// Whether a socket is of the scope that the instance is for.
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
        let subscribed = self.context.sockets.topics.subscribe(&socket, topic);
        if matches!(subscribed, Err(SubscribeError::TooMany(_))) {
            self.context.account.exceed(Limit::Topics);
        }
        Ok(subscribed)
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
