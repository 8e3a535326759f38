//! Answers as hyper sends them.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body_util::{Either, Full};

use super::public::FileBody;
use crate::capability::event::RequestId;
use crate::capability::http::HttpError;
use crate::session::StreamBody;

/// A guest's answer, whole or streamed, or a public file.
pub type Body = Either<Full<Bytes>, Either<StreamBody, FileBody>>;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A guest's response.
pub fn from_guest(response: Response<Bytes>) -> Response<Body> {
    response.map(|bytes| Either::Left(Full::new(bytes)))
}

/// An error that no error handler turned into something else: its message as text.
pub fn from_error(error: HttpError) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::from(error.message)));
    *response.status_mut() = error.status;
    *response.headers_mut() = error.headers;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().entry(header::CONTENT_TYPE).or_insert(text);
    response
}

/// No body.
pub fn empty(status: StatusCode, headers: HeaderMap) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The `allow` header for these methods.
pub fn allow(methods: &[Method]) -> HeaderMap {
    let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    let mut headers = HeaderMap::new();
    // Methods are tokens, and so valid in a header; one that is not could not have been parsed.
    if let Ok(value) = HeaderValue::from_str(&names.join(", ")) {
        headers.insert(header::ALLOW, value);
    }
    headers
}

/// Names the request for whoever reads the log.
pub fn add_request_id(response: &mut Response<Body>, id: RequestId) {
    if let Ok(value) = HeaderValue::from_bytes(&id.digits()) {
        // Middleware may have taken over a proxy's.
        response.headers_mut().entry(&REQUEST_ID).or_insert(value);
    }
}
