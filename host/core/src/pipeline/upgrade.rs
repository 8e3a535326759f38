//! What outlives its request: the 101 of an accepted handshake, or the head of a stream, and then
//! the session's task.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Either;
use hyper::upgrade::{OnUpgrade, Parts as Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::Sessions;
use super::connection::Connection;
use super::response::{self, Body};
use super::snapshot::SiteSnapshot;
use crate::capability::event::Request;
use crate::capability::socket::Socket;
use crate::config::bytes;
use crate::plugin::Session;
use crate::session;

/// Whether the request may become a socket, and so live long.
pub(crate) fn may_follow(request: &Request) -> bool {
    request.headers.contains_key(header::UPGRADE)
}

/// Copies the parts of the request that share the connection's read buffer.
pub(crate) fn detach(request: &mut Request) {
    let copy = |(name, value): (&HeaderName, &HeaderValue)| {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    request.headers = request.headers.iter().filter_map(copy).collect();
    if let Ok(uri) = request.uri.to_string().parse() {
        request.uri = uri;
    }
}

/// Makes the 101 (RFC 6455, section 4.2.2), and spawns the task of its session.
pub(crate) fn accept(
    snapshot: &SiteSnapshot,
    session: Session,
    headers: HeaderMap,
    upgrade: OnUpgrade,
    sessions: &Sessions,
) -> Response<Body> {
    let request = &session.socket.request.headers;
    let deflate = snapshot.deflate.enabled.then(|| session::Agreed::on(request, &snapshot.deflate));
    let deflate = deflate.flatten();
    let headers = headers_of_101(&session.socket, headers, deflate.as_ref());
    let limits = session::SessionLimits {
        message: bytes(snapshot.limits.message),
        outbound: bytes(snapshot.limits.outbound),
        messages_per_second: snapshot.limits.messages_per_second,
        close_time: snapshot.limits.close_time,
        deflate,
    };
    // A stopping server closes the open sockets; this one may have come too late for that.
    if sessions.stop.is_cancelled() {
        session.socket.close(1001, "the server is stopping");
    } else if snapshot.account.has_left() {
        session.socket.terminate();
    }
    let connection = sessions.connection.clone();
    connection.becomes_a_socket();
    sessions.spawn(snapshot, async move {
        let _connection = connection;
        match upgraded(upgrade, &session.socket, limits.close_time).await {
            Some(parts) => {
                let stream = session::Tcp::from(parts.io.into_inner().into_inner());
                session::run(stream, parts.read_buf, session, limits).await;
            }
            None => Box::pin(session.abandon()).await,
        }
    });
    response::empty(StatusCode::SWITCHING_PROTOCOLS, headers)
}

/// The headers of the 101: `headers` of the guest and of middleware, and what the protocol decides.
fn headers_of_101(
    socket: &Socket,
    mut headers: HeaderMap,
    deflate: Option<&session::Agreed>,
) -> HeaderMap {
    // The guest's acceptance has checked that the key exists.
    let key = socket.request.headers.get(header::SEC_WEBSOCKET_KEY);
    let key = key.map_or(&b""[..], HeaderValue::as_bytes);
    // Middleware may add headers, but not decide the protocol's.
    let reserved = headers.keys().filter(|name| name.as_str().starts_with("sec-websocket-"));
    for name in reserved.cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let decided = [
        (header::SEC_WEBSOCKET_EXTENSIONS, deflate.map(session::Agreed::answer)),
        (header::SEC_WEBSOCKET_ACCEPT, Some(session::accept_key(key))),
        (header::SEC_WEBSOCKET_PROTOCOL, socket.protocol.clone()),
    ];
    for (name, value) in decided {
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            headers.insert(name, value);
        }
    }
    headers
}

/// The connection after the 101. Nothing, if the client has not read that in time.
async fn upgraded(
    upgrade: OnUpgrade,
    socket: &Socket,
    time: Duration,
) -> Option<Upgraded<TokioIo<Connection>>> {
    let (site, request) = (socket.site(), socket.request.id);
    let upgraded = match timeout(time, upgrade).await {
        Ok(Ok(upgraded)) => upgraded,
        Ok(Err(error)) => {
            tracing::debug!(target: "session", site, %request, "no upgrade: {error}");
            return None;
        }
        Err(_) => {
            tracing::debug!(target: "session", site, %request, "the 101 was not read in time");
            return None;
        }
    };
    let parts = upgraded.downcast::<TokioIo<Connection>>();
    // `server` serves only this kind of stream. Any other is refused rather than guessed at.
    if parts.is_err() {
        tracing::error!(
            target: "session", site, %request, "an upgraded connection is not one of the server"
        );
    }
    parts.ok()
}

/// Makes the head of a streamed response, and spawns the task of its guest.
pub(crate) fn start_stream(
    snapshot: &SiteSnapshot,
    session: Session,
    status: StatusCode,
    headers: HeaderMap,
    sessions: &Sessions,
) -> Response<Body> {
    if sessions.stop.is_cancelled() {
        session.socket.close(1001, "the server is stopping");
    }
    let (body, task) = session::stream(session, snapshot.limits.close_time);
    sessions.spawn(snapshot, task);
    let mut response = Response::new(Either::Right(Either::Left(body)));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
