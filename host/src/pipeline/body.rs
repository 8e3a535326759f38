//! A request's body, read whole before a guest is called: no instance waits on a client.

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use super::tenant::Tenant;
use crate::capability::http::HttpError;
use crate::config::bytes;

/// Reads the body within `limits.body` and `server.body_time`.
///
/// # Errors
/// 413, 408, or 400 where the client breaks off.
pub async fn read(
    headers: &HeaderMap,
    body: Incoming,
    tenant: &Tenant,
) -> Result<Bytes, HttpError> {
    let limit = tenant.limits.body;
    let too_large = || {
        tenant.account.exceed("limits.body");
        let message = format!("the body is over {limit} (`limits.body`)");
        HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let announced = announced.and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit.as_u64()) {
        return Err(too_large());
    }
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    // Boxed: a request without a body would keep room for it.
    let collected = Box::pin(Limited::new(body, bytes(limit)).collect());
    match timeout(tenant.body_time, collected).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => {
            Err(HttpError::new(StatusCode::BAD_REQUEST, "the body could not be read to its end"))
        }
        Err(_) => {
            tenant.account.exceed("server.body_time");
            let message =
                format!("the body took longer than {:?} (`server.body_time`)", tenant.body_time);
            Err(HttpError::new(StatusCode::REQUEST_TIMEOUT, message))
        }
    }
}
