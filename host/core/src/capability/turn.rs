//! `turn`: in a call for several sockets, the guest says which socket it is handling.

use std::sync::Arc;

use super::State;
use super::socket::{Delivery, Socket};
use crate::capability::bindings::socket::SocketId;
use crate::capability::bindings::turn as wit;

/// The sockets of one call, and which of them is being handled.
#[derive(Debug, Default)]
pub struct Turns {
    pub deliveries: Vec<Delivery>,
    /// The index of that socket.
    pub at: usize,
}

impl Turns {
    /// Starts with the first socket.
    pub fn of(deliveries: Vec<Delivery>) -> Self {
        Self { deliveries, at: 0 }
    }

    /// The socket that is being handled.
    pub fn current(&self) -> Option<&Arc<Socket>> {
        self.deliveries.get(self.at).map(|delivery| &delivery.socket)
    }

    fn begin(&mut self, socket: SocketId) -> Option<&Arc<Socket>> {
        let later = self.deliveries.iter().skip(self.at + 1);
        self.at += 1 + later.map(|delivery| delivery.socket.id).position(|id| id == socket)?;
        self.current()
    }
}

impl wit::Host for State {
    fn begin(&mut self, socket: SocketId) -> wasmtime::Result<()> {
        let Some(socket) = self.turns.begin(socket).cloned() else {
            wasmtime::bail!(
                "`turn.begin`: socket {socket} is not one of the sockets that are still to come"
            );
        };
        self.begin_turn(socket);
        Ok(())
    }
}
