//! `http`: a guest's answers, checked and converted for HTTP.

use bytes::Bytes;
use bytesize::ByteSize;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use super::State;
use crate::capability::bindings::http as wit;

/// The most headers of one answer. A header map has room for 24,576, and panics beyond that.
const MAX_HEADERS: usize = 1_000;

/// A failure that has an HTTP answer.
#[derive(Debug)]
pub struct HttpError {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub message: String,
}

/// A guest's answer that HTTP cannot send. The client gets 500, and the log gets this.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidAnswer {
    #[error("the guest answered status {0}: a response has one from 200 to 599")]
    Status(u16),
    #[error("the guest answered the error status {0}: an error has one from 400 to 599")]
    ErrorStatus(u16),
    #[error("the guest answered a header with the name `{0}`: it is not a valid name")]
    HeaderName(String),
    #[error("the guest answered a value for header `{0}` that has a control character")]
    HeaderValue(String),
    #[error("the guest answered {0} headers: at most {MAX_HEADERS} are sent")]
    TooManyHeaders(usize),
    #[error("the guest answered {size} bytes, `limits.response` allows {limit}")]
    TooLarge { size: usize, limit: ByteSize },
    #[error("the guest answered {size} bytes of headers, `limits.headers` allows {limit}")]
    LargeHeaders { size: usize, limit: ByteSize },
    #[error("the guest answered an upgrade or a stream that this request did not accept")]
    Socket,
}

/// Headers that belong to the connection, and so to the host (RFC 9110, section 7.6.1; RFC 9112,
/// section 6).
const CONNECTION_HEADERS: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::DATE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

impl wit::Host for State {}

impl TryFrom<wit::Response> for Response<Bytes> {
    type Error = InvalidAnswer;

    fn try_from(answer: wit::Response) -> Result<Self, InvalidAnswer> {
        let status = status_of(answer.status)?;
        let mut headers = response_headers(answer.headers)?;
        let (body, content_type) = match answer.body {
            wit::Body::Empty => (Bytes::new(), None),
            wit::Body::Text(text) => (Bytes::from(text), Some("text/plain; charset=utf-8")),
            wit::Body::Bytes(bytes) => (Bytes::from(bytes), Some("application/octet-stream")),
        };
        if let Some(content_type) = content_type {
            headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
        }
        let mut response = Self::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

impl TryFrom<wit::HttpError> for HttpError {
    type Error = InvalidAnswer;

    fn try_from(error: wit::HttpError) -> Result<Self, InvalidAnswer> {
        let status = StatusCode::from_u16(error.status)
            .ok()
            .filter(|status| (400..=599).contains(&status.as_u16()))
            .ok_or(InvalidAnswer::ErrorStatus(error.status))?;
        // An error may have one header of the connection: 426 must say `upgrade`.
        let headers = parse_fields(&error.headers)?;
        let upgrade = headers.get(header::UPGRADE).cloned();
        let mut headers = without_connection_headers(headers);
        if status == StatusCode::UPGRADE_REQUIRED
            && let Some(upgrade) = upgrade
        {
            headers.insert(header::UPGRADE, upgrade);
        }
        Ok(Self { status, headers, message: error.message })
    }
}

impl HttpError {
    /// An error without headers.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, headers: HeaderMap::new(), message: message.into() }
    }

    /// Adds a header.
    pub fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// The error as a guest sees it.
    pub fn to_wit(&self) -> wit::HttpError {
        wit::HttpError {
            status: self.status.as_u16(),
            headers: fields_of(&self.headers),
            message: self.message.clone(),
        }
    }
}

/// The bytes of all names and values.
pub(crate) fn size_of_headers(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// The status of a response.
///
/// # Errors
/// It is not from 200 to 599.
pub(crate) fn status_of(status: u16) -> Result<StatusCode, InvalidAnswer> {
    let valid = StatusCode::from_u16(status).ok().filter(|_| (200..=599).contains(&status));
    valid.ok_or(InvalidAnswer::Status(status))
}

/// Converts the headers of a response, without those of the connection.
///
/// # Errors
/// HTTP does not allow a name or a value.
pub(crate) fn response_headers(fields: wit::Fields) -> Result<HeaderMap, InvalidAnswer> {
    parse_fields(&fields).map(without_connection_headers)
}

fn without_connection_headers(mut headers: HeaderMap) -> HeaderMap {
    let is_among = |name: &HeaderName| CONNECTION_HEADERS.contains(name);
    while let Some(name) = headers.keys().find(|name| is_among(name)).cloned() {
        headers.remove(&name);
        tracing::debug!(header = %name, "dropped a header that is the host's to set");
    }
    headers
}

/// Converts headers.
///
/// # Errors
/// HTTP does not allow a name or a value, or there are too many.
pub(crate) fn parse_fields(fields: &wit::Fields) -> Result<HeaderMap, InvalidAnswer> {
    if fields.len() > MAX_HEADERS {
        return Err(InvalidAnswer::TooManyHeaders(fields.len()));
    }
    let mut headers = HeaderMap::with_capacity(fields.len());
    for (name, value) in fields {
        let Ok(parsed) = HeaderName::try_from(name.as_str()) else {
            return Err(InvalidAnswer::HeaderName(name.clone()));
        };
        let Some(value) = value_from_text(value) else {
            return Err(InvalidAnswer::HeaderValue(name.clone()));
        };
        headers.append(parsed, value);
    }
    Ok(headers)
}

/// Headers as a guest sees them, in order.
pub(crate) fn fields_of(headers: &HeaderMap) -> wit::Fields {
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), text_of(value.as_bytes()))
    };
    headers.iter().map(text).collect()
}

/// A header's value as text: UTF-8, or else each byte as the character of that number.
pub(crate) fn text_of(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

fn value_from_text(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_bytes(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, headers: &[(&str, &str)]) -> Result<Response<Bytes>, InvalidAnswer> {
        let headers = headers.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        wit::Response { status, headers, body: wit::Body::Text("x".into()) }.try_into()
    }

    #[test]
    fn a_status_outside_200_to_599_is_refused() {
        assert!(response(200, &[]).is_ok());
        assert!(response(599, &[]).is_ok());
        for status in [0, 99, 101, 199, 600, 1000] {
            assert_eq!(response(status, &[]).unwrap_err(), InvalidAnswer::Status(status));
        }
    }

    #[test]
    fn headers_of_the_connection_are_dropped() {
        let response = response(
            200,
            &[("Content-Length", "99"), ("connection", "close"), ("x-a", "1"), ("x-a", "2")],
        )
        .unwrap();
        assert!(!response.headers().contains_key(header::CONTENT_LENGTH));
        assert!(!response.headers().contains_key(header::CONNECTION));
        assert_eq!(response.headers().get_all("x-a").iter().count(), 2);
    }

    #[test]
    fn a_header_that_http_forbids_is_named() {
        assert_eq!(
            response(200, &[("bad name", "1")]).unwrap_err(),
            InvalidAnswer::HeaderName("bad name".into())
        );
        assert_eq!(
            response(200, &[("x-a", "1\r\nx-b: 2")]).unwrap_err(),
            InvalidAnswer::HeaderValue("x-a".into())
        );
    }

    #[test]
    fn more_headers_than_are_sent_are_refused() {
        let headers = |count| vec![("x-a", "1"); count];
        assert_eq!(response(200, &headers(MAX_HEADERS)).unwrap().headers().len(), MAX_HEADERS + 1);
        for count in [MAX_HEADERS + 1, 100_000] {
            let error = response(200, &headers(count)).unwrap_err();
            assert_eq!(error, InvalidAnswer::TooManyHeaders(count));
        }
    }

    #[test]
    fn text_has_a_content_type_unless_the_guest_names_one() {
        let plain = response(200, &[]).unwrap();
        assert_eq!(plain.headers()[header::CONTENT_TYPE], "text/plain; charset=utf-8");
        let html = response(200, &[("content-type", "text/html")]).unwrap();
        assert_eq!(html.headers()[header::CONTENT_TYPE], "text/html");
    }

    #[test]
    fn a_value_that_is_not_utf8_has_each_byte_as_a_character() {
        assert_eq!(text_of(b"caf\xe9"), "café");
        assert_eq!(text_of("café".as_bytes()), "café");
    }
}
