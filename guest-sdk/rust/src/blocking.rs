//! The socket of a blocking session.

use std::ops::Deref;

use crate::{Sender, SocketEvent, sys};

/// The socket of a blocking session: a [`Sender`] that is also an iterator of what arrives.
///
/// ```
/// use lithe_sdk::{BlockingSocket, Result, SocketEvent};
///
/// fn echo(mut socket: BlockingSocket) -> Result<()> {
///     while let Some(event) = socket.next() {
///         if let SocketEvent::Text(text) = event {
///             socket.send_text(text)?;
///         }
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct BlockingSocket {
    sender: Sender,
    closed: bool,
}

impl BlockingSocket {
    pub(crate) fn new(id: u32) -> Self {
        Self { sender: Sender::new(id), closed: false }
    }

    /// The sending half.
    pub fn sender(&self) -> Sender {
        self.sender
    }
}

impl Iterator for BlockingSocket {
    type Item = SocketEvent;

    /// Waits for the next event: messages in the order of their arrival, then one
    /// [`Close`](SocketEvent::Close), then none.
    fn next(&mut self) -> Option<SocketEvent> {
        if self.closed {
            return None;
        }
        Some(match sys::receive(self.sender.id()) {
            Ok(message) => message.into(),
            Err(info) => {
                self.closed = true;
                SocketEvent::Close(info)
            }
        })
    }
}

impl Deref for BlockingSocket {
    type Target = Sender;

    fn deref(&self) -> &Sender {
        &self.sender
    }
}
