//! What comes of a request: a response, a WebSocket or a stream.

use crate::{Cookie, IntoResponse, Response, Result, Stream, headers};

/// What a handler that upgrades or streams returns, and what a middleware gets from its `next`.
///
/// Every outcome has headers, and middleware may change them. Those of an upgrade reach the client
/// with the 101, and the upgrade stays one.
#[must_use = "an upgrade or a stream that is not returned is dropped"]
#[derive(Debug)]
pub enum Outcome {
    /// The connection stays HTTP.
    Response(Response),
    /// The connection becomes a WebSocket.
    Upgrade(Accepted),
    /// The body follows piece by piece.
    Stream(Stream),
}

impl Outcome {
    /// The status that the client will see: 101 for an upgrade.
    pub fn status(&self) -> u16 {
        match self {
            Self::Response(response) => response.status,
            Self::Upgrade(_) => 101,
            Self::Stream(stream) => stream.status,
        }
    }

    /// Names and values, in order.
    pub fn headers(&self) -> &[(String, String)] {
        match self {
            Self::Response(response) => &response.headers,
            Self::Upgrade(accepted) => &accepted.headers,
            Self::Stream(stream) => &stream.headers,
        }
    }

    /// The same, to be changed.
    pub fn headers_mut(&mut self) -> &mut Vec<(String, String)> {
        match self {
            Self::Response(response) => &mut response.headers,
            Self::Upgrade(accepted) => &mut accepted.headers,
            Self::Stream(stream) => &mut stream.headers,
        }
    }

    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        headers::get(self.headers(), name)
    }

    /// The same with this header in place of all others of that name.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        headers::set(self.headers_mut(), name, value);
        self
    }

    /// The same with this header beside others of that name.
    pub fn with_added_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers_mut().push((name.into(), value.into()));
        self
    }

    /// The same with this cookie set.
    pub fn with_cookie(self, cookie: Cookie) -> Self {
        self.with_added_header("set-cookie", cookie.to_string())
    }
}

/// An accepted upgrade, of [`accept`](crate::Upgrade::accept). Only the event that accepted it may
/// return it.
#[derive(Debug)]
pub struct Accepted {
    pub(crate) socket: u32,
    pub(crate) headers: Vec<(String, String)>,
}

impl Accepted {
    /// The headers that the 101 has beside those of the handshake.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }
}

impl From<Response> for Outcome {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

/// What a handler that upgrades or streams may return: an [`Outcome`], a [`Stream`], all that a
/// plain handler may return, or a `Result` of one of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an outcome of a handler",
    label = "a handler returns `Outcome`, `Response`, `Stream`, `String`, `&'static str`, or a `Result` of one"
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

impl IntoOutcome for Stream {
    fn into_outcome(self) -> Result<Outcome> {
        Ok(self.into())
    }
}

impl<E: Into<anyhow::Error>> IntoOutcome for Result<Stream, E> {
    fn into_outcome(self) -> Result<Outcome> {
        self.map(Outcome::Stream).map_err(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_the_same_to_use_whatever_the_outcome_is() {
        let accepted = Accepted { socket: 1, headers: Vec::new() };
        let outcomes = [
            (Outcome::Response(Response::empty(204)), 204),
            (Outcome::Upgrade(accepted), 101),
            (Response::stream(async |_| Ok(())).with_status(203).into(), 203),
        ];
        for (outcome, status) in outcomes {
            assert_eq!(outcome.status(), status);
            let mut outcome = outcome
                .with_header("x-a", "0")
                .with_header("X-A", "1")
                .with_added_header("x-a", "2")
                .with_cookie(Cookie::new("b", "3"));
            outcome.headers_mut().retain(|(_, value)| value != "1");
            assert_eq!(outcome.header("x-A"), Some("2"));
            assert_eq!(outcome.header("set-cookie"), Some("b=3"));
        }
    }
}
