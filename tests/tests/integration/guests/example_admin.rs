use http::Request;
use serde_json::json;

use super::examples;

#[tokio::test]
async fn it_is_shown_to_those_who_have_the_token() {
    let host = examples().start().await;
    for path in ["/admin", "/admin/"] {
        let request = Request::get(path).header("authorization", "Bearer secret-token");
        let response = host.send(request.body("").unwrap()).await;
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(response.json(), json!({ "area": "admin", "path": "/admin" }));
    }
}
