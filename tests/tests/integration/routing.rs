//! Which file answers, and what is answered if none does.

use std::path::Path;
use std::process::Command;

use http::{Method, Request};
use lithe_tests::artifacts::{
    APP, BENCH_HELLO, CACHE, ERROR_JSON, MIDDLEWARE_LOG, MIDDLEWARE_MISBEHAVE, TRAP_HTTP,
};
use lithe_tests::{Process, Response, Site, TestHost};
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

async fn ask(host: &TestHost, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = headers.iter().fold(Request::get(path), |request, (k, v)| request.header(*k, *v));
    host.send(request.body("").unwrap()).await
}

#[tokio::test]
async fn a_tag_is_compared_weakly_in_a_list_and_before_a_date() {
    let host = host().route("page", TRAP_HTTP).public("style.css", "body {}").start().await;
    let response = host.get("/style.css").await;
    let etag = response.header("etag").expect("a file has a tag");
    let strong = etag.trim_start_matches("W/");
    for list in [strong, &format!("W/{strong}"), &format!("\"other\", {strong}"), "*"] {
        let again = ask(&host, "/style.css", &[("if-none-match", list)]).await;
        assert_eq!((again.status, again.text()), (304, ""), "{list}");
        assert_eq!(again.header("etag"), Some(etag), "{list}");
    }
    let modified = response.header("last-modified").expect("a file has a date");
    let both = [("if-none-match", "\"other\""), ("if-modified-since", modified)];
    assert_eq!(ask(&host, "/style.css", &both).await.status, 200);
    let long_ago = [("if-modified-since", "Thu, 01 Jan 1998 00:00:00 GMT")];
    assert_eq!(ask(&host, "/style.css", &long_ago).await.status, 200);
    let head = Request::head("/style.css").header("if-none-match", etag).body("").unwrap();
    assert_eq!(host.send(head).await.status, 304);
}

#[tokio::test]
async fn head_of_a_public_file_has_its_headers_and_no_body() {
    let host = host().route("page", TRAP_HTTP).public("style.css", "body {}").start().await;
    let head = send(&host, Method::HEAD, "/style.css").await;
    assert_eq!((head.status, head.text()), (200, ""));
    for (name, value) in [("content-length", "7"), ("content-type", "text/css")] {
        assert_eq!(head.header(name), Some(value));
    }
}

#[tokio::test]
async fn a_compressed_file_beside_it_is_sent_to_a_client_that_takes_it() {
    let site = host().route("page", TRAP_HTTP).public("style.css", "plain");
    let site = site.public("style.css.br", "brotli").public("style.css.gz", "gzip");
    let host = site.public("only.css", "plain").start().await;
    for (accepted, text, encoding) in [
        ("gzip", "gzip", Some("gzip")),
        ("br", "brotli", Some("br")),
        ("gzip, deflate, br", "brotli", Some("br")),
        ("identity", "plain", None),
    ] {
        let response = ask(&host, "/style.css", &[("accept-encoding", accepted)]).await;
        assert_eq!((response.status, response.text()), (200, text), "{accepted}");
        assert_eq!(response.header("content-encoding"), encoding, "{accepted}");
        assert_eq!(response.header("content-type"), Some("text/css"), "{accepted}");
        assert_eq!(response.header("vary"), Some("accept-encoding"), "{accepted}");
        let known = [("accept-encoding", accepted), ("if-none-match", etag(&response))];
        let again = ask(&host, "/style.css", &known).await;
        assert_eq!((again.status, again.header("vary")), (304, Some("accept-encoding")));
    }
    assert_eq!(host.get("/style.css").await.text(), "plain");
    assert_eq!(ask(&host, "/only.css", &[("accept-encoding", "br")]).await.text(), "plain");
}

#[tokio::test]
async fn an_encoding_that_the_client_rules_out_is_not_sent() {
    let host = host().route("page", TRAP_HTTP).public("a.css", "plain").public("a.css.br", "br");
    let host = host.start().await;
    let response = ask(&host, "/a.css", &[("accept-encoding", "br;q=0, gzip")]).await;
    assert_eq!((response.text(), response.header("content-encoding")), ("plain", None));
}

fn etag(response: &Response) -> &str {
    response.header("etag").expect("a file has a tag")
}

#[tokio::test]
async fn a_component_in_the_wrong_place_is_refused_with_the_right_one() {
    for (file, component, said) in [
        ("routes/x.wasm", MIDDLEWARE_LOG, &["is not a route", "`_middleware.wasm`"][..]),
        ("routes/x.wasm", ERROR_JSON, &["is not a route", "`_error.wasm`"]),
        ("routes/x.wasm", APP, &["names its routes itself", "`plugins/`"]),
        ("routes/_middleware.wasm", TRAP_HTTP, &["is not middleware"]),
        ("routes/a/_middleware.get.wasm", ERROR_JSON, &["is not middleware"]),
        ("middleware/x.wasm", APP, &["is not middleware"]),
        ("routes/_error.wasm", TRAP_HTTP, &["is not an error handler"]),
        ("routes/_error.wasm", MIDDLEWARE_MISBEHAVE, &["is not an error handler"]),
        ("plugins/x.wasm", TRAP_HTTP, &["does not name its routes", "`routes/`"]),
        ("plugins/x.wasm", MIDDLEWARE_LOG, &["is not a route"]),
    ] {
        let refusal = host().route("page", BENCH_HELLO).component(file, component).end().await;
        refusal.says(&[&[&*format!("`{file}`")], said].concat());
    }
}

#[tokio::test]
async fn routes_that_plugins_name_conflict_as_files_do() {
    let two = host().component("plugins/a.wasm", APP).component("plugins/b.wasm", APP);
    two.end().await.says(&["`plugins/a.wasm`", "`plugins/b.wasm`", "`/app`"]);
    let both = host().component("plugins/a.wasm", APP).route("app/index.get", TRAP_HTTP);
    both.end().await.says(&["`plugins/a.wasm`", "`routes/app/index.get.wasm`", "`/app`"]);
}

#[tokio::test]
async fn lithe_routes_prints_each_route_and_what_runs_around_it() {
    let site = Site::default();
    for (file, component) in [
        ("middleware/log.wasm", MIDDLEWARE_LOG),
        ("routes/_error.wasm", ERROR_JSON),
        ("routes/admin/_error.wasm", ERROR_JSON),
        ("routes/admin/_middleware.get.wasm", MIDDLEWARE_LOG),
        ("routes/admin/[id].get.wasm", TRAP_HTTP),
        ("routes/admin/[id].post.wasm", TRAP_HTTP),
        ("routes/index.wasm", TRAP_HTTP),
        ("plugins/app.wasm", APP),
    ] {
        site.copy(file, Path::new(component));
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_lithe-under-test"));
    let command = command.arg("routes").arg(site.folder()).args(["--cache", CACHE]);
    let mut process = Process::start(command);
    let (log, outer) = ("middleware/log.wasm", "routes/_error.wasm");
    let scoped = format!("{log} > routes/admin/_middleware.get.wasm");
    let errors = format!("routes/admin/_error.wasm > {outer}");
    for (method, pattern, component, middleware, errors) in [
        ("METHOD", "PATTERN", "COMPONENT", "MIDDLEWARE", "ERRORS"),
        ("any", "/ ", "routes/index.wasm", log, outer),
        ("GET", "/admin/:id", "routes/admin/[id].get.wasm", &scoped, &errors),
        ("POST", "/admin/:id", "routes/admin/[id].post.wasm", log, &errors),
        ("POST", "/app/items", "plugins/app.wasm", log, outer),
    ] {
        let rest = process.says(&format!("{method:6}  {pattern}")).await;
        let cells: Vec<&str> = rest.split("  ").map(str::trim).filter(|c| !c.is_empty()).collect();
        assert_eq!(cells, [component, middleware, errors], "{method} {pattern}");
    }
    assert_eq!(process.exit().await.code(), Some(0));
}

/// Each regex counts where it stands, though several files are below one folder.
#[tokio::test]
async fn refuses_a_site_whose_patterns_are_too_much_together() {
    let folders: Vec<String> = (0..8).map(|n| format!("[p{n}([a-z0-9-]{{1,64}})]")).collect();
    let folders = folders.join("/");
    let site = |files: usize| {
        (0..files).fold(host(), |site, n| site.route(&format!("{folders}/{n}"), TRAP_HTTP))
    };
    let refused = site(33).end().await;
    refused.says(&["/9.wasm`", "bytes of compiled regexes with it, and may have 8388608 at most"]);
    let host = site(32).start().await;
    assert_eq!(host.get("/a/b/c/d/e/f/g/h/9").await.text(), "ok");
}
