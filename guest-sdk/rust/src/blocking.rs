//! The socket of a blocking session.

use std::ops::Deref;
use std::time::Duration;

use crate::time::Elapsed;
use crate::{CloseInfo, Sender, SocketEvent, sys};

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

    /// Waits for the next event, as the iterator does, but no longer than `limit`. In a test, the
    /// time passes only if the test has [advanced](crate::testing::advance) it before the client
    /// went on.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use lithe_sdk::{BlockingSocket, Result};
    ///
    /// fn patient(mut socket: BlockingSocket) -> Result<()> {
    ///     loop {
    ///         match socket.receive_timeout(Duration::from_secs(30)) {
    ///             Ok(Some(event)) => println!("{event:?}"),
    ///             Ok(None) => return Ok(()),
    ///             Err(_) => socket.send_text("are you there?")?,
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// The time was up. The socket is as before.
    pub fn receive_timeout(&mut self, limit: Duration) -> Result<Option<SocketEvent>, Elapsed> {
        if self.closed {
            return Ok(None);
        }
        match sys::receive(self.sender.id(), Some(limit)) {
            Ok(None) => Err(Elapsed),
            Ok(Some(message)) => Ok(Some(message.into())),
            Err(info) => Ok(Some(self.end(info))),
        }
    }

    fn end(&mut self, info: CloseInfo) -> SocketEvent {
        self.closed = true;
        SocketEvent::Close(info)
    }
}

impl Iterator for BlockingSocket {
    type Item = SocketEvent;

    /// Waits for the next event: messages in the order of their arrival, then one
    /// [`Close`](SocketEvent::Close), then `None`.
    fn next(&mut self) -> Option<SocketEvent> {
        if self.closed {
            return None;
        }
        loop {
            match sys::receive(self.sender.id(), None) {
                // Without a limit, the time is never up.
                Ok(None) => {}
                Ok(Some(message)) => return Some(message.into()),
                Err(info) => return Some(self.end(info)),
            }
        }
    }
}

impl Deref for BlockingSocket {
    type Target = Sender;

    fn deref(&self) -> &Sender {
        &self.sender
    }
}
