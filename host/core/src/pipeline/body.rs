//! A request's body, read whole before a guest is called, so that no instance waits for a client.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode, header};
use http_body::Body;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::snapshot::SiteSnapshot;
use crate::capability::account::Held;
use crate::capability::http::HttpError;
use crate::config::{Limit, bytes};

/// How large the buffer becomes that hyper reads from a connection into, in bytes: it grows with a
/// body, and has room for the largest head.
pub(crate) const MAX_READ_BUFFER: usize = 128 * 1024;

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError<E, O> {
    /// It is larger than it may be.
    #[error("the body is too large")]
    TooLarge,
    /// The site may not hold it in memory.
    #[error("the site has no memory left for the body")]
    Over(O),
    /// The client broke off before its end.
    #[error("the body could not be read to its end")]
    Broken(#[source] E),
}

/// Reads the body within `limits.body` and `server.body_time`. It is charged to the site for as
/// long as it lives.
///
/// # Errors
/// 413, 408, 503 if the site has no memory for it, or 400 if the client breaks off.
pub(crate) async fn read(
    request: &mut Request<Incoming>,
    snapshot: &SiteSnapshot,
) -> Result<Bytes, HttpError> {
    let limit = snapshot.limits.body;
    let too_large = || {
        snapshot.account.exceed(Limit::Body);
        let message = format!("the body is over {limit} (`limits.body`)");
        HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    };
    if announced(request.headers()).is_some_and(|length| length > limit.as_u64()) {
        return Err(too_large());
    }
    let mut charge = snapshot.account.memory().charge(Held::Bodies);
    let charged = |bytes: usize| charge.try_set(bytes.saturating_add(bytes.min(MAX_READ_BUFFER)));
    // Boxed: otherwise a request without a body would reserve room for it.
    let collected = Box::pin(collect(request.body_mut(), bytes(limit), charged));
    match timeout(snapshot.body_time, collected).await {
        Ok(Ok(collected)) => Ok(charge.with(collected)),
        Ok(Err(BodyError::TooLarge)) => Err(too_large()),
        Ok(Err(BodyError::Over(over))) => Err(super::over(snapshot, &over)),
        Ok(Err(error @ BodyError::Broken(_))) => {
            Err(HttpError::new(StatusCode::BAD_REQUEST, error.to_string()))
        }
        Err(_) => {
            snapshot.account.exceed(Limit::BodyTime);
            let message =
                format!("the body took longer than {:?} (`server.body_time`)", snapshot.body_time);
            Err(HttpError::new(StatusCode::REQUEST_TIMEOUT, message))
        }
    }
}

/// The body's length as the headers announce it, in bytes.
pub(crate) fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads the whole body, of at most `limit` bytes, into one buffer, however small the pieces are
/// that it comes in. `charge` is told how many bytes there are until then.
///
/// # Errors
/// The body is larger, or breaks off, or is not charged.
pub(crate) async fn collect<B, O>(
    mut body: B,
    limit: usize,
    mut charge: impl FnMut(usize) -> Result<(), O>,
) -> Result<Bytes, BodyError<B::Error, O>>
where
    B: Body<Data = Bytes> + Unpin,
{
    // Most bodies come in one piece, which is not copied.
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        // Other frames are trailers, which guests do not get.
        let Ok(piece) = frame.map_err(BodyError::Broken)?.into_data() else { continue };
        let before = first.len() + whole.len();
        if piece.len() > limit.saturating_sub(before) {
            return Err(BodyError::TooLarge);
        }
        charge(before + piece.len()).map_err(BodyError::Over)?;
        if before == 0 {
            first = piece;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&piece);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    async fn collected(pieces: &[&'static str], limit: usize) -> Option<Bytes> {
        let frames = pieces.iter().map(|piece| Ok::<_, Infallible>(Frame::data((*piece).into())));
        collect(StreamBody::new(stream::iter(frames)), limit, |_| Ok::<_, Infallible>(()))
            .await
            .ok()
    }

    #[tokio::test]
    async fn pieces_become_one_buffer_in_their_order() {
        assert_eq!(collected(&[], 0).await.expect("nothing fits"), "");
        assert_eq!(collected(&["abc"], 3).await.expect("it fits"), "abc");
        assert_eq!(collected(&["a", "", "bc", "d"], 4).await.expect("they fit"), "abcd");
    }

    #[tokio::test]
    async fn more_than_the_limit_is_refused_in_one_piece_and_in_several() {
        assert_eq!(collected(&["abcd"], 3).await, None);
        assert_eq!(collected(&["ab", "c", "d"], 3).await, None);
    }
}
