//! Calls the hooks for what the host says, and then the tasks that they have started or woken.

use crate::{CloseInfo, Event, Hooks, Message, Outcome, Peer, Result, drain, executor, task};

/// A request: accepts the upgrade, or answers.
pub fn handle(hooks: &dyn Hooks, event: Event) -> Result<Outcome> {
    let outcome = answer(hooks, event);
    executor::run();
    outcome
}

fn answer(hooks: &dyn Hooks, event: Event) -> Result<Outcome> {
    if !event.ws().is_upgrade_request() {
        return hooks.fallback(event).map(Outcome::Response);
    }
    let mut options = hooks.upgrade(&event)?;
    if let Some(response) = options.instead.take() {
        return Ok(Outcome::Response(*response));
    }
    options.accept(&event).map(Outcome::Upgrade)
}

/// The handshake is complete.
pub fn open(hooks: &dyn Hooks, socket: u32) {
    let peer = Peer::new(socket);
    if let Err(error) = hooks.open(&peer) {
        fail(hooks, &peer, &error);
    }
    executor::run();
}

/// Messages have arrived.
pub fn receive(hooks: &dyn Hooks, socket: u32, messages: impl IntoIterator<Item = Message>) {
    let peer = Peer::new(socket);
    for message in messages {
        if let Err(error) = hooks.message(&peer, message) {
            fail(hooks, &peer, &error);
            break;
        }
    }
    executor::run();
}

/// The outbound queue has emptied after a send has found it full.
pub fn drain(hooks: &dyn Hooks, socket: u32) {
    let peer = Peer::new(socket);
    drain::over(socket);
    if let Err(error) = hooks.drain(&peer) {
        fail(hooks, &peer, &error);
    }
    executor::run();
}

/// Another version has had the socket until now.
pub fn resume(hooks: &dyn Hooks, socket: u32) {
    let peer = Peer::new(socket);
    if let Err(error) = hooks.resume(&peer) {
        fail(hooks, &peer, &error);
    }
    executor::run();
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
    drain::over(socket);
    // Those who waited for it get their turn before they are ended.
    executor::run();
    task::end_tasks_of(socket);
    executor::run();
}

/// The peer's own leaving is not a failure: a `close` event is on its way.
fn fail(hooks: &dyn Hooks, peer: &Peer, error: &anyhow::Error) {
    if !peer.is_own_end(error) {
        hooks.error(peer, error);
        peer.fail(&format!("{error:#}"));
    }
}
