//! From what the host says to the route that it means.

use std::rc::Rc;

use anyhow::Context;

use super::App;
use super::layer::Layer;
use super::slots::Route;
use crate::export::answer;
use crate::instance::{Hear, Serve};
use crate::sessions::{self, SESSIONS};
use crate::{CloseInfo, Event, Hooks, Message, Next, Outcome, Result, Sender};

impl Serve for App {
    fn serve(&self, event: Event) -> Result<Outcome> {
        let (method, pattern) = (event.method(), event.route());
        let slots = self.slots.get(&pattern);
        let route = slots
            .and_then(|slots| slots.choose(&method, event.ws().is_upgrade_request()))
            .with_context(|| format!("the app has no route for {method} of `{pattern}`"))?;
        let layers = route.layers.iter().map(Rc::as_ref);
        let mut layers: Vec<_> = layers.chain([&self.layer]).collect();
        layers.reverse();
        let outcome = through(&layers, &event, route)?;
        if let Outcome::Upgrade(accepted) = &outcome
            && let Some(hooks) = slots.and_then(|slots| slots.hooks())
        {
            self.sockets.borrow_mut().insert(accepted.socket, Rc::clone(hooks));
        }
        Ok(outcome)
    }
}

impl Hear for App {
    fn opened(&self, socket: u32) {
        match self.hooks_of(socket) {
            Some(hooks) => hooks.opened(socket),
            None => SESSIONS.with(|sessions| sessions.opened(socket)),
        }
    }

    fn received(&self, socket: u32, messages: impl IntoIterator<Item = Message>) {
        match self.hooks_of(socket) {
            Some(hooks) => hooks.received(socket, messages),
            None => SESSIONS.with(|sessions| sessions.received(socket, messages)),
        }
    }

    fn drained(&self, socket: u32) {
        match self.hooks_of(socket) {
            Some(hooks) => hooks.drained(socket),
            None => SESSIONS.with(|sessions| sessions.drained(socket)),
        }
    }

    fn resumed(&self, socket: u32) {
        match self.hooks_of(socket) {
            Some(hooks) => hooks.resumed(socket),
            None => SESSIONS.with(|sessions| sessions.resumed(socket)),
        }
    }

    fn closed(&self, socket: u32, info: CloseInfo) {
        let hooks = self.hooks_of(socket);
        self.sockets.borrow_mut().remove(&socket);
        match hooks {
            Some(hooks) => hooks.closed(socket, info),
            None => SESSIONS.with(|sessions| sessions.closed(socket, info)),
        }
    }
}

impl App {
    /// The hooks that hear of a socket; none if a session does. For a socket that an earlier
    /// instance has accepted, the pattern of its request tells.
    pub(crate) fn hooks_of(&self, socket: u32) -> Option<Rc<dyn Hooks>> {
        if let Some(hooks) = self.sockets.borrow().get(&socket) {
            return Some(Rc::clone(hooks));
        }
        if sessions::is_known(socket) {
            return None;
        }
        let pattern = Sender::new(socket).event()?.route();
        let hooks = self.slots.get(&pattern)?.hooks()?;
        self.sockets.borrow_mut().insert(socket, Rc::clone(hooks));
        Some(Rc::clone(hooks))
    }

    /// Whether a route needs the `hooks` export.
    pub(crate) fn has_sockets(&self) -> bool {
        self.slots.values().any(super::Slots::has_sockets)
    }
}

/// Runs a route inside of its layers, the broadest first.
fn through(layers: &[&Layer], event: &Event, route: &Route) -> Result<Outcome> {
    match layers.split_first() {
        Some((layer, rest)) => layer.around(event, Next::new(|event| through(rest, event, route))),
        None => answer(event.clone(), |event| route.answerer.answer(event)),
    }
}
