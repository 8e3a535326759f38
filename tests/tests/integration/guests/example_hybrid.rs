use http::{Method, Request};

use super::examples;

#[tokio::test]
async fn one_path_is_a_page_and_a_socket() {
    let host = examples().start().await;
    let page = host.get("/hybrid").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.text().contains("\"/hybrid\""), "the page opens the socket");
    let mut client = host.connect("/hybrid").await;
    assert_eq!(client.text().await, "WebSocket connection established");
    client.send("Hello from browser").await;
    client.close(1000, "bye").await;
    assert_eq!(client.closed().await, (1000, "bye".to_owned()), "nothing comes back");
}

#[tokio::test]
async fn other_methods_are_refused_in_json() {
    let host = examples().start().await;
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let request = Request::builder().method(method.clone()).uri("/hybrid").body("").unwrap();
        let response = host.send(request).await;
        assert_eq!(response.status, 405, "{method}");
        assert_eq!(response.text(), r#"{"error":"Method not allowed"}"#, "{method}");
        assert_eq!(response.header("allow"), Some("GET"), "{method}");
    }
}
