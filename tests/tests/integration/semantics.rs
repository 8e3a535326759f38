//! What HTTP's methods, targets, hosts and statuses mean (RFC 9110, RFC 9112).

use lithe_tests::artifacts::{APP, TRAP_HTTP};
use lithe_tests::{Response, TestHost};

use crate::host;

/// Its only route takes whatever there is.
async fn any() -> TestHost {
    host().route("[[...path]]", TRAP_HTTP).start().await
}

async fn answer(host: &TestHost, request: impl AsRef<[u8]>) -> Response {
    let mut raw = host.raw().await;
    raw.write(request).await;
    raw.response().await
}

/// All that comes until the connection ends.
async fn whole(host: &TestHost, request: &str) -> String {
    let mut raw = host.raw().await;
    raw.write(request).await;
    raw.rest().await
}

#[tokio::test]
async fn a_host_that_is_none_is_400_for_a_single_site() {
    let host = any().await;
    for name in [
        "",
        "a@victim",
        "x/../y",
        "<script>",
        "a b",
        "a,b",
        "victim..",
        ".victim",
        "a..b",
        ".",
        "victim:x",
        "victim:65536",
        "victim:1:2",
        "[::1",
        "::1",
        "caf\u{e9}",
        "a%2eb",
        "a?b",
        "a#b",
        "*.victim",
    ] {
        let request = format!("GET / HTTP/1.1\r\nhost: {name}\r\n\r\n");
        let refused = answer(&host, request).await;
        assert_eq!((refused.status, refused.text().contains("`host`")), (400, true), "`{name}`");
        assert!(!refused.text().contains("script"), "it is not quoted");
        let absolute = format!("GET http://victim/ HTTP/1.1\r\nhost: {name}\r\n\r\n");
        assert_eq!(answer(&host, absolute).await.status, 400, "`{name}`, and a target with a host");
    }
    for name in ["victim", "VICTIM.", "victim:", "victim.:80", "a_b.c-d", "127.0.0.1:1", "[::1]:80"]
    {
        let request = format!("GET / HTTP/1.1\r\nhost: {name}\r\n\r\n");
        assert_eq!(answer(&host, request).await.status, 200, "`{name}`");
    }
}

#[tokio::test]
async fn the_host_of_the_target_goes_before_the_header() {
    let host = any().await;
    let request = "GET http://target.test:81/x?how=about HTTP/1.1\r\nhost: other.test\r\n\r\n";
    let seen = answer(&host, request).await.json();
    assert_eq!((&seen["host"], &seen["path"]), (&"target.test:81".into(), &"/x".into()));
    for target in ["http://user@target.test/", "http://target..test/"] {
        let request = format!("GET {target} HTTP/1.1\r\nhost: target.test\r\n\r\n");
        assert_eq!(answer(&host, request).await.status, 400, "{target}");
    }
}

#[tokio::test]
async fn what_is_for_a_proxy_is_501_and_ends_the_connection() {
    let host = any().await;
    for request in [
        "CONNECT victim:80 HTTP/1.1\r\nhost: victim:80\r\n\r\n",
        "CONNECT [::1]:80 HTTP/1.1\r\nhost: [::1]:80\r\n\r\n",
        "CONNECT /x HTTP/1.1\r\nhost: victim\r\n\r\n",
        "TRACE / HTTP/1.1\r\nhost: victim\r\n\r\n",
    ] {
        let behind = "GET / HTTP/1.1\r\nhost: victim\r\n\r\n";
        let answered = whole(&host, &format!("{request}{behind}")).await;
        assert!(answered.starts_with("HTTP/1.1 501 "), "{request}: {answered}");
        assert!(answered.contains("connection: close\r\n"), "{answered}");
        assert_eq!(answered.matches("HTTP/1.1").count(), 1, "{answered}");
    }
}

#[tokio::test]
async fn options_of_the_server_as_a_whole_are_answered_by_the_server() {
    let host = any().await;
    let allowed = answer(&host, "OPTIONS * HTTP/1.1\r\nhost: victim\r\n\r\n").await;
    assert_eq!(allowed.status, 204);
    let methods = allowed.header("allow").expect("it says what is allowed");
    assert!(methods.contains("GET") && methods.contains("OPTIONS"), "{methods}");
    for method in ["GET", "POST", "HEAD"] {
        let request = format!("{method} * HTTP/1.1\r\nhost: victim\r\n\r\n");
        assert!(whole(&host, &(request + "GARBAGE\r\n\r\n")).await.starts_with("HTTP/1.1 400 "));
    }
}

#[tokio::test]
async fn statuses_without_content_have_none() {
    let host = any().await;
    for (status, length) in [(204, None), (205, Some("0")), (304, None)] {
        let mut raw = host.raw().await;
        let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: victim\r\n\r\n");
        raw.write(ask(&format!("/?how=status&status={status}"))).await;
        let answered = raw.response().await;
        assert_eq!((answered.status, answered.header("content-length")), (status, length));
        assert_eq!(answered.header("transfer-encoding"), None);
        raw.write(ask("/?how=path")).await;
        assert_eq!(raw.response().await.text(), "/", "{status}: what follows is the next answer");
    }
}

#[tokio::test]
async fn head_has_the_length_of_get_and_no_content() {
    let host = any().await;
    let request =
        "HEAD /?how=status&status=200 HTTP/1.1\r\nhost: victim\r\nconnection: close\r\n\r\n";
    let answered = whole(&host, request).await;
    assert!(
        answered.contains("content-length: 2\r\n") && answered.ends_with("\r\n\r\n"),
        "{answered}"
    );
}

#[tokio::test]
async fn a_stream_to_a_client_of_http_1_0_ends_with_the_connection() {
    let host = host().component("plugins/app.wasm", APP).start().await;
    for connection in ["", "connection: keep-alive\r\n"] {
        let request = format!("GET /app/stream HTTP/1.0\r\nhost: victim\r\n{connection}\r\n");
        let answered = whole(&host, &request).await;
        let (head, body) = answered.split_once("\r\n\r\n").expect("there is a body");
        assert_eq!(body, "onetwothree");
        let head = head.to_ascii_lowercase();
        for wrong in ["transfer-encoding", "content-length", "keep-alive"] {
            assert!(!head.contains(wrong), "{head}");
        }
    }
}

#[tokio::test]
async fn a_whole_answer_to_a_client_of_http_1_0_keeps_the_connection_where_it_asks_for_that() {
    let host = any().await;
    let mut raw = host.raw().await;
    for _ in 0..2 {
        raw.write("GET /?how=path HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await;
        let answered = raw.response().await;
        assert_eq!((answered.text(), answered.header("connection")), ("/", Some("keep-alive")));
    }
    raw.write("GET /?how=path HTTP/1.0\r\n\r\n").await;
    assert_eq!(raw.response().await.text(), "/");
    assert_eq!(raw.rest().await, "");
}

#[tokio::test]
async fn heads_that_two_readers_could_understand_in_two_ways_are_400() {
    let host = any().await;
    let smuggled = "GET /smuggled?how=path HTTP/1.1\r\nhost: victim\r\n\r\n";
    for head in [
        "content-length: 5\r\ncontent-length: 6",
        "content-length: 5, 5",
        "content-length: +5",
        "content-length: 0x5",
        "content-length: -1",
        "content-length: 99999999999999999999999",
        "transfer-encoding: xchunked",
        "transfer-encoding: chunked, identity",
        "transfer-encoding : chunked",
        "transfer-encoding:\r\n chunked",
        "x-folded: a\r\n b",
        "x-nul: a\0b",
        "x-return: a\rb",
        "x name: a",
        ": a",
    ] {
        let request =
            format!("POST /?how=path HTTP/1.1\r\nhost: victim\r\n{head}\r\n\r\n{smuggled}");
        let answered = whole(&host, &request).await;
        assert!(answered.starts_with("HTTP/1.1 400 "), "{head:?}: {answered}");
        assert!(!answered.contains("smuggled"), "{head:?}: {answered}");
    }
    let old = "POST /?how=path HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    assert!(whole(&host, old).await.contains(" 400 "));
}

#[tokio::test]
async fn a_request_with_both_framings_is_the_last_of_its_connection() {
    let host = any().await;
    let smuggled = "GET /smuggled?how=path HTTP/1.1\r\nhost: victim\r\n\r\n";
    for head in [
        "content-length: 4\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 60",
    ] {
        let request = format!(
            "POST /?how=path HTTP/1.1\r\nhost: victim\r\n{head}\r\n\r\n0\r\n\r\n{smuggled}"
        );
        let answered = whole(&host, &request).await;
        assert!(!answered.contains("smuggled"), "{head:?}: {answered}");
        assert_eq!(answered.matches("HTTP/1.1").count(), 1, "{head:?}: {answered}");
    }
}

#[tokio::test]
async fn an_errors_text_is_text_to_every_browser() {
    let host = host().component("a.test/routes/http.wasm", TRAP_HTTP).start().await;
    for (name, status) in [("b.test", 421), ("<script>", 400)] {
        let request = format!("GET / HTTP/1.1\r\nhost: {name}\r\n\r\n");
        let refused = answer(&host, request).await;
        assert_eq!(refused.status, status);
        assert_eq!(refused.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(refused.header("x-content-type-options"), Some("nosniff"));
        assert!(!refused.text().contains('<'), "{}", refused.text());
    }
}

#[tokio::test]
async fn a_target_of_another_scheme_is_400() {
    let host = any().await;
    for scheme in ["https", "ftp", "ws"] {
        let request = format!("GET {scheme}://victim/ HTTP/1.1\r\nhost: victim\r\n\r\n");
        let refused = answer(&host, request).await;
        assert_eq!((refused.status, refused.text().contains("scheme")), (400, true), "{scheme}");
    }
    let plain = answer(&host, "GET HTTP://victim/ HTTP/1.1\r\nhost: victim\r\n\r\n").await;
    assert_eq!(plain.status, 200);
}

#[tokio::test]
async fn another_transfer_coding_than_chunked_is_501() {
    let host = any().await;
    for codings in ["gzip, chunked", "chunked, chunked", "chunked\r\ntransfer-encoding: chunked"] {
        let request =
            format!("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: {codings}\r\n\r\n0\r\n\r\n");
        assert_eq!(answer(&host, request).await.status, 501, "{codings}");
    }
    let request = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: Chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(answer(&host, request).await.status, 200);
}
