//! `topics`.

use crate::bindings::socket::MessageParam;
use crate::bindings::topics;
use crate::{MessageRef, SubscribeError};

pub(crate) fn subscribe(socket: u32, topic: &str) -> Result<(), SubscribeError> {
    Ok(topics::subscribe(socket, topic)?)
}

pub(crate) fn unsubscribe(socket: u32, topic: &str) {
    topics::unsubscribe(socket, topic);
}

pub(crate) fn subscriptions(socket: u32) -> Vec<String> {
    topics::subscriptions(socket)
}

pub(crate) fn publish(topic: &str, message: MessageRef<'_>, not_to: Option<u32>) -> usize {
    let message = match message {
        MessageRef::Text(text) => MessageParam::Text(text),
        MessageRef::Binary(bytes) => MessageParam::Binary(bytes),
    };
    topics::publish(topic, message, not_to) as usize
}

pub(crate) fn members(topic: Option<&str>) -> Vec<u32> {
    topics::members(topic)
}

impl From<topics::SubscribeError> for SubscribeError {
    fn from(error: topics::SubscribeError) -> Self {
        match error {
            topics::SubscribeError::Closed => Self::Closed,
            topics::SubscribeError::TooMany(limit) => Self::TooMany(limit),
            topics::SubscribeError::NameTooLong => Self::NameTooLong,
        }
    }
}
