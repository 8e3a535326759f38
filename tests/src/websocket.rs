//! A client that keeps to the protocol.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::HOST;
use http::{HeaderMap, HeaderName};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

use crate::deadline::within;

/// An open WebSocket, and the headers of its 101.
#[derive(Debug)]
pub struct Client {
    pub headers: HeaderMap,
    socket: WebSocketStream<TcpStream>,
}

impl Client {
    /// An open WebSocket, requested with these additional headers.
    ///
    /// # Panics
    /// The handshake is refused.
    pub async fn connect(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        let uri = format!("ws://{address}{path}");
        let mut request = uri.into_client_request().expect("the path is valid");
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("a header's name");
            if name == HOST {
                request.headers_mut().remove(HOST);
            }
            request.headers_mut().append(name, value.parse().expect("a header's value"));
        }
        let stream = TcpStream::connect(address).await.expect("the host listens");
        stream.set_nodelay(true).expect("a socket has options");
        let connected = tokio_tungstenite::client_async(request, stream).await;
        let (socket, response) = connected.unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { headers: response.into_parts().0.headers, socket }
    }

    /// The protocol that the host chose.
    pub fn protocol(&self) -> Option<&str> {
        self.headers.get("sec-websocket-protocol")?.to_str().ok()
    }

    /// # Panics
    /// The connection is lost.
    pub async fn send(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    /// # Panics
    /// The connection is lost.
    pub async fn send_binary(&mut self, bytes: impl Into<Bytes>) {
        self.send_message(Message::binary(bytes)).await;
    }

    async fn send_message(&mut self, message: Message) {
        within("room to send", self.socket.send(message)).await.expect("the socket is open");
    }

    /// Sends a close frame; read on for the answer.
    ///
    /// # Panics
    /// The connection is lost.
    pub async fn close(&mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        self.send_message(Message::Close(Some(frame))).await;
    }

    /// Sends a text and returns the next one.
    ///
    /// # Panics
    /// Something else comes, or nothing.
    pub async fn ask(&mut self, text: &str) -> String {
        self.send(text).await;
        self.text().await
    }

    /// The next message, which is a text.
    ///
    /// # Panics
    /// Something else comes, or nothing.
    pub async fn text(&mut self) -> String {
        match self.next("a text").await {
            Some(Message::Text(text)) => text.as_str().to_owned(),
            other => panic!("expected a text, got {other:?}"),
        }
    }

    /// The next message, which is binary.
    ///
    /// # Panics
    /// Something else comes, or nothing.
    pub async fn binary(&mut self) -> Bytes {
        match self.next("binary").await {
            Some(Message::Binary(bytes)) => bytes,
            other => panic!("expected binary, got {other:?}"),
        }
    }

    /// The close frame, which comes next; answers it, and waits for the end of the connection.
    ///
    /// # Panics
    /// Something else comes, or nothing.
    pub async fn closed(&mut self) -> (u16, String) {
        match self.next("a close frame").await {
            Some(Message::Close(Some(frame))) => {
                assert!(self.next("the end").await.is_none(), "something followed the close");
                (frame.code.into(), frame.reason.as_str().to_owned())
            }
            other => panic!("expected a close frame, got {other:?}"),
        }
    }

    /// As [`Client::closed`], after any messages.
    ///
    /// # Panics
    /// The connection ends without a close frame, or something follows it.
    pub async fn closed_after_what_was_sent(&mut self) -> (u16, String) {
        loop {
            match self.next("a close frame").await {
                Some(Message::Close(Some(frame))) => {
                    assert!(self.next("the end").await.is_none(), "something followed the close");
                    return (frame.code.into(), frame.reason.as_str().to_owned());
                }
                Some(_) => {}
                None => panic!("the connection ended without a close frame"),
            }
        }
    }

    /// The two halves, for two tasks.
    pub fn split(self) -> (Sender, Receiver) {
        let (sender, receiver) = self.socket.split();
        (Sender(sender), Receiver(receiver))
    }

    /// None when the connection ends, with or without a close frame.
    async fn next(&mut self, what: &str) -> Option<Message> {
        within(what, self.socket.next()).await?.ok()
    }
}

/// The half that sends.
#[derive(Debug)]
pub struct Sender(SplitSink<WebSocketStream<TcpStream>, Message>);

/// The half that receives.
#[derive(Debug)]
pub struct Receiver(SplitStream<WebSocketStream<TcpStream>>);

impl Sender {
    /// # Panics
    /// The connection is lost.
    pub async fn send(&mut self, text: &str) {
        within("room to send", self.0.send(Message::text(text))).await.expect("the socket is open");
    }
}

impl Receiver {
    /// The next message, which is a text.
    ///
    /// # Panics
    /// Something else comes, or nothing.
    pub async fn text(&mut self) -> String {
        match within("a text", self.0.next()).await {
            Some(Ok(Message::Text(text))) => text.as_str().to_owned(),
            other => panic!("expected a text, got {other:?}"),
        }
    }
}
