//! `turn`: a call that is for several sockets says for which one it is now.

use std::sync::Arc;

use super::State;
use super::socket::Socket;
use crate::bindings::socket::SocketId;
use crate::bindings::turn as wit;
use crate::message::Messages;

/// What has come on a socket, for its guest.
#[derive(Debug)]
pub struct Delivery {
    pub socket: Arc<Socket>,
    pub messages: Messages,
}

impl Delivery {
    /// Whether all of it is packed, and so can be part of a batch.
    pub fn is_packed(&self) -> bool {
        self.messages.rest().is_empty()
    }

    /// The guest has handled it, or never will.
    pub fn end(self) {
        self.socket.end_delivery();
    }
}

impl Drop for Delivery {
    /// Only where the host has panicked in it, it has not been ended: its socket would wait for ever.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.socket.close(1011, "");
            self.socket.end_delivery();
        }
    }
}

/// Those whom one call is for, and whose turn it is.
#[derive(Debug, Default)]
pub struct Turns {
    pub deliveries: Vec<Delivery>,
    /// The index of the one whose turn it is.
    pub at: usize,
}

impl Turns {
    /// The first one's turn.
    pub fn of(deliveries: Vec<Delivery>) -> Self {
        Self { deliveries, at: 0 }
    }

    /// The socket whose turn it is.
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
                "`turn.begin`: socket {socket} is not one of those that are still to come"
            );
        };
        self.begin_turn(socket);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::VersionId;
    use crate::capability::account::Account;
    use crate::capability::event::Request;
    use crate::capability::sockets::{NewSocket, Sockets};
    use crate::config::Limits;
    use crate::supervise;

    #[test]
    fn a_delivery_in_which_the_host_panics_ends_and_closes_its_socket() {
        let new = NewSocket {
            protocol: None,
            request: Arc::new(Request::sample()),
            pinned: None,
            version: VersionId::next(),
            attachment: Vec::new(),
            stream: false,
            account: Account::new("site".into()),
        };
        let sockets = Sockets::default();
        let socket = sockets.accept(new, &Limits::default()).expect("there is room");
        socket.set_open(None);
        socket.begin_delivery();
        assert!(socket.is_behind());
        let delivery = Delivery { socket: socket.clone(), messages: Messages::of(socket.id) };
        let handled: Option<()> = supervise::alone("a delivery", move || {
            let _delivery = delivery;
            panic!("in the middle of it");
        });
        assert_eq!(handled, None);
        assert!(!socket.is_behind(), "it is read on");
        let close = socket.take_orders().close.expect("it closes");
        assert_eq!(close.code, 1011);
    }
}
