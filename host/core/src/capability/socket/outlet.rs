//! How tasks other than the session's write to a connection.

#[cfg(all(test, feature = "shuttle"))]
use std::io;

use tokio::net::tcp::OwnedWriteHalf;

use crate::outgoing::{Outgoing, slices};

/// The writing half of a connection. Dropping it does not end the connection: the session does
/// that.
#[derive(Debug)]
pub struct Outlet(Option<Half>);

#[derive(Debug)]
enum Half {
    Tcp(OwnedWriteHalf),
    #[cfg(all(test, feature = "shuttle"))]
    Checked(std::sync::Arc<dyn TryWrite>),
}

/// The network of the model checker.
#[cfg(all(test, feature = "shuttle"))]
pub trait TryWrite: std::fmt::Debug + Send + Sync {
    /// See [`Outlet::write`].
    ///
    /// # Errors
    /// The network takes nothing now.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;
}

impl Outlet {
    /// The outlet of a connection.
    pub fn new(half: OwnedWriteHalf) -> Self {
        Self(Some(Half::Tcp(half)))
    }

    /// The outlet of the model checker's network.
    #[cfg(all(test, feature = "shuttle"))]
    pub fn checked(network: std::sync::Arc<dyn TryWrite>) -> Self {
        Self(Some(Half::Checked(network)))
    }

    /// Writes what the network takes at once. Returns how many bytes that were. A lost connection
    /// takes none, and the session's task will notice.
    pub fn write(&self, bytes: &Outgoing) -> usize {
        let written = match &self.0 {
            Some(Half::Tcp(half)) => match bytes.gather(&mut slices()) {
                [one] => half.try_write(one),
                many => half.try_write_vectored(many),
            },
            #[cfg(all(test, feature = "shuttle"))]
            Some(Half::Checked(network)) => match bytes.gather(&mut slices()) {
                [first, ..] => network.try_write(first),
                [] => Ok(0),
            },
            None => Ok(0),
        };
        written.unwrap_or(0)
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        match self.0.take() {
            // Dropping the half itself would end the connection.
            Some(Half::Tcp(half)) => half.forget(),
            #[cfg(all(test, feature = "shuttle"))]
            Some(Half::Checked(_)) => {}
            None => {}
        }
    }
}
