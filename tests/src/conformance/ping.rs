//! `/ping`: answers `ping` with `pong`.

use crate::TestHost;

/// # Panics
/// The host does not keep this promise.
pub async fn only_ping_is_answered(host: &TestHost, path: &str) {
    let mut client = host.connect(path).await;
    client.send("hello").await;
    client.send_binary(vec![1]).await;
    assert_eq!(client.ask("ping").await, "pong");
    assert_eq!(client.ask("ping").await, "pong");
}

/// # Panics
/// The host does not keep this promise.
pub async fn plain_http_is_told_to_upgrade(host: &TestHost, path: &str) {
    let response = host.get(path).await;
    assert_eq!(response.status, 426);
    assert_eq!(response.header("upgrade"), Some("websocket"));
}
