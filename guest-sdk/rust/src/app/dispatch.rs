//! From what the host says to the route that it means.

use std::rc::Rc;

use anyhow::Context;

use super::App;
use super::layer::Layer;
use super::slots::Route;
use crate::export::answer;
use crate::hooks::dispatch;
use crate::{CloseInfo, Event, Hooks, Message, Next, Outcome, Result, Sender, sessions};

impl App {
    /// A request.
    pub(crate) fn handle(&self, event: Event) -> Result<Outcome> {
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

    /// The handshake is complete.
    pub(crate) fn open(&self, socket: u32) {
        match self.hooks_of(socket) {
            Some(hooks) => dispatch::open(&*hooks, socket),
            None => sessions::open(socket),
        }
    }

    /// Messages have arrived.
    pub(crate) fn receive(&self, socket: u32, messages: impl IntoIterator<Item = Message>) {
        match self.hooks_of(socket) {
            Some(hooks) => dispatch::receive(&*hooks, socket, messages),
            None => sessions::receive(socket, messages),
        }
    }

    /// The outbound queue has emptied after a send has found it full.
    pub(crate) fn drain(&self, socket: u32) {
        match self.hooks_of(socket) {
            Some(hooks) => dispatch::drain(&*hooks, socket),
            None => sessions::drain(socket),
        }
    }

    /// Another version has had the socket until now.
    pub(crate) fn resume(&self, socket: u32) {
        match self.hooks_of(socket) {
            Some(hooks) => dispatch::resume(&*hooks, socket),
            None => sessions::resume(socket),
        }
    }

    /// The socket has ended.
    pub(crate) fn close(&self, socket: u32, info: CloseInfo) {
        let hooks = self.hooks_of(socket);
        self.sockets.borrow_mut().remove(&socket);
        match hooks {
            Some(hooks) => dispatch::close(&*hooks, socket, info),
            None => sessions::close(socket, info),
        }
    }

    /// The hooks that hear of a socket: none where a session does. One that an earlier instance has
    /// accepted is known by the pattern of its request.
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
