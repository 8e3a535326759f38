//! The libraries that Lithe stands on, and nothing around them: what can be reached with them.

use std::convert::Infallible;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{Error, protocol::WebSocketConfig};

/// For small messages, and for many sockets: a larger buffer makes small messages slower.
const READ_BUFFER: usize = 8 * 1024;

/// For large messages: several at once.
const LARGE_READ_BUFFER: usize = 64 * 1024;

#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    what: What,
    port: u16,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// tokio-tungstenite: sends back what it has read, with one flush for all that was ready
    Echo,
    /// The same with buffers for large messages
    EchoLarge,
    /// hyper: says hello
    Hello,
}

pub(crate) fn run(options: Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            // A connection that fails is the load's to notice.
            match options.what {
                What::Echo => drop(tokio::spawn(echo(stream, READ_BUFFER))),
                What::EchoLarge => drop(tokio::spawn(echo(stream, LARGE_READ_BUFFER))),
                What::Hello => drop(tokio::spawn(hello(stream))),
            }
        }
    })
}

async fn echo(stream: TcpStream, read_buffer: usize) -> Result<(), Error> {
    let config = WebSocketConfig::default().read_buffer_size(read_buffer);
    let mut socket = tokio_tungstenite::accept_async_with_config(stream, Some(config)).await?;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_close() {
            continue;
        }
        socket.feed(message).await?;
        while let Some(Some(message)) = socket.next().now_or_never() {
            socket.feed(message?).await?;
        }
        socket.flush().await?;
    }
    Ok(())
}

async fn hello(stream: TcpStream) -> hyper::Result<()> {
    let service = service_fn(async |_| {
        let body = Full::new(Bytes::from_static(b"hello world"));
        let mut response = http::Response::new(body);
        let text = http::HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(http::header::CONTENT_TYPE, text);
        Ok::<_, Infallible>(response)
    });
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
}
