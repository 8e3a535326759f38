//! One component with several routes, in `plugins/`.

use http::{Method, Request};
use lithe_tests::TestHost;
use lithe_tests::artifacts::APP;

use crate::host;

async fn app() -> TestHost {
    host().component("plugins/app.wasm", APP).start().await
}

async fn answer(host: &TestHost, method: Method, path: &str, body: &'static str) -> (u16, String) {
    let request = Request::builder().method(method).uri(path).body(body).unwrap();
    let response = host.send(request).await;
    (response.status, response.text().to_owned())
}

#[tokio::test]
async fn every_route_that_it_names_reaches_its_handler() {
    let host = app().await;
    for (method, path, body, expected) in [
        (Method::GET, "/app", "", (200, "the app at /app")),
        (Method::GET, "/app/items/7", "", (200, "item 7")),
        (Method::POST, "/app/items", "new", (201, "new")),
        (Method::PUT, "/app/any/a/b", "", (200, "PUT a/b")),
        (Method::DELETE, "/app/any", "", (200, "DELETE ")),
        (Method::GET, "/app/inner/order", "", (200, "app inner ")),
        (Method::GET, "/app/inner/teapot", "", (418, "answered by the group")),
        (Method::GET, "/app/hooks/7", "", (200, "<h1>a page</h1>")),
    ] {
        let (status, text) = answer(&host, method, path, body).await;
        assert_eq!((status, text.as_str()), expected, "{path}");
    }
}

#[tokio::test]
async fn a_method_that_no_route_names_is_405() {
    let host = app().await;
    let request = Request::builder().method(Method::PUT).uri("/app/items").body("").unwrap();
    let response = host.send(request).await;
    assert_eq!(response.status, 405);
    assert_eq!(response.header("allow"), Some("OPTIONS, POST"));
}

#[tokio::test]
async fn a_parameter_of_the_wrong_type_is_400_and_named() {
    let host = app().await;
    let response = host.get("/app/items/seven").await;
    assert_eq!(response.status, 400);
    assert!(response.text().contains("`id`"), "{}", response.text());
}

#[tokio::test]
async fn a_failure_tells_the_client_nothing_and_the_log_everything() {
    let host = app().await;
    let response = host.get("/app/fail").await;
    assert_eq!(response.status, 500);
    assert!(!response.text().contains("secret"), "{}", response.text());
    host.wait_for_log(&["a secret of the guest", "plugins/app.wasm"]).await;
    let response = host.get("/app/panic").await;
    assert_eq!((response.status, response.text()), (500, "Internal Server Error"));
    assert_eq!(host.get("/app").await.status, 200);
}

#[tokio::test]
async fn middleware_adds_headers_to_a_response_and_to_the_101() {
    let host = app().await;
    let order = |response: lithe_tests::Response| {
        let values = response.headers.get_all("x-order").iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(order(host.get("/app/inner/order").await), ["inner", "app"]);
    let response = host.handshake("/app/inner/ws", &[]).await;
    assert_eq!(response.status, 101);
    assert_eq!(order(response), ["inner", "app"]);
}

#[tokio::test]
async fn every_style_of_socket_talks() {
    let host = app().await;
    assert_eq!(host.connect("/app/inner/ws").await.ask("hi").await, "hi");
    assert_eq!(host.connect("/app/hooks/42").await.ask("hi").await, "42: hi");
    let mut legacy = host.connect("/app/legacy").await;
    assert_eq!(legacy.text().await, "connected");
    assert_eq!(legacy.text().await, "in the oldest style");
    assert_eq!(legacy.ask("hi").await, "hi");
    legacy.send("close").await;
    assert_eq!(legacy.closed().await.0, 1000);
}

#[tokio::test]
async fn a_stream_arrives_whole_and_ends() {
    let host = app().await;
    let response = host.get("/app/stream").await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(response.header("content-length"), None);
    assert_eq!(response.text(), "onetwothree");
}

#[tokio::test]
async fn its_place_is_plugins_and_nowhere_else() {
    let refusal = host().route("app", APP).end().await;
    refusal.says(&["`routes/app.wasm`", "move it into `plugins/`"]);
}
