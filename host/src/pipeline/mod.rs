//! One request, from its head to a response or an upgrade: bounds, public files, route, handler,
//! answer. Each step is a function below, in the order in which they run.

mod body;
mod public;
mod response;
mod tenant;
mod upgrade;

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::capability::event::{self, RequestId};
use crate::capability::http::HttpError;
use crate::plugin::{Handled, Plugin};
use crate::router::{Found, Path};
use crate::runtime::Failure;

pub use public::Public;
pub use response::Body;
pub use tenant::{RouteEntry, Tenant};

/// The server's side of the sessions that begin with a request.
pub struct Sessions<'s> {
    /// What a stopping server waits for.
    pub tasks: &'s TaskTracker,
    pub stop: &'s CancellationToken,
    /// Counts the connection for as long as its session lasts.
    pub permit: Arc<OwnedSemaphorePermit>,
}

/// Answers one request. An accepted upgrade goes on as a task of its own.
pub async fn handle(
    tenant: Arc<Tenant>,
    request: Request<Incoming>,
    client: SocketAddr,
    sessions: Sessions<'_>,
) -> Response<Body> {
    let id = RequestId::next();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::debug_span!("request", %id, %method, path);
    let answered = run(&tenant, id, request, client, sessions).instrument(span).await;
    let mut response = answered.unwrap_or_else(response::from_error);
    response::add_request_id(&mut response, id);
    tracing::debug!(
        target: "access",
        site = &*tenant.name, request = %id, %client, %method, path,
        status = response.status().as_u16(),
    );
    response
}

async fn run(
    tenant: &Tenant,
    id: RequestId,
    mut request: Request<Incoming>,
    client: SocketAddr,
    sessions: Sessions<'_>,
) -> Result<Response<Body>, HttpError> {
    check_bounds(tenant, &request)?;
    let raw_path = request.uri().path().to_owned();
    let path = Path::parse(&raw_path).map_err(bad_request)?;
    if let Some(response) = tenant.public.serve(&request).await {
        return Ok(response);
    }
    let (plugin, route, params) = match tenant.router.find(request.method(), &path) {
        Found::Route { value, pattern, params } => {
            let params = params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            (value.plugin.clone(), pattern.to_string(), params)
        }
        Found::OtherMethods { allow } if *request.method() == Method::OPTIONS => {
            return Ok(response::empty(StatusCode::NO_CONTENT, response::allow(&allow)));
        }
        Found::OtherMethods { allow } => {
            let mut error = HttpError::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
            error.headers = response::allow(&allow);
            return Err(error);
        }
        Found::Nothing => return Err(HttpError::new(StatusCode::NOT_FOUND, "not found")),
    };
    let upgrade = upgrade::take(&mut request);
    let (mut head, incoming) = request.into_parts();
    let body = body::read(&head.headers, incoming, tenant).await?;
    if upgrade::may_follow(&head) {
        // The head's parts share the connection's read buffer, which a socket would keep for as long
        // as it is open.
        upgrade::detach(&mut head);
    }
    let event = Arc::new(event::Request {
        id,
        method: head.method,
        uri: head.uri,
        version: head.version,
        headers: head.headers,
        path: path.decoded(),
        scheme: "http",
        client,
        route,
        params,
        body,
        locals: Default::default(),
        accepted: Default::default(),
    });
    match plugin.handle(event.clone()).await {
        Ok(Handled::Response(response)) => Ok(response::from_guest(response)),
        Ok(Handled::Error(error)) => Err(error),
        Ok(Handled::Upgrade { session, headers }) => {
            Ok(upgrade::accept(tenant, session, headers, upgrade, sessions))
        }
        Err(failure) => Err(failed(tenant, &plugin, id, &failure)),
    }
}

/// The bounds that hold for every request of the site (RFC 9110, section 15.5.15; RFC 6585, 5).
fn check_bounds(tenant: &Tenant, request: &Request<Incoming>) -> Result<(), HttpError> {
    let limits = &tenant.limits;
    let uri = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if uri as u64 > limits.uri.as_u64() {
        let message = format!("the path and query are over {} (`limits.uri`)", limits.uri);
        return Err(HttpError::new(StatusCode::URI_TOO_LONG, message));
    }
    let bytes: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes as u64 > limits.headers.as_u64() {
        let message = format!("the headers are over {} (`limits.headers`)", limits.headers);
        return Err(HttpError::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message));
    }
    Ok(())
}

/// What the client sees of a failure has no guest detail; the log has all of it.
fn failed(tenant: &Tenant, plugin: &Plugin, id: RequestId, failure: &Failure) -> HttpError {
    let (site, plugin) = (&*tenant.name, &*plugin.context().plugin);
    tracing::error!(target: "request", site, plugin, request = %id, "request failed: {failure}");
    match failure {
        Failure::Cpu(_) | Failure::Time(_) => {
            HttpError::new(StatusCode::GATEWAY_TIMEOUT, "Gateway Timeout")
        }
        Failure::Busy(..) | Failure::Stopped | Failure::Start(_) => {
            HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
                .with(http::header::RETRY_AFTER, "1")
        }
        Failure::Trap(_) | Failure::Memory { .. } | Failure::Invalid(_) => {
            HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
    }
}

fn bad_request(error: impl std::fmt::Display) -> HttpError {
    HttpError::new(StatusCode::BAD_REQUEST, error.to_string())
}
