//! What came of a test's request.

use std::rc::Rc;

use serde::de::DeserializeOwned;

use super::TestSocket;
use super::socket::settle;
use crate::executor;
use crate::sys::{self, Ended, Request};
use crate::{Body, Hooks, HttpError, Outcome, Response, headers};

/// What came of a test's request: a response, or an accepted upgrade.
///
/// An error of the handler is the response that the host would make of it.
#[derive(Debug)]
pub struct TestOutcome {
    response: Response,
    socket: Option<TestSocket>,
}

impl TestOutcome {
    pub(super) fn new(result: Result<Outcome, HttpError>, request: &Request) -> Self {
        // The handler may have woken sessions and ended sockets.
        executor::run();
        settle();
        let accepted = request.accepted.get();
        let returned = match &result {
            Ok(Outcome::Upgrade(upgrade)) => Some(upgrade.socket),
            _ => None,
        };
        if let Some(unused) = accepted.filter(|_| accepted != returned) {
            drop(TestSocket::new(unused));
        }
        let socket = returned.filter(|_| accepted == returned).map(TestSocket::new);
        let response = match result {
            Ok(Outcome::Upgrade(upgrade)) if socket.is_some() => {
                Response { headers: upgrade.headers, ..Response::empty(101) }
            }
            // Only the event that accepted an upgrade may return it.
            Ok(Outcome::Upgrade(_)) => internal_error(),
            Ok(Outcome::Response(response)) if (200..=599).contains(&response.status) => response,
            Ok(Outcome::Response(_)) => internal_error(),
            Err(HttpError { status, headers, message }) => Response {
                status: if (400..=599).contains(&status) { status } else { 500 },
                headers,
                body: Body::Text(message),
            },
        };
        Self { response, socket }
    }

    /// Has the hooks hear of the socket.
    pub(super) fn heard_by(self, hooks: Rc<dyn Hooks>) -> Self {
        if let Some(socket) = &self.socket {
            sys::with_socket(socket.id(), |socket| socket.hooks = Some(hooks));
        }
        self
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
    /// Where it is not the JSON of a `T`.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(self.bytes()).unwrap_or_else(|error| {
            panic!("the body is not the expected JSON: {error}: {}", self.text())
        })
    }

    /// Whether the handler accepted an upgrade.
    pub fn is_upgrade(&self) -> bool {
        self.socket.is_some()
    }

    /// The protocol that the upgrade chose.
    pub fn protocol(&self) -> Option<String> {
        sys::protocol(self.socket.as_ref()?.id())
    }

    /// Whether the upgrade is pinned to its instance.
    pub fn is_pinned(&self) -> bool {
        self.socket.as_ref().is_some_and(TestSocket::is_pinned)
    }

    /// Completes the handshake, and is the client from here on.
    ///
    /// # Panics
    /// Where the handler has not accepted an upgrade.
    #[track_caller]
    pub fn socket(mut self) -> TestSocket {
        let Some(socket) = self.socket.take() else {
            panic!("no upgrade, but a response with status {}: {}", self.status(), self.text());
        };
        socket.open();
        socket
    }

    /// Ends the upgrade before its handshake is complete, as a client does that goes away.
    pub fn abandon(self) {
        if let Some(socket) = &self.socket {
            socket.end(Ended::lost());
        }
    }
}

fn internal_error() -> Response {
    Response { body: Body::Text("Internal Server Error".into()), ..Response::empty(500) }
}
