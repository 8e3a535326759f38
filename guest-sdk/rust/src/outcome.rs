//! What comes of a request where a WebSocket may.

use crate::{IntoResponse, Response, Result};

/// What a handler that upgrades returns: an HTTP answer, or an accepted upgrade.
#[derive(Debug)]
pub enum Outcome {
    /// The connection stays HTTP.
    Response(Response),
    /// The connection becomes a WebSocket.
    Upgrade(Accepted),
}

/// An accepted upgrade: what [`accept`](crate::Upgrade::accept) gives, and only the event that
/// accepted it may return.
#[derive(Debug)]
pub struct Accepted {
    pub(crate) socket: u32,
    pub(crate) headers: Vec<(String, String)>,
}

impl Accepted {
    /// What is sent with the 101, beyond the handshake itself.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }
}

impl From<Response> for Outcome {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

/// What a handler that upgrades may return: an [`Outcome`], whatever a plain handler may, or a
/// `Result` of an `Outcome`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an outcome of a handler",
    label = "a handler returns `Outcome`, `Response`, `String`, `&'static str`, or a `Result` of one"
)]
pub trait IntoOutcome {
    /// The outcome.
    ///
    /// # Errors
    /// The handler's own.
    fn into_outcome(self) -> Result<Outcome>;
}

impl<T: IntoResponse> IntoOutcome for T {
    fn into_outcome(self) -> Result<Outcome> {
        self.into_response().map(Outcome::Response)
    }
}

impl IntoOutcome for Outcome {
    fn into_outcome(self) -> Result<Outcome> {
        Ok(self)
    }
}

impl<E: Into<anyhow::Error>> IntoOutcome for Result<Outcome, E> {
    fn into_outcome(self) -> Result<Outcome> {
        self.map_err(Into::into)
    }
}
