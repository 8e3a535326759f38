//! The handshake: what a request asks for, and how a handler accepts it.

use anyhow::bail;

use crate::sessions::{self, Session};
use crate::{BlockingSocket, Event, Outcome, Response, Result, Socket, sys};

/// Which sessions a component can run. The attribute decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `#[handler]`: none.
    Plain,
    /// `#[handler(websocket)]`: async closures.
    Async,
    /// `#[handler(session)]`: blocking closures.
    Blocking,
    /// `#[hooks]`: its hooks, and no closure.
    Hooks,
    /// A test: all sessions that the handler asks for.
    Any,
}

/// A request as a WebSocket handshake (RFC 6455, 4).
#[derive(Debug, Clone, Copy)]
pub struct Ws<'e> {
    event: &'e Event,
}

impl<'e> Ws<'e> {
    pub(crate) fn new(event: &'e Event) -> Self {
        Self { event }
    }

    /// Whether this plugin can upgrade here: the site allows it, and the handler's attribute says
    /// `websocket` or `session`.
    pub fn is_supported(&self) -> bool {
        sys::is_supported()
    }

    /// Whether the request asks for a WebSocket: GET, HTTP/1.1, `connection` has the token
    /// `upgrade`, and `upgrade` has `websocket`.
    pub fn is_upgrade_request(&self) -> bool {
        sys::is_upgrade_request(self.event.handle())
    }

    /// What `sec-websocket-protocol` offers, in order.
    pub fn requested_protocols(&self) -> Vec<String> {
        sys::requested_protocols(self.event.handle())
    }

    /// Prepares an upgrade whose session is an async closure, for
    /// `#[lithe_sdk::handler(websocket)]`.
    ///
    /// The closure runs once the handshake is complete. All sessions of the plugin share one
    /// instance and its memory, and take turns at each `await`. Returning `Ok` closes the socket
    /// with 1000, an error with 1011. When the socket ends otherwise, the session gets its
    /// [`Close`](crate::SocketEvent::Close) and is dropped at the first `await` that would wait.
    pub fn upgrade<F>(&self, session: F) -> Upgrade<'e>
    where
        F: AsyncFnOnce(Socket) -> Result<()> + 'static,
    {
        self.with(Session::of_async(session))
    }

    /// Prepares an upgrade whose session is a blocking closure, for
    /// `#[lithe_sdk::handler(session)]`.
    ///
    /// The closure runs once the handshake is complete, in an instance of its own. Returning `Ok`
    /// closes the socket with 1000, an error with 1011.
    pub fn upgrade_blocking<F>(&self, session: F) -> Upgrade<'e>
    where
        F: FnOnce(BlockingSocket) -> Result<()> + 'static,
    {
        self.with(Session::Blocking(Box::new(session)))
    }

    fn with(&self, session: Session) -> Upgrade<'e> {
        // The session's state is in this instance's memory, so it cannot move to another.
        Upgrade { event: self.event, session, options: UpgradeOptions::default().pinned() }
    }
}

/// An upgrade that is ready to be accepted.
#[must_use = "nothing is upgraded until `accept`"]
#[derive(Debug)]
pub struct Upgrade<'e> {
    event: &'e Event,
    session: Session,
    options: UpgradeOptions,
}

impl Upgrade<'_> {
    /// See [`UpgradeOptions::protocol`].
    pub fn protocol(mut self, protocol: impl Into<String>) -> Self {
        self.options = self.options.protocol(protocol);
        self
    }

    /// See [`UpgradeOptions::protocol_from`].
    pub fn protocol_from<P: Into<String>>(mut self, ours: impl IntoIterator<Item = P>) -> Self {
        self.options = self.options.protocol_from(ours);
        self
    }

    /// See [`UpgradeOptions::header`].
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options = self.options.header(name, value);
        self
    }

    /// See [`UpgradeOptions::attachment`].
    pub fn attachment(mut self, attachment: impl Into<Vec<u8>>) -> Self {
        self.options = self.options.attachment(attachment);
        self
    }

    /// Accepts the upgrade. The session starts once the handler has returned the outcome and the
    /// handshake is complete. If the handshake never is, the closure is dropped.
    ///
    /// # Errors
    /// An [`HttpError`](crate::HttpError), ready to be returned: 405 for a method other than GET,
    /// 501 if upgrades are not supported, 426 if the request asks for none, 400 for a malformed
    /// handshake, 500 for a mistake of the handler: a strict protocol that was not requested, a
    /// header that is not the handler's to set, an attachment over the limit, a second upgrade of
    /// the same event. A session closure of the wrong kind is a 500 too, and the log says which
    /// attribute it needs.
    pub fn accept(self) -> Result<Outcome> {
        match (self.event.kind(), &self.session) {
            (Kind::Blocking, Session::Async(_)) => bail!(
                "`upgrade` runs async sessions and needs `#[lithe_sdk::handler(websocket)]`; \
                 in `#[lithe_sdk::handler(session)]` write `upgrade_blocking`"
            ),
            (Kind::Async, Session::Blocking(_)) => bail!(
                "`upgrade_blocking` needs `#[lithe_sdk::handler(session)]`; \
                 in `#[lithe_sdk::handler(websocket)]` write `upgrade`"
            ),
            (Kind::Hooks, _) => bail!(
                "a `#[lithe_sdk::hooks]` plugin upgrades by itself; \
                 return `UpgradeOptions` from its `upgrade` hook"
            ),
            _ => {}
        }
        let accepted = self.options.accept(self.event)?;
        sessions::accepted(accepted.socket, self.session);
        Ok(Outcome::Upgrade(accepted))
    }
}

/// How an upgrade is accepted: what a `Hooks::upgrade` returns. If they are made of a [`Response`],
/// the upgrade is not accepted, and answered with the response.
///
/// The default chooses no protocol, adds no header, attaches nothing and is not pinned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpgradeOptions {
    protocol: Protocol,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) attachment: Vec<u8>,
    pub(crate) pinned: bool,
    pub(crate) instead: Option<Box<Response>>,
}

impl From<Response> for UpgradeOptions {
    fn from(response: Response) -> Self {
        Self { instead: Some(Box::new(response)), ..Self::default() }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Protocol {
    #[default]
    None,
    Strict(String),
    FirstOffered(Vec<String>),
}

impl UpgradeOptions {
    /// Speaks this protocol, and no other (RFC 6455, 1.9). If the client has not offered it, that
    /// is a mistake of the handler and a 500: ask `requested_protocols` first, or use
    /// [`protocol_from`](Self::protocol_from).
    #[must_use]
    pub fn protocol(mut self, protocol: impl Into<String>) -> Self {
        self.protocol = Protocol::Strict(protocol.into());
        self
    }

    /// Speaks the first of these protocols that the client has offered. If it has offered none of
    /// them, the upgrade chooses no protocol.
    #[must_use]
    pub fn protocol_from<P: Into<String>>(mut self, ours: impl IntoIterator<Item = P>) -> Self {
        self.protocol = Protocol::FirstOffered(ours.into_iter().map(Into::into).collect());
        self
    }

    /// Adds a header to the 101.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Leaves bytes with the socket, for [`Sender::attachment`](crate::Sender::attachment). The
    /// host keeps them, and a swap does not lose them. They may have the site's attachment limit,
    /// 16 KiB by default.
    #[must_use]
    pub fn attachment(mut self, attachment: impl Into<Vec<u8>>) -> Self {
        self.attachment = attachment.into();
        self
    }

    /// Says that the session's state is in this instance's memory. When the plugin is swapped, the
    /// socket stays with the old version until it ends or the drain time is up. Closures are always
    /// pinned, hooks only if they say so.
    #[must_use]
    pub fn pinned(mut self) -> Self {
        self.pinned = true;
        self
    }

    pub(crate) fn accept(self, event: &Event) -> Result<crate::outcome::Accepted> {
        let protocol = match &self.protocol {
            Protocol::None => None,
            Protocol::Strict(protocol) => Some(protocol.as_str()),
            Protocol::FirstOffered(ours) => {
                let offered = event.ws().requested_protocols();
                ours.iter().find(|protocol| offered.contains(protocol)).map(String::as_str)
            }
        };
        Ok(sys::upgrade(event.handle(), protocol, &self)?)
    }
}

#[cfg(test)]
mod tests;
