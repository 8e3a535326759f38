//! What outlives its request: the 101 of an accepted handshake, or the head of a stream, and then
//! the session's task.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::Either;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::Sessions;
use super::connection::Connection;
use super::response::{self, Body};
use super::snapshot::SiteSnapshot;
use crate::config::bytes;
use crate::plugin::Session;
use crate::session;

/// Whether the request may become a socket, and so live long.
pub fn may_follow(head: &Parts) -> bool {
    head.headers.contains_key(header::UPGRADE)
}

/// Copies the parts of the head that share the connection's read buffer.
pub fn detach(head: &mut Parts) {
    let copy = |(name, value): (&HeaderName, &HeaderValue)| {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    head.headers = head.headers.iter().filter_map(copy).collect();
    if let Ok(uri) = head.uri.to_string().parse() {
        head.uri = uri;
    }
}

/// Makes the 101 (RFC 6455, section 4.2.2), and spawns the task of its session.
pub fn accept(
    snapshot: &SiteSnapshot,
    session: Session,
    mut headers: HeaderMap,
    upgrade: OnUpgrade,
    sessions: Sessions,
) -> Response<Body> {
    let request = &session.socket.request.headers;
    // The guest's acceptance has checked that the key exists.
    let key = request.get(header::SEC_WEBSOCKET_KEY).map_or(&b""[..], HeaderValue::as_bytes);
    // Middleware may add headers, but not decide the protocol's.
    let reserved = headers.keys().filter(|name| name.as_str().starts_with("sec-websocket-"));
    for name in reserved.cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let protocol = session.socket.protocol.as_deref();
    let deflate = snapshot.deflate.enabled.then(|| session::Agreed::on(request, &snapshot.deflate));
    let deflate = deflate.flatten();
    let decided = [
        (header::SEC_WEBSOCKET_EXTENSIONS, deflate.map(|agreed| agreed.answer())),
        (header::SEC_WEBSOCKET_ACCEPT, Some(session::accept_key(key))),
        (header::SEC_WEBSOCKET_PROTOCOL, protocol.map(str::to_owned)),
    ];
    for (name, value) in decided {
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            headers.insert(name, value);
        }
    }
    let limits = session::Limits {
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
    sessions.spawn(snapshot, async move {
        let _connection = connection;
        let request = session.socket.request.id;
        let upgraded = match timeout(limits.close_time, upgrade).await {
            Ok(Ok(upgraded)) => upgraded,
            Ok(Err(error)) => {
                tracing::debug!(target: "session", site = session.socket.site(), %request, "no upgrade: {error}");
                return Box::pin(session.abandon()).await;
            }
            Err(_) => {
                tracing::debug!(target: "session", site = session.socket.site(), %request, "the 101 was not read in time");
                return Box::pin(session.abandon()).await;
            }
        };
        // `server` serves only this kind of stream. Any other is refused rather than guessed at.
        let Ok(parts) = upgraded.downcast::<TokioIo<Connection>>() else {
            tracing::error!(target: "session", site = session.socket.site(), %request, "an upgraded connection is not one of the server");
            return Box::pin(session.abandon()).await;
        };
        let stream = parts.io.into_inner().into_inner();
        session::run(session::Tcp::from(stream), parts.read_buf, session, limits).await;
    });
    response::empty(StatusCode::SWITCHING_PROTOCOLS, headers)
}

/// Makes the head of a streamed response, and spawns the task of its guest.
pub fn start_stream(
    snapshot: &SiteSnapshot,
    session: Session,
    status: StatusCode,
    headers: HeaderMap,
    sessions: Sessions,
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
