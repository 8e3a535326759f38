//! What others than its session's task write to a connection with.

use std::io;

use tokio::net::tcp::OwnedWriteHalf;

/// The writing half of a connection. Its end is not the connection's: that is the session's to say.
#[derive(Debug)]
pub struct Outlet(Option<OwnedWriteHalf>);

impl Outlet {
    /// Of a connection.
    pub fn new(half: OwnedWriteHalf) -> Self {
        Self(Some(half))
    }

    /// Writes what the network takes at once, and answers how much that was.
    ///
    /// # Errors
    /// It takes nothing now, or the connection is lost.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Some(half) => half.try_write(bytes),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        // Dropped by itself, it would end the connection.
        if let Some(half) = self.0.take() {
            half.forget();
        }
    }
}
