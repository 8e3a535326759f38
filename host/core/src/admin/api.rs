//! The API for deploys, and what each request of it does.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /status` | shows what is served and what drains |
//! | `PUT /plugins/FILE` | deploys one component: the body |
//! | `POST /deploy` | deploys several, all or none: a form with a part for each, named by its file |
//! | `POST /rollback/FILE` | goes back to the previous version, or to `?to=DIGEST` |
//! | `POST /promote`, `POST /drop` | ends a canary |
//!
//! Where a host serves several sites, `/sites/NAME` comes before each of these, with the name of
//! the site's folder; `GET /sites` names them. `?share=5%25` or `?header=NAME:VALUE` makes a deploy
//! a canary. Each change takes `?dry_run=true` (nothing changes, and the answer says what would)
//! and `?keep_memory=true` (a change that would lose memory is refused). Answers are
//! JSON.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::Full;
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::log::Seldom;
use crate::pipeline::{self, BodyError, Split};
use crate::plugin::{Digest, VersionError};
use crate::site::{DeployError, Given, NotServed, Report, SiteManager, Sites, Terms};

/// The most components in one deploy.
const MAX_PARTS: usize = 1_000;

/// How long a client may take from the end of a request's head to the end of its body.
const BODY_TIME: Duration = Duration::from_secs(60);

/// How many bodies of the largest size the host holds at once. A body stays in memory until its
/// request is done; when the room is used up, the next body is not read until some is free.
const MAX_BODIES: usize = 4;

/// Answers the API's requests.
pub(crate) struct Api {
    pub sites: Arc<Sites>,
    pub access: Access,
    /// Limits how often the log reports a request without the right token.
    pub unknown: Seldom,
    pub room: Room,
}

/// The memory that all bodies together may take.
#[derive(Clone)]
pub(crate) struct Room {
    /// What is free, in KiB.
    free: Arc<Semaphore>,
    /// The largest body, in bytes.
    max_body: usize,
}

/// A request's body before it is read.
struct Upload {
    incoming: Incoming,
    /// Whether the body has not been read to its end.
    is_unread: bool,
}

/// A body in memory, and the room that it takes.
struct Uploaded {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

/// Who may use a listener.
pub(crate) enum Access {
    /// Everyone who reaches the listener.
    Everyone,
    /// Those who have the token of this digest.
    Token(Digest),
}

/// An error, as it is answered.
struct Refusal {
    status: StatusCode,
    message: String,
    header: Option<(header::HeaderName, &'static str)>,
}

#[derive(Serialize)]
struct ErrorBody<'m> {
    error: &'m str,
}

impl Api {
    /// Answers one request.
    pub(crate) async fn handle(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, incoming) = request.into_parts();
        let is_unread = !incoming.is_end_stream();
        let mut upload = Upload { incoming, is_unread };
        let mut response = match self.answer(&head, &mut upload).await {
            Ok(response) => response,
            Err(refusal) => {
                // A client without the token must not be able to fill the log.
                let is_unknown = refusal.status == StatusCode::UNAUTHORIZED;
                if head.method != Method::GET && (!is_unknown || self.unknown.is_due()) {
                    let (path, status) = (head.uri.path(), refusal.status.as_u16());
                    let reason = &*refusal.message;
                    let site = decoded(path).ok().and_then(|path| {
                        let (manager, _) = self.site(path.trim_start_matches('/')).ok()?;
                        Some(manager.name().clone())
                    });
                    tracing::error!(
                        target: "swap", site = site.as_deref(), path, status,
                        "nothing was deployed: {reason}"
                    );
                }
                let body = ErrorBody { error: &refusal.message };
                let mut response = json(refusal.status, &body);
                if let Some((name, value)) = refusal.header {
                    response.headers_mut().insert(name, header::HeaderValue::from_static(value));
                }
                response
            }
        };
        // A client without the token must not be able to keep one of the listener's few
        // connections.
        if upload.is_unread || response.status() == StatusCode::UNAUTHORIZED {
            pipeline::end_connection(&mut response);
        }
        response
    }

    async fn answer(
        &self,
        head: &Parts,
        upload: &mut Upload,
    ) -> Result<Response<Full<Bytes>>, Refusal> {
        self.check_access(&head.headers)?;
        let path = decoded(head.uri.path())?;
        let query = query(head.uri.query().unwrap_or_default())?;
        let path = path.trim_start_matches('/');
        if path == "sites" && head.method == Method::GET {
            return Ok(json(StatusCode::OK, &self.sites.names()));
        }
        let (manager, path) = self.site(path)?;
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let wanted = match (first, rest) {
            ("status", "") => Method::GET,
            ("plugins", file) if !file.is_empty() => Method::PUT,
            ("rollback", file) if !file.is_empty() => Method::POST,
            ("deploy" | "promote" | "drop", "") => Method::POST,
            _ => return Err(Refusal::new(StatusCode::NOT_FOUND, WHAT_THERE_IS)),
        };
        if head.method != wanted {
            let message = format!("`/{path}` is asked with {wanted}");
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message).allow(&wanted));
        }
        let report = match first {
            "status" => return Ok(json(StatusCode::OK, &manager.status())),
            "plugins" => {
                let (split, terms) = (split(&query)?, terms(&query, &["share", "header"])?);
                let body = self.body(&head.headers, upload).await?;
                let given = Given::from([(rest.to_owned(), body.bytes.clone())]);
                to_its_end(async move { manager.deploy(given, split, terms).await }).await?
            }
            "deploy" => {
                let (split, terms) = (split(&query)?, terms(&query, &["share", "header"])?);
                let boundary = boundary(&head.headers)?;
                let body = self.body(&head.headers, upload).await?;
                let given = form(boundary, body.bytes.clone()).await?;
                to_its_end(async move { manager.deploy(given, split, terms).await }).await?
            }
            "rollback" => {
                let terms = terms(&query, &["to"])?;
                let (plugin, to) = (rest.to_owned(), query.get("to").cloned());
                to_its_end(async move { manager.roll_back(&plugin, to.as_deref(), terms).await })
                    .await?
            }
            "promote" => {
                let terms = terms(&query, &[])?;
                to_its_end(async move { manager.promote(terms).await }).await?
            }
            _ => {
                let terms = terms(&query, &[])?;
                to_its_end(async move { manager.drop_canary(terms).await }).await?
            }
        };
        Ok(json::<Report>(StatusCode::OK, &report))
    }

    /// Finds the site that the path names. Returns the rest of the path, too.
    fn site<'p>(&self, path: &'p str) -> Result<(Arc<SiteManager>, &'p str), Refusal> {
        match path.strip_prefix("sites/") {
            Some(path) => {
                let (name, rest) = path.split_once('/').unwrap_or((path, ""));
                Ok((self.sites.get(name)?, rest))
            }
            None => Ok((self.sites.only()?, path)),
        }
    }

    fn check_access(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Access::Token(expected) = &self.access else { return Ok(()) };
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        // RFC 9110, section 11.1: the scheme's case does not matter.
        let token = shown.and_then(|value| value.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        match token.map(|(_, token)| token) {
            Some(token) if Digest::of(token.trim().as_bytes()) == *expected => Ok(()),
            Some(_) => Err(Refusal::unauthorized("the token is wrong")),
            None => Err(Refusal::unauthorized("show the token: `authorization: Bearer TOKEN`")),
        }
    }

    async fn body(&self, headers: &HeaderMap, upload: &mut Upload) -> Result<Uploaded, Refusal> {
        let max_body = self.room.max_body;
        let announced = pipeline::announced(headers);
        if announced.is_some_and(|length| length > max_body as u64) {
            return Err(self.too_large());
        }
        let length = announced.and_then(|length| usize::try_from(length).ok()).unwrap_or(max_body);
        let room = timeout(BODY_TIME, self.room.take(length)).await.ok().flatten();
        let room = room.ok_or_else(|| {
            let message = format!("other deploys have had all the room for {BODY_TIME:?}");
            let mut refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message);
            refusal.header = Some((header::RETRY_AFTER, "10"));
            refusal
        })?;
        let body = timeout(BODY_TIME, pipeline::collect(&mut upload.incoming, max_body)).await;
        let body = body.map_err(|_| {
            let message = format!("the body did not arrive in {BODY_TIME:?}");
            Refusal::new(StatusCode::REQUEST_TIMEOUT, message)
        })?;
        match body {
            Ok(bytes) => {
                upload.is_unread = false;
                Ok(Uploaded { bytes, _room: room })
            }
            Err(BodyError::TooLarge) => Err(self.too_large()),
            Err(BodyError::Broken(error)) => {
                Err(Refusal::bad(format!("the body did not arrive: {error}")))
            }
        }
    }

    fn too_large(&self) -> Refusal {
        let message = format!("the body is over {} bytes (`admin.body`)", self.room.max_body);
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }
}

impl Room {
    /// Makes room for `MAX_BODIES` bodies of at most `max_body` bytes.
    pub(crate) fn new(max_body: usize) -> Self {
        let all = kib(max_body).saturating_mul(MAX_BODIES).min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(all)), max_body }
    }

    /// Waits for the room that a body of `length` bytes takes.
    async fn take(&self, length: usize) -> Option<OwnedSemaphorePermit> {
        let length = u32::try_from(kib(length)).unwrap_or(u32::MAX);
        self.free.clone().acquire_many_owned(length).await.ok()
    }
}

/// Rounds up to whole KiB, at least one.
fn kib(bytes: usize) -> usize {
    bytes / 1024 + 1
}

/// A form's parts, by their names (RFC 7578).
async fn form(boundary: String, body: Bytes) -> Result<Given, Refusal> {
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
fn boundary(headers: &HeaderMap) -> Result<String, Refusal> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    multer::parse_boundary(kind).map_err(|_| {
        Refusal::bad("send a form, `multipart/form-data`, with a part for each component")
    })
}

const WHAT_THERE_IS: &str = "the API has GET /status, PUT /plugins/FILE, POST /deploy, \
                             POST /rollback/FILE, POST /promote and POST /drop";

fn decoded(text: &str) -> Result<String, Refusal> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| Refusal::bad(format!("`{text}` is not UTF-8")))
}

fn query(text: &str) -> Result<HashMap<String, String>, Refusal> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let mut query = HashMap::new();
    for (name, value) in pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))) {
        let name = decoded(name)?;
        if query.insert(name.clone(), decoded(value)?).is_some() {
            return Err(Refusal::bad(format!("`{name}` is given twice: give it once")));
        }
    }
    Ok(query)
}

/// How a change is asked for. `names` are the other parameters that there may be.
fn terms(query: &HashMap<String, String>, names: &[&str]) -> Result<Terms, Refusal> {
    const DRY_RUN: &str = "dry_run";
    const KEEP_MEMORY: &str = "keep_memory";
    let names = [names, &[DRY_RUN, KEEP_MEMORY]].concat();
    if let Some(name) = query.keys().find(|name| !names.contains(&name.as_str())) {
        let names = names.join("`, `");
        return Err(Refusal::bad(format!(
            "`{name}` is not a parameter here: the parameters are `{names}`"
        )));
    }
    let is_set = |name: &str| match query.get(name).map(String::as_str) {
        None | Some("false") => Ok(false),
        Some("" | "true") => Ok(true),
        Some(other) => {
            Err(Refusal::bad(format!("`{name}` is `true` or `false`, and not `{other}`")))
        }
    };
    Ok(Terms { dry_run: is_set(DRY_RUN)?, keep_memory: is_set(KEEP_MEMORY)? })
}

fn split(query: &HashMap<String, String>) -> Result<Option<Split>, Refusal> {
    let split = match (query.get("share"), query.get("header")) {
        (None, None) => return Ok(None),
        (Some(share), None) => Split::share(share),
        (None, Some(header)) => Split::header(header),
        (Some(_), Some(_)) => {
            return Err(Refusal::bad("a canary has a `share` or a `header`, not both"));
        }
    };
    split.map(Some).map_err(|error| Refusal::bad(error.to_string()))
}

fn json<T: Serialize>(status: StatusCode, body: &T) -> Response<Full<Bytes>> {
    // The serialized types have text for keys, and none of their parts fails.
    let mut text = serde_json::to_vec(body).unwrap_or_default();
    text.push(b'\n');
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), header: None }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    fn unauthorized(message: &str) -> Self {
        let mut refusal = Self::new(StatusCode::UNAUTHORIZED, message);
        refusal.header = Some((header::WWW_AUTHENTICATE, "Bearer"));
        refusal
    }

    fn allow(mut self, method: &Method) -> Self {
        let name = match *method {
            Method::GET => "GET",
            Method::PUT => "PUT",
            _ => "POST",
        };
        self.header = Some((header::ALLOW, name));
        self
    }
}

/// Runs a change in a task of its own, so that it goes on when its client leaves.
async fn to_its_end(
    change: impl Future<Output = Result<Report, DeployError>> + Send + 'static,
) -> Result<Report, Refusal> {
    match tokio::spawn(change).await {
        Ok(changed) => Ok(changed?),
        Err(_) => Err(Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the change has failed in the host: `lithe status` says what is served",
        )),
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
            DeployError::Canary | DeployError::NoCanary | DeployError::Hosts(_) => {
                StatusCode::CONFLICT
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies_over_the_room_wait_for_those_before_them() {
        const MIB: usize = 1024 * 1024;
        let room = Room::new(MIB);
        let mut taken = Vec::new();
        for _ in 0..MAX_BODIES {
            taken.push(room.take(MIB).await.expect("there is room"));
        }
        let mut next = std::pin::pin!(room.take(MIB));
        assert!(futures_util::poll!(&mut next).is_pending());
        taken.pop();
        assert!(futures_util::poll!(&mut next).is_ready());
    }

    #[tokio::test]
    async fn the_largest_body_fits_whatever_it_may_be() {
        for max_body in [0, 1, 1024, usize::MAX] {
            let room = Room::new(max_body);
            assert!(futures_util::poll!(std::pin::pin!(room.take(max_body))).is_ready());
        }
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
