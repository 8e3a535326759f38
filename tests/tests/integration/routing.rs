//! Which file answers, and what is answered where none does.

use http::{Method, Request};
use lithe_tests::artifacts::{BENCH_HELLO, TRAP_HTTP};
use lithe_tests::{Response, TestHost};
use serde_json::json;

use crate::host;

async fn send(host: &TestHost, method: Method, path: &str) -> Response {
    host.send(Request::builder().method(method).uri(path).body("").unwrap()).await
}

#[tokio::test]
async fn a_parameter_is_decoded_and_visible_to_the_guest() {
    let host = host().route("rooms/[id]", TRAP_HTTP).start().await;
    let about = host.get("/rooms/caf%C3%A9%2F1?how=about").await.json();
    assert_eq!(about["route"], "/rooms/:id");
    assert_eq!(about["params"], json!([["id", "café/1"]]));
    let folded = host.get("//rooms/./42/?how=about").await.json();
    assert_eq!(folded["params"], json!([["id", "42"]]));
    assert_eq!(folded["path"], "/rooms/42");
}

#[tokio::test]
async fn static_names_come_before_parameters() {
    let site = host().route("rooms/[id]", TRAP_HTTP).route("rooms/hello", BENCH_HELLO);
    let host = site.start().await;
    assert_eq!(host.get("/rooms/hello").await.text(), "hello world");
    assert_eq!(host.get("/rooms/other").await.text(), "ok");
}

#[tokio::test]
async fn an_unmatched_path_is_404() {
    let host = host().route("a/b", TRAP_HTTP).start().await;
    for path in ["/", "/a", "/a/b/c", "/A/b"] {
        assert_eq!(host.get(path).await.status, 404, "{path}");
    }
    assert_eq!(host.get("/a/b").await.status, 200);
}

#[tokio::test]
async fn another_method_is_405_with_what_is_allowed() {
    let host = host().route("x.get", TRAP_HTTP).route("x.post", TRAP_HTTP).start().await;
    assert_eq!(send(&host, Method::POST, "/x").await.status, 200);
    let response = send(&host, Method::PUT, "/x").await;
    assert_eq!(response.status, 405);
    assert_eq!(response.header("allow"), Some("GET, HEAD, OPTIONS, POST"));
}

#[tokio::test]
async fn options_is_answered_unless_a_route_takes_it() {
    let host = host().route("x.get", TRAP_HTTP).route("any", TRAP_HTTP).start().await;
    let response = send(&host, Method::OPTIONS, "/x").await;
    assert_eq!((response.status, response.text()), (204, ""));
    assert_eq!(response.header("allow"), Some("GET, HEAD, OPTIONS"));
    let response = send(&host, Method::OPTIONS, "/any?how=about").await;
    assert_eq!(response.json()["method"], "OPTIONS");
    assert_eq!(send(&host, Method::OPTIONS, "/nowhere").await.status, 404);
}

#[tokio::test]
async fn head_is_answered_by_the_get_route_without_its_body() {
    let host = host().route("hello.get", BENCH_HELLO).route("about.get", TRAP_HTTP).start().await;
    let response = send(&host, Method::HEAD, "/hello").await;
    assert_eq!((response.status, response.text()), (200, ""));
    assert_eq!(response.header("content-length"), Some("11"));
    assert_eq!(send(&host, Method::HEAD, "/about?how=about").await.status, 200);
}

#[tokio::test]
async fn an_invalid_percent_encoding_is_400() {
    let host = host().route("rooms/[id]", TRAP_HTTP).start().await;
    for path in ["/rooms/%zz", "/rooms/%", "/rooms/%ff", "/rooms/%00", "/%zz"] {
        assert_eq!(host.get(path).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn a_public_file_comes_before_a_route_for_get_and_head_only() {
    let site = host().route("page", TRAP_HTTP).route("style.css", TRAP_HTTP);
    let host = site.public("style.css", "body {}").public("docs/index.html", "docs").start().await;
    let response = host.get("/style.css").await;
    assert_eq!((response.text(), response.header("content-type")), ("body {}", Some("text/css")));
    assert!(response.header("x-request-id").is_some());
    assert_eq!(send(&host, Method::POST, "/style.css").await.text(), "ok");
    assert_eq!(host.get("/docs/").await.text(), "docs");
    assert_eq!(host.get("/page").await.text(), "ok");
}

#[tokio::test]
async fn a_public_file_that_has_not_changed_is_not_sent_again() {
    let host = host().route("page", TRAP_HTTP).public("style.css", "body {}").start().await;
    let response = host.get("/style.css").await;
    for (question, answer) in [("if-none-match", "etag"), ("if-modified-since", "last-modified")] {
        let known = response.header(answer).unwrap_or_else(|| panic!("no `{answer}`"));
        let again = Request::get("/style.css").header(question, known).body("").unwrap();
        let again = host.send(again).await;
        assert_eq!((again.status, again.text()), (304, ""), "{question}");
    }
    let other = Request::get("/style.css").header("if-none-match", "\"other\"").body("").unwrap();
    assert_eq!(host.send(other).await.status, 200);
}

#[tokio::test]
async fn a_part_of_a_public_file_is_sent_where_that_is_asked_for() {
    let host = host().route("page", TRAP_HTTP).public("style.css", "body {}").start().await;
    let range = Request::get("/style.css").header("range", "bytes=0-3").body("").unwrap();
    let part = host.send(range).await;
    assert_eq!((part.status, part.text()), (206, "body"));
    assert_eq!(part.header("content-range"), Some("bytes 0-3/7"));
}

#[tokio::test]
async fn nothing_outside_public_is_served() {
    let host = host().route("page", TRAP_HTTP).public("a.txt", "a").config("name = \"x\"\n");
    let host = host.start().await;
    let outside = [
        "/../lithe.toml",
        "/%2e%2e/lithe.toml",
        "/..%2flithe.toml",
        "/lithe.toml",
        "/../routes/page.wasm",
    ];
    for path in outside {
        let mut raw = host.raw().await;
        raw.write(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
        assert_eq!(raw.response().await.status, 404, "{path}");
    }
}
