//! The other end of a socket, as hooks see it.

use std::ops::Deref;

use crate::{Sender, topics};

/// The other end of a socket: a [`Sender`], and what its handshake's request said.
///
/// The answers about the request are `None` once the socket is gone, after the `close` hook. See
/// [`Sender::event`] for more of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    sender: Sender,
}

impl Peer {
    pub(crate) fn new(id: u32) -> Self {
        Self { sender: Sender::new(id) }
    }

    /// The sending half, which others may keep, such as the other members of a room.
    pub fn sender(&self) -> Sender {
        self.sender
    }

    /// The peers of all sockets of this plugin on this node, this one included; see
    /// [`topics::sockets`].
    pub fn peers(&self) -> Vec<Self> {
        topics::sockets().into_iter().map(|sender| Self { sender }).collect()
    }

    /// `IP:PORT` of the client.
    pub fn client_address(&self) -> Option<String> {
        Some(self.event()?.client_address())
    }

    /// Path and query of the handshake, as sent.
    pub fn uri(&self) -> Option<String> {
        Some(self.event()?.uri())
    }

    /// The handshake's first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<String> {
        self.event()?.header(name)
    }

    /// One of the route's parameters.
    pub fn param(&self, name: &str) -> Option<String> {
        self.event()?.param_str(name)
    }
}

impl Deref for Peer {
    type Target = Sender;

    fn deref(&self) -> &Sender {
        &self.sender
    }
}
