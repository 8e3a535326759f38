//! What a request runs through: middleware, handler, error handlers, in which order, and who sees
//! what of it.

use http::{Method, Request};
use lithe_tests::artifacts::{
    APP, ECHO, ERROR_JSON, EVENTS, HOSTILE_HOOKS, MIDDLEWARE_MISBEHAVE, TRAP_HTTP,
};
use lithe_tests::{Response, TestHost, eventually};
use serde_json::{Value, json};

use crate::guests::middleware_log::named;
use crate::host;

/// Global middleware, and scoped, for any method and for GET.
async fn layers() -> TestHost {
    host()
        .file("middleware/02_b.wasm", named("b"))
        .file("middleware/01_a.wasm", named("a"))
        .file("routes/_middleware.wasm", named("root"))
        .file("routes/admin/_middleware.wasm", named("admin"))
        .file("routes/admin/_middleware.get.wasm", named("get"))
        .file("routes/other/_middleware.wasm", named("other"))
        .route("admin/http.get", TRAP_HTTP)
        .route("admin/echo", ECHO)
        .route("admin/events", EVENTS)
        .component("plugins/app.wasm", APP)
        .public("admin/style.css", "body {}")
        .start()
        .await
}

const FOR_GET: &str = ">a >b >root >get >admin <admin <get <root <b <a";
const FOR_OTHERS: &str = ">a >b >root >admin <admin <root <b <a";

async fn send(host: &TestHost, method: Method, path: &str) -> Response {
    host.send(Request::builder().method(method).uri(path).body("").unwrap()).await
}

#[tokio::test]
async fn global_middleware_is_outside_and_scoped_is_inside_from_broad_to_specific() {
    let host = layers().await;
    let response = host.get("/admin/http").await;
    assert_eq!((response.status, response.header("x-order")), (200, Some(FOR_GET)));
    let outside = host.get("/nowhere").await;
    assert_eq!(outside.header("x-order"), Some(">a >b >root <root <b <a"));
    let other = host.get("/other/nowhere").await;
    assert_eq!(other.header("x-order"), Some(">a >b >root >other <other <root <b <a"));
}

#[tokio::test]
async fn it_runs_where_no_route_answers_too() {
    let host = layers().await;
    for (method, path, status, order) in [
        (Method::GET, "/admin/nowhere", 404, FOR_GET),
        (Method::POST, "/admin/nowhere", 404, FOR_OTHERS),
        (Method::POST, "/admin/http", 405, FOR_OTHERS),
        (Method::OPTIONS, "/admin/http", 204, FOR_OTHERS),
        (Method::GET, "/admin/http?how=fail", 500, FOR_GET),
        (Method::GET, "/admin/http?how=panic", 500, FOR_GET),
    ] {
        let response = send(&host, method.clone(), path).await;
        assert_eq!(response.status, status, "{method} {path}");
        assert_eq!(response.header("x-order"), Some(order), "{method} {path}");
        if matches!(status, 204 | 405) {
            assert_eq!(response.header("allow"), Some("GET, HEAD, OPTIONS"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn it_marks_the_101_and_the_socket_works() {
    let host = layers().await;
    let response = host.handshake("/admin/echo", &[]).await;
    assert_eq!((response.status, response.header("x-order")), (101, Some(FOR_GET)));
    let mut client = host.connect("/admin/echo").await;
    assert_eq!(client.text().await, "connected");
    assert_eq!(client.ask("hi").await, "echo:hi");
}

#[tokio::test]
async fn it_marks_the_head_of_a_stream_before_the_body_is_there() {
    let host = layers().await;
    let mut raw = host.raw().await;
    raw.write("GET /admin/events HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let head = raw.response().await;
    assert_eq!((head.status, head.header("x-order")), (200, Some(FOR_GET)));
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
}

#[tokio::test]
async fn middleware_for_get_runs_for_head_and_for_nothing_else() {
    let host = layers().await;
    let order = async |method| {
        let response = send(&host, method, "/admin/echo").await;
        response.header("x-order").map(str::to_owned)
    };
    assert_eq!(order(Method::GET).await.as_deref(), Some(FOR_GET));
    assert_eq!(order(Method::HEAD).await.as_deref(), Some(FOR_GET));
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        assert_eq!(order(method.clone()).await.as_deref(), Some(FOR_OTHERS), "{method}");
    }
}

#[tokio::test]
async fn a_public_file_has_no_middleware() {
    let response = layers().await.get("/admin/style.css").await;
    assert_eq!((response.text(), response.header("x-order")), ("body {}", None));
}

#[tokio::test]
async fn the_paths_that_reach_a_route_reach_its_middleware() {
    let host = layers().await;
    for path in ["//admin//http", "/admin/./http", "/x/../admin/http/", "/%61dmin/http"] {
        let response = host.get(path).await;
        assert_eq!((response.status, response.header("x-order")), (200, Some(FOR_GET)), "{path}");
    }
}

/// An error handler, middleware that misbehaves inside, and a log outside.
async fn errors() -> TestHost {
    host()
        .config("[limits]\nrequest_cpu = \"5s\"\n")
        .file("middleware/log.wasm", named("outer"))
        .component("routes/_error.wasm", ERROR_JSON)
        .component("routes/_middleware.wasm", MIDDLEWARE_MISBEHAVE)
        .route("http", TRAP_HTTP)
        .route("hooks", HOSTILE_HOOKS)
        .start()
        .await
}

#[tokio::test]
async fn middleware_sees_the_response_that_the_error_handler_made() {
    let host = errors().await;
    for path in ["/http?how=fail&mw=rewrap", "/nowhere?mw=rewrap", "/http?how=panic&mw=rewrap"] {
        let response = host.get(path).await;
        assert_eq!(response.header("x-rewrapped"), Some("yes"), "{path}");
        assert_eq!(response.header("x-answered-by"), None, "{path}");
        assert!(response.json()["status"].is_u64(), "{path}");
    }
}

#[tokio::test]
async fn an_error_of_middleware_is_handled_inside_of_the_next_one_out() {
    let host = errors().await;
    for (how, status) in [("error", 403), ("fail", 500), ("panic", 500), ("late-panic", 500)] {
        let response = host.get(&format!("/http?mw={how}")).await;
        assert_eq!(response.status, status, "{how}");
        assert_eq!(response.header("x-order"), Some(">outer <outer"), "{how}");
        assert_eq!(response.header("x-answered-by"), Some("error-json"), "{how}");
    }
}

#[tokio::test]
async fn an_error_that_no_handler_takes_goes_through_the_middleware_and_is_offered_once() {
    let host = errors().await;
    let response = host.get("/http?how=fail&eh=pass").await;
    assert_eq!((response.status, response.text()), (500, "Internal Server Error"));
    assert_eq!(response.header("x-order"), Some(">outer <outer"));
    let response = host.get("/nowhere?eh=panic").await;
    assert_eq!((response.status, response.header("x-order")), (404, Some(">outer <outer")));
    let id = response.header("x-request-id").unwrap();
    host.wait_for_log(&["request failed", "routes/_error.wasm", id]).await;
    let log = host.log();
    let failed = |line: &&str| line.contains("request failed") && line.contains(id);
    assert_eq!(log.lines().filter(failed).count(), 1, "{log}");
}

#[tokio::test]
async fn an_error_answer_to_a_handshake_leaves_the_connection_http() {
    let host = errors().await;
    let mut raw = host.raw().await;
    let refused = raw.handshake("/hooks?refuse=418", &[]).await;
    assert_eq!((refused.status, refused.header("x-answered-by")), (418, Some("error-json")));
    assert_eq!(refused.json(), json!({ "status": 418, "message": "refused" }));
    assert_eq!(raw.handshake("/hooks", &[]).await.status, 101);
}

#[tokio::test]
async fn a_client_that_leaves_before_its_101_abandons_the_session_once() {
    let host = errors().await;
    let mut raw = host.raw().await;
    // The handler accepts, the middleware fails, and then the error handler runs.
    let request = "GET /hooks?mw=late-panic&eh=loop HTTP/1.1\r\nhost: localhost\r\n\
                   connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    raw.write(request).await;
    host.wait_for_log(&["request failed", "routes/_middleware.wasm"]).await;
    raw.reset();
    let closed = eventually("the end of the session", async || {
        let counted = host.get("/hooks").await.json();
        (counted["closed"] != json!([])).then(|| counted["closed"].clone())
    });
    let expected: Value = json!([{ "code": 1006, "reason": "", "clean": false }]);
    assert_eq!(closed.await, expected);
}

/// The client that a guest sees, for a request with these headers.
async fn client_of(config: &str, headers: &[(&str, &str)]) -> String {
    let host = host().config(config).route("hooks", HOSTILE_HOOKS).start().await;
    let mut client = host.connect_with("/hooks", headers).await;
    let info: Value = serde_json::from_str(&client.ask("info").await).unwrap();
    info["client_address"].as_str().expect("a client has an address").to_owned()
}

const TRUSTED: &str = "[server]\ntrusted_proxies = [\"127.0.0.1/32\"]\n";

#[tokio::test]
async fn a_trusted_proxy_names_the_client() {
    let forwarded_for = [("x-forwarded-for", "6.6.6.6, 1.2.3.4")];
    assert_eq!(client_of(TRUSTED, &forwarded_for).await, "1.2.3.4:0");
    assert!(client_of(TRUSTED, &[]).await.starts_with("127.0.0.1:"));
}

#[tokio::test]
async fn a_client_that_is_no_trusted_proxy_does_not_choose_its_address() {
    let headers = [("x-forwarded-for", "1.2.3.4"), ("forwarded", "for=1.2.3.4")];
    assert!(client_of("", &headers).await.starts_with("127.0.0.1:"));
    let other = "[server]\ntrusted_proxies = [\"10.0.0.0/8\"]\n";
    assert!(client_of(other, &headers).await.starts_with("127.0.0.1:"));
}

#[tokio::test]
async fn networks_that_are_none_are_refused() {
    let config = "[server]\ntrusted_proxies = [\"localhost\"]\n";
    let refusal = host().config(config).route("http", TRAP_HTTP).end().await;
    refusal.says(&["lithe.toml", "line 2, column", "invalid IP address syntax"]);
}
