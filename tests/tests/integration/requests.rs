//! Requests that are malformed, or unusual and right (RFC 9112).

use lithe_tests::artifacts::{BENCH_HELLO, TRAP_HTTP};
use lithe_tests::{Response, TestHost};

use crate::host;

async fn answer(host: &TestHost, request: &str) -> Response {
    let mut raw = host.raw().await;
    raw.write(request).await;
    raw.response().await
}

#[tokio::test]
async fn an_absolute_form_target_is_served() {
    let host = host().route("hello", BENCH_HELLO).start().await;
    let request = "GET http://example.com/hello HTTP/1.1\r\nhost: example.com\r\n\r\n";
    let response = answer(&host, request).await;
    assert_eq!((response.status, response.text()), (200, "hello world"));
}

#[tokio::test]
async fn a_host_that_is_missing_or_there_twice_is_400() {
    let host = host().route("hello", BENCH_HELLO).start().await;
    for head in ["", "host: a\r\nhost: b\r\n", "host: a\r\nhost: a\r\n"] {
        let response = answer(&host, &format!("GET /hello HTTP/1.1\r\n{head}\r\n")).await;
        assert_eq!(response.status, 400, "{head:?}");
    }
    let old = answer(&host, "GET /hello HTTP/1.0\r\n\r\n").await;
    assert_eq!(old.status, 200);
}

#[tokio::test]
async fn a_path_of_10_000_segments_is_refused() {
    let config = "[limits]\nuri = \"64 KiB\"\n";
    let host = host().config(config).route("hello", BENCH_HELLO).start().await;
    let response = host.get(&"/a".repeat(10_000)).await;
    assert_eq!(response.status, 400);
    assert!(response.text().contains("256 segments"), "{}", response.text());
    assert_eq!(host.get("/hello").await.status, 200);
}

#[tokio::test]
async fn a_nul_in_the_path_is_400() {
    let host = host().route("hello", BENCH_HELLO).start().await;
    assert_eq!(host.get("/hello%00").await.status, 400);
}

#[tokio::test]
async fn conflicting_lengths_are_400_and_end_the_connection() {
    let host = host().route("about", TRAP_HTTP).start().await;
    let lengths = "content-length: 2\r\ncontent-length: 3";
    let request = format!("POST /about HTTP/1.1\r\nhost: x\r\n{lengths}\r\n\r\nabc");
    let mut raw = host.raw().await;
    raw.write(&request).await;
    assert_eq!(raw.response().await.status, 400);
    assert_eq!(raw.rest().await, "");
}

#[tokio::test]
async fn a_request_with_both_framings_is_read_as_chunked_and_ends_the_connection() {
    let host = host().route("about", TRAP_HTTP).start().await;
    let head = "host: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n";
    let body = "3\r\nabc\r\n0\r\n\r\n";
    let smuggled = "GET /about HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut raw = host.raw().await;
    raw.write(format!("POST /about?how=about HTTP/1.1\r\n{head}\r\n{body}{smuggled}")).await;
    let response = raw.response().await;
    match response.status {
        400 => {}
        200 => assert_eq!(response.json()["body"], 3),
        other => panic!("neither refused nor read as chunked: {other}"),
    }
}
