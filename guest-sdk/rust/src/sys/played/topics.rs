//! Topics of the host in memory.

use std::collections::{BTreeMap, BTreeSet};

use super::HOST;
use super::sockets::{is_known, send_binary, send_text, with_socket};
use crate::{MessageRef, SubscribeError};

/// The sockets that hear each topic, by number.
pub(super) type Topics = BTreeMap<String, BTreeSet<u32>>;

/// How many topics one socket may hear.
const MAX_TOPICS: usize = 64;

/// How long a topic's name may be, in bytes.
const MAX_NAME: usize = 256;

pub(crate) fn subscribe(socket: u32, topic: &str) -> Result<(), SubscribeError> {
    if !is_known(socket) {
        return Err(SubscribeError::Closed);
    }
    if topic.len() > MAX_NAME {
        return Err(SubscribeError::NameTooLong);
    }
    with_topics(|topics| {
        let heard = topics.values().filter(|members| members.contains(&socket)).count();
        let is_heard = topics.get(topic).is_some_and(|members| members.contains(&socket));
        if heard >= MAX_TOPICS && !is_heard {
            return Err(SubscribeError::TooMany(MAX_TOPICS as u32));
        }
        topics.entry(topic.to_owned()).or_default().insert(socket);
        Ok(())
    })
}

pub(crate) fn unsubscribe(socket: u32, topic: &str) {
    with_topics(|topics| topics.get_mut(topic).is_some_and(|members| members.remove(&socket)));
}

pub(crate) fn subscriptions(socket: u32) -> Vec<String> {
    with_topics(|topics| {
        let heard = topics.iter().filter(|(_, members)| members.contains(&socket));
        heard.map(|(topic, _)| topic.clone()).collect()
    })
}

pub(crate) fn publish(topic: &str, message: MessageRef<'_>, not_to: Option<u32>) -> usize {
    let members = members(Some(topic)).into_iter().filter(|member| Some(*member) != not_to);
    let send = |member: &u32| match message {
        MessageRef::Text(text) => send_text(*member, text).is_ok(),
        MessageRef::Binary(bytes) => send_binary(*member, bytes).is_ok(),
    };
    members.filter(send).count()
}

pub(crate) fn members(topic: Option<&str>) -> Vec<u32> {
    match topic {
        Some(topic) => {
            with_topics(|topics| topics.get(topic).into_iter().flatten().copied().collect())
        }
        None => HOST.with(|host| {
            let sockets = host.sockets.borrow();
            sockets.iter().filter(|(_, socket)| !socket.gone).map(|(id, _)| *id).collect()
        }),
    }
}

/// Removes a socket from its topics: the guest has had its last call for it.
pub(crate) fn set_gone(socket: u32) {
    with_socket(socket, |socket| socket.gone = true);
    with_topics(|topics| {
        topics.retain(|_, members| !members.remove(&socket) || !members.is_empty())
    });
}

fn with_topics<R>(f: impl FnOnce(&mut Topics) -> R) -> R {
    HOST.with(|host| f(&mut host.topics.borrow_mut()))
}
