//! Responses whose body is sent in pieces: the pieces arrive one by one, and a body that is cut off
//! does not look complete.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::response::Parts;
use http::{Request, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use lithe_tests::artifacts::{APP, STREAMS};
use lithe_tests::{Signal, TestHost, within};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::host;

/// A response whose body is read as it arrives. The client leaves when it is dropped.
#[derive(Debug)]
pub(crate) struct Streamed {
    pub head: Parts,
    body: Incoming,
    _connection: JoinSet<()>,
}

impl Streamed {
    pub(crate) async fn get(host: &TestHost, path: &str) -> Self {
        let stream = TcpStream::connect(host.address).await.expect("the host listens");
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.expect("a fresh connection is usable");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // The reader of the body sees how it ended.
            let _ = connection.await;
        });
        let request = Request::get(path).header(header::HOST, "localhost");
        let request = request.body(Empty::<Bytes>::new()).expect("the path is valid");
        let response = within("the head of a stream", sender.send_request(request)).await;
        let (head, body) = response.expect("the host answers").into_parts();
        Self { head, body, _connection: tasks }
    }

    /// The next piece. None at the end.
    pub(crate) async fn next(&mut self) -> Option<hyper::Result<Bytes>> {
        let frame = within("a piece of the body", self.body.frame()).await?;
        Some(frame.map(|frame| frame.into_data().expect("there are no trailers")))
    }

    /// The next piece, which is text.
    pub(crate) async fn text(&mut self) -> String {
        let piece = self.next().await.expect("the body goes on").expect("the body is not cut off");
        String::from_utf8(piece.to_vec()).expect("the piece is text")
    }

    /// All that comes until the end; an error where the body is cut off.
    pub(crate) async fn rest(&mut self) -> hyper::Result<String> {
        let mut rest = Vec::new();
        while let Some(piece) = self.next().await {
            rest.extend(piece?);
        }
        Ok(String::from_utf8(rest).expect("the body is text"))
    }
}

async fn streams(config: &str) -> TestHost {
    host().config(config).route("s", STREAMS).start().await
}

async fn asked(request: &str) -> String {
    let host = host().component("plugins/app.wasm", APP).start().await;
    let mut raw = host.raw().await;
    raw.write(request).await;
    raw.rest().await
}

#[tokio::test]
async fn its_length_is_not_known_and_so_it_is_chunked() {
    let request = "GET /app/stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = asked(request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\ntransfer-encoding: chunked\r\n"), "{answer}");
    assert!(!answer.contains("content-length"), "{answer}");
    assert!(answer.ends_with("\r\n0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_client_of_http_1_0_reads_it_until_the_connection_ends() {
    let answer = asked("GET /app/stream HTTP/1.0\r\n\r\n").await;
    assert!(!answer.contains("transfer-encoding"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nonetwothree"), "{answer}");
}

#[tokio::test]
async fn the_connection_serves_the_next_request() {
    let keep = "GET /app/stream HTTP/1.1\r\nhost: x\r\n\r\n";
    let last = "GET /app HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answers = asked(&format!("{keep}{keep}{last}")).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
    assert!(answers.ends_with("the app at /app"), "{answers}");
}

#[tokio::test]
async fn a_guest_that_fails_cuts_the_body_off_and_tells_the_client_nothing() {
    let host = streams("").await;
    assert_eq!(Streamed::get(&host, "/s").await.rest().await.unwrap(), "first");
    for (how, logged) in [("panic", "as told"), ("fail", "a secret of the guest")] {
        let mut raw = host.raw().await;
        raw.write(format!("GET /s?how={how} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        let answer = raw.rest().await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{how}: {answer}");
        assert!(!answer.ends_with("\r\n0\r\n\r\n"), "{how}: {answer}");
        assert!(!answer.contains(logged), "{how}: {answer}");
        host.wait_for_log(&[logged]).await;
        host.wait_for_log(&["session failed", "routes/s.wasm"]).await;
        let next = Streamed::get(&host, "/s").await.rest().await;
        assert_eq!(next.unwrap(), "first", "after {how}");
    }
}

#[tokio::test]
async fn clients_stream_at_once_and_what_a_handler_sends_arrives() {
    let host = streams("").await;
    let mut ann = Streamed::get(&host, "/s?how=open").await;
    let mut bob = Streamed::get(&host, "/s?how=open").await;
    for client in [&mut ann, &mut bob] {
        assert_eq!(client.text().await, "first");
    }
    assert_eq!(host.get("/s?how=say&text=hello").await.text(), "2");
    for client in [&mut ann, &mut bob] {
        assert_eq!(client.text().await, "hello");
    }
    drop(ann);
    let left = async || (host.get("/s?how=count").await.text() == "1").then_some(());
    lithe_tests::eventually("one stream", left).await;
    assert_eq!(host.get("/s?how=say&text=again").await.text(), "1");
    assert_eq!(bob.text().await, "again");
    host.get("/s?how=fault").await;
    assert!(bob.rest().await.is_err(), "its state is lost, and it is not whole");
    assert_eq!(host.get("/s?how=count").await.text(), "0");
}

#[tokio::test]
async fn a_host_that_stops_ends_each_stream_whole() {
    let mut host = streams("").await;
    let mut client = Streamed::get(&host, "/s?how=open").await;
    assert_eq!(client.text().await, "first");
    host.signal(Signal::TERM);
    assert_eq!(client.rest().await.unwrap(), "");
    assert_eq!(host.exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_status_is_kept_and_an_empty_piece_is_no_end() {
    let host = streams("").await;
    let mut client = Streamed::get(&host, "/s?how=teapot").await;
    assert_eq!(client.head.status, 418);
    assert_eq!(client.rest().await.unwrap(), "first");
    assert_eq!(Streamed::get(&host, "/s?how=empty").await.rest().await.unwrap(), "first");
}

#[tokio::test]
async fn more_than_may_wait_cuts_the_body_off() {
    let host = streams("[limits]\noutbound = \"1 MiB\"\n").await;
    let mut client = Streamed::get(&host, "/s?how=flood").await;
    assert!(client.rest().await.is_err(), "what was dropped is missing");
    assert_eq!(Streamed::get(&host, "/s").await.rest().await.unwrap(), "first");
}

#[tokio::test]
async fn a_guest_that_waits_for_room_sends_all_of_a_large_body() {
    let host = streams("[limits]\noutbound = \"1 MiB\"\noutbound_policy = \"refuse\"\n").await;
    let mut client = Streamed::get(&host, "/s?how=download").await;
    let body = client.rest().await.expect("it is whole");
    let expected: String = (0..400).map(|number| format!("{number:.<65000}")).collect();
    let rest = body.strip_prefix("first").and_then(|body| body.strip_prefix(&expected));
    let rest = rest.expect("all pieces are there, in order");
    assert!(rest.starts_with("refused ") && rest != "refused 0 times", "{rest}");
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_a_stream_is_given_up_and_the_guest_hears_it() {
    let config = "[server]\nwrite_time = \"300ms\"\n\
                  [limits]\noutbound_policy = \"refuse\"\nuri = \"64 KiB\"\n";
    let host = streams(config).await;
    let mut deaf = host.raw().await;
    deaf.write("GET /s?how=open HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let count = async || host.get("/s?how=count").await.text().to_owned();
    lithe_tests::eventually("the stream", async || (count().await == "1").then_some(())).await;
    let piece = "x".repeat(48 * 1024);
    lithe_tests::eventually("the end of the stream", async || {
        host.get(&format!("/s?how=say&text={piece}")).await;
        (count().await == "0").then_some(())
    })
    .await;
    host.wait_for_log(&["`server.write_time`"]).await;
}

#[tokio::test]
async fn a_stream_over_which_nothing_goes_is_ended_whole() {
    let host = streams("[limits]\nidle_time = \"2s\"\n").await;
    let mut client = Streamed::get(&host, "/s?how=open").await;
    assert_eq!(client.text().await, "first");
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(5) {
        host.get("/s?how=say&text=again").await;
        assert_eq!(client.text().await, "again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(client.rest().await.expect("it is whole"), "");
    let left = async || (host.get("/s?how=count").await.text() == "0").then_some(());
    lithe_tests::eventually("the end of the stream", left).await;
}
