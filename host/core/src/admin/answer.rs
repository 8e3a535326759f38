//! Answers of the API: JSON, also for errors.

use bytes::Bytes;
use http::{Method, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

use crate::plugin::VersionError;
use crate::site::{DeployError, NotServed};

/// An error, as it is answered.
pub(super) struct Refusal {
    pub status: StatusCode,
    pub message: String,
    pub header: Option<(header::HeaderName, &'static str)>,
}

#[derive(Serialize)]
struct ErrorBody<'m> {
    error: &'m str,
}

/// An answer with this body.
pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response<Full<Bytes>> {
    // Serialization cannot fail: the types have text for keys, and none of their parts fails.
    let mut text = serde_json::to_vec(body).unwrap_or_default();
    text.push(b'\n');
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), header: None }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn unauthorized(message: &str) -> Self {
        let mut refusal = Self::new(StatusCode::UNAUTHORIZED, message);
        refusal.header = Some((header::WWW_AUTHENTICATE, "Bearer"));
        refusal
    }

    pub(super) fn allow(mut self, method: &Method) -> Self {
        let name = match *method {
            Method::GET => "GET",
            Method::PUT => "PUT",
            _ => "POST",
        };
        self.header = Some((header::ALLOW, name));
        self
    }

    /// The answer to the client.
    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = json(self.status, &ErrorBody { error: &self.message });
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, header::HeaderValue::from_static(value));
        }
        response
    }
}

impl From<NotServed> for Refusal {
    fn from(error: NotServed) -> Self {
        let status = match error {
            NotServed::Unknown(_) | NotServed::Several => StatusCode::NOT_FOUND,
            NotServed::Starting | NotServed::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.to_string())
    }
}

impl From<DeployError> for Refusal {
    fn from(error: DeployError) -> Self {
        let status = match &error {
            DeployError::Stopping | DeployError::Busy(_) | DeployError::Aside(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            DeployError::Gone => StatusCode::NOT_FOUND,
            DeployError::Canary
            | DeployError::SameCanary
            | DeployError::NoCanary
            | DeployError::Hosts(_) => StatusCode::CONFLICT,
            DeployError::NoPlugin(_) => StatusCode::NOT_FOUND,
            DeployError::Version(VersionError::Gone(_) | VersionError::Damaged(_)) => {
                StatusCode::GONE
            }
            DeployError::Version(VersionError::Ambiguous { .. }) => StatusCode::BAD_REQUEST,
            DeployError::Version(_) => StatusCode::NOT_FOUND,
            DeployError::Swap(_) | DeployError::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, format!("{:#}", anyhow::Error::new(error)))
    }
}
