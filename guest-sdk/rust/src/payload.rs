//! Messages that are published without a copy.

use std::borrow::Cow;

use crate::Message;

/// A message that is borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageRef<'a> {
    /// UTF-8 text.
    Text(&'a str),
    /// Any bytes.
    Binary(&'a [u8]),
}

/// A value that can be sent as a message: text (`&str`, `String`, `Cow<str>`), bytes (slices,
/// vectors, arrays), and a [`Message`] that was received.
pub trait AsMessage {
    /// The message.
    fn as_message(&self) -> MessageRef<'_>;
}

impl AsMessage for Message {
    fn as_message(&self) -> MessageRef<'_> {
        match self {
            Self::Text(text) => MessageRef::Text(text),
            Self::Binary(bytes) => MessageRef::Binary(bytes),
        }
    }
}

impl AsMessage for str {
    fn as_message(&self) -> MessageRef<'_> {
        MessageRef::Text(self)
    }
}

impl AsMessage for String {
    fn as_message(&self) -> MessageRef<'_> {
        MessageRef::Text(self)
    }
}

impl AsMessage for Cow<'_, str> {
    fn as_message(&self) -> MessageRef<'_> {
        MessageRef::Text(self)
    }
}

impl AsMessage for [u8] {
    fn as_message(&self) -> MessageRef<'_> {
        MessageRef::Binary(self)
    }
}

impl<const N: usize> AsMessage for [u8; N] {
    fn as_message(&self) -> MessageRef<'_> {
        MessageRef::Binary(self)
    }
}

impl AsMessage for Vec<u8> {
    fn as_message(&self) -> MessageRef<'_> {
        MessageRef::Binary(self)
    }
}

impl<T: AsMessage + ?Sized> AsMessage for &T {
    fn as_message(&self) -> MessageRef<'_> {
        (**self).as_message()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text_and_bytes_are_binary() {
        fn is_text(message: impl AsMessage) -> bool {
            matches!(message.as_message(), MessageRef::Text("a"))
        }
        assert!(is_text("a") && is_text(String::from("a")) && is_text(Message::from("a")));
        assert!(is_text(Message::from("a").text()));
        assert!(!is_text(b"a") && !is_text(vec![b'a']) && !is_text(&[b'a'][..]));
    }
}
