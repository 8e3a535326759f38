//! Which errors reach an error handler, and what it can do with them.

use http::Request;
use lithe_tests::TestHost;
use lithe_tests::artifacts::{ERROR_JSON, HOSTILE_ASYNC, LOOP, MIDDLEWARE_MISBEHAVE, TRAP_HTTP};
use serde_json::json;

use crate::host;

const HEADER: &str = "x-answered-by";

/// The component with this text in place of one that it has once.
fn with(text: &str, replacement: &str) -> Vec<u8> {
    let mut component = std::fs::read(ERROR_JSON).expect("the component has been built");
    let found = component.windows(text.len()).position(|bytes| bytes == text.as_bytes());
    let start = found.unwrap_or_else(|| panic!("the component has no `{text}`"));
    component[start..start + text.len()].copy_from_slice(replacement.as_bytes());
    component
}

/// The component under a name of ten letters, which its answers have in `x-answered-by`.
pub(crate) fn named(name: &str) -> Vec<u8> {
    with(&format!("{HEADER}error-json"), &format!("{HEADER}{name}"))
}

async fn site() -> TestHost {
    site_with("request_cpu = \"500ms\"").await
}

async fn site_with(limit: &str) -> TestHost {
    host()
        .config(&format!("[limits]\n{limit}\n"))
        .component("middleware/misbehave.wasm", MIDDLEWARE_MISBEHAVE)
        .component("routes/_error.wasm", ERROR_JSON)
        .file("routes/inner/_error.wasm", named("inner-json"))
        .route("http.get", TRAP_HTTP)
        .route("inner/http", TRAP_HTTP)
        .route("loop", LOOP)
        .route("async", HOSTILE_ASYNC)
        .start()
        .await
}

#[tokio::test]
async fn errors_of_every_origin_reach_it() {
    let host = site().await;
    for (path, status, message) in [
        ("/http?how=fail", 500, "Internal Server Error"),
        ("/http?how=panic", 500, "Internal Server Error"),
        ("/http?how=exit", 500, "Internal Server Error"),
        ("/http?how=status101", 500, "Internal Server Error"),
        ("/http?how=loop", 504, "Gateway Timeout"),
        ("/http?mw=error", 403, "refused"),
        ("/http?mw=fail", 500, "Internal Server Error"),
        ("/http?mw=panic", 500, "Internal Server Error"),
        ("/http?mw=loop", 504, "Gateway Timeout"),
        ("/nowhere", 404, "not found"),
        ("/loop", 426, "this endpoint expects a WebSocket handshake"),
    ] {
        let response = host.get(path).await;
        assert_eq!(response.status, status, "{path}");
        assert_eq!(response.json(), json!({ "status": status, "message": message }), "{path}");
        assert_eq!(response.header("x-answered-by"), Some("error-json"), "{path}");
    }
    let slow = site_with("request_time = \"2s\"").await.get("/http?how=sleep&ms=60000").await;
    assert_eq!((slow.status, slow.header("x-answered-by")), (504, Some("error-json")));
    let refused = host.handshake("/nowhere", &[]).await;
    assert_eq!((refused.status, refused.header("x-answered-by")), (404, Some("error-json")));
}

#[tokio::test]
async fn headers_of_the_error_are_its_to_keep() {
    let host = site().await;
    let response = host.send(Request::post("/http").body("").unwrap()).await;
    assert_eq!((response.status, response.header("x-answered-by")), (405, Some("error-json")));
    assert_eq!(response.header("allow"), Some("GET, HEAD, OPTIONS"));
}

#[tokio::test]
async fn the_client_is_told_nothing_of_the_guest_and_the_log_has_all_of_it() {
    let host = site().await;
    for (path, logged) in [
        ("/http?how=fail", "a secret of the guest"),
        ("/http?how=panic", "as told"),
        ("/http?mw=fail", "a secret of the guest"),
        ("/http?how=fail&eh=pass", "a secret of the guest"),
        ("/http?how=status101&eh=fail", "a secret of the guest"),
    ] {
        let response = host.get(path).await;
        assert_eq!(response.status, 500, "{path}");
        for word in ["secret", "as told", ".wasm", ".rs"] {
            assert!(!response.text().contains(word), "{path}: {}", response.text());
        }
        let id = response.header("x-request-id").expect("each response has an id");
        host.wait_for_log(&[logged, id]).await;
    }
}

#[tokio::test]
async fn the_nearest_is_asked_first() {
    let host = site().await;
    let answered_by = async |path: &str| {
        let response = host.get(path).await;
        response.header("x-answered-by").map(str::to_owned)
    };
    assert_eq!(answered_by("/inner/http?how=fail").await.as_deref(), Some("inner-json"));
    assert_eq!(answered_by("/inner/nowhere").await.as_deref(), Some("inner-json"));
    assert_eq!(answered_by("/http?how=fail").await.as_deref(), Some("error-json"));
}

#[tokio::test]
async fn an_error_that_is_passed_on_by_all_keeps_its_status_headers_and_message() {
    let host = site().await;
    let response = host.get("/inner/http?mw=error&eh=pass").await;
    assert_eq!((response.status, response.text()), (403, "refused"));
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(response.header("x-answered-by"), None);
    let response = host.get("/loop?eh=pass").await;
    assert_eq!((response.status, response.header("upgrade")), (426, Some("websocket")));
    let response = host.get("/inner/nowhere?eh=new").await;
    assert_eq!((response.status, response.text()), (599, "instead"));
}

#[tokio::test]
async fn one_that_fails_leaves_the_error_to_the_next_and_the_last_to_the_host() {
    let host = site().await;
    for how in ["panic", "exit", "loop"] {
        let response = host.get(&format!("/inner/http?mw=error&eh={how}")).await;
        assert_eq!((response.status, response.text()), (403, "refused"), "{how}");
        let id = response.header("x-request-id").unwrap();
        let inner =
            host.wait_for_log(&["request failed", "\"routes/inner/_error.wasm\"", id]).await;
        let outer = host.wait_for_log(&["request failed", "\"routes/_error.wasm\"", id]).await;
        let log = host.log();
        assert!(log.find(&*inner) < log.find(&*outer), "{how}: the nearest comes first");
    }
    let response = host.get("/inner/http?mw=error").await;
    assert_eq!((response.status, response.header("x-answered-by")), (403, Some("inner-json")));
}

#[tokio::test]
async fn one_outward_answers_what_the_nearest_could_not() {
    let host = host()
        .component("routes/_error.wasm", ERROR_JSON)
        // HTTP allows no space there.
        .file("routes/inner/_error.wasm", with(HEADER, "x answered by"))
        .route("inner/http", TRAP_HTTP)
        .start()
        .await;
    let response = host.get("/inner/http?how=fail").await;
    assert_eq!((response.status, response.header("x-answered-by")), (500, Some("error-json")));
    host.wait_for_log(&["request failed", "routes/inner/_error.wasm", "`x answered by`"]).await;
}

#[tokio::test]
async fn one_for_a_method_answers_only_that() {
    let site = host().component("routes/_error.get.wasm", ERROR_JSON);
    let host = site.route("http", TRAP_HTTP).start().await;
    let answered_by = async |request: http::request::Builder| {
        let response = host.send(request.body("").unwrap()).await;
        response.header("x-answered-by").map(str::to_owned)
    };
    let path = "/http?how=fail";
    assert_eq!(answered_by(Request::get(path)).await.as_deref(), Some("error-json"));
    assert_eq!(answered_by(Request::head(path)).await.as_deref(), Some("error-json"));
    assert_eq!(answered_by(Request::post(path)).await, None);
}

#[tokio::test]
async fn a_session_that_fails_after_the_101_never_reaches_it() {
    let host = site().await;
    for word in ["error", "panic"] {
        // It would trap, and the log would tell.
        let mut client = host.connect("/async?eh=panic").await;
        client.send(word).await;
        assert_eq!(client.closed().await, (1011, String::new()), "{word}");
    }
    let response = host.get("/nowhere?eh=panic").await;
    let id = response.header("x-request-id").unwrap();
    host.wait_for_log(&["request failed", "routes/_error.wasm", id]).await;
    let log = host.log();
    let mut failures = log.lines().filter(|line| line.contains("plugin=\"routes/_error.wasm\""));
    assert!(failures.all(|line| line.contains(id)), "{log}");
}
