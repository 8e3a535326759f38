//! What came of a test's request.

use std::rc::Rc;

use serde::de::DeserializeOwned;

use super::socket::settle;
use super::{TestSocket, TestStream};
use crate::executor;
use crate::sys::{self, Ended, Request};
use crate::{App, Body, Hooks, HttpError, Outcome, Response, headers};

/// What came of a test's request: a response, an accepted upgrade, or a stream.
///
/// For an error of the handler, it is the response that the host would make of it.
#[derive(Debug)]
pub struct TestOutcome {
    response: Response,
    connection: Option<Connection>,
}

#[derive(Debug)]
enum Connection {
    Upgrade(TestSocket),
    Stream(TestSocket),
}

impl TestOutcome {
    pub(super) fn new(result: Result<Outcome, HttpError>, request: &Request) -> Self {
        // The handler may have woken sessions and ended sockets.
        executor::run();
        settle();
        let accepted = request.accepted.get();
        let returned = match &result {
            Ok(Outcome::Upgrade(upgrade)) => Some(upgrade.socket),
            Ok(Outcome::Stream(stream)) => stream.socket(),
            _ => None,
        };
        if let Some(unused) = accepted.filter(|_| accepted != returned) {
            drop(TestSocket::new(unused));
        }
        let socket = returned.filter(|_| accepted == returned).map(TestSocket::new);
        let (response, connection) = match (result, socket) {
            (Ok(Outcome::Upgrade(upgrade)), Some(socket)) => {
                let head = Response { headers: upgrade.headers, ..Response::empty(101) };
                (head, Some(Connection::Upgrade(socket)))
            }
            (Ok(Outcome::Stream(stream)), Some(socket)) => {
                let head = Response { headers: stream.headers, ..Response::empty(stream.status) };
                (head, Some(Connection::Stream(socket)))
            }
            (Ok(Outcome::Response(response)), _) => (response, None),
            // Only the event that accepted an upgrade may return it.
            (Ok(_), _) => (internal_error(), None),
            (Err(HttpError { status, headers, message }), _) => {
                let status = if (400..=599).contains(&status) { status } else { 500 };
                (Response { status, headers, body: Body::Text(message) }, None)
            }
        };
        let fits = (200..=599).contains(&response.status)
            || matches!(connection, Some(Connection::Upgrade(_)));
        if fits { Self { response, connection } } else { Self::internal_error() }
    }

    fn internal_error() -> Self {
        Self { response: internal_error(), connection: None }
    }

    /// Has the hooks hear of the socket.
    pub(super) fn heard_by(self, hooks: Rc<dyn Hooks>) -> Self {
        if let Some(Connection::Upgrade(socket)) = &self.connection {
            sys::with_socket(socket.id(), |socket| socket.hooks = Some(hooks));
        }
        self
    }

    /// Has the hooks hear of the socket, if the app has hooks for it.
    pub(super) fn heard_by_app(self, app: &App) -> Self {
        match self.upgrade().and_then(|socket| app.hooks_of(socket.id())) {
            Some(hooks) => self.heard_by(hooks),
            None => self,
        }
    }

    /// The response's status; 101 for an accepted upgrade.
    pub fn status(&self) -> u16 {
        self.response.status
    }

    /// The headers that the handler has set, on the 101 too.
    pub fn headers(&self) -> &[(String, String)] {
        &self.response.headers
    }

    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        headers::get(&self.response.headers, name)
    }

    /// The body's bytes.
    pub fn bytes(&self) -> &[u8] {
        self.response.body.as_bytes()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// The body is not the JSON of a `T`.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(self.bytes()).unwrap_or_else(|error| {
            panic!("the body is not the expected JSON: {error}: {}", self.text())
        })
    }

    /// Whether the handler accepted an upgrade.
    pub fn is_upgrade(&self) -> bool {
        self.upgrade().is_some()
    }

    /// Whether the body follows piece by piece.
    pub fn is_stream(&self) -> bool {
        matches!(self.connection, Some(Connection::Stream(_)))
    }

    /// The protocol that the upgrade chose.
    pub fn protocol(&self) -> Option<String> {
        sys::protocol(self.upgrade()?.id())
    }

    /// Whether the upgrade is pinned to its instance.
    pub fn is_pinned(&self) -> bool {
        self.upgrade().is_some_and(TestSocket::is_pinned)
    }

    /// Completes the handshake, and gives the client's end.
    ///
    /// # Panics
    /// The handler has not accepted an upgrade.
    #[track_caller]
    pub fn socket(self) -> TestSocket {
        match self.connection {
            Some(Connection::Upgrade(socket)) => {
                socket.open();
                socket
            }
            _ => {
                panic!("no upgrade, but a response with status {}: {}", self.status(), self.text())
            }
        }
    }

    /// Reads the body's pieces. A blocking body runs here, to its end. If it never ends, use
    /// [`stream_until`](Self::stream_until).
    ///
    /// # Panics
    /// The handler has not returned a stream.
    #[track_caller]
    pub fn stream(self) -> TestStream {
        self.stream_of(None)
    }

    /// Reads so many pieces, and then leaves: the next send fails.
    ///
    /// # Panics
    /// The handler has not returned a stream.
    #[track_caller]
    pub fn stream_until(self, pieces: usize) -> TestStream {
        self.stream_of(Some(pieces))
    }

    #[track_caller]
    fn stream_of(self, leaves_after: Option<usize>) -> TestStream {
        match self.connection {
            Some(Connection::Stream(socket)) => TestStream::open(socket, leaves_after),
            _ => panic!("no stream, but a response with status {}: {}", self.status(), self.text()),
        }
    }

    /// Ends the upgrade before its handshake is complete, as if the client went away.
    pub fn abandon(self) {
        if let Some(socket) = self.upgrade() {
            socket.end(Ended::lost());
        }
    }

    fn upgrade(&self) -> Option<&TestSocket> {
        match &self.connection {
            Some(Connection::Upgrade(socket)) => Some(socket),
            _ => None,
        }
    }
}

fn internal_error() -> Response {
    Response { body: Body::Text("Internal Server Error".into()), ..Response::empty(500) }
}
