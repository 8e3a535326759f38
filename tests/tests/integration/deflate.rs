//! `permessage-deflate` (RFC 7692) between the host and clients that compress, over real
//! connections.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use lithe_tests::artifacts::{BENCH_ECHO, BENCH_PUBLISH, HOSTILE_ASYNC, LOOP};
use lithe_tests::{Frame, Raw, TestHost};
use serde_json::{Value, json};

use crate::{browser, host};

const ON: &str = "[deflate]\nenabled = true\nwindow_bits = 15\n";
const OFFER: [(&str, &str); 1] = [("sec-websocket-extensions", "permessage-deflate")];

/// The first reserved bit, which says that a message is compressed.
const RSV1: u8 = 0x40;

/// The end of a message's last block (section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// A client that compresses all that it sends, with one window for all messages.
struct Client {
    raw: Raw,
    compress: Compress,
    decompress: Decompress,
}

impl Client {
    async fn connect(host: &TestHost, path: &str) -> Self {
        let mut raw = host.raw().await;
        let response = raw.handshake(path, &OFFER).await;
        assert_eq!(response.status, 101);
        assert_eq!(response.header("sec-websocket-extensions"), Some("permessage-deflate"));
        let compress = Compress::new(Compression::best(), false);
        Self { raw, compress, decompress: Decompress::new(false) }
    }

    fn compressed(&mut self, payload: &[u8]) -> Vec<u8> {
        if payload.is_empty() {
            // Section 7.2.3.6.
            return vec![0];
        }
        let mut compressed = Vec::with_capacity(payload.len() + 1024);
        let flush = FlushCompress::Sync;
        self.compress.compress_vec(payload, &mut compressed, flush).expect("it can be compressed");
        compressed.strip_suffix(&TAIL).expect("it ends a block").to_vec()
    }

    async fn send(&mut self, text: &str) {
        let mut frame = Frame::text(self.compressed(text.as_bytes()));
        frame.head |= RSV1;
        self.raw.send(&[frame]).await;
    }

    /// The next text, and in how many bytes it arrived.
    async fn text(&mut self) -> (String, usize) {
        let frame = self.raw.frame().await.expect("the socket lives");
        assert_eq!(frame.head, 0x81 | RSV1, "a compressed text: {frame:?}");
        let mut text = Vec::with_capacity(4 * 1024 * 1024);
        let payload = [&frame.payload[..], &TAIL].concat();
        let flush = FlushDecompress::Sync;
        self.decompress.decompress_vec(&payload, &mut text, flush).expect("it is compressed");
        (String::from_utf8(text).expect("it is text"), frame.payload.len())
    }

    /// The code of the close frame that comes next.
    async fn closed(&mut self) -> u16 {
        let frames = self.raw.frames().await;
        let [Frame { head: 0x88, payload }] = &frames[..] else { panic!("no close: {frames:?}") };
        u16::from_be_bytes([payload[0], payload[1]])
    }
}

/// Random letters: only earlier messages make them compressible.
fn text(length: usize) -> String {
    let mut number = 1_u32;
    let letters = std::iter::repeat_with(|| {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + (number >> 24) as u8 % 26)
    });
    letters.take(length).collect()
}

#[tokio::test]
async fn it_is_off_unless_the_site_says_otherwise() {
    let host = host().route("echo", BENCH_ECHO).start().await;
    let response = host.handshake("/echo", &OFFER).await;
    assert_eq!((response.status, response.header("sec-websocket-extensions")), (101, None));
}

#[tokio::test]
async fn a_client_that_does_not_offer_it_does_not_get_it() {
    let host = host().config(ON).route("echo", BENCH_ECHO).start().await;
    let mut raw = host.raw().await;
    let response = raw.handshake("/echo", &[]).await;
    assert_eq!((response.status, response.header("sec-websocket-extensions")), (101, None));
    raw.send(&[Frame::text("plain")]).await;
    assert_eq!(raw.frame().await, Some(Frame::text("plain")));
    // And may not use it.
    let mut compressed = Frame::text("plain");
    compressed.head |= RSV1;
    raw.send(&[compressed]).await;
    assert_eq!(raw.frame().await, Some(Frame::close(1002, "protocol error")));
}

#[tokio::test]
async fn each_kind_of_guest_hears_and_says_the_messages_themselves() {
    let site = host().config(ON).route("hooks", BENCH_ECHO).route("async", HOSTILE_ASYNC);
    let host = site.route("session", LOOP).start().await;
    let long = text(300_000);
    for path in ["/hooks", "/async", "/session"] {
        let mut client = Client::connect(&host, path).await;
        for text in ["hello", "", "日本 🦀", &long] {
            client.send(text).await;
            assert!(client.text().await.0 == text, "{path}");
        }
    }
}

#[tokio::test]
async fn what_was_said_before_makes_what_is_said_again_short() {
    let host = host().config(ON).route("echo", BENCH_ECHO).start().await;
    let mut client = Client::connect(&host, "/echo").await;
    let message = text(10_000);
    let mut sizes = Vec::new();
    for _ in 0..2 {
        client.send(&message).await;
        let (echo, size) = client.text().await;
        assert!(echo == message);
        sizes.push(size);
    }
    assert!(sizes[1] < sizes[0] / 10, "{sizes:?}");
}

#[tokio::test]
async fn the_windows_are_what_the_site_and_the_client_allow() {
    let config = "[deflate]\nenabled = true\nwindow_bits = 10\n";
    let host = host().config(config).route("echo", BENCH_ECHO).start().await;
    for (offer, answer) in [
        ("permessage-deflate", "permessage-deflate; server_max_window_bits=10"),
        (
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10",
        ),
        (
            "permessage-deflate; server_max_window_bits=9; client_no_context_takeover",
            "permessage-deflate; client_no_context_takeover; server_max_window_bits=9",
        ),
        (
            "permessage-deflate; unheard_of, permessage-deflate; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=10",
        ),
    ] {
        let response = host.handshake("/echo", &[("sec-websocket-extensions", offer)]).await;
        assert_eq!(response.header("sec-websocket-extensions"), Some(answer), "{offer}");
    }
}

#[tokio::test]
async fn a_message_that_inflates_over_the_limit_closes_with_1009() {
    let host = host().config(ON).route("echo", BENCH_ECHO).start().await;
    let mut client = Client::connect(&host, "/echo").await;
    let bomb = "x".repeat(1024 * 1024 + 1);
    assert!(client.compressed(bomb.as_bytes()).len() < 10_000);
    let mut client = Client::connect(&host, "/echo").await;
    client.send(&bomb).await;
    assert_eq!(client.closed().await, 1009);
}

#[tokio::test]
async fn what_does_not_inflate_closes_with_1002() {
    let host = host().config(ON).route("echo", BENCH_ECHO).start().await;
    let mut client = Client::connect(&host, "/echo").await;
    let mut broken = Frame::text([0xFF; 20]);
    broken.head |= RSV1;
    client.raw.send(&[broken]).await;
    assert_eq!(client.closed().await, 1002);
}

#[tokio::test]
async fn one_message_reaches_those_who_compress_and_those_who_do_not() {
    let host = host().config(ON).route("publish", BENCH_PUBLISH).start().await;
    let mut plain = host.connect("/publish").await;
    assert_eq!(plain.ask("I am here").await, "I am here");
    let mut packed = Vec::new();
    for text in ["so am I", "and I"] {
        packed.push(Client::connect(&host, "/publish").await);
        packed.last_mut().expect("one is there").send(text).await;
        assert_eq!(plain.text().await, text);
        for client in &mut packed {
            assert_eq!(client.text().await.0, text);
        }
    }
    plain.send("welcome").await;
    for client in &mut packed {
        assert_eq!(client.text().await.0, "welcome");
    }
}

/// What the host holds of the site's messages, in bytes, as `status` says it.
async fn held(host: &TestHost) -> u64 {
    let status = host.command("status", &["--json"]).await;
    status.succeeded();
    let status: Value = serde_json::from_str(&status.stdout).expect("it is JSON");
    status["memory"]["held"]["messages"].as_u64().expect("a number of bytes")
}

#[tokio::test]
async fn messages_that_never_end_at_a_read_are_charged_only_until_they_are_complete() {
    let host = host().route("echo", BENCH_ECHO).config(ON).start().await;
    let mut client = Client::connect(&host, "/echo").await;
    let message = text(150_000);
    let mut left = Vec::new();
    for number in 0..60 {
        let mut frame = Frame::text(client.compressed(format!("{number}{message}").as_bytes()));
        frame.head |= RSV1;
        left.extend(frame.masked());
        // The rest of it comes with the next.
        let rest = left.split_off(left.len() - 5);
        client.raw.write(&left).await;
        left = rest;
        if number > 0 {
            assert_eq!(
                client.text().await.0.len(),
                message.len() + (number - 1_i32).to_string().len()
            );
        }
    }
    // All 60 would be 9 MB.
    let held = held(&host).await;
    assert!(held < 1 << 20, "{held}");
}

#[tokio::test]
async fn what_comes_with_the_handshake_is_inflated_no_faster_than_it_is_read() {
    let config = format!("{ON}[limits]\nmessage = \"1 MiB\"\n");
    let host = host().route("loop", LOOP).config(&config).start().await;
    let mut raw = host.raw().await;
    // hyper reads more at once on a connection that has sent much.
    for _ in 0..3 {
        let head = "POST /loop HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n";
        raw.write([head.as_bytes(), &[b'x'; 1_000_000]].concat()).await;
        raw.response().await;
    }
    let before = host.peak_memory();
    let mut frames = "GET /loop HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\n\
                      upgrade: websocket\r\nsec-websocket-version: 13\r\n\
                      sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                      sec-websocket-extensions: permessage-deflate; client_no_context_takeover\r\n\r\n"
        .to_owned()
        .into_bytes();
    for _ in 0..100 {
        let mut compress = Compress::new(Compression::best(), false);
        let mut compressed = Vec::with_capacity(64 * 1024);
        let zeros = vec![b'0'; 1 << 20];
        compress.compress_vec(&zeros, &mut compressed, FlushCompress::Sync).expect("it can be");
        let mut frame = Frame::text(compressed.strip_suffix(&TAIL).expect("it ends a block"));
        frame.head |= RSV1;
        frames.extend(frame.masked());
    }
    raw.write(&frames).await;
    assert_eq!(raw.response().await.status, 101);
    for _ in 0..100 {
        raw.frame().await.expect("each comes back");
    }
    // Inflated at once, they are 100 MiB.
    let grown = host.peak_memory().saturating_sub(before);
    assert!(grown < 40 << 20, "{} KiB", grown >> 10);
}

#[tokio::test]
async fn a_browser_agrees_on_it_and_hears_its_echoes() {
    let Some(mut browser) = browser::browser().await else { return };
    let site = host().config(ON).route("echo", BENCH_ECHO).public("index.html", "<p>a page</p>");
    let host = site.start().await;
    let tab = browser.open(&format!("http://{}/", host.address)).await;
    let script = format!(
        "window.heard = []; window.said = ['a', '', '日本 🦀', 'again '.repeat(100000), 'a'];
        const socket = new WebSocket('ws://{}/echo');
        socket.onopen = () => {{ window.extensions = socket.extensions; said.forEach(m => socket.send(m)); }};
        socket.onmessage = event => window.heard.push(event.data);
        socket.onclose = event => window.ended = event.code;",
        host.address
    );
    browser.evaluate(&tab, &script).await;
    browser.wait_for(&tab, "window.heard.length === window.said.length").await;
    let same = "JSON.stringify(window.heard) === JSON.stringify(window.said)";
    assert_eq!(browser.evaluate(&tab, same).await, json!(true));
    let extensions = browser.evaluate(&tab, "window.extensions").await;
    let extensions = extensions.as_str().expect("it is text").to_owned();
    assert!(extensions.starts_with("permessage-deflate"), "{extensions}");
    assert_eq!(browser.evaluate(&tab, "typeof window.ended").await, json!("undefined"));
}
