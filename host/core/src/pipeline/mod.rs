//! One request, from its head to a response, an upgrade or a stream: bounds, public files, route,
//! body, middleware around the handler, answer. Each step is a function or a module of its own, in
//! the order in which they run.

mod body;
mod chain;
mod client;
mod connection;
mod public;
mod response;
mod snapshot;
mod traffic_split;
mod upgrade;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::capability::account::{Charge, Held, Over};
use crate::capability::event::{self, RequestId};
use crate::capability::http::{HttpError, InvalidAnswer, size_of_headers};
use crate::capability::outcome::Answer;
use crate::config::Limit;
use crate::plugin::{ErrorHandler, Handled, Middleware, Share};
use crate::sync::Mutex;
use chain::{Chain, Innermost};
use lithe_router::{Found, Path};

pub(crate) use body::{BodyError, MAX_READ_BUFFER, announced, collect};
pub(crate) use client::canonical;
pub(crate) use connection::{Connection, Patience};
use public::FutureResponse;
pub use public::Public;
pub(crate) use response::{Body, empty, end_connection, fit};
pub(crate) use snapshot::SitePlugin;
pub use snapshot::SiteSnapshot;
pub use traffic_split::Split;
pub(crate) use traffic_split::TrafficSplit;

/// What the server gives to the sessions that start with a request.
pub(crate) struct Sessions {
    /// The tasks that a stopping server waits for.
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
    /// Held for as long as the session lasts.
    pub connection: Arc<dyn ConnectionLease>,
}

/// A connection's place among those that the server accepts. It is counted while this lives.
pub(crate) trait ConnectionLease: Send + Sync {
    /// Notes that the connection has become a socket's.
    fn becomes_a_socket(&self);
}

impl Sessions {
    /// Starts a session, which its site is charged for.
    fn spawn(&self, snapshot: &SiteSnapshot, session: impl Future<Output = ()> + Send + 'static) {
        let session = self.tasks.track_future(session);
        Share::spawn(snapshot.share.as_ref(), &Handle::current(), session);
    }
}

/// Answers one request. An accepted upgrade goes on in a task of its own.
///
/// The future is small, because it is moved several times before it runs.
pub(crate) fn handle(
    snapshot: Arc<SiteSnapshot>,
    request: Request<Incoming>,
    peer: SocketAddr,
    sessions: Sessions,
) -> impl Future<Output = Response<Body>> + Send {
    let id = RequestId::next();
    let (proxies, header) = (&snapshot.trusted_proxies, snapshot.proxy_header);
    let client = client::address(peer, request.headers(), proxies, header);
    // Copied only if the line will be logged.
    let head = tracing::enabled!(target: "access", tracing::Level::DEBUG).then(|| {
        Box::new((snapshot.name.clone(), request.method().clone(), request.uri().path().to_owned()))
    });
    let share = snapshot.share.clone();
    let answered = Share::charge(share.as_ref(), run(snapshot, id, request, client, sessions));
    answered.map(move |mut response| {
        response::add_request_id(&mut response, id);
        if let Some(head) = head {
            let (site, method, path) = *head;
            tracing::debug!(
                target: "access",
                site = &*site, request = %id, %client, %method, path,
                status = response.status().as_u16(),
            );
        }
        response
    })
}

/// The answer to a request that belongs to no site.
pub(crate) fn refuse(status: StatusCode, message: String) -> Response<Body> {
    let mut response = response::from_error(HttpError::new(status, message));
    response::add_request_id(&mut response, RequestId::next());
    response
}

#[expect(clippy::manual_async_fn, reason = "an `async fn` would keep room for the request twice")]
fn run(
    snapshot: Arc<SiteSnapshot>,
    id: RequestId,
    mut request: Request<Incoming>,
    client: SocketAddr,
    sessions: Sessions,
) -> impl Future<Output = Response<Body>> + Send {
    async move {
        let mut unread = !request.body().is_end_stream();
        let answered = answer_to(&snapshot, id, &mut request, client, &sessions, &mut unread).await;
        let memory = snapshot.account.memory();
        let response = answered.unwrap_or_else(|error| response::from_guests_error(error, memory));
        let mut response = within_limits(&snapshot, id, response);
        if unread {
            // The rest of the body follows on the connection, and not another request.
            end_connection(&mut response);
        }
        response
    }
}

/// Answers a request. `unread` becomes false when its body has been read to the end.
async fn answer_to(
    snapshot: &SiteSnapshot,
    id: RequestId,
    request: &mut Request<Incoming>,
    client: SocketAddr,
    sessions: &Sessions,
    unread: &mut bool,
) -> Result<Response<Body>, HttpError> {
    let head = check_head(snapshot, request)?;
    let target = match look_up(snapshot, request)? {
        LookedUp::Target(target) => target,
        LookedUp::Public(serving) => match serving.await {
            Some(response) => return Ok(response),
            // The file no longer exists.
            None => {
                let path = parse(request)?;
                Target::of(snapshot, request.method(), &path, path.decoded())
            }
        },
    };
    let body = if *unread { body::read(request, snapshot).await? } else { Bytes::new() };
    *unread = false;
    let upgrade = hyper::upgrade::on(&mut *request);
    let handled = chain_for(id, request, target, body, client, head).run().await;
    answer(snapshot, handled, upgrade, sessions)
}

fn parse<B>(request: &Request<B>) -> Result<Path<'_>, HttpError> {
    Path::parse(request.uri().path())
        .map_err(|error| HttpError::new(StatusCode::BAD_REQUEST, error.to_string()))
}

/// The largest head that the charge of its connection contains, in bytes.
const SMALL_HEAD: usize = 4096;

/// Checks the bounds for every request of the site (RFC 9110, section 15.5.15; RFC 6585, sections 4
/// and 5). A large head is charged to the site for as long as the request lives.
fn check_head(
    snapshot: &SiteSnapshot,
    request: &Request<Incoming>,
) -> Result<Option<Charge>, HttpError> {
    let (limits, account) = (&snapshot.limits, &snapshot.account);
    let refused = |status, message: String| Err(HttpError::new(status, message));
    if !account.admit_request(limits.requests_per_second) {
        let message = format!(
            "the site takes {} requests a second (`limits.requests_per_second`)",
            limits.requests_per_second
        );
        let error = HttpError::new(StatusCode::TOO_MANY_REQUESTS, message);
        return Err(error.with(header::RETRY_AFTER, "1"));
    }
    account.memory().check().map_err(|error| over(snapshot, &error))?;
    let uri = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if uri as u64 > limits.uri.as_u64() {
        account.exceed(Limit::Uri);
        let message = format!("the path and query are over {} (`limits.uri`)", limits.uri);
        return refused(StatusCode::URI_TOO_LONG, message);
    }
    let headers = request.headers();
    if !is_only_chunked(headers) {
        let message = "a request may have only one transfer coding, `chunked`";
        return refused(StatusCode::NOT_IMPLEMENTED, message.to_owned());
    }
    let size = size_of_headers(headers);
    if size as u64 > limits.headers.as_u64() {
        account.exceed(Limit::Headers);
        let message = format!("the headers are over {} (`limits.headers`)", limits.headers);
        return refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message);
    }
    if size <= SMALL_HEAD {
        return Ok(None);
    }
    let mut charge = account.memory().charge(Held::Connections);
    charge.try_set(size).map_err(|error| over(snapshot, &error))?;
    Ok(Some(charge))
}

/// The answer, or an error in its place if its headers are over `limits.headers`: the host holds
/// them until the client has read them.
fn within_limits(
    snapshot: &SiteSnapshot,
    id: RequestId,
    response: Response<Body>,
) -> Response<Body> {
    let (size, limit) = (size_of_headers(response.headers()), snapshot.limits.headers);
    if size as u64 <= limit.as_u64() {
        return response;
    }
    snapshot.account.exceed(Limit::Headers);
    let error = InvalidAnswer::LargeHeaders { size, limit };
    tracing::error!(target: "request", site = &*snapshot.name, request = %id, "{error}");
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    response::from_error(HttpError::new(status, "Internal Server Error"))
}

/// The answer if the site may not hold more in memory.
fn over(snapshot: &SiteSnapshot, over: &Over) -> HttpError {
    snapshot.account.exceed(over.limit);
    let error = HttpError::new(StatusCode::SERVICE_UNAVAILABLE, over.to_string());
    error.with(header::RETRY_AFTER, "1")
}

/// Whether the body has only the transfer coding `chunked` (RFC 9112, section 6.1): a guest would
/// get other codings undecoded.
fn is_only_chunked(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked =
        |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    codings.next().is_none_or(is_chunked) && codings.next().is_none()
}

/// What answers a request.
enum LookedUp {
    Public(FutureResponse),
    Target(Target),
}

/// Looks the request's path up: first among the public files, then among the routes.
fn look_up(snapshot: &SiteSnapshot, request: &Request<Incoming>) -> Result<LookedUp, HttpError> {
    let path = parse(request)?;
    let decoded = path.decoded();
    Ok(match snapshot.public.serve(request, &path, &decoded, snapshot.account.memory()) {
        Some(serving) => LookedUp::Public(serving),
        None => LookedUp::Target(Target::of(snapshot, request.method(), &path, decoded)),
    })
}

/// The plugins that a request runs through, and what the router says of its path.
struct Target {
    /// The path, decoded and folded.
    path: String,
    route: Arc<str>,
    params: Vec<(String, String)>,
    middleware: Vec<Arc<Middleware>>,
    errors: Vec<Arc<ErrorHandler>>,
    innermost: Innermost,
}

impl Target {
    /// Middleware runs even if no route matches.
    fn of(snapshot: &SiteSnapshot, method: &Method, path: &Path<'_>, decoded: String) -> Self {
        let (mut route, mut params) = (Arc::default(), Vec::new());
        let innermost = match snapshot.router.find(method, path) {
            Found::Route { value, shown, params: found, .. } => {
                route = shown.clone();
                params = found.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                Innermost::Route(value.clone())
            }
            Found::OtherMethods { allow } if method == Method::OPTIONS => Innermost::Options(allow),
            Found::OtherMethods { allow } => {
                Innermost::Error(StatusCode::METHOD_NOT_ALLOWED, allow)
            }
            Found::Nothing => Innermost::Error(StatusCode::NOT_FOUND, Vec::new()),
            Found::TooCostly => Innermost::Error(StatusCode::URI_TOO_LONG, Vec::new()),
        };
        Self {
            path: decoded,
            route,
            params,
            middleware: snapshot.middleware_for(method, path),
            errors: snapshot.errors_for(method, path),
            innermost,
        }
    }
}

/// Makes the chain that the request runs through.
fn chain_for(
    id: RequestId,
    request: &mut Request<Incoming>,
    target: Target,
    body: Bytes,
    client: SocketAddr,
    charge: Option<Charge>,
) -> Arc<Chain> {
    let Target { path, route, params, middleware, errors, innermost } = target;
    let mut request = event::Request {
        id,
        method: std::mem::take(request.method_mut()),
        uri: std::mem::take(request.uri_mut()),
        version: request.version(),
        headers: std::mem::take(request.headers_mut()),
        path,
        scheme: "http",
        client,
        route,
        params,
        body: Mutex::new(body),
        locals: Default::default(),
        accepted: Default::default(),
        charge,
    };
    if upgrade::may_follow(&request) {
        // The parts share the connection's read buffer, which a socket would keep for as long as
        // it is open.
        upgrade::detach(&mut request);
    }
    Chain::new(Arc::new(request), middleware, errors, innermost)
}

fn answer(
    snapshot: &SiteSnapshot,
    handled: Handled,
    upgrade: OnUpgrade,
    sessions: &Sessions,
) -> Result<Response<Body>, HttpError> {
    Ok(match (handled.answered?, handled.session) {
        (Answer::Response(response), _) => {
            let memory = snapshot.account.memory();
            response::from_guest(response, memory).map_err(|error| over(snapshot, &error))?
        }
        (Answer::Upgrade { headers, .. }, Some(session)) => {
            upgrade::accept(snapshot, session, headers, upgrade, sessions)
        }
        (Answer::Stream { status, headers, .. }, Some(session)) => {
            upgrade::start_stream(snapshot, session, status, headers, sessions)
        }
        // The session ended with the stopping server.
        (_, None) => {
            return Err(HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the future of this function takes, in bytes.
    fn room<A, B, C, D, F>(_: fn(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_request_that_is_answered_takes_less_than_a_kibibyte() {
        // It is moved several times before it runs.
        assert!(room(handle) < 1024, "{}", room(handle));
    }
}
