//! `event`: the request that is being handled.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, Version};
use wasmtime::component::Resource;

use super::State;
use super::account::Charge;
use super::http::fields_of;
use super::socket::{Socket, SocketKind};
use crate::capability::bindings::{event, http as wit_http};
use crate::sync::Mutex;

/// The most bytes that the locals of one request may have, names and values together.
const MAX_LOCALS: usize = 64 * 1024;

/// Tells requests apart, in log lines and in `x-request-id`. Printed as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RequestId(u64);

impl RequestId {
    /// The next id: random at each start of the host, then counting up.
    pub fn next() -> Self {
        static NEXT: LazyLock<AtomicU64> =
            LazyLock::new(|| AtomicU64::new(RandomState::new().build_hasher().finish() << 24));
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// The id as sixteen lower-case digits.
    pub fn digits(self) -> [u8; 16] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        std::array::from_fn(|at| HEX[(self.0 >> (60 - 4 * at)) as usize & 0xF])
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.digits().escape_ascii())
    }
}

/// A request, its route, and what middleware left with it.
#[derive(Debug)]
pub struct Request {
    pub id: RequestId,
    pub method: Method,
    pub uri: Uri,
    pub version: Version,
    pub headers: HeaderMap,
    /// The path, decoded and folded, without the query.
    pub path: String,
    pub scheme: &'static str,
    pub client: SocketAddr,
    /// The pattern that matched.
    pub route: Arc<str>,
    pub params: Vec<(String, String)>,
    /// The whole body; empty for an upgrade request, and once the request has been answered.
    pub body: Mutex<Bytes>,
    pub locals: Mutex<Vec<(String, String)>>,
    /// The socket that this request becomes.
    pub accepted: Mutex<Acceptance>,
    /// A large head, in the site's account: a guest may keep the event for long.
    pub charge: Option<Charge>,
}

/// Whether a request becomes a socket: it may accept at most one, and only until it is answered. A
/// guest may keep the event for longer.
#[derive(Debug, Default)]
pub enum Acceptance {
    #[default]
    None,
    /// An accepted socket that no answer has named yet.
    Socket(Arc<Socket>),
    Answered,
}

impl Request {
    /// A GET of this path, without headers and without a body, from this machine. Its route is the
    /// path. A caller names only what differs.
    pub fn get(uri: Uri) -> Self {
        Self {
            id: RequestId::next(),
            method: Method::GET,
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
            path: uri.path().to_owned(),
            scheme: "http",
            client: ([127, 0, 0, 1], 0).into(),
            route: uri.path().into(),
            params: Vec::new(),
            body: Mutex::default(),
            locals: Mutex::default(),
            accepted: Mutex::default(),
            charge: None,
            uri,
        }
    }

    /// The value of the route parameter that is a scope. Empty if the path has none.
    pub fn scope_value(&self, name: &str) -> &str {
        let mut values = self.params.iter().filter(|(param, _)| param == name);
        values.next().map_or("", |(_, value)| value)
    }

    /// Takes the accepted socket for an answer that names it by this number, and as this kind.
    pub fn take_accepted(&self, id: u32, kind: SocketKind) -> Option<Arc<Socket>> {
        let mut accepted = self.accepted.lock();
        match &*accepted {
            Acceptance::Socket(socket) if socket.id == id && socket.kind == kind => {
                let socket = socket.clone();
                *accepted = Acceptance::Answered;
                Some(socket)
            }
            _ => None,
        }
    }

    /// Ends acceptance, because the guest has answered or failed. Returns the socket that it
    /// accepted and did not name.
    pub fn end_acceptance(&self) -> Option<Arc<Socket>> {
        match std::mem::replace(&mut *self.accepted.lock(), Acceptance::Answered) {
            Acceptance::Socket(socket) => Some(socket),
            Acceptance::None | Acceptance::Answered => None,
        }
    }

    fn authority(&self) -> String {
        match (self.uri.authority(), self.headers.get(http::header::HOST)) {
            (Some(authority), _) => authority.to_string(),
            (None, Some(host)) => super::http::text_of(host.as_bytes()),
            (None, None) => String::new(),
        }
    }
}

#[cfg(test)]
impl Request {
    /// A request of `GET /chat`, for tests.
    pub fn sample() -> Self {
        Self::get(Uri::from_static("/chat"))
    }
}

/// What a guest's event handle stands for.
#[derive(Clone, Debug)]
pub struct EventHandle(pub Arc<Request>);

impl State {
    /// Makes a handle of the event for the guest.
    ///
    /// # Errors
    /// The instance holds too many handles.
    pub fn push_event(&mut self, request: Arc<Request>) -> wasmtime::Result<Resource<EventHandle>> {
        Ok(self.table.push(EventHandle(request))?)
    }

    pub(super) fn request(
        &self,
        handle: &Resource<EventHandle>,
    ) -> wasmtime::Result<&Arc<Request>> {
        Ok(&self.table.get(handle)?.0)
    }
}

impl event::Host for State {}

impl event::HostEvent for State {
    fn id(&mut self, this: Resource<EventHandle>) -> wasmtime::Result<String> {
        Ok(self.request(&this)?.id.to_string())
    }

    fn method(&mut self, this: Resource<EventHandle>) -> wasmtime::Result<String> {
        Ok(self.request(&this)?.method.to_string())
    }

    fn uri(&mut self, this: Resource<EventHandle>) -> wasmtime::Result<String> {
        let uri = &self.request(&this)?.uri;
        Ok(uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string))
    }

    fn path(&mut self, this: Resource<EventHandle>) -> wasmtime::Result<String> {
        Ok(self.request(&this)?.path.clone())
    }

    fn query(&mut self, this: Resource<EventHandle>) -> wasmtime::Result<Option<String>> {
        Ok(self.request(&this)?.uri.query().map(str::to_owned))
    }

    fn scheme(&mut self, this: Resource<EventHandle>) -> wasmtime::Result<String> {
        Ok(self.request(&this)?.scheme.to_owned())
    }

    fn authority(&mut self, this: Resource<EventHandle>) -> wasmtime::Result<String> {
        Ok(self.request(&this)?.authority())
    }

    fn headers(&mut self, this: Resource<EventHandle>) -> wasmtime::Result<wit_http::Fields> {
        Ok(fields_of(&self.request(&this)?.headers))
    }

    fn header(
        &mut self,
        this: Resource<EventHandle>,
        name: String,
    ) -> wasmtime::Result<Option<String>> {
        let value = self.request(&this)?.headers.get(name);
        Ok(value.map(|value| super::http::text_of(value.as_bytes())))
    }

    fn route(&mut self, this: Resource<EventHandle>) -> wasmtime::Result<String> {
        Ok(self.request(&this)?.route.to_string())
    }

    fn params(&mut self, this: Resource<EventHandle>) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(self.request(&this)?.params.clone())
    }

    fn param(
        &mut self,
        this: Resource<EventHandle>,
        name: String,
    ) -> wasmtime::Result<Option<String>> {
        Ok(value_of(&self.request(&this)?.params, &name))
    }

    fn client_address(&mut self, this: Resource<EventHandle>) -> wasmtime::Result<String> {
        Ok(self.request(&this)?.client.to_string())
    }

    fn body(&mut self, this: Resource<EventHandle>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.request(&this)?.body.lock().to_vec())
    }

    fn local(
        &mut self,
        this: Resource<EventHandle>,
        key: String,
    ) -> wasmtime::Result<Option<String>> {
        Ok(value_of(&self.request(&this)?.locals.lock(), &key))
    }

    fn set_local(
        &mut self,
        this: Resource<EventHandle>,
        key: String,
        value: String,
    ) -> wasmtime::Result<()> {
        let mut locals = self.request(&this)?.locals.lock();
        locals.retain(|(other, _)| *other != key);
        let kept: usize = locals.iter().map(|(key, value)| key.len() + value.len()).sum();
        if kept + key.len() + value.len() > MAX_LOCALS {
            wasmtime::bail!("the locals of a request are over {MAX_LOCALS} bytes");
        }
        locals.push((key, value));
        Ok(())
    }

    fn drop(&mut self, this: Resource<EventHandle>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

fn value_of(pairs: &[(String, String)], name: &str) -> Option<String> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
}
