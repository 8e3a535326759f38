//! How a handler fails.

use std::error::Error;
use std::fmt;

use serde::Serialize;

/// A result whose error may be any error: `?` makes an [`anyhow::Error`] of it.
///
/// An [`HttpError`] reaches the client as it is. Any other error becomes
/// `500 Internal Server Error`, and only the host's log has its chain of causes.
pub type Result<T, E = anyhow::Error> = std::result::Result<T, E>;

/// A failure that has an HTTP answer.
///
/// The nearest error handler of the site may turn it into another response. If none does, the
/// client gets `status` and `headers` with `message` as plain text.
///
/// ```
/// use lithe_sdk::{Event, HttpError, Response, Result};
///
/// fn item(event: Event) -> Result<Response> {
///     match event.param("id")? {
///         1 => Ok(Response::text("the first")),
///         id => Err(HttpError::new(404, format!("no item `{id}`")).into()),
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpError {
    /// 400 to 599. The host answers with 500 in place of any other.
    pub status: u16,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// What the client is told. Keep secrets and internals out of it.
    pub message: String,
}

impl HttpError {
    /// An error with that status (400 to 599) and message.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), message: message.into() }
    }

    /// An error whose answer is JSON.
    ///
    /// ```
    /// use lithe_sdk::{HttpError, json};
    ///
    /// let error = HttpError::json(409, &json!({ "error": "taken" })).unwrap();
    /// assert_eq!(error.message, r#"{"error":"taken"}"#);
    /// ```
    ///
    /// # Errors
    /// `value` has no JSON form, such as a map whose keys are not strings.
    pub fn json<T: Serialize + ?Sized>(status: u16, value: &T) -> serde_json::Result<Self> {
        let message = serde_json::to_string(value)?;
        Ok(Self::new(status, message).with_header("content-type", "application/json"))
    }

    /// Adds a header to the answer. If the message is not plain text, add a `content-type`.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// 400: the request makes no sense, and `message` says why (RFC 9110, 15.5.1).
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// 401: the client is not known. `challenge` is the `www-authenticate` header, such as `Bearer`
    /// (RFC 9110, 15.5.2).
    pub fn unauthorized(challenge: impl Into<String>) -> Self {
        Self::new(401, "Unauthorized").with_header("www-authenticate", challenge)
    }

    /// 403: the client may not do this (RFC 9110, 15.5.4).
    pub fn forbidden() -> Self {
        Self::new(403, "Forbidden")
    }

    /// 404: there is nothing here (RFC 9110, 15.5.5).
    pub fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    /// 405: the method does not work here. `allow` lists those that do, such as `GET, POST`
    /// (RFC 9110, 15.5.6).
    pub fn method_not_allowed(allow: impl Into<String>) -> Self {
        Self::new(405, "Method Not Allowed").with_header("allow", allow)
    }

    /// 426: this works only as a WebSocket (RFC 9110, 15.5.22).
    pub fn upgrade_required() -> Self {
        Self::new(426, "Upgrade Required").with_header("upgrade", "websocket")
    }

    /// What the client is told of `error`. An error without an HTTP answer goes to the log in full,
    /// and the answer is a bare 500.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        if let Some(http) = error.downcast_ref::<Self>() {
            return http.clone();
        }
        eprintln!("{error:#}");
        Self::new(500, "Internal Server Error")
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for HttpError {}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, anyhow};

    #[test]
    fn an_http_error_is_found_below_context() {
        let error = anyhow::Error::from(HttpError::not_found()).context("while looking it up");
        assert_eq!(HttpError::of(&error), HttpError::not_found());
    }

    #[test]
    fn any_other_error_tells_the_client_nothing() {
        let error = Err::<(), _>(anyhow!("the password is 1234")).context("login").unwrap_err();
        assert_eq!(HttpError::of(&error), HttpError::new(500, "Internal Server Error"));
    }

    #[test]
    fn constructors_carry_the_headers_that_their_status_demands() {
        assert_eq!(HttpError::method_not_allowed("GET").headers, [("allow".into(), "GET".into())]);
        assert_eq!(HttpError::upgrade_required().headers, [("upgrade".into(), "websocket".into())]);
    }
}
