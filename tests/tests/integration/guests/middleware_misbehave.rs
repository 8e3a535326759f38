use http::{HeaderMap, Request};
use lithe_tests::artifacts::{
    EVENTS, HOSTILE_ASYNC, HOSTILE_HOOKS, HOSTILE_SESSION, MIDDLEWARE_MISBEHAVE, TRAP_HTTP,
};
use lithe_tests::{TestHost, eventually};
use serde_json::{Value, json};

use super::counted;
use crate::host;

async fn guarded(limits: &str) -> TestHost {
    host()
        .config(&format!("[limits]\n{limits}"))
        .component("routes/_middleware.wasm", MIDDLEWARE_MISBEHAVE)
        .route("hooks", HOSTILE_HOOKS)
        .route("async", HOSTILE_ASYNC)
        .route("session", HOSTILE_SESSION)
        .route("events", EVENTS)
        .route("http", TRAP_HTTP)
        .start()
        .await
}

/// The codes of the ends that the hooks have heard of, as soon as there is one.
async fn ends(host: &TestHost) -> Value {
    let ends = eventually("an end", async || {
        let counted = counted(host, "/hooks").await;
        assert_eq!(counted["opened"], 0);
        (counted["closed"] != json!([])).then(|| counted["closed"].clone())
    });
    ends.await
}

fn abandoned() -> Value {
    json!([{ "code": 1006, "reason": "", "clean": false }])
}

#[tokio::test]
async fn a_short_answer_keeps_the_handler_from_running() {
    let host = guarded("").await;
    let response = host.get("/http?mw=short&how=panic").await;
    assert_eq!((response.status, response.text()), (200, "short"));
    let response = host.handshake("/hooks?mw=short", &[]).await;
    assert_eq!((response.status, response.text()), (200, "short"));
    let counted = counted(&host, "/hooks").await;
    assert_eq!((&counted["opened"], &counted["closed"]), (&json!(0), &json!([])));
    assert!(!host.log().contains("as told"), "the handler ran");
}

#[tokio::test]
async fn a_fault_is_answered_and_the_next_request_is_served() {
    let host = guarded("memory = \"8 MiB\"\nrequest_cpu = \"500ms\"\n").await;
    for (how, status, logged) in [
        ("panic", 500, "as told"),
        ("late-panic", 500, "as told"),
        ("exit", 500, "exit"),
        ("memory", 500, "`limits.memory`"),
        ("loop", 504, "`limits.request_cpu`"),
        ("status101", 500, "status 101"),
    ] {
        let response = host.get(&format!("/http?mw={how}")).await;
        assert_eq!(response.status, status, "{how}");
        let text = if status == 500 { "Internal Server Error" } else { "Gateway Timeout" };
        assert_eq!(response.text(), text, "{how}");
        host.wait_for_log(&[logged]).await;
        let id = response.header("x-request-id").expect("each response has an id");
        host.wait_for_log(&["request failed", "routes/_middleware.wasm", id]).await;
        assert_eq!(host.get("/http").await.text(), "ok", "after {how}");
    }
    assert_eq!(host.handshake("/hooks?mw=status101", &[]).await.status, 500);
}

#[tokio::test]
async fn an_error_has_its_status_and_a_failure_tells_nothing() {
    let host = guarded("").await;
    let response = host.get("/http?mw=error").await;
    assert_eq!((response.status, response.text()), (403, "refused"));
    let response = host.get("/http?mw=fail").await;
    assert_eq!((response.status, response.text()), (500, "Internal Server Error"));
    let id = response.header("x-request-id").unwrap();
    host.wait_for_log(&["a secret of the guest", "routes/_middleware.wasm", id]).await;
}

#[tokio::test]
async fn next_runs_once() {
    let host = guarded("").await;
    let response = host.get("/http?mw=twice").await;
    assert_eq!(response.status, 500);
    let id = response.header("x-request-id").unwrap();
    host.wait_for_log(&["ran `next` twice", "routes/_middleware.wasm", id]).await;
    assert_eq!(host.handshake("/hooks?mw=twice", &[]).await.status, 500);
    assert_eq!(ends(&host).await, abandoned());
}

#[tokio::test]
async fn a_session_that_middleware_drops_is_closed_once_and_the_connection_stays_http() {
    let host = guarded("").await;
    let mut raw = host.raw().await;
    let response = raw.handshake("/hooks?mw=drop", &[]).await;
    assert_eq!((response.status, response.text()), (200, "dropped"));
    assert_eq!(response.header("sec-websocket-accept"), None);
    assert_eq!(ends(&host).await, abandoned());
    assert_eq!(raw.handshake("/hooks", &[]).await.status, 101);
    raw.send(&[lithe_tests::Frame::text("closed-log")]).await;
    let log = raw.frame().await.expect("the socket is open").payload;
    assert_eq!(log, br#"{"codes":[1006],"count":1}"#);
}

#[tokio::test]
async fn a_session_whose_middleware_fails_afterwards_is_closed_once() {
    let host = guarded("").await;
    assert_eq!(host.handshake("/hooks?mw=late-panic", &[]).await.status, 500);
    assert_eq!(ends(&host).await, abandoned());
    assert_eq!(counted(&host, "/hooks").await["closed"], abandoned());
}

#[tokio::test]
async fn a_dropped_session_or_stream_gives_its_instance_back() {
    let host = guarded("instances = 1\n").await;
    for path in ["/session", "/events"] {
        for _ in 0..3 {
            let response = host.handshake(&format!("{path}?mw=drop"), &[]).await;
            assert_eq!((response.status, response.text()), (200, "dropped"), "{path}");
        }
    }
    assert_eq!(host.connect("/session").await.ask("hello").await, "hello");
    assert_eq!(host.handshake("/async?mw=drop", &[]).await.text(), "dropped");
    assert_eq!(host.connect("/async").await.ask("hello").await, "hello");
}

#[tokio::test]
async fn new_headers_do_not_cancel_the_upgrade_nor_its_protocol() {
    let host = guarded("").await;
    let offer = [("sec-websocket-protocol", "chat")];
    let path = "/hooks?protocol=chat&header=x-inner:1&mw=rewrap";
    let mut client = host.connect_with(path, &offer).await;
    let header = |headers: &HeaderMap, name| headers.get(name).map(|value| value.to_owned());
    assert_eq!(header(&client.headers, "x-rewrapped").unwrap(), "yes");
    assert_eq!(header(&client.headers, "x-inner"), None);
    assert_eq!(client.protocol(), Some("chat"));
    assert_eq!(client.ask("hello").await, "hello");
}

#[tokio::test]
async fn new_headers_replace_those_of_a_response() {
    let host = guarded("").await;
    let request = Request::head("/http?how=about&mw=rewrap").body("").unwrap();
    let response = host.send(request).await;
    assert_eq!((response.status, response.header("x-rewrapped")), (200, Some("yes")));
    assert_ne!(response.header("content-type"), Some("application/json"));
}
