//! Answers in the form in which hyper sends them.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode, Version};
use http_body::Body as _;
use http_body_util::{Either, Full};

use super::public::FileBody;
use crate::capability::account::{Held, Over, SiteMemory};
use crate::capability::event::RequestId;
use crate::capability::http::HttpError;
use crate::session::StreamBody;

/// The body of a guest's answer, whole or streamed, or of a public file.
pub(crate) type Body = Either<Full<Bytes>, Either<StreamBody, FileBody>>;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest body that is not charged, in bytes: it goes out at once.
const SHORT: usize = 1024;

/// Converts a guest's response. Its body is charged to the site until it is sent.
///
/// # Errors
/// The site has no memory for it.
pub(crate) fn from_guest(
    response: Response<Bytes>,
    memory: &Arc<SiteMemory>,
) -> Result<Response<Body>, Over> {
    let (head, mut bytes) = response.into_parts();
    if bytes.len() > SHORT {
        bytes = memory.try_charged(Held::Bodies, bytes)?;
    }
    Ok(Response::from_parts(head, Either::Left(Full::new(bytes))))
}

/// The answer for an error that no error handler has handled: its message as text, which is charged
/// to the site until it is sent.
pub(crate) fn from_guests_error(error: HttpError, memory: &Arc<SiteMemory>) -> Response<Body> {
    let message = memory.charged_about(Held::Bodies, error.message.into());
    text(error.status, error.headers, message)
}

/// The same for an error of the host's own.
pub(crate) fn from_error(error: HttpError) -> Response<Body> {
    text(error.status, error.headers, error.message.into())
}

fn text(status: StatusCode, headers: HeaderMap, message: Bytes) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(message)));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_TYPE).or_insert(text);
    // The message may quote what the client has sent: browsers must not guess another type.
    let no_sniffing = HeaderValue::from_static("nosniff");
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(no_sniffing);
    response
}

/// Ends the connection with this answer.
pub(crate) fn end_connection<B>(response: &mut Response<B>) {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
}

/// Changes the answer so that a client of this version can tell where it ends (RFC 9110, section
/// 15.3.6; RFC 9112, section 6.3).
pub(crate) fn fit(response: &mut Response<Body>, version: Version) {
    if response.status() == StatusCode::RESET_CONTENT {
        *response.body_mut() = Either::Left(Full::default());
    }
    fit_upgrade(response.headers_mut(), version);
    if version == Version::HTTP_10 {
        let is_delimited = response.headers().contains_key(header::CONTENT_LENGTH)
            || response.body().size_hint().exact().is_some();
        if !is_delimited {
            end_connection(response);
        }
        if response.headers().contains_key(header::CONNECTION) {
            // hyper would add `keep-alive` to an answer of HTTP/1.1.
            *response.version_mut() = Version::HTTP_10;
        }
    }
}

/// `upgrade` holds for this connection only, which `connection` has to say. HTTP/1.0 does not have
/// it (RFC 9110, section 7.8).
fn fit_upgrade(headers: &mut HeaderMap, version: Version) {
    if version == Version::HTTP_10 {
        headers.remove(header::UPGRADE);
    } else if headers.contains_key(header::UPGRADE) && !headers.contains_key(header::CONNECTION) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    }
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode, headers: HeaderMap) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The `allow` header for these methods.
pub(crate) fn allow(methods: &[Method]) -> HeaderMap {
    let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    let mut headers = HeaderMap::new();
    // Methods are tokens, and so valid in a header.
    if let Ok(value) = HeaderValue::from_str(&names.join(", ")) {
        headers.insert(header::ALLOW, value);
    }
    headers
}

/// Names the request, so that it can be found in the log.
pub(crate) fn add_request_id(response: &mut Response<Body>, id: RequestId) {
    if let Ok(value) = HeaderValue::from_bytes(&id.digits()) {
        // Middleware may have passed on a proxy's id.
        response.headers_mut().entry(&REQUEST_ID).or_insert(value);
    }
}
