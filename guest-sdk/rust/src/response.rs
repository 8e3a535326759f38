//! What a handler answers with.

use anyhow::ensure;
use serde::Serialize;

use crate::query::percent_encode;
use crate::{Cookie, Result, headers};

/// An HTTP answer.
///
/// The host adds what belongs to the connection (`connection`, `content-length`,
/// `transfer-encoding`, `date`) and `x-request-id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// 200 to 599. The host answers with 500 in place of any other.
    pub status: u16,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// What follows the headers.
    pub body: Body,
}

/// What follows a response's headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    Empty,
    /// Text, sent as UTF-8.
    Text(String),
    /// Any bytes.
    Bytes(Vec<u8>),
}

impl Body {
    /// The body's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Empty => &[],
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl Response {
    /// 200 with `text/plain`.
    pub fn text(text: impl Into<String>) -> Self {
        Self::of("text/plain; charset=utf-8", Body::Text(text.into()))
    }

    /// 200 with `text/html`.
    pub fn html(html: impl Into<String>) -> Self {
        Self::of("text/html; charset=utf-8", Body::Text(html.into()))
    }

    /// 200 with `application/json`.
    ///
    /// # Errors
    /// `value` has no JSON form, such as a map whose keys are not strings.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        Ok(Self::of("application/json", Body::Text(serde_json::to_string(value)?)))
    }

    /// 200 with `application/octet-stream`. [`with_header`](Self::with_header)`("content-type", …)`
    /// gives it another type.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::of("application/octet-stream", Body::Bytes(bytes.into()))
    }

    /// No body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Empty }
    }

    /// 302 to `location` (RFC 9110, 15.4.3). What cannot stand in a URI, such as a space or a line's
    /// end, is percent-encoded. A `%` stays as it is.
    pub fn redirect(location: impl AsRef<str>) -> Self {
        Self::empty(302).with_header("location", percent_encode(location.as_ref(), is_uri_byte))
    }

    /// A redirect with another status. 301 and 308 are for good, 302 and 307 for now, and 303 leads
    /// to the result of a POST. 307 and 308 keep method and body.
    ///
    /// # Errors
    /// The status is not 301, 302, 303, 307 or 308 (RFC 9110, 15.4).
    pub fn redirect_with(status: u16, location: impl AsRef<str>) -> Result<Self> {
        ensure!(
            matches!(status, 301 | 302 | 303 | 307 | 308),
            "{status} is not the status of a redirect: use 301, 302, 303, 307 or 308"
        );
        Ok(Self::redirect(location).with_status(status))
    }

    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        headers::get(&self.headers, name)
    }

    /// The same with another status, 200 to 599.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with this header in place of all others of that name.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        headers::set(&mut self.headers, name, value);
        self
    }

    /// The same with this header beside others of that name. `set-cookie` needs that.
    #[must_use]
    pub fn with_added_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same with this cookie set.
    #[must_use]
    pub fn with_cookie(self, cookie: Cookie) -> Self {
        self.with_added_header("set-cookie", cookie.to_string())
    }

    fn of(content_type: &str, body: Body) -> Self {
        Self { status: 200, headers: vec![("content-type".into(), content_type.into())], body }
    }
}

/// Whether it may stand in a URI; `%` may. A `\` may not: browsers take it for a `/`.
fn is_uri_byte(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !b"\"<>\\".contains(&byte)
}

/// What a plain handler or an error handler may return: a [`Response`], text, or a `Result` of
/// either.
///
/// It may not return an [`Outcome`](crate::Outcome), because a plain handler's component has no
/// sessions:
///
/// ```compile_fail,E0277
/// use lithe_sdk::{Event, Outcome, Result};
///
/// #[lithe_sdk::handler]
/// fn chat(event: Event) -> Result<Outcome> {
///     event.ws().upgrade(async |_| Ok(())).accept()
/// }
/// ```
///
/// Nor may it return a [`Stream`](crate::Stream), for the same reason:
///
/// ```compile_fail,E0277
/// use lithe_sdk::{Event, Response, Stream};
///
/// #[lithe_sdk::handler]
/// fn numbers(event: Event) -> Stream {
///     Response::stream(async |body| Ok(body.send_text("1")?))
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a plain response",
    label = "expected `Response`, `String`, `&'static str`, or a `Result` of one",
    note = "a handler that upgrades returns `Result<Outcome>`, one that streams `Outcome` or `Stream`; \
            either needs `#[lithe_sdk::handler(websocket)]` or `#[lithe_sdk::handler(session)]`"
)]
pub trait IntoResponse {
    /// The answer.
    ///
    /// # Errors
    /// The handler's own.
    fn into_response(self) -> Result<Response>;
}

impl IntoResponse for Response {
    fn into_response(self) -> Result<Response> {
        Ok(self)
    }
}

impl IntoResponse for String {
    fn into_response(self) -> Result<Response> {
        Ok(Response::text(self))
    }
}

impl IntoResponse for &'static str {
    fn into_response(self) -> Result<Response> {
        Ok(Response::text(self))
    }
}

impl<T: IntoResponse, E: Into<anyhow::Error>> IntoResponse for Result<T, E> {
    fn into_response(self) -> Result<Response> {
        self.map_err(Into::into)?.into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_header_replaces_and_with_added_header_adds() {
        let response = Response::text("x")
            .with_header("Content-Type", "text/css")
            .with_added_header("set-cookie", "a=1")
            .with_added_header("set-cookie", "b=2");
        let names: Vec<_> = response.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Content-Type", "set-cookie", "set-cookie"]);
    }

    #[test]
    fn only_redirect_statuses_redirect() {
        for status in [301, 302, 303, 307, 308] {
            assert_eq!(Response::redirect_with(status, "/").unwrap().status, status);
        }
        for status in [200, 300, 304, 305, 306, 309, 404] {
            assert!(Response::redirect_with(status, "/").is_err());
        }
    }

    #[test]
    fn a_location_is_encoded_where_a_uri_could_not_have_it() {
        let location = |text| Response::redirect(text).header("location").map(str::to_owned);
        for (given, sent) in [
            ("/a?b=c%20d&e=[f]#g", "/a?b=c%20d&e=[f]#g"),
            ("/a\r\nset-cookie: b=c", "/a%0D%0Aset-cookie:%20b=c"),
            ("/\\evil.example", "/%5Cevil.example"),
            ("/<\"ä\u{1f980}\u{7f}>", "/%3C%22%C3%A4%F0%9F%A6%80%7F%3E"),
        ] {
            assert_eq!(location(given).as_deref(), Some(sent));
        }
    }

    #[test]
    fn text_is_an_answer() {
        assert_eq!("hi".into_response().unwrap(), Response::text("hi"));
        assert_eq!(Ok::<_, anyhow::Error>(String::from("hi")).into_response().unwrap().status, 200);
    }
}
