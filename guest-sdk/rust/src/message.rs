//! Messages and events of a socket.

use std::borrow::Cow;

use serde::de::{DeserializeOwned, Error};

use crate::event::{PARSED, too_large};

/// One whole WebSocket message (RFC 6455, 5.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// UTF-8 text.
    Text(String),
    /// Any bytes.
    Binary(Vec<u8>),
}

impl Message {
    /// The message as text. Bytes of a binary message that are not UTF-8 become `U+FFFD`.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Binary(bytes) => String::from_utf8_lossy(bytes),
        }
    }

    /// The message's bytes. For a text message, they are its UTF-8.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The message as JSON, if it has at most 128 KiB.
    ///
    /// # Errors
    /// The message is larger, or not the JSON of a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        self.json_within(PARSED)
    }

    /// The message as JSON, if it has at most so many bytes. A value may take many times the bytes
    /// of its JSON.
    ///
    /// # Errors
    /// As [`json`](Self::json).
    pub fn json_within<T: DeserializeOwned>(&self, limit: usize) -> serde_json::Result<T> {
        let bytes = self.bytes();
        if bytes.len() > limit {
            return Err(serde_json::Error::custom(too_large("message", limit, "json_within")));
        }
        serde_json::from_slice(bytes)
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseInfo {
    /// The close code (RFC 6455, 7.4). 1005 if the peer gave none, 1006 if the connection was
    /// lost.
    pub code: u16,
    /// The peer's reason. It is often empty.
    pub reason: String,
    /// Whether both sides sent a close frame.
    pub clean: bool,
}

/// What a session's `next` gives: messages, and then one `Close`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketEvent {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// The session has ended. Nothing can be sent any more.
    Close(CloseInfo),
}

impl SocketEvent {
    /// The message, if it is one.
    pub fn into_message(self) -> Option<Message> {
        match self {
            Self::Text(text) => Some(Message::Text(text)),
            Self::Binary(bytes) => Some(Message::Binary(bytes)),
            Self::Close(_) => None,
        }
    }

    /// The text of a text message.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) | Self::Close(_) => None,
        }
    }

    /// The bytes of a message of either kind.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text.as_bytes()),
            Self::Binary(bytes) => Some(bytes),
            Self::Close(_) => None,
        }
    }

    /// How the session has ended, if it has.
    pub fn as_close(&self) -> Option<&CloseInfo> {
        match self {
            Self::Close(info) => Some(info),
            Self::Text(_) | Self::Binary(_) => None,
        }
    }
}

impl From<Message> for SocketEvent {
    fn from(message: Message) -> Self {
        match message {
            Message::Text(text) => Self::Text(text),
            Message::Binary(bytes) => Self::Binary(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_binary_message_is_lossy_and_bytes_are_exact() {
        let message = Message::from(vec![b'a', 0xff]);
        assert_eq!(message.text(), "a\u{fffd}");
        assert_eq!(message.bytes(), [b'a', 0xff]);
    }

    #[test]
    fn json_is_read_from_either_kind() {
        assert_eq!(Message::from("[1,2]").json::<Vec<u8>>().unwrap(), [1, 2]);
        assert_eq!(Message::from(b"[3]".to_vec()).json::<Vec<u8>>().unwrap(), [3]);
        assert!(Message::from("nope").json::<Vec<u8>>().is_err());
    }

    #[test]
    fn a_message_over_the_limit_is_not_read_as_json() {
        let large = |size: usize| Message::from(format!("\"{}\"", "x".repeat(size - 2)));
        assert!(large(PARSED).json::<String>().is_ok());
        let error = large(PARSED + 1).json::<String>().unwrap_err().to_string();
        let expected =
            "the message is larger than 131072 bytes: `json_within` reads it with a higher limit";
        assert_eq!(error, expected);
        assert!(large(PARSED + 1).json_within::<String>(PARSED + 1).is_ok());
    }

    #[test]
    fn an_event_is_a_message_or_the_end() {
        let text = SocketEvent::Text("a".into());
        assert_eq!((text.as_text(), text.as_bytes()), (Some("a"), Some(&b"a"[..])));
        assert_eq!(text.into_message(), Some("a".into()));
        let binary = SocketEvent::Binary(vec![1]);
        assert_eq!((binary.as_text(), binary.as_bytes()), (None, Some(&[1][..])));
        let info = CloseInfo { code: 1000, reason: String::new(), clean: true };
        let close = SocketEvent::Close(info.clone());
        assert_eq!((close.as_bytes(), close.as_close()), (None, Some(&info)));
        assert_eq!(close.into_message(), None);
    }
}
