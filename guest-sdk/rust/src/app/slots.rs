//! What answers for one pattern.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::layer::Layer;
use crate::instance::Serve;
use crate::{Event, Hooks, IntoOutcome, Outcome, Result};

/// What answers for one pattern.
pub(super) struct Slots {
    pattern: String,
    by_method: BTreeMap<String, Route>,
    any: Option<Route>,
    /// For requests that ask for an upgrade.
    sockets: Option<Route>,
}

/// One route, and what its groups put around it.
pub(super) struct Route {
    pub answerer: Answerer,
    /// From the most specific to the broadest, without the app's own.
    pub layers: Vec<Rc<Layer>>,
}

pub(super) enum Answerer {
    Handler(Box<dyn Fn(Event) -> Result<Outcome>>),
    Hooks(Rc<dyn Hooks>),
    /// Accepts an upgrade with a session of its own.
    Listener(Box<dyn Fn(Event) -> Result<Outcome>>),
}

impl Answerer {
    pub(super) fn handler<R: IntoOutcome>(handler: impl Fn(Event) -> R + 'static) -> Self {
        Self::Handler(Box::new(move |event| handler(event).into_outcome()))
    }

    pub(super) fn answer(&self, event: Event) -> Result<Outcome> {
        match self {
            Self::Handler(handler) | Self::Listener(handler) => handler(event),
            Self::Hooks(hooks) => hooks.serve(event),
        }
    }
}

impl Route {
    pub(super) fn new(answerer: Answerer) -> Self {
        Self { answerer, layers: Vec::new() }
    }
}

impl Slots {
    pub(super) fn new(pattern: String) -> Self {
        Self { pattern, by_method: BTreeMap::new(), any: None, sockets: None }
    }

    /// # Panics
    /// The method is taken.
    #[track_caller]
    pub(super) fn add(&mut self, method: Option<&str>, route: Route) {
        let before = match method {
            Some(method) => self.by_method.insert(method.to_owned(), route),
            None => self.any.replace(route),
        };
        let method = method.unwrap_or("any method");
        let (taken, pattern) = (before.is_some(), &self.pattern);
        assert!(!taken, "the app has two routes for {method} of `{pattern}`: remove one");
    }

    /// # Panics
    /// There are sockets already.
    #[track_caller]
    pub(super) fn add_sockets(&mut self, route: Route) {
        let before = self.sockets.replace(route);
        let (taken, pattern) = (before.is_some(), &self.pattern);
        assert!(!taken, "the app has two routes for sockets of `{pattern}`: remove one");
    }

    /// The same, with that layer around all of it.
    pub(super) fn within(mut self, layer: &Rc<Layer>) -> Self {
        let routes = self.by_method.values_mut().chain(&mut self.any).chain(&mut self.sockets);
        routes.for_each(|route| route.layers.push(Rc::clone(layer)));
        self
    }

    /// # Panics
    /// Both answer for the same.
    #[track_caller]
    pub(super) fn merge(&mut self, other: Self) {
        for (method, route) in other.by_method {
            self.add(Some(&method), route);
        }
        if let Some(route) = other.any {
            self.add(None, route);
        }
        if let Some(route) = other.sockets {
            self.add_sockets(route);
        }
    }

    /// The methods that something answers for; none is any.
    pub(super) fn methods(&self) -> impl Iterator<Item = Option<&str>> {
        let any = self.any.is_some() || self.sockets.is_some();
        self.by_method.keys().map(|method| Some(method.as_str())).chain(any.then_some(None))
    }

    /// What answers a request.
    pub(super) fn choose(&self, method: &str, is_upgrade_request: bool) -> Option<&Route> {
        let sockets = self.sockets.as_ref();
        let get = || self.by_method.get("GET").filter(|_| method == "HEAD");
        sockets
            .filter(|_| is_upgrade_request)
            .or_else(|| self.by_method.get(method))
            .or(self.any.as_ref())
            .or_else(get)
            .or(sockets)
    }

    pub(super) fn hooks(&self) -> Option<&Rc<dyn Hooks>> {
        match &self.sockets.as_ref()?.answerer {
            Answerer::Hooks(hooks) => Some(hooks),
            _ => None,
        }
    }

    pub(super) fn has_sockets(&self) -> bool {
        self.sockets.is_some()
    }
}
