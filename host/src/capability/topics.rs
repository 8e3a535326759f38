//! `topics`: groups of a plugin's sockets that hear the same messages.

use std::collections::{HashMap, HashSet};

use super::State;
use super::socket::Socket;
use super::sockets::Sockets;
use crate::bindings::socket::SocketId;
use crate::bindings::topics::{self as wit, Message, SubscribeError};
use crate::message::{Encoded, Opcode};

/// Who hears what, by number.
pub type Topics = HashMap<String, HashSet<u32>>;

/// Topics that one socket may hear.
const MAX_TOPICS: usize = 64;

/// A topic's name, in bytes.
const MAX_NAME: usize = 256;

impl Sockets {
    fn subscribe(&self, socket: &Socket, topic: String) -> Result<(), SubscribeError> {
        if topic.len() > MAX_NAME {
            return Err(SubscribeError::NameTooLong);
        }
        let mut topics = self.topics.lock();
        let mut heard = socket.topics.lock();
        if heard.contains(&topic) {
            return Ok(());
        }
        if heard.len() >= MAX_TOPICS {
            return Err(SubscribeError::TooMany(MAX_TOPICS as u32));
        }
        heard.insert(topic.clone());
        topics.entry(topic).or_default().insert(socket.id);
        Ok(())
    }

    fn unsubscribe(&self, socket: &Socket, topic: &str) {
        let mut topics = self.topics.lock();
        if socket.topics.lock().remove(topic) {
            leave(&mut topics, topic, socket.id);
        }
    }

    pub(super) fn leave_topics(&self, socket: &Socket) {
        let mut topics = self.topics.lock();
        for topic in socket.topics.lock().drain() {
            leave(&mut topics, &topic, socket.id);
        }
    }

    fn members(&self, topic: &str) -> Vec<u32> {
        let topics = self.topics.lock();
        topics.get(topic).map(|members| members.iter().copied().collect()).unwrap_or_default()
    }
}

fn leave(topics: &mut Topics, topic: &str, id: u32) {
    if let Some(members) = topics.get_mut(topic) {
        members.remove(&id);
        if members.is_empty() {
            topics.remove(topic);
        }
    }
}

impl wit::Host for State {
    fn subscribe(
        &mut self,
        socket: SocketId,
        topic: String,
    ) -> wasmtime::Result<Result<(), SubscribeError>> {
        Ok(match self.socket(socket) {
            Some(socket) => self.context.sockets.subscribe(&socket, topic),
            None => Err(SubscribeError::Closed),
        })
    }

    fn unsubscribe(&mut self, socket: SocketId, topic: String) -> wasmtime::Result<()> {
        if let Some(socket) = self.socket(socket) {
            self.context.sockets.unsubscribe(&socket, &topic);
        }
        Ok(())
    }

    fn publish(
        &mut self,
        topic: String,
        message: Message,
        not_to: Option<SocketId>,
    ) -> wasmtime::Result<u32> {
        let message = match &message {
            Message::Text(text) => Encoded::new(Opcode::Text, text.as_bytes()),
            Message::Binary(bytes) => Encoded::new(Opcode::Binary, bytes),
        };
        let mut queued = 0;
        for id in self.context.sockets.members(&topic) {
            if Some(id) == not_to {
                continue;
            }
            let Some(socket) = self.socket(id) else { continue };
            queued += u32::from(socket.send_encoded(&message).is_ok());
            if !self.is_sent_after(&socket) {
                socket.wake();
            }
        }
        Ok(queued)
    }

    fn members(&mut self, topic: Option<String>) -> wasmtime::Result<Vec<SocketId>> {
        Ok(match topic {
            Some(topic) => self.context.sockets.members(&topic),
            None => {
                let sockets = self.context.sockets.all();
                let websockets = sockets.iter().filter(|socket| !socket.is_stream());
                websockets.map(|socket| socket.id).collect()
            }
        })
    }
}
