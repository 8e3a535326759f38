//! An app whose sockets have blocking sessions, each in an instance of its own.

use std::path::Path;

use crate::{Response, TestHost};

/// The file of the site that has the app.
const ROUTE: &str = "plugins/loops.wasm";

/// A host that serves an app, by this program.
pub async fn serving(program: &str, component: impl AsRef<Path>) -> TestHost {
    let component = component.as_ref().to_str().expect("the path is UTF-8");
    let builder = TestHost::builder(program).component(ROUTE, component);
    builder.config(&format!("[plugin.\"{ROUTE}\"]\n")).start().await
}

/// What the app's middleware leaves, from the inside outward.
fn order(response: &Response) -> Vec<&str> {
    response.headers.get_all("x-order").iter().filter_map(|value| value.to_str().ok()).collect()
}

/// # Panics
/// The host does not keep this promise.
pub async fn routes_answer_and_middleware_runs_around_them(host: &TestHost) {
    let answer = host.get("/plain").await;
    assert_eq!((answer.status, answer.text()), (200, "plain"));
    assert_eq!(order(&answer), ["app"]);
    let answer = host.get("/rooms/7/members").await;
    assert_eq!((answer.status, answer.text()), (200, "members of 7"));
    assert_eq!(order(&answer), ["rooms", "app"]);
    assert_eq!(host.get("/nowhere").await.status, 404);
}

/// # Panics
/// The host does not keep this promise.
pub async fn each_route_has_a_session_of_its_own(host: &TestHost) {
    let mut ann = host.connect("/rooms/caf%C3%A9").await;
    assert_eq!(ann.text().await, "room café");
    assert_eq!(ann.ask("hello").await, "hello");
    ann.send_binary(vec![0, 255]).await;
    assert_eq!(ann.binary().await, vec![0, 255]);
    let mut bob = host.connect("/count").await;
    assert_eq!(bob.ask("x").await, "1");
    assert_eq!(bob.ask("x").await, "2");
    assert_eq!(ann.ask("still here").await, "still here");
}

/// # Panics
/// The host does not keep this promise.
pub async fn sessions_share_no_memory(host: &TestHost) {
    let mut ann = host.connect("/count").await;
    let mut bob = host.connect("/count").await;
    for number in ["1", "2", "3"] {
        assert_eq!(ann.ask("x").await, number);
        assert_eq!(bob.ask("x").await, number);
    }
}

/// # Panics
/// The host does not keep this promise.
pub async fn a_session_ends_as_it_says(host: &TestHost) {
    let mut ann = host.connect("/count").await;
    assert_eq!(ann.ask("x").await, "1");
    ann.send("end").await;
    assert_eq!(ann.closed().await.0, 1000);
    let mut bob = host.connect("/count").await;
    let mut eve = host.connect("/count").await;
    bob.send("fail").await;
    assert_eq!(bob.closed().await.0, 1011);
    assert_eq!(eve.ask("x").await, "1");
}

/// # Panics
/// The host does not keep this promise.
pub async fn plain_requests_go_to_handlers_or_are_told_to_upgrade(host: &TestHost) {
    let answer = host.get("/count").await;
    assert_eq!((answer.status, answer.text()), (200, "counts"));
    let answer = host.get("/rooms/7").await;
    assert_eq!((answer.status, answer.header("upgrade")), (426, Some("websocket")));
}

/// # Panics
/// The host does not keep this promise.
pub async fn a_handler_chooses_the_protocol_or_refuses_the_upgrade(host: &TestHost) {
    let offers = [("sec-websocket-protocol", "other, chat")];
    let mut ann = host.connect_with("/rooms/7", &offers).await;
    assert_eq!(ann.protocol(), Some("chat"));
    assert_eq!(ann.text().await, "room 7");
    let refused = host.handshake("/rooms/closed", &[]).await;
    assert_eq!((refused.status, refused.text()), (403, "this room is closed"));
    assert_eq!(order(&refused), ["rooms", "app"]);
}
