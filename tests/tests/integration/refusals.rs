//! What is too large, too slow or not wanted is refused so that the client gets the answer,
//! whenever it reads: the host reads and drops what the client still sends (RFC 9112, section 9.6).

use std::net::SocketAddr;
use std::time::Duration;

use lithe_tests::artifacts::{HOSTILE_ASYNC, HOSTILE_HOOKS, HOSTILE_SESSION, TRAP_HTTP};
use lithe_tests::{Frame, Raw, Response, TestHost, within};
use tokio::time::{sleep, timeout};

use crate::host;

const TRIES: usize = 20;

/// Far more than the system takes of what nobody reads.
const LARGE: usize = 16 * 1024 * 1024;

async fn with(config: &str) -> TestHost {
    host()
        .config(config)
        .public("file.txt", "a file")
        .route("http", TRAP_HTTP)
        .route("hooks", HOSTILE_HOOKS)
        .route("async", HOSTILE_ASYNC)
        .route("session", HOSTILE_SESSION)
        .start()
        .await
}

/// When a client reads.
#[derive(Clone, Copy)]
enum Reads {
    /// As soon as all is sent.
    AfterAll,
    /// A while after that: the host may have closed.
    Late,
}

impl Reads {
    fn of_try(number: usize) -> Self {
        if number.is_multiple_of(2) { Self::AfterAll } else { Self::Late }
    }

    async fn wait(self) {
        if let Self::Late = self {
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The answer to a head with a body of so many bytes. All of it is sent first.
async fn answer(host: &TestHost, head: &str, body: &[u8], reads: Reads) -> Response {
    let mut raw = host.raw().await;
    raw.write(format!("{head}\r\n\r\n")).await;
    raw.write(body).await;
    reads.wait().await;
    raw.response().await
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_to_a_client_that_sends_all_of_it_first() {
    let host = with("").await;
    let body = vec![b'x'; LARGE];
    let head = format!("POST /http HTTP/1.1\r\nhost: x\r\ncontent-length: {LARGE}");
    for number in 0..TRIES {
        let refused = answer(&host, &head, &body, Reads::of_try(number)).await;
        assert_eq!((refused.status, refused.header("connection")), (413, Some("close")));
    }
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_413_to_a_client_that_sends_all_of_it_first() {
    let host = with("").await;
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let body = chunk.repeat(LARGE / 0x10000);
    let head = "POST /http HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked";
    for number in 0..TRIES {
        let refused = answer(&host, head, body.as_bytes(), Reads::of_try(number)).await;
        assert_eq!((refused.status, refused.header("connection")), (413, Some("close")));
    }
}

#[tokio::test]
async fn every_refusal_of_a_request_whose_body_is_not_read_reaches_the_client() {
    let body = vec![b'x'; LARGE];
    let long = "x".repeat(40_000);
    let tail = format!("content-length: {LARGE}");
    let post = |rest: &str| format!("POST /http HTTP/1.1\r\n{rest}\r\n{tail}");
    let mut cases = vec![
        ("", post("host: a@b"), 400),
        ("", post("host: a\r\nhost: b"), 400),
        ("", post(&format!("host: x\r\nx-long: {long}")), 431),
        ("", format!("POST /http?{long} HTTP/1.1\r\nhost: x\r\n{tail}"), 414),
        ("", format!("POST /%zz HTTP/1.1\r\nhost: x\r\n{tail}"), 400),
        ("", format!("POST /nowhere HTTP/1.1\r\nhost: x\r\n{tail}"), 413),
        ("", format!("GET /file.txt HTTP/1.1\r\nhost: x\r\n{tail}"), 200),
        ("", format!("TRACE / HTTP/1.1\r\nhost: x\r\n{tail}"), 501),
        ("", format!("OPTIONS * HTTP/1.1\r\nhost: x\r\n{tail}"), 204),
        ("", format!("POST /http HTTP/1.1\r\nhost: x\r\nbad name: x\r\n{tail}"), 400),
        ("", post(&"x: y\r\n".repeat(200)), 431),
        ("hosts = [\"x\"]\n", post("host: y"), 421),
        ("[server]\nbody_time = \"0s\"\n[limits]\nbody = \"1 GiB\"\n", post("host: x"), 408),
    ];
    cases.sort_by_key(|(config, ..)| *config);
    for cases in cases.chunk_by(|one, other| one.0 == other.0) {
        let host = with(cases[0].0).await;
        for (_, head, status) in cases {
            for number in 0..4 {
                let refused = answer(&host, head, &body, Reads::of_try(number)).await;
                let line = head.lines().next().unwrap_or_default().split('?').next();
                assert_eq!(refused.status, *status, "{line:?}");
                assert_eq!(refused.header("connection"), Some("close"), "{line:?}");
            }
        }
    }
}

#[tokio::test]
async fn requests_over_the_rate_and_connections_over_the_limit_are_refused_so_too() {
    let body = vec![b'x'; LARGE];
    let head = format!("POST /http HTTP/1.1\r\nhost: x\r\ncontent-length: {LARGE}");
    let host = with("[limits]\nconnections = 1\n").await;
    let mut first = host.raw().await;
    first.write("GET /http HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(first.response().await.status, 200);
    for number in 0..4 {
        assert_eq!(answer(&host, &head, &body, Reads::of_try(number)).await.status, 503);
    }
    let host = with("[limits]\nrequests_per_second = 1\nbody = \"1 GiB\"\n").await;
    let mut refused = 0;
    for number in 0..8 {
        // How many come in one second is not for this test to know.
        let answered = answer(&host, &head, &body, Reads::of_try(number)).await.status;
        assert!([200, 429].contains(&answered), "{answered}");
        refused += usize::from(answered == 429);
    }
    assert!(refused > 0);
}

#[tokio::test]
async fn a_client_that_expects_100_gets_413_and_no_100() {
    let host = with("").await;
    let mut raw = host.raw().await;
    let head = "POST /http HTTP/1.1\r\nhost: x\r\nexpect: 100-continue";
    raw.write(format!("{head}\r\ncontent-length: {LARGE}\r\n\r\n")).await;
    let refused = raw.response().await;
    assert_eq!((refused.status, refused.header("connection")), (413, Some("close")));
    let mut raw = host.raw().await;
    raw.write(format!("{head}\r\ncontent-length: 2\r\n\r\n")).await;
    assert_eq!(raw.response().await.status, 100);
    raw.write("ab").await;
    assert_eq!(raw.response().await.status, 200);
}

/// What it sends is dropped for no longer than a body would have had.
#[tokio::test]
async fn a_client_that_goes_on_for_ever_after_its_413_is_closed() {
    let host = with("[server]\nbody_time = \"500ms\"\n").await;
    let mut raw = host.raw().await;
    let head = format!("POST /http HTTP/1.1\r\nhost: x\r\ncontent-length: {LARGE}\r\n\r\n");
    raw.write(head).await;
    assert_eq!(raw.response().await.status, 413);
    let dripping = async {
        while raw.try_write("x").await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    within("the end of its patience", dripping).await;
}

const KINDS: [&str; 3] = ["/hooks", "/async", "/session"];

/// The close code that comes last, after these bytes. All of them are sent first.
async fn close_code(raw: &mut Raw, bytes: &[u8], reads: Reads) -> u16 {
    raw.write(bytes).await;
    reads.wait().await;
    let frames = raw.frames().await;
    let Some(Frame { head: 0x88, payload }) = frames.last() else {
        panic!("there is no close frame: {} frames", frames.len())
    };
    u16::from_be_bytes([payload[0], payload[1]])
}

#[tokio::test]
async fn a_message_over_the_limit_is_1009_to_a_client_that_sends_all_of_it_first() {
    let host = with("[limits]\nclose_time = \"20s\"\n").await;
    let one = Frame::binary(vec![0; LARGE]).masked();
    let mut several = Frame::binary(vec![0; LARGE / 64]).unfinished().masked();
    for _ in 1..64 {
        several.extend(Frame::continuation(vec![0; LARGE / 64]).unfinished().masked());
    }
    for number in 0..TRIES {
        for path in KINDS {
            let bytes = if number % 4 < 2 { &one } else { &several };
            let mut raw = host.raw_socket(path).await;
            let code = close_code(&mut raw, bytes, Reads::of_try(number)).await;
            assert_eq!(code, 1009, "{path}, try {number}");
        }
    }
}

#[tokio::test]
async fn every_close_of_ours_reaches_a_client_that_goes_on_sending() {
    let mut rest = Frame::binary(vec![0; 0x10000]).masked().repeat(LARGE / 0x10000);
    rest.extend(Frame::close(1000, "").masked());
    for (rate, first, code) in [
        (0, Frame::text("close:4000:enough").masked(), 4000),
        (0, Frame::text([0xC3, 0x28]).masked(), 1007),
        (0, Frame::new(3, "a").masked(), 1002),
        // As many as are read at once.
        (10, Frame::text("a").masked().repeat(64), 1008),
    ] {
        let limits = format!("close_time = \"20s\"\nmessages_per_second = {rate}\n");
        let host = with(&format!("[limits]\n{limits}")).await;
        let bytes = [first, rest.clone()].concat();
        for number in 0..4 {
            let mut raw = host.raw_socket("/hooks").await;
            assert_eq!(close_code(&mut raw, &bytes, Reads::of_try(number)).await, code);
        }
    }
}

#[tokio::test]
async fn a_client_that_sends_for_ever_after_its_1009_is_dropped_in_time() {
    let host = with("[limits]\nclose_time = \"500ms\"\n").await;
    let mut raw = host.raw_socket("/hooks").await;
    let head = Frame::binary(vec![0; LARGE]).masked();
    raw.write(&head[..14]).await;
    let dripping = async {
        while raw.try_write("x").await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    within("the end of its patience", dripping).await;
}

/// Sends a byte every now and then, until a close frame comes.
async fn drip(raw: &mut Raw, bytes: &[u8], again: &[u8]) -> Option<Frame> {
    let dripping = async {
        let mut bytes = bytes.chunks(1).chain(std::iter::repeat(again));
        loop {
            let next = bytes.next().unwrap_or_default();
            if !raw.try_write(next).await {
                break;
            }
            match tokio::time::timeout(Duration::from_millis(20), raw.frame()).await {
                Err(_) => {}
                // A pong.
                Ok(Some(frame)) if frame.head == 0x8A => {}
                Ok(frame) => return frame,
            }
        }
        raw.frame().await
    };
    within("the end of its patience", dripping).await
}

#[tokio::test]
async fn a_message_that_takes_too_long_is_1008() {
    let host = with("[limits]\nmessage_time = \"500ms\"\n[deflate]\nenabled = true\n").await;
    let slow = Frame::close(1008, "the message took too long");
    let begun = Frame::binary(vec![7; 100_000]).masked();
    let fragments = Frame::text("a").unfinished().masked();
    for (what, bytes, again) in [
        ("byte by byte", &begun, &b"x"[..]),
        ("fragments", &fragments, &Frame::continuation("b").unfinished().masked()),
        ("pings between fragments", &fragments, &Frame::ping("").masked()),
        ("half a head", &vec![0x82], &[]),
    ] {
        for offer in ["", "permessage-deflate"] {
            let mut raw = host.raw().await;
            let offer = [("sec-websocket-extensions", offer)];
            assert_eq!(raw.handshake("/hooks", &offer).await.status, 101);
            let closed = drip(&mut raw, bytes, again).await;
            assert_eq!(closed.as_ref(), Some(&slow), "{what} {offer:?}");
        }
    }
    host.wait_for_log(&["`limits.message_time` was exceeded"]).await;
}

/// Each in time, all together not.
#[tokio::test]
async fn messages_that_begin_behind_one_another_have_the_time_each() {
    let host = with("[limits]\nmessage_time = \"5s\"\n").await;
    let mut raw = host.raw_socket("/hooks").await;
    let frame = Frame::text("hello").masked();
    let (begin, end) = frame.split_at(4);
    raw.write(begin).await;
    for _ in 0..70 {
        sleep(Duration::from_millis(100)).await;
        // A read never ends between two messages.
        raw.write([end, begin].concat()).await;
        assert_eq!(raw.frame().await, Some(Frame::text("hello")));
    }
}

#[tokio::test]
async fn a_body_in_the_smallest_pieces_takes_one_buffer() {
    const PIECES: usize = 250_000;
    const BODIES: usize = 4;
    let host = with("").await;
    let head = "POST /http?how=about HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    let pieces = "1\r\nx\r\n".repeat(PIECES);
    let send = async || {
        let mut raw = host.raw().await;
        raw.write(head).await;
        raw.write(&pieces).await;
        raw
    };
    let mut warm = send().await;
    warm.write("0\r\n\r\n").await;
    assert_eq!(warm.response().await.json()["body"], PIECES);
    let before = host.peak_memory();
    let mut open = Vec::new();
    for _ in 0..BODIES {
        open.push(send().await);
    }
    for raw in &mut open {
        raw.write("0\r\n\r\n").await;
        assert_eq!(raw.response().await.json()["body"], PIECES);
    }
    let grown = host.peak_memory().saturating_sub(before);
    // What a piece would take by itself is more than thirty bytes.
    assert!(grown < BODIES * PIECES * 10, "{grown} bytes for {BODIES} bodies");
}

const ADMIN: &str =
    "[admin]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"token\"\nbody = \"64 MiB\"\n";

/// A host, and where it takes deploys.
async fn with_admin() -> (TestHost, SocketAddr) {
    let builder = host().config(ADMIN).file("token", "a-token-that-is-long-enough\n");
    let host = builder.route("http", TRAP_HTTP).start().await;
    let line = host.wait_for_log(&["deploys are taken on http://"]).await;
    let address = line.split("http://").nth(1).expect("it says an address").trim();
    let address = address.parse().expect("it is an address");
    (host, address)
}

/// The head of a deploy by a client that does not know the token.
fn deploy_with_a_wrong_token(length: usize) -> String {
    let head = "PUT /plugins/routes/http.wasm HTTP/1.1\r\nhost: x\r\nauthorization: Bearer wrong";
    format!("{head}\r\ncontent-length: {length}\r\n\r\n")
}

#[tokio::test]
async fn a_wrong_token_is_told_so_before_any_of_the_body() {
    let (_host, admin) = with_admin().await;
    let mut raw = Raw::connect(admin).await;
    raw.write(deploy_with_a_wrong_token(LARGE)).await;
    let refused = raw.response().await;
    assert_eq!((refused.status, refused.header("connection")), (401, Some("close")));
}

#[tokio::test]
async fn what_comes_with_a_wrong_token_is_not_kept_and_the_answer_arrives() {
    let (host, admin) = with_admin().await;
    let body = vec![b'x'; LARGE];
    let before = host.peak_memory();
    for number in 0..TRIES {
        let mut raw = Raw::connect(admin).await;
        raw.write(deploy_with_a_wrong_token(LARGE)).await;
        raw.write(&body).await;
        Reads::of_try(number).wait().await;
        assert_eq!(raw.response().await.status, 401, "try {number}");
    }
    let grown = host.peak_memory().saturating_sub(before);
    assert!(grown < LARGE / 2, "{grown} bytes");
}

#[tokio::test]
async fn a_client_without_the_token_keeps_no_connection() {
    let (_host, admin) = with_admin().await;
    for authorization in ["", "authorization: Bearer wrong\r\n"] {
        let mut raw = Raw::connect(admin).await;
        raw.write(format!("GET /status HTTP/1.1\r\nhost: x\r\n{authorization}\r\n")).await;
        let refused = raw.response().await;
        assert_eq!((refused.status, refused.header("connection")), (401, Some("close")));
    }
}

#[tokio::test]
async fn connections_over_those_of_the_admins_listener_wait() {
    const MOST: usize = 32;
    let (_host, admin) = with_admin().await;
    let mut open = Vec::new();
    for _ in 0..MOST {
        open.push(Raw::connect(admin).await);
    }
    let mut next = Raw::connect(admin).await;
    next.write("GET /status HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut answer = std::pin::pin!(next.response());
    assert!(timeout(Duration::from_millis(300), &mut answer).await.is_err(), "it does not wait");
    open.pop();
    assert_eq!(answer.await.status, 401);
}
