use http::Request;
use lithe_tests::Response;

use super::examples;

const REFUSED: [&str; 6] =
    ["", "Bearer", "Bearer secret", "Bearer secret-tokens", "Basic secret-token", "secret-token"];

fn is_unauthorized(response: &Response) {
    assert_eq!((response.status, response.text()), (401, r#"{"error":"Unauthorized"}"#));
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("www-authenticate"), Some("Bearer"));
}

#[tokio::test]
async fn without_the_token_every_path_below_is_401() {
    let host = examples().start().await;
    for path in ["/admin", "/admin/", "/admin/ws", "/admin/nowhere", "//admin", "/%61dmin/ws"] {
        for authorization in REFUSED {
            let request = Request::get(path).header("authorization", authorization);
            is_unauthorized(&host.send(request.body("").unwrap()).await);
        }
        is_unauthorized(&host.send(Request::delete(path).body("").unwrap()).await);
    }
    assert_eq!(host.get("/administrator").await.status, 404);
    assert_eq!(host.get("/echo").await.status, 200);
}

#[tokio::test]
async fn without_the_token_no_socket_opens() {
    let host = examples().start().await;
    let mut raw = host.raw().await;
    for authorization in REFUSED {
        is_unauthorized(&raw.handshake("/admin/ws", &[("authorization", authorization)]).await);
    }
    // The connection is still there for one that has it.
    let token = [("authorization", "Bearer secret-token")];
    assert_eq!(raw.handshake("/admin/ws", &token).await.status, 101);
}

#[tokio::test]
async fn the_token_opens_the_socket() {
    let host = examples().start().await;
    let mut client =
        host.connect_with("/admin/ws", &[("authorization", "bearer secret-token")]).await;
    assert_eq!(client.text().await, "connected");
    assert_eq!(client.ask("hi").await, "echo:hi");
    host.wait_for_log(&["GET /admin/ws", "routes/admin/_middleware.wasm"]).await;
}
