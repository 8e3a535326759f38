//! One request on one connection.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::deadline::within;

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Response {
    /// # Panics
    /// The body is not UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// # Panics
    /// The body is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header's value, if the header exists.
    ///
    /// # Panics
    /// It is not ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("the header is ASCII"))
    }
}

/// # Panics
/// No answer comes.
pub(crate) async fn send<B: Into<Bytes>>(address: SocketAddr, request: Request<B>) -> Response {
    let stream = TcpStream::connect(address).await.expect("the host listens");
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.expect("a fresh connection is usable");
    let connection = tokio::spawn(connection);
    let mut request = request.map(|body| Full::new(body.into()));
    let host = address.to_string().parse().expect("an address is a valid header");
    request.headers_mut().entry(header::HOST).or_insert(host);
    let response = sender.send_request(request).await.expect("the host answers");
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("the body is whole").to_bytes();
    connection.abort();
    Response { status: head.status.as_u16(), headers: head.headers, body }
}

/// A request on a connection of its own, to this address.
///
/// # Panics
/// No answer comes before the deadline.
pub async fn request<B: Into<Bytes>>(address: SocketAddr, request: Request<B>) -> Response {
    let what = format!("an answer to {} {}", request.method(), request.uri());
    within(&what, send(address, request)).await
}
