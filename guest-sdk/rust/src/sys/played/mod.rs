//! A host in memory, one for each thread. Native builds talk to it. It keeps the contract of `wit/`
//! as far as a handler or a session can notice, and does no networking.

#![allow(clippy::arithmetic_side_effects, reason = "only tests use this host")]

mod handshake;
mod sockets;
mod timers;
mod topics;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::{HttpError, Outcome, headers};

pub(crate) use handshake::{is_supported, is_upgrade_request, requested_protocols, start, upgrade};
pub(crate) use sockets::{
    Ended, HeardBy, PlayedSocket, attachment, buffered_amount, close, event_of, fail, movable,
    next_ended, protocol, receive, send_binary, send_text, set_attachment, state, terminate,
    with_socket,
};
pub(crate) use timers::{
    cancel_timer, monotonic, next_timer, set_monotonic, set_timer, timers, wall_clock,
};
pub(crate) use topics::{members, publish, set_gone, subscribe, subscriptions, unsubscribe};

/// The site's attachment limit, in bytes.
const ATTACHMENT_LIMIT: usize = 16 * 1024;

thread_local! {
    static HOST: Host = Host::default();
}

#[derive(Default)]
struct Host {
    upgrades_off: Cell<bool>,
    last_socket: Cell<u32>,
    sockets: RefCell<BTreeMap<u32, PlayedSocket>>,
    topics: RefCell<topics::Topics>,
}

/// Says whether the site allows upgrades.
pub(crate) fn allow_upgrades(allowed: bool) {
    HOST.with(|host| host.upgrades_off.set(!allowed));
}

/// A request, as the host knows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub id: String,
    pub method: String,
    pub uri: String,
    pub path: String,
    pub scheme: String,
    pub headers: Vec<(String, String)>,
    pub route: String,
    pub params: Vec<(String, String)>,
    pub client_address: String,
    pub body: Vec<u8>,
    pub locals: RefCell<BTreeMap<String, String>>,
    /// The socket of the upgrade, or of the stream, that this request has accepted.
    pub accepted: Cell<Option<u32>>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        headers::get(&self.headers, name)
    }
}

/// The chain of a middleware component. A test has none, for it calls a middleware with its own
/// `Next`.
pub(crate) fn run_next(_event: &EventHandle) -> Result<Outcome, HttpError> {
    Err(HttpError::new(500, "Internal Server Error"))
}

/// The guest's handle of a request.
#[derive(Debug, Clone)]
pub(crate) struct EventHandle(pub(crate) Rc<Request>);

impl EventHandle {
    pub(crate) fn id(&self) -> String {
        self.0.id.clone()
    }

    pub(crate) fn method(&self) -> String {
        self.0.method.clone()
    }

    pub(crate) fn uri(&self) -> String {
        self.0.uri.clone()
    }

    pub(crate) fn path(&self) -> String {
        self.0.path.clone()
    }

    pub(crate) fn query(&self) -> Option<String> {
        self.0.uri.split_once('?').map(|(_, query)| query.to_owned())
    }

    pub(crate) fn scheme(&self) -> String {
        self.0.scheme.clone()
    }

    pub(crate) fn authority(&self) -> String {
        self.header("host").unwrap_or_default()
    }

    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        self.0.headers.clone()
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.0.header(name).map(str::to_owned)
    }

    pub(crate) fn route(&self) -> String {
        self.0.route.clone()
    }

    pub(crate) fn params(&self) -> Vec<(String, String)> {
        self.0.params.clone()
    }

    pub(crate) fn param(&self, name: &str) -> Option<String> {
        self.0.params.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
    }

    pub(crate) fn client_address(&self) -> String {
        self.0.client_address.clone()
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        self.0.body.clone()
    }

    pub(crate) fn local(&self, key: &str) -> Option<String> {
        self.0.locals.borrow().get(key).cloned()
    }

    pub(crate) fn set_local(&self, key: &str, value: &str) {
        self.0.locals.borrow_mut().insert(key.to_owned(), value.to_owned());
    }
}
