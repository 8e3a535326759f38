//! Connections to one server, and which of them have something to say.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

/// How long a server may say nothing: under valgrind it compiles for a minute before it answers.
const SILENCE: Duration = Duration::from_secs(120);

/// Connections that are looked at in one go.
const EVENTS: usize = 256;

/// Connections from one source address: fewer than there are ports (about 28,000 on Linux), by far,
/// for those of connections that have just ended are taken for a minute.
const OF_ONE_SOURCE: usize = 8_000;

/// What is read at once.
const READ: usize = 256 * 1024;

/// Open connections.
pub(crate) struct Connections {
    pub streams: Vec<TcpStream>,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
}

impl Connections {
    /// # Errors
    /// The server takes fewer.
    pub(crate) fn open(address: SocketAddr, count: usize) -> anyhow::Result<Self> {
        Self::new(address, count, "")
    }

    /// Connections after their handshakes.
    ///
    /// # Errors
    /// The server takes fewer, or refuses one.
    pub(crate) fn upgraded(address: SocketAddr, path: &str, count: usize) -> anyhow::Result<Self> {
        Self::upgraded_at(address, &address.to_string(), path, count)
    }

    /// Connections to one of several sites, after their handshakes.
    ///
    /// # Errors
    /// The server takes fewer, or refuses one.
    pub(crate) fn upgraded_at(
        address: SocketAddr,
        host: &str,
        path: &str,
        count: usize,
    ) -> anyhow::Result<Self> {
        Self::upgraded_by(address, &handshake(host, path), count)
    }

    /// Connections after this handshake on each.
    ///
    /// # Errors
    /// The server takes fewer, or refuses one.
    pub(crate) fn upgraded_by(
        address: SocketAddr,
        handshake: &str,
        count: usize,
    ) -> anyhow::Result<Self> {
        let connections = Self::new(address, count, handshake)?;
        for mut stream in &connections.streams {
            stream.set_nonblocking(false)?;
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") {
                stream.read_exact(&mut byte).context("a handshake is not answered")?;
                head.push(byte[0]);
            }
            ensure!(
                head.starts_with(b"HTTP/1.1 101"),
                "a handshake is answered by {}",
                String::from_utf8_lossy(&head)
            );
            stream.set_nonblocking(true)?;
        }
        Ok(connections)
    }

    /// Connections on which this has been sent: a server does not wait for it for long.
    fn new(address: SocketAddr, count: usize, first: &str) -> anyhow::Result<Self> {
        let poll = Poll::new()?;
        // What has become ready is said once: a connection is always read and written until it is
        // not.
        let both = Interest::READABLE | Interest::WRITABLE;
        let streams = (0..count).map(|number| {
            let mut stream = from_source(number / OF_ONE_SOURCE, address)
                .with_context(|| format!("connection {number} is not accepted"))?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(SILENCE))?;
            stream.write_all(first.as_bytes())?;
            stream.set_nonblocking(true)?;
            poll.registry().register(&mut SourceFd(&stream.as_raw_fd()), Token(number), both)?;
            Ok(stream)
        });
        let streams = streams.collect::<anyhow::Result<_>>()?;
        Ok(Self { streams, poll, events: Events::with_capacity(EVENTS), buffer: vec![0; READ] })
    }

    /// Waits until some connections have become ready; `each` is given the number of one, and what
    /// has come on it.
    ///
    /// # Errors
    /// The server says nothing, or ends a connection.
    pub(crate) fn wait(
        &mut self,
        each: impl FnMut(usize, &TcpStream, &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let some = self.wait_for(SILENCE, each)?;
        ensure!(some, "the server has said nothing for {SILENCE:?}");
        Ok(())
    }

    /// The same for so long; whether some have become ready.
    ///
    /// # Errors
    /// The server ends a connection.
    pub(crate) fn wait_for(
        &mut self,
        time: Duration,
        mut each: impl FnMut(usize, &TcpStream, &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<bool> {
        self.poll.poll(&mut self.events, Some(time))?;
        for event in &self.events {
            let Token(number) = event.token();
            let mut stream = &self.streams[number];
            loop {
                let count = match stream.read(&mut self.buffer) {
                    Ok(0) => anyhow::bail!("the server has ended connection {number}"),
                    Ok(count) => count,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                    Err(error) => return Err(error.into()),
                };
                each(number, stream, &self.buffer[..count])?;
                if count < READ {
                    break;
                }
            }
        }
        Ok(!self.events.is_empty())
    }
}

/// A connection from 127.0.0.1, .2 and so on.
fn from_source(number: usize, address: SocketAddr) -> anyhow::Result<TcpStream> {
    if number == 0 {
        return Ok(TcpStream::connect(address)?);
    }
    let [net, ..] = Ipv4Addr::LOCALHOST.octets();
    let source = Ipv4Addr::new(net, 0, 0, u8::try_from(number + 1)?);
    let stream = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&stream, &SocketAddrV4::new(source, 0))?;
    connect(&stream, &address)?;
    Ok(stream.into())
}

/// A request to become a WebSocket (RFC 6455, section 4.1).
pub(crate) fn handshake(host: &str, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
}
