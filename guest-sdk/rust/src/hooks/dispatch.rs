//! Calls the hooks for what the host says, and then the tasks that they have started or woken.

use crate::instance::{Hear, Serve};
use crate::{CloseInfo, Event, Hooks, Message, Outcome, Peer, Result, drain, executor, task};

impl<T: Hooks + ?Sized> Serve for T {
    fn serve(&self, event: Event) -> Result<Outcome> {
        let outcome = answer(self, event);
        executor::run();
        outcome
    }
}

impl<T: Hooks + ?Sized> Hear for T {
    fn opened(&self, socket: u32) {
        let peer = Peer::new(socket);
        if let Err(error) = self.open(&peer) {
            fail(self, &peer, &error);
        }
        executor::run();
    }

    fn received(&self, socket: u32, messages: impl IntoIterator<Item = Message>) {
        let peer = Peer::new(socket);
        for message in messages {
            if let Err(error) = self.message(&peer, message) {
                fail(self, &peer, &error);
                break;
            }
        }
        executor::run();
    }

    fn drained(&self, socket: u32) {
        let peer = Peer::new(socket);
        drain::over(socket);
        if let Err(error) = self.drain(&peer) {
            fail(self, &peer, &error);
        }
        executor::run();
    }

    fn resumed(&self, socket: u32) {
        let peer = Peer::new(socket);
        if let Err(error) = self.resume(&peer) {
            fail(self, &peer, &error);
        }
        executor::run();
    }

    fn closed(&self, socket: u32, info: CloseInfo) {
        let peer = Peer::new(socket);
        if let Err(error) = self.close(&peer, info)
            && !peer.is_own_end(&error)
        {
            self.error(&peer, &error);
            eprintln!("{error:#}");
        }
        drain::over(socket);
        // The tasks that waited for it get their turn before they are ended.
        executor::run();
        task::end_tasks_of(socket);
        executor::run();
    }
}

fn answer<T: Hooks + ?Sized>(hooks: &T, event: Event) -> Result<Outcome> {
    if !event.ws().is_upgrade_request() {
        return hooks.fallback(event).map(Outcome::Response);
    }
    let mut options = hooks.upgrade(&event)?;
    if let Some(response) = options.instead.take() {
        return Ok(Outcome::Response(*response));
    }
    options.accept(&event).map(Outcome::Upgrade)
}

/// The peer's own leaving is not a failure: a `close` event is on its way.
fn fail<T: Hooks + ?Sized>(hooks: &T, peer: &Peer, error: &anyhow::Error) {
    if !peer.is_own_end(error) {
        hooks.error(peer, error);
        peer.fail(&format!("{error:#}"));
    }
}
