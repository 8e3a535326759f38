//! What holds whatever kind of guest fails.

use std::time::Instant;

use lithe_tests::artifacts::{
    BENCH_HELLO, HOSTILE_ASYNC, HOSTILE_HOOKS, HOSTILE_SESSION, TRAP_HTTP,
};
use lithe_tests::{TestHost, within};

use crate::host;

/// Every kind of guest that has sessions.
pub const KINDS: [&str; 3] = ["/hooks", "/async", "/session"];

/// Each kind of guest, and one that does no harm. Loops last long enough to look at the rest.
pub async fn all_kinds() -> TestHost {
    host()
        .config("[limits]\nmemory = \"8 MiB\"\nevent_cpu = \"400ms\"\nrequest_cpu = \"400ms\"\n")
        .route("hooks", HOSTILE_HOOKS)
        .route("async", HOSTILE_ASYNC)
        .route("session", HOSTILE_SESSION)
        .route("http", TRAP_HTTP)
        .route("hello", BENCH_HELLO)
        .start()
        .await
}

/// A guest's fault in a session closes its socket with 1011, and the guest's own words stay in the
/// log; the next socket is served.
pub async fn a_fault_closes_with_1011(path: &str) {
    let host = all_kinds().await;
    for (word, logged) in [
        ("panic", "as told"),
        ("exit", "exit"),
        ("memory", "`limits.memory`"),
        ("loop", "of CPU time"),
    ] {
        let mut client = host.connect(path).await;
        client.send(word).await;
        assert_eq!(client.closed().await, (1011, String::new()), "{word}");
        host.wait_for_log(&[logged]).await;
        host.wait_for_log(&["session failed"]).await;
        let mut next = host.connect(path).await;
        assert_eq!(next.ask("hello").await, "hello", "after {word}");
    }
}

/// While a session loops, another plugin and a socket of another instance are served.
pub async fn a_loop_holds_nobody_else_up(path: &str, other: &str) {
    let host = all_kinds().await;
    let mut bystander = host.connect(other).await;
    let mut looping = host.connect(path).await;
    assert_eq!(looping.ask("hello").await, "hello");
    looping.send("loop").await;
    let mut closed = std::pin::pin!(looping.closed());
    let mut served = 0;
    loop {
        let others = async {
            assert_eq!(host.get("/hello").await.status, 200);
            assert_eq!(bystander.ask("hello").await, "hello");
        };
        tokio::select! {
            biased;
            closed = &mut closed => {
                assert_eq!(closed.0, 1011);
                break;
            }
            () = others => served += 1,
        }
    }
    assert!(served >= 3, "only {served} others were served during the loop");
}

/// A guest's fault in a handler is a 500 or a 504 that says nothing of the guest; the next request is
/// answered.
pub async fn a_fault_in_a_handler_is_answered(path: &str) {
    let host = all_kinds().await;
    for (how, status, logged) in [
        ("panic", 500, "as told"),
        ("exit", 500, "exit"),
        ("memory", 500, "`limits.memory`"),
        ("loop", 504, "`limits.request_cpu`"),
    ] {
        let response = host.get(&format!("{path}?how={how}")).await;
        assert_eq!(response.status, status, "{how}");
        let text = if status == 500 { "Internal Server Error" } else { "Gateway Timeout" };
        assert_eq!(response.text(), text, "{how}");
        host.wait_for_log(&[logged]).await;
        let request = response.header("x-request-id").expect("each response has an id");
        host.wait_for_log(&["request failed", request]).await;
        assert_eq!(host.get(path).await.status, 200, "after {how}");
    }
}

/// While a handler loops, others are served.
pub async fn a_loop_in_a_handler_holds_nobody_else_up(path: &str) {
    let host = all_kinds().await;
    let mut bystander = host.connect("/session").await;
    let uri = format!("{path}?how=loop");
    let mut answered = std::pin::pin!(host.get(&uri));
    let mut served = 0;
    let started = Instant::now();
    loop {
        let others = async {
            assert_eq!(host.get("/hello").await.status, 200);
            assert_eq!(bystander.ask("hello").await, "hello");
        };
        tokio::select! {
            biased;
            response = &mut answered => {
                assert_eq!(response.status, 504);
                break;
            }
            () = others => served += 1,
        }
    }
    assert!(served >= 3, "{served} others were served in {:?}", started.elapsed());
}

#[tokio::test]
async fn an_error_of_the_session_closes_with_1011_and_stays_in_the_log() {
    let host = all_kinds().await;
    for (path, word) in [("/hooks", "fail"), ("/async", "error"), ("/session", "error")] {
        let mut client = host.connect(path).await;
        client.send(word).await;
        assert_eq!(client.closed().await, (1011, String::new()), "{path}");
        let plugin = format!("routes{path}.wasm");
        host.wait_for_log(&["session failed", "as told", &plugin]).await;
    }
}

#[tokio::test]
async fn a_client_that_goes_away_during_a_loop_takes_nothing_with_it() {
    let host = all_kinds().await;
    for path in KINDS {
        let mut raw = host.raw_socket(path).await;
        raw.send(&[lithe_tests::Frame::text("loop")]).await;
        raw.reset();
        let mut next = within("a handshake", host.connect(path)).await;
        assert_eq!(next.ask("hello").await, "hello", "{path}");
    }
}
