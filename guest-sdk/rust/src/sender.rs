//! The sending half of a socket.

use std::error::Error;
use std::fmt;

use serde::Serialize;

use crate::{ContextError, Event, Message, SubscribeError, drain, sys};

/// The sending half of a socket. It is a number: copy and keep it as you like.
///
/// [`Socket`](crate::Socket), [`BlockingSocket`](crate::BlockingSocket) and [`Peer`](crate::Peer)
/// dereference to it, so its methods are theirs. The host owns the socket itself. A `Sender` that
/// outlives the socket does no harm: a send fails with [`SendError::Closed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sender {
    id: u32,
}

impl Sender {
    pub(crate) fn new(id: u32) -> Self {
        Self { id }
    }

    /// The socket's number. It is not used again while any socket of this plugin has it.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Queues a text message. Never blocks. Messages leave in the order of their sending.
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn send_text(&self, text: impl AsRef<str>) -> Result<(), SendError> {
        drain::note(self.id, sys::send_text(self.id, text.as_ref()))
    }

    /// Queues a binary message. Never blocks. Messages leave in the order of their sending.
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn send_binary(&self, bytes: impl AsRef<[u8]>) -> Result<(), SendError> {
        drain::note(self.id, sys::send_binary(self.id, bytes.as_ref()))
    }

    /// Queues a message of either kind, such as one that was received.
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn send(&self, message: &Message) -> Result<(), SendError> {
        match message {
            Message::Text(text) => self.send_text(text),
            Message::Binary(bytes) => self.send_binary(bytes),
        }
    }

    /// Queues the JSON of `value`, as text.
    ///
    /// # Errors
    /// `value` has no JSON form, or a [`SendError`].
    pub fn send_json<T: Serialize + ?Sized>(&self, value: &T) -> crate::Result<()> {
        Ok(self.send_text(serde_json::to_string(value)?)?)
    }

    /// Closes the socket after what is queued. `code` is 1000 or 3000 to 4999, `reason` at most 123
    /// bytes of UTF-8 (RFC 6455, 5.5.1 and 7.4.2). A socket that is already closing or gone is left
    /// as it is.
    ///
    /// # Errors
    /// The code or the reason may not be sent. The socket stays as it is.
    pub fn close(&self, code: u16, reason: impl AsRef<str>) -> Result<(), CloseError> {
        sys::close(self.id, Some(code), reason.as_ref())
    }

    /// Drops the connection, without a close frame. What is queued is lost.
    pub fn terminate(&self) {
        sys::terminate(self.id);
    }

    /// The socket's state, between handshake and end.
    pub fn state(&self) -> ReadyState {
        sys::state(self.id)
    }

    /// The protocol that the handshake chose (RFC 6455, 1.9).
    pub fn protocol(&self) -> Option<String> {
        sys::protocol(self.id)
    }

    /// Bytes of payload queued and not yet handed to the network.
    pub fn buffered_amount(&self) -> u32 {
        sys::buffered_amount(self.id)
    }

    /// The request of the handshake, with its route parameters and locals. `None` once the socket
    /// is gone.
    pub fn event(&self) -> Option<Event> {
        sys::event_of(self.id).map(Event::past)
    }

    /// The bytes that the upgrade, or [`set_attachment`](Self::set_attachment), left with the
    /// socket. The host keeps them, and a swap does not lose them. They are empty once the socket
    /// is gone.
    pub fn attachment(&self) -> Vec<u8> {
        sys::attachment(self.id)
    }

    /// Leaves bytes with the socket: at most the site's attachment limit, 16 KiB by default.
    ///
    /// # Errors
    /// See [`AttachmentError`].
    pub fn set_attachment(&self, value: impl AsRef<[u8]>) -> Result<(), AttachmentError> {
        sys::set_attachment(self.id, value.as_ref())
    }

    /// Closes the socket with 1011. The reason goes to the host's log and not to the peer.
    pub(crate) fn fail(&self, reason: &str) {
        sys::fail(self.id, reason);
    }

    /// Whether `error` only says that this socket's peer has gone: that is not a failure of the
    /// session.
    pub(crate) fn is_own_end(&self, error: &anyhow::Error) -> bool {
        let says_closed = matches!(error.downcast_ref(), Some(SendError::Closed))
            || matches!(error.downcast_ref(), Some(SubscribeError::Closed))
            || matches!(error.downcast_ref(), Some(AttachmentError::Closed))
            || matches!(
                error.downcast_ref(),
                Some(ContextError::Attachment(AttachmentError::Closed))
            );
        says_closed && matches!(self.state(), ReadyState::Closing | ReadyState::Closed)
    }
}

/// The state of a socket, between handshake and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReadyState {
    /// Accepted, and the handshake is not yet complete. What is sent waits until it is.
    Connecting,
    /// Usable in both directions.
    Open,
    /// Either side has asked for the end.
    Closing,
    /// Gone, or never a socket of this plugin.
    Closed,
}

/// Why a message could not be queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError {
    /// The socket is closing or gone.
    Closed,
    /// The message is larger than the site's limit, given here in bytes.
    TooLarge(u64),
    /// The socket's outbound queue is full, and the site's policy is to refuse. Nothing was queued.
    /// There is room again after [`Sender::wait_for_drain`], or in
    /// [`Hooks::drain`](crate::Hooks::drain).
    QueueFull,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the socket is closed; stop sending to it"),
            Self::TooLarge(limit) => write!(
                f,
                "the message is larger than the site's limit of {limit} bytes; send it in parts or \
                 raise the limit"
            ),
            Self::QueueFull => f.write_str(
                "the socket's outbound queue is full; send again after `wait_for_drain`, or in the \
                 `drain` hook",
            ),
        }
    }
}

impl Error for SendError {}

/// Why a close was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseError {
    /// A plugin may not send this code.
    InvalidCode(u16),
    /// The reason is longer than 123 bytes of UTF-8.
    ReasonTooLong,
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidCode(code) => {
                write!(f, "{code} is not a close code: use 1000 or 3000 to 4999")
            }
            Self::ReasonTooLong => f.write_str("the reason is over 123 bytes: shorten it"),
        }
    }
}

impl Error for CloseError {}

/// Why an attachment could not be left with a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachmentError {
    /// The socket is gone.
    Closed,
    /// The attachment is larger than the site's limit, given here in bytes.
    TooLarge(u64),
}

impl fmt::Display for AttachmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the socket is closed; it keeps no attachment"),
            Self::TooLarge(limit) => write!(
                f,
                "the attachment is larger than the site's limit of {limit} bytes; keep a key to it \
                 instead"
            ),
        }
    }
}

impl Error for AttachmentError {}
