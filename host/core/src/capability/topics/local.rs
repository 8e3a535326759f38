//! The topics of one node.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Publication, Topic, Topics};
use crate::capability::account::Held;
use crate::capability::bindings::topics::SubscribeError;
use crate::capability::socket::Socket;
use crate::config::Limit;
use crate::message::Encoded;
use crate::sync::Mutex;

/// What a subscription takes apart from the topic's name, in bytes: two entries, with the room that
/// tables leave free.
const SUBSCRIPTION: usize = 256;

/// The topics of one socket. None once it has left.
pub(crate) type Subscriptions = Option<HashSet<Topic>>;

/// The subscribers on this node.
#[derive(Debug, Default)]
pub(crate) struct LocalTopics {
    /// Locked before the topics of a socket.
    members: Mutex<HashMap<Topic, Members>>,
}

/// By number.
type Members = HashMap<u32, Arc<Socket>>;

impl Topics for LocalTopics {
    fn subscribe(&self, socket: &Arc<Socket>, topic: Topic) -> Result<(), SubscribeError> {
        let mut members = self.members.lock();
        let mut topics = socket.topics.lock();
        let Some(topics) = topics.as_mut() else { return Err(SubscribeError::Closed) };
        if topics.contains(&topic) {
            return Ok(());
        }
        let max = socket.bounds.topics;
        if topics.len() >= max {
            socket.account.exceed(Limit::Topics);
            return Err(SubscribeError::TooMany(u32::try_from(max).unwrap_or(u32::MAX)));
        }
        let weight = weight(&topic);
        if let Err(over) = socket.account.memory().check_more(Held::Sockets, weight) {
            socket.account.exceed(over.limit);
            return Err(SubscribeError::TooMany(u32::try_from(topics.len()).unwrap_or(u32::MAX)));
        }
        socket.add_weight(weight);
        topics.insert(topic.clone());
        members.entry(topic).or_default().insert(socket.id, socket.clone());
        Ok(())
    }

    fn unsubscribe(&self, socket: &Socket, topic: &Topic) {
        let mut members = self.members.lock();
        if socket.topics.lock().as_mut().is_some_and(|topics| topics.remove(topic)) {
            remove(&mut members, topic, socket.id);
            socket.subtract_weight(weight(topic));
        }
    }

    fn rescope(&self, socket: &Arc<Socket>, from: &Topic, to: Topic) {
        let mut members = self.members.lock();
        let mut topics = socket.topics.lock();
        let Some(topics) = topics.as_mut() else { return };
        if !topics.remove(from) {
            return;
        }
        remove(&mut members, from, socket.id);
        if topics.insert(to.clone()) {
            members.entry(to).or_default().insert(socket.id, socket.clone());
        } else {
            socket.subtract_weight(weight(from));
        }
    }

    fn leave(&self, socket: &Socket) {
        let mut members = self.members.lock();
        for topic in socket.topics.lock().take().unwrap_or_default() {
            remove(&mut members, &topic, socket.id);
            socket.subtract_weight(weight(&topic));
        }
    }

    fn publish(&self, topic: &Topic, publication: &Publication<'_>) -> u32 {
        // Copied, so that nobody waits for a long delivery.
        let members: Vec<Arc<Socket>> = match self.members.lock().get(topic) {
            Some(members) => members.values().cloned().collect(),
            None => return 0,
        };
        let Some(first) = members.first() else { return 0 };
        let memory = first.account.memory();
        let share = |frame| memory.charged(Held::Messages, frame);
        let message = Encoded::new(publication.opcode, publication.payload, share);
        let mut queued = 0;
        for socket in members.iter().filter(|socket| Some(socket.id) != publication.not_to) {
            queued += u32::from(socket.send_encoded(&message).is_ok());
            if Some(socket.id) != publication.awake {
                socket.wake();
            }
        }
        queued
    }

    fn members(&self, topic: &Topic) -> Vec<u32> {
        let members = self.members.lock();
        members.get(topic).map(|members| members.keys().copied().collect()).unwrap_or_default()
    }
}

/// What a subscription takes, in bytes. The name is in two tables.
fn weight(topic: &Topic) -> usize {
    topic.name.len().saturating_mul(2).saturating_add(SUBSCRIPTION)
}

fn remove(topics: &mut HashMap<Topic, Members>, topic: &Topic, id: u32) {
    if let Some(members) = topics.get_mut(topic) {
        members.remove(&id);
        if members.is_empty() {
            topics.remove(topic);
        }
    }
}
