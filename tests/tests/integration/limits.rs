//! Bounds on requests. Each is one client's, and the server lives on.

use std::iter::repeat;
use std::time::{Duration, Instant};

use http::Request;
use lithe_tests::artifacts::{ECHO, HOSTILE_HOOKS, SWAP_V1, TRAP_HTTP};
use lithe_tests::{TestHost, sooner_than};

use crate::host;

/// Those that a site has by default.
const HEADER_TIME: Duration = Duration::from_secs(10);
const BODY_TIME: Duration = Duration::from_secs(30);
const WRITE_TIME: Duration = Duration::from_secs(30);

async fn with(config: &str) -> TestHost {
    host().config(config).route("http", TRAP_HTTP).route("echo", ECHO).start().await
}

async fn lives_on(host: &TestHost) {
    assert_eq!(host.get("/http").await.text(), "ok");
}

#[tokio::test]
async fn a_request_line_of_100_kib_is_refused() {
    let host = with("").await;
    let mut raw = host.raw().await;
    let path = "x".repeat(100 * 1024);
    raw.write(format!("GET /{path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
    let status = raw.response().await.status;
    assert!([414, 431].contains(&status), "{status}");
    lives_on(&host).await;
}

#[tokio::test]
async fn a_target_over_the_limit_is_414() {
    let host = with("[limits]\nuri = 100\n").await;
    let path = |length: usize| format!("/http?{}", "x".repeat(length - "/http?".len()));
    assert_eq!(host.get(&path(100)).await.status, 200);
    let response = host.get(&path(101)).await;
    assert_eq!(response.status, 414);
    assert!(response.text().contains("`limits.uri`"));
}

#[tokio::test]
async fn headers_over_the_limit_are_431() {
    let host = with("[limits]\nheaders = \"1 KiB\"\n").await;
    let request =
        |length| Request::get("/http").header("x-long", "x".repeat(length)).body("").unwrap();
    assert_eq!(host.send(request(900)).await.status, 200);
    let response = host.send(request(1024)).await;
    assert_eq!(response.status, 431);
    assert!(response.text().contains("`limits.headers`"));
    let many = (0..200).map(|number| format!("x-{number}: y\r\n")).collect::<String>();
    let mut raw = host.raw().await;
    raw.write(format!("GET /http HTTP/1.1\r\nhost: localhost\r\n{many}\r\n")).await;
    assert_eq!(raw.response().await.status, 431);
    let huge = "x".repeat(200 * 1024);
    let mut raw = host.raw().await;
    raw.write(format!("GET /http HTTP/1.1\r\nhost: localhost\r\nx-huge: {huge}\r\n\r\n")).await;
    assert_eq!(raw.response().await.status, 431);
    lives_on(&host).await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_however_it_is_sent() {
    let host = with("[limits]\nbody = \"1 KiB\"\n").await;
    let post = |length: usize| Request::post("/http?how=about").body("x".repeat(length)).unwrap();
    assert_eq!(host.send(post(1024)).await.json()["body"], 1024);
    let response = host.send(post(1025)).await;
    assert_eq!(response.status, 413);
    assert!(response.text().contains("`limits.body`"));
    let head = "POST /http HTTP/1.1\r\nhost: localhost\r\n";
    let mut raw = host.raw().await;
    raw.write(format!("{head}content-length: 1025\r\n\r\n")).await;
    assert_eq!(raw.response().await.status, 413);
    let mut raw = host.raw().await;
    let body = format!("800\r\n{}\r\n0\r\n\r\n", "x".repeat(0x800));
    raw.write(format!("{head}transfer-encoding: chunked\r\n\r\n{body}")).await;
    assert_eq!(raw.response().await.status, 413);
    lives_on(&host).await;
}

#[tokio::test]
async fn a_chunked_body_within_the_limit_is_whole() {
    let host = with("").await;
    let mut raw = host.raw().await;
    let chunks = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    raw.write("POST /http?how=about HTTP/1.1\r\nhost: localhost\r\n").await;
    raw.write(format!("transfer-encoding: chunked\r\n\r\n{chunks}")).await;
    assert_eq!(raw.response().await.json()["body"], 5);
}

#[tokio::test]
async fn half_a_handshake_is_closed_after_the_time_for_a_head() {
    let host = with("[server]\nheader_time = \"300ms\"\n").await;
    let started = Instant::now();
    let mut raw = host.raw().await;
    raw.write("GET /echo HTTP/1.1\r\nhost: localhost\r\nconnection: upgr").await;
    sooner_than(HEADER_TIME, "the end of its patience", raw.rest()).await;
    assert!(started.elapsed() >= Duration::from_millis(300));
    lives_on(&host).await;
}

#[tokio::test]
async fn a_response_over_the_limit_is_500() {
    let host = host()
        .config("[limits]\nresponse = 1000\n")
        .route("long", TRAP_HTTP)
        .route("long/[id]", TRAP_HTTP)
        .start()
        .await;
    let path = |length| format!("/long/{}?how=path", "x".repeat(length - "/long/".len()));
    assert_eq!(host.get(&path(1000)).await.text().len(), 1000);
    assert_eq!(host.get(&path(1001)).await.status, 500);
    host.wait_for_log(&["the guest answered 1001 bytes, `limits.response` allows 1000 B"]).await;
    assert_eq!(host.get("/long").await.text(), "ok");
}

/// A component of any language needs more than one.
#[tokio::test]
async fn an_instance_over_the_table_elements_does_not_start() {
    let host = with("[limits]\ntable_elements = 1\n").await;
    assert_eq!(host.get("/http").await.status, 503);
    host.wait_for_log(&["cannot start an instance", "`limits.table_elements` allows 1,"]).await;
}

/// The pool's own limits leave room for every language. The error names the limit that a component
/// exceeds.
#[tokio::test]
async fn a_component_of_more_core_instances_than_the_host_has_room_for_is_refused() {
    const INSTANCES: u8 = 51;
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    // An empty core module,
    component.extend(b"\x01\x08\0asm\x01\0\0\0");
    // instantiated so often, each time without arguments; the section has more than 127 bytes.
    component.extend([2, 0x80 | ((1 + 3 * INSTANCES) & 0x7f), 1, INSTANCES]);
    component.extend([0; 3 * INSTANCES as usize]);
    let refusal = host().file("routes/many.wasm", &component).end().await;
    refusal.says(&["`routes/many.wasm`", "cannot be run by this host", "51 core", "maximum of 50"]);
}

/// One runs, one waits.
#[tokio::test]
async fn requests_over_the_queue_of_a_shared_instance_are_503() {
    let host = host().config("[limits]\nqueue = 1\n").route("swap", SWAP_V1).start().await;
    let mut busy = host.connect("/swap").await;
    let mut rounds = 0;
    let refused = lithe_tests::eventually("one that finds the queue full", async || {
        rounds += 1;
        busy.send("sleep:1000").await;
        let answers = futures_util::future::join_all((0..5).map(|_| host.get("/swap"))).await;
        let refused = answers.into_iter().filter(|answer| answer.status != 200);
        let refused: Vec<_> = refused.collect();
        (!refused.is_empty()).then_some(refused)
    })
    .await;
    for answer in refused {
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    }
    host.wait_for_log(&["`limits.queue`"]).await;
    for _ in 0..rounds {
        assert_eq!(busy.text().await, "v1:sleep:1000");
    }
    assert_eq!(host.get("/swap").await.status, 200);
}

/// A guest may keep 10,000 events.
#[tokio::test]
async fn an_event_that_was_answered_keeps_no_body() {
    let host = with("").await;
    for _ in 0..3 {
        let request = Request::post("/http?how=keep").body("x".repeat(1000)).expect("a request");
        assert_eq!(host.send(request).await.text(), "0");
    }
    let request = Request::post("/http?how=about").body("x".repeat(1000)).expect("a request");
    assert_eq!(host.send(request).await.json()["body"], 1000, "until it is answered");
}

/// Each byte comes before any time between two bytes could be up.
#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_given_no_more_time() {
    let host = with("[server]\nheader_time = \"500ms\"\n").await;
    let mut slow = host.raw().await;
    let mut bytes = "GET /http HTTP/1.1\r\nhost: localhost\r\nx-slow: ".bytes().chain(repeat(b'x'));
    let dripping = async {
        loop {
            let byte = bytes.next().expect("there is no end of them");
            if !slow.try_write(&[byte]).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    sooner_than(HEADER_TIME, "the end of its patience", dripping).await;
    lives_on(&host).await;
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_is_given_no_more_time() {
    let host = with("[server]\nbody_time = \"500ms\"\n").await;
    let mut slow = host.raw().await;
    slow.write("POST /http HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n").await;
    let dripping = async {
        for _ in 0..1_000 {
            if slow.received() > 0 || !slow.try_write(b"x").await {
                return;
            }
            let _ = tokio::time::timeout(Duration::from_millis(20), slow.receive()).await;
        }
    };
    sooner_than(BODY_TIME, "the end of its patience", dripping).await;
    assert_eq!(slow.response().await.status, 408);
    lives_on(&host).await;
}

/// Connections that send nothing cost others nothing but their number.
#[tokio::test]
async fn silent_connections_are_closed_while_others_are_served() {
    let host = with("[server]\nheader_time = \"1s\"\n").await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        let mut raw = host.raw().await;
        raw.write("GET /").await;
        silent.push(raw);
    }
    lives_on(&host).await;
    let closed = async {
        for raw in &mut silent {
            raw.rest().await;
        }
    };
    sooner_than(HEADER_TIME, "the end of the host's patience", closed).await;
    lives_on(&host).await;
}

#[tokio::test]
async fn a_flood_of_handshakes_is_refused_over_the_sockets_and_others_are_served() {
    let host = with("[limits]\nsockets = 10\n").await;
    let mut open = Vec::new();
    for _ in 0..200 {
        let mut raw = host.raw().await;
        let status = raw.handshake("/echo", &[]).await.status;
        assert_eq!(status, if open.len() < 10 { 101 } else { 503 });
        if status == 101 {
            open.push(raw);
        }
    }
    assert_eq!(open.len(), 10);
    lives_on(&host).await;
    open.pop();
    lithe_tests::eventually("room for another", async || {
        let mut raw = host.raw().await;
        (raw.handshake("/echo", &[]).await.status == 101).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let host = with("[server]\nbody_time = \"300ms\"\n").await;
    let mut raw = host.raw().await;
    raw.write("POST /http HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nab").await;
    let response = sooner_than(BODY_TIME, "an answer", raw.response()).await;
    assert_eq!(response.status, 408);
    assert!(response.text().contains("`server.body_time`"));
    lives_on(&host).await;
}

const LARGE: usize = 16 * 1024 * 1024;

async fn large_file(config: &str) -> TestHost {
    host().config(config).public("large", vec![b'x'; LARGE]).route("http", TRAP_HTTP).start().await
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_given_up() {
    let host = large_file("[server]\nwrite_time = \"300ms\"\n").await;
    let mut deaf = host.raw().await;
    let started = Instant::now();
    deaf.write("GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    sooner_than(WRITE_TIME, "the end", host.wait_for_log(&["`server.write_time`"])).await;
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert!(deaf.rest().await.len() < LARGE, "the rest was not sent");
    lives_on(&host).await;
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_all_of_its_answer() {
    let host = large_file("[server]\nwrite_time = \"2s\"\n").await;
    let mut slow = host.raw().await;
    let started = Instant::now();
    slow.write("GET /large HTTP/1.0\r\n\r\n").await;
    while started.elapsed() < Duration::from_secs(5) {
        slow.receive().await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(slow.received() < LARGE / 2, "it read too fast to tell");
    let answer = slow.rest().await;
    assert!(answer.ends_with(&"x".repeat(LARGE)), "{} bytes", answer.len());
}

#[tokio::test]
async fn a_site_that_sets_no_limits_has_the_defaults() {
    let host = host().defaults().route("hooks", HOSTILE_HOOKS).start().await;
    assert_eq!(host.get("/hooks?how=loop").await.status, 504);
    host.wait_for_log(&["the guest used more than its 1s of CPU time"]).await;
    let mut client = host.connect("/hooks").await;
    client.send("loop").await;
    assert_eq!(client.closed().await.0, 1011);
    let mut silent = host.raw().await;
    silent.write("GET /").await;
    silent.rest().await;
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let host = with("").await;
    let mut raw = host.raw().await;
    raw.write("\u{16}\u{3}\u{1} this is no HTTP\r\n\r\n").await;
    assert_eq!(raw.response().await.status, 400);
    lives_on(&host).await;
}
