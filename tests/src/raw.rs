//! A connection on which a test can send anything.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::deadline::within;
use crate::frame::Frame;
use crate::http_client::Response;

/// The sample key of RFC 6455, section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// Bytes over TCP.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Raw {
    /// Connects with a small receive buffer, so that the host soon notices if it does not read.
    ///
    /// # Panics
    /// Nobody listens.
    pub async fn connect(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("there are sockets");
        socket.set_recv_buffer_size(16 * 1024).expect("a socket has options");
        let stream = socket.connect(address).await.expect("the host listens");
        stream.set_nodelay(true).expect("a socket has options");
        Self { stream, buffer: BytesMut::new() }
    }

    /// # Panics
    /// The connection is lost.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let written = self.stream.write_all(bytes.as_ref());
        within("room to write", written).await.expect("the connection is open");
    }

    /// Sends frames, masked, in one write.
    ///
    /// # Panics
    /// The connection is lost.
    pub async fn send(&mut self, frames: &[Frame]) {
        let bytes: Vec<u8> = frames.iter().flat_map(Frame::masked).collect();
        self.write(bytes).await;
    }

    /// Writes until the host takes no more: it does not read while it has much to send. Returns how
    /// many bytes it took.
    ///
    /// # Panics
    /// The connection is lost.
    pub async fn write_until_stuck(&mut self, bytes: &[u8]) -> usize {
        const STUCK: Duration = Duration::from_millis(300);
        let mut taken = 0;
        while taken < bytes.len() {
            match timeout(STUCK, self.stream.write(&bytes[taken..])).await {
                Ok(count) => taken += count.expect("the connection is open"),
                Err(_) => break,
            }
        }
        taken
    }

    /// Writes and, at the same time, reads this many frames, or fewer if the connection ends.
    pub async fn exchange(&mut self, bytes: &[u8], count: usize) -> Vec<Frame> {
        let Self { stream, buffer } = self;
        let (mut reader, mut writer) = stream.split();
        let write = async {
            // A host that takes no more is not a failure here: the frames tell.
            let _ = writer.write_all(bytes).await;
        };
        let read = async {
            let mut frames = Vec::new();
            while frames.len() < count {
                match Frame::parse(buffer) {
                    Some((frame, length)) => {
                        buffer.advance(length);
                        frames.push(frame);
                    }
                    None if reader.read_buf(buffer).await.is_ok_and(|count| count > 0) => {}
                    None => break,
                }
            }
            frames
        };
        within("all frames", async { tokio::join!(read, write).0 }).await
    }

    /// Asks for a WebSocket with these headers changed; an empty value leaves one out.
    pub async fn handshake(&mut self, path: &str, changes: &[(&str, &str)]) -> Response {
        let headers = [
            ("host", "localhost"),
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", KEY),
        ];
        let mut request = format!("GET {path} HTTP/1.1\r\n");
        let is_changed = |name| changes.iter().any(|(changed, _)| *changed == name);
        let kept = headers.iter().filter(|(name, _)| !is_changed(*name));
        for (name, value) in kept.chain(changes.iter().filter(|(_, value)| !value.is_empty())) {
            request += &format!("{name}: {value}\r\n");
        }
        self.write(request + "\r\n").await;
        self.response().await
    }

    /// The next response. Its length is known from `content-length`.
    ///
    /// # Panics
    /// It does not come, or is not HTTP.
    pub async fn response(&mut self) -> Response {
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end;
            }
            assert!(self.read().await, "the connection ended in a response: {:?}", self.buffer);
        };
        let head = self.buffer.split_to(end);
        self.buffer.advance(4);
        let head = std::str::from_utf8(&head).expect("a response's head is text");
        let (status, fields) = head.split_once("\r\n").unwrap_or((head, ""));
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut headers = HeaderMap::new();
        for field in fields.lines() {
            let (name, value) = field.split_once(": ").expect("a field has a colon");
            let name: HeaderName = name.parse().expect("a header's name");
            headers.append(name, value.parse().expect("a header's value"));
        }
        let length =
            headers.get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
        let body = self.exactly(length.unwrap_or(0)).await;
        Response { status: status.expect("a response has a status"), headers, body }
    }

    /// Waits for more bytes, whatever they are, and keeps them.
    ///
    /// # Panics
    /// The connection has ended.
    pub async fn receive(&mut self) {
        assert!(self.read().await, "the connection ended");
    }

    /// Whether the connection takes these bytes: the host may have closed it.
    pub async fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        within("room to write", self.stream.write_all(bytes.as_ref())).await.is_ok()
    }

    /// Whether anything comes back after these bytes.
    pub async fn is_answered(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.try_write(bytes).await && self.read().await
    }

    /// How many bytes have arrived and are kept.
    pub fn received(&self) -> usize {
        self.buffer.len()
    }

    /// Everything that arrives until the connection ends.
    pub async fn rest(&mut self) -> String {
        while self.read().await {}
        String::from_utf8_lossy(&self.buffer.split()).into_owned()
    }

    /// The next frame. None when the connection has ended.
    pub async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, length)) = Frame::parse(&self.buffer) {
                self.buffer.advance(length);
                return Some(frame);
            }
            if !self.read().await {
                return None;
            }
        }
    }

    /// Frames until the connection has ended.
    pub async fn frames(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.frame().await {
            frames.push(frame);
        }
        frames
    }

    /// Drops the connection with a reset, as a dying process does.
    ///
    /// # Panics
    /// The socket has no options.
    pub fn reset(self) {
        self.stream.set_zero_linger().expect("a socket has options");
    }

    async fn exactly(&mut self, length: usize) -> Bytes {
        while self.buffer.len() < length {
            assert!(self.read().await, "the connection ended in a body: {:?}", self.buffer);
        }
        self.buffer.split_to(length).freeze()
    }

    /// Whether there was more. An error counts as the end.
    async fn read(&mut self) -> bool {
        let reading = self.stream.read_buf(&mut self.buffer);
        within("bytes, or the end of the connection", reading).await.is_ok_and(|count| count > 0)
    }
}
