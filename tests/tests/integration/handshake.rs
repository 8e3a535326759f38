//! Each answer to a handshake (RFC 6455, section 4.2).

use http::Request;
use lithe_tests::TestHost;
use lithe_tests::artifacts::{ECHO, HOSTILE_HOOKS, LOOP};

use crate::host;

async fn hooks() -> TestHost {
    host().route("hooks", HOSTILE_HOOKS).route("loop", LOOP).route("echo", ECHO).start().await
}

#[tokio::test]
async fn the_sample_key_has_the_sample_answer() {
    let response = hooks().await.handshake("/hooks", &[]).await;
    assert_eq!(response.status, 101);
    assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(response.header("upgrade"), Some("websocket"));
    assert!(response.header("connection").unwrap().eq_ignore_ascii_case("upgrade"));
    assert_eq!(response.header("sec-websocket-protocol"), None);
    assert_eq!(response.header("sec-websocket-extensions"), None);
    assert!(response.header("x-request-id").is_some());
}

#[tokio::test]
async fn names_are_compared_in_any_case_and_within_lists() {
    let changes = [("connection", "keep-alive, UPGRADE"), ("upgrade", "WebSocket")];
    assert_eq!(hooks().await.handshake("/hooks", &changes).await.status, 101);
}

#[tokio::test]
async fn another_method_is_405_with_allow() {
    let host = hooks().await;
    let request = Request::post("/loop")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let response = host.send(request.body("").unwrap()).await;
    assert_eq!(response.status, 405);
    assert_eq!(response.header("allow"), Some("GET"));
    assert_eq!(host.send(Request::head("/loop").body("").unwrap()).await.status, 405);
}

#[tokio::test]
async fn a_site_without_websocket_answers_501() {
    let host = host().config("websocket = false\n").route("loop", LOOP).start().await;
    assert_eq!(host.handshake("/loop", &[]).await.status, 501);
    assert_eq!(host.get("/loop").await.status, 501);
}

#[tokio::test]
async fn a_request_that_asks_for_no_websocket_is_426() {
    let host = hooks().await;
    for changes in [
        &[("upgrade", "")][..],
        &[("connection", "")],
        &[("connection", "keep-alive")],
        &[("upgrade", "h2c")],
    ] {
        let response = host.handshake("/loop", changes).await;
        assert_eq!(response.status, 426, "{changes:?}");
        assert_eq!(response.header("upgrade"), Some("websocket"), "{changes:?}");
        assert_eq!(response.header("connection"), Some("upgrade"), "{changes:?}");
    }
    let mut raw = host.raw().await;
    raw.write("GET /loop HTTP/1.0\r\n\r\n").await;
    let old = raw.response().await;
    assert_eq!((old.status, old.header("upgrade")), (426, None), "HTTP/1.0 has none");
    assert_eq!(host.get("/loop").await.status, 426);
}

#[tokio::test]
async fn a_malformed_handshake_is_400() {
    let host = hooks().await;
    for change in [
        ("sec-websocket-key", ""),
        ("sec-websocket-key", "short"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ"),
        ("sec-websocket-version", ""),
        ("sec-websocket-protocol", "bad proto"),
        ("sec-websocket-protocol", "chat, chat"),
    ] {
        let response = host.handshake("/hooks", &[change]).await;
        assert_eq!(response.status, 400, "{change:?}");
        assert!(response.text().contains(change.0), "{change:?}: {}", response.text());
    }
    let response = host.handshake("/hooks", &[("sec-websocket-version", "8")]).await;
    assert_eq!(response.status, 400);
    assert_eq!(response.header("sec-websocket-version"), Some("13"));
}

#[tokio::test]
async fn the_key_of_the_rfcs_first_example_is_accepted() {
    let host = hooks().await;
    // The bits behind its last byte are not zero (RFC 6455, section 4.1).
    let key = [("sec-websocket-key", "AQIDBAUGBwgJCgsMDQ4PEC==")];
    let response = host.handshake("/hooks", &key).await;
    assert_eq!(response.status, 101);
    assert_eq!(response.header("sec-websocket-accept"), Some("OfS0wDaT5NoxF2gqm7Zj2YtetzM="));
    let longer = [("sec-websocket-key", "AQIDBAUGBwgJCgsMDQ4PEBE=")];
    assert_eq!(host.handshake("/hooks", &longer).await.status, 400);
}

#[tokio::test]
async fn a_protocol_that_was_not_offered_is_the_guests_mistake() {
    let host = hooks().await;
    let response = host.handshake("/hooks?protocol=chat", &[]).await;
    assert_eq!(response.status, 500);
    let id = response.header("x-request-id").unwrap();
    host.wait_for_log(&["`chat`, which the request does not offer", "routes/hooks.wasm", id]).await;
    let other = [("sec-websocket-protocol", "superchat")];
    assert_eq!(host.handshake("/hooks?protocol=chat", &other).await.status, 500);
}

#[tokio::test]
async fn the_guests_headers_reach_the_101() {
    let host = hooks().await;
    let response = host.handshake("/hooks?header=x-room:blue", &[]).await;
    assert_eq!((response.status, response.header("x-room")), (101, Some("blue")));
    let response = host.handshake("/hooks?header=set-cookie:a=b", &[]).await;
    assert_eq!((response.status, response.header("set-cookie")), (101, Some("a=b")));
}

#[tokio::test]
async fn headers_of_the_handshake_are_not_the_guests_to_set() {
    let host = hooks().await;
    for name in [
        "sec-websocket-accept",
        "sec-websocket-protocol",
        "sec-websocket-extensions",
        "connection",
        "upgrade",
        "content-length",
        "transfer-encoding",
    ] {
        let response = host.handshake(&format!("/hooks?header={name}:1"), &[]).await;
        assert_eq!(response.status, 500, "{name}");
        host.wait_for_log(&[&format!("header `{name}` of the 101")]).await;
    }
}

#[tokio::test]
async fn an_attachment_over_the_limit_is_500() {
    let host = host().config("[limits]\nattachment = 4\n").route("hooks", HOSTILE_HOOKS).start();
    let host = host.await;
    assert_eq!(host.handshake("/hooks?attachment=1234", &[]).await.status, 101);
    assert_eq!(host.handshake("/hooks?attachment=12345", &[]).await.status, 500);
    host.wait_for_log(&["`limits.attachment`"]).await;
}

#[tokio::test]
async fn a_refusal_passes_and_the_connection_stays_http() {
    let host = hooks().await;
    let mut raw = host.raw().await;
    let refused = raw.handshake("/hooks?refuse=418", &[]).await;
    assert_eq!((refused.status, refused.text()), (418, "refused"));
    raw.write("GET /echo HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(raw.response().await.text(), r#"{"mode":"http"}"#);
    assert_eq!(raw.handshake("/echo", &[]).await.status, 101);
    assert_eq!(raw.frame().await, Some(lithe_tests::Frame::text("connected")));
}

#[tokio::test]
async fn an_unmatched_path_is_404() {
    assert_eq!(hooks().await.handshake("/nowhere", &[]).await.status, 404);
}

#[tokio::test]
async fn sockets_over_the_limit_are_refused_with_503() {
    let host = host().config("[limits]\nsockets = 2\n").route("hooks", HOSTILE_HOOKS).start().await;
    let (first, _second) = (host.raw_socket("/hooks").await, host.connect("/hooks").await);
    let response = host.handshake("/hooks", &[]).await;
    assert_eq!((response.status, response.header("retry-after")), (503, Some("1")));
    host.wait_for_log(&["`limits.sockets`"]).await;
    drop(first);
    lithe_tests::eventually("room for one more", async || {
        (host.handshake("/hooks", &[]).await.status == 101).then_some(())
    })
    .await;
}
