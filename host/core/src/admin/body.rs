//! The body of a request of the API: one component, or a form of several.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::answer::Refusal;
use super::tokens::Caller;
use crate::pipeline::{self, BodyError};
use crate::site::Given;

/// The most components in one deploy.
const MAX_PARTS: usize = 1_000;

/// How long a body may wait for room, and how long it may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(60);

/// How many bodies of the largest size the host holds at once. A body stays in memory until its
/// request is done. If all room is taken, the next body is read only when there is room again.
const MAX_BODIES: usize = 4;

/// The memory that all bodies together may take: one part for the operator, and one for the tokens
/// of sites, which so cannot keep the operator from a deploy.
#[derive(Clone)]
pub(crate) struct Room {
    /// What is free for the operator, in KiB.
    of_operator: Arc<Semaphore>,
    /// What is free for the tokens of sites, in KiB.
    of_tokens: Arc<Semaphore>,
    /// The largest body, in bytes.
    max_body: usize,
    /// How long a body may wait for room, and take to arrive.
    time: Duration,
}

/// A request's body before it is read.
pub(super) struct Upload<B> {
    incoming: B,
    /// Whether the body has not been read to its end.
    is_unread: bool,
}

/// A body in memory, and the room that it takes.
pub(super) struct Uploaded {
    pub bytes: Bytes,
    _room: Taken,
}

/// The room of a body, and the place among those of its token, if it has one.
struct Taken {
    _room: OwnedSemaphorePermit,
    _of_token: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// Makes room for `MAX_BODIES` bodies of at most `max_body` bytes, for the operator, and as
    /// much for the tokens of sites.
    pub(crate) fn new(max_body: usize) -> Self {
        let all = kib(max_body).saturating_mul(MAX_BODIES).min(Semaphore::MAX_PERMITS);
        let part = || Arc::new(Semaphore::new(all));
        Self { of_operator: part(), of_tokens: part(), max_body, time: BODY_TIME }
    }

    /// Waits for the room that a body of `length` bytes takes. A token has one body at a time.
    async fn take(&self, caller: &Caller, length: usize) -> Option<Taken> {
        let (part, of_token) = match caller {
            Caller::Control | Caller::Operator => (&self.of_operator, None),
            Caller::Site(token) => (&self.of_tokens, Some(token.body())),
        };
        let _of_token = match of_token {
            Some(own) => Some(own.acquire_owned().await.ok()?),
            None => None,
        };
        let length = u32::try_from(kib(length)).unwrap_or(u32::MAX);
        Some(Taken { _room: part.clone().acquire_many_owned(length).await.ok()?, _of_token })
    }

    fn too_large(&self) -> Refusal {
        let message = format!("the body is over {} bytes (`admin.body`)", self.max_body);
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }
}

/// Rounds up to whole KiB, at least one.
fn kib(bytes: usize) -> usize {
    bytes / 1024 + 1
}

impl<B> Upload<B>
where
    B: Body<Data = Bytes, Error: fmt::Display> + Unpin,
{
    pub(super) fn new(incoming: B) -> Self {
        let is_unread = !incoming.is_end_stream();
        Self { incoming, is_unread }
    }

    /// Whether the body has not been read to its end.
    pub(super) fn is_unread(&self) -> bool {
        self.is_unread
    }

    /// Reads the body, within the room for all bodies and within its time.
    pub(super) async fn read(
        &mut self,
        headers: &HeaderMap,
        room: &Room,
        caller: &Caller,
    ) -> Result<Uploaded, Refusal> {
        let (max_body, time) = (room.max_body, room.time);
        let announced = pipeline::announced(headers);
        if announced.is_some_and(|length| length > max_body as u64) {
            return Err(room.too_large());
        }
        let length = announced.and_then(|length| usize::try_from(length).ok()).unwrap_or(max_body);
        let taken = timeout(time, room.take(caller, length)).await.ok().flatten();
        let taken = taken.ok_or_else(|| {
            let message = format!(
                "other deploys have taken all room for bodies for {time:?}: try again later"
            );
            let mut refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message);
            refusal.header = Some((header::RETRY_AFTER, "10"));
            refusal
        })?;
        let body = timeout(time, pipeline::collect(&mut self.incoming, max_body, no_charge)).await;
        let body = body.map_err(|_| {
            let message = format!("the body did not arrive in {time:?}");
            Refusal::new(StatusCode::REQUEST_TIMEOUT, message)
        })?;
        match body {
            Ok(bytes) => {
                self.is_unread = false;
                Ok(Uploaded { bytes, _room: taken })
            }
            Err(BodyError::Over(never)) => match never {},
            Err(BodyError::TooLarge) => Err(room.too_large()),
            Err(BodyError::Broken(error)) => {
                Err(Refusal::bad(format!("the body did not arrive: {error}")))
            }
        }
    }
}

/// A form's parts, by their names (RFC 7578).
pub(super) async fn form(boundary: String, body: Bytes) -> Result<Given, Refusal> {
    let parts = futures_util::stream::once(async { Ok::<_, std::io::Error>(body) });
    let mut parts = multer::Multipart::new(parts, boundary);
    let malformed = |error: multer::Error| Refusal::bad(format!("the form is malformed: {error}"));
    let mut given = Given::new();
    while let Some(part) = parts.next_field().await.map_err(malformed)? {
        let name = part.name().map(str::to_owned);
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Err(Refusal::bad("a part has no name: name it by the component's file"));
        };
        let bytes = part.bytes().await.map_err(malformed)?;
        if given.insert(name.clone(), bytes).is_some() {
            return Err(Refusal::bad(format!("`{name}` occurs twice")));
        }
        if given.len() > MAX_PARTS {
            return Err(Refusal::bad(format!("a deploy has at most {MAX_PARTS} components")));
        }
    }
    match given.is_empty() {
        true => Err(Refusal::bad("the form is empty: send a part for each component")),
        false => Ok(given),
    }
}

/// The text that separates a form's parts.
pub(super) fn boundary(headers: &HeaderMap) -> Result<String, Refusal> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    multer::parse_boundary(kind).map_err(|_| {
        Refusal::bad("send a form, `multipart/form-data`, with a part for each component")
    })
}

/// The room for bodies bounds them already.
fn no_charge(_: usize) -> Result<(), Infallible> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;

    #[tokio::test]
    async fn bodies_over_the_room_wait_for_those_before_them() {
        const MIB: usize = 1024 * 1024;
        let room = Room::new(MIB);
        let mut taken = Vec::new();
        for _ in 0..MAX_BODIES {
            taken.push(room.take(&Caller::Control, MIB).await.expect("there is room"));
        }
        let mut next = std::pin::pin!(room.take(&Caller::Control, MIB));
        assert!(futures_util::poll!(&mut next).is_pending());
        taken.pop();
        assert!(futures_util::poll!(&mut next).is_ready());
    }

    #[tokio::test]
    async fn the_largest_body_fits_whatever_it_may_be() {
        for max_body in [0, 1, 1024, usize::MAX] {
            let room = Room::new(max_body);
            assert!(
                futures_util::poll!(std::pin::pin!(room.take(&Caller::Control, max_body)))
                    .is_ready()
            );
        }
    }

    #[tokio::test]
    async fn a_body_that_does_not_arrive_in_its_time_is_408() {
        let room = Room { time: Duration::from_millis(20), ..Room::new(1024) };
        let mut upload =
            Upload::new(StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>()));
        let refused = upload
            .read(&HeaderMap::new(), &room, &Caller::Control)
            .await
            .err()
            .expect("it is refused");
        assert_eq!(refused.status, StatusCode::REQUEST_TIMEOUT);
        assert!(refused.message.contains("20ms") && upload.is_unread(), "{}", refused.message);
    }

    #[tokio::test]
    async fn a_body_that_gets_no_room_in_its_time_is_503() {
        let room = Room { time: Duration::from_millis(20), ..Room::new(1024) };
        let all = room.of_operator.available_permits();
        let taken = room.of_operator.clone().acquire_many_owned(all.try_into().unwrap()).await;
        let mut upload = Upload::new(Full::new(Bytes::from_static(b"x")));
        let refused = upload
            .read(&HeaderMap::new(), &room, &Caller::Control)
            .await
            .err()
            .expect("it is refused");
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        drop(taken);
        assert!(upload.read(&HeaderMap::new(), &room, &Caller::Control).await.is_ok());
    }

    #[tokio::test]
    async fn a_form_has_so_many_parts() {
        let parts = |count: usize| {
            let part = |n| {
                format!("--x\r\ncontent-disposition: form-data; name=\"{n}.wasm\"\r\n\r\n{n}\r\n")
            };
            let body: String = (0..count).map(part).collect();
            form("x".to_owned(), (body + "--x--\r\n").into())
        };
        assert_eq!(parts(MAX_PARTS).await.map(|given| given.len()).ok(), Some(MAX_PARTS));
        assert!(parts(MAX_PARTS + 1).await.is_err());
    }
}
