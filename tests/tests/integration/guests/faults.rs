//! What holds whatever kind of guest fails.

use std::time::Duration;

use lithe_tests::artifacts::{
    BENCH_HELLO, HOSTILE_ASYNC, HOSTILE_HOOKS, HOSTILE_SESSION, TRAP_HTTP,
};
use lithe_tests::{Builder, Client, TestHost, within};

use crate::host;

/// Every kind of guest that has sessions.
pub(crate) const KINDS: [&str; 3] = ["/hooks", "/async", "/session"];

/// Each kind of guest, and one that does no harm.
pub(crate) async fn all_kinds() -> TestHost {
    with("memory = \"8 MiB\"\nevent_cpu = \"500ms\"\nrequest_cpu = \"500ms\"\n").start().await
}

fn with(limits: &str) -> Builder {
    host()
        .config(&format!("[limits]\n{limits}"))
        .route("hooks", HOSTILE_HOOKS)
        .route("async", HOSTILE_ASYNC)
        .route("session", HOSTILE_SESSION)
        .route("http", TRAP_HTTP)
        .route("hello", BENCH_HELLO)
}

/// A host whose loops run for as long as a test needs, and that has one thread for all guests: if a
/// loop held the thread, nobody would be served.
async fn one_thread() -> TestHost {
    let limits = "event_cpu = \"1h\"\nrequest_cpu = \"1h\"\nrequest_time = \"1h\"\n";
    with(limits).environment("TOKIO_WORKER_THREADS", "1").start().await
}

/// Answers of neighbours while a guest loops.
pub(crate) const ANSWERS: u32 = 50;

/// CPU time of a worker between a neighbour's question and its answer. A loop gives its thread back
/// after two ticks of 5 ms, and an answer may need the thread a few times. It is CPU time, so that
/// it says the same on a busy machine.
pub(crate) const TURN: Duration = Duration::from_millis(60);

/// CPU time of the threads that serve.
pub(crate) fn cpu_of_workers(host: &TestHost) -> Duration {
    let threads = host.threads().into_iter();
    threads.filter(|thread| thread.name == "tokio-rt-worker").map(|thread| thread.cpu).sum()
}

/// Asks another plugin and a socket of another instance while a guest loops.
async fn others_are_served(host: &TestHost, bystander: &mut Client) {
    let before = cpu_of_workers(host);
    for _ in 0..ANSWERS {
        assert_eq!(host.get("/hello").await.status, 200);
        assert_eq!(bystander.ask("hello").await, "hello");
    }
    let used = cpu_of_workers(host) - before;
    assert!(used < 2 * ANSWERS * TURN, "{used:?} of CPU time for {ANSWERS} answers of each");
    // So the loop has had the thread in between.
    let looped = Duration::from_millis(100);
    assert!(used > looped, "it loops no longer: {used:?} of CPU time");
}

/// A guest's fault in a session closes its socket with 1011, and the guest's own words stay in the
/// log; the next socket is served.
pub(crate) async fn a_fault_closes_with_1011(path: &str) {
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
pub(crate) async fn a_loop_holds_nobody_else_up(path: &str, other: &str) {
    let host = one_thread().await;
    let mut bystander = host.connect(other).await;
    let mut looping = host.connect(path).await;
    assert_eq!(looping.ask("hello").await, "hello");
    looping.send("loop").await;
    others_are_served(&host, &mut bystander).await;
}

/// A guest's fault in a handler is a 500 or a 504 that says nothing of the guest; the next request
/// is answered.
pub(crate) async fn a_fault_in_a_handler_is_answered(path: &str) {
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
pub(crate) async fn a_loop_in_a_handler_holds_nobody_else_up(path: &str) {
    let host = one_thread().await;
    let mut bystander = host.connect("/session").await;
    let mut looping = host.raw().await;
    looping.write(format!("GET {path}?how=loop HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
    others_are_served(&host, &mut bystander).await;
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
        // A socket that came before the loop began could belong to the instance that ends with it.
        host.wait_for_log(&["session failed", "`limits.event_cpu`", path]).await;
        let mut next = within("a handshake", host.connect(path)).await;
        assert_eq!(next.ask("hello").await, "hello", "{path}");
    }
}
