//! Calls the hooks for what the host says.

use crate::{CloseInfo, Event, Hooks, Message, Outcome, Peer, Result};

/// A request: accepts the upgrade, or answers.
pub fn handle(hooks: &dyn Hooks, event: Event) -> Result<Outcome> {
    if !event.ws().is_upgrade_request() {
        return hooks.fallback(event).map(Outcome::Response);
    }
    hooks.upgrade(&event)?.accept(&event).map(Outcome::Upgrade)
}

/// The handshake is complete.
pub fn open(hooks: &dyn Hooks, socket: u32) {
    let peer = Peer::new(socket);
    if let Err(error) = hooks.open(&peer) {
        fail(hooks, &peer, &error);
    }
}

/// Messages have arrived.
pub fn receive(hooks: &dyn Hooks, socket: u32, messages: Vec<Message>) {
    let peer = Peer::new(socket);
    for message in messages {
        if let Err(error) = hooks.message(&peer, message) {
            return fail(hooks, &peer, &error);
        }
    }
}

/// The socket has ended.
pub fn close(hooks: &dyn Hooks, socket: u32, info: CloseInfo) {
    let peer = Peer::new(socket);
    if let Err(error) = hooks.close(&peer, info)
        && !peer.is_own_end(&error)
    {
        hooks.error(&peer, &error);
        eprintln!("{error:#}");
    }
}

/// The peer's own leaving is no failure: a `close` event is on its way.
fn fail(hooks: &dyn Hooks, peer: &Peer, error: &anyhow::Error) {
    if !peer.is_own_end(error) {
        hooks.error(peer, error);
        peer.fail(&format!("{error:#}"));
    }
}
