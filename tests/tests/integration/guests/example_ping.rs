use lithe_tests::artifacts::PING;

use crate::host;

#[tokio::test]
async fn only_ping_is_answered() {
    let host = host().route("ping", PING).start().await;
    let mut client = host.connect("/ping").await;
    client.send("hello").await;
    client.send_binary(vec![1]).await;
    assert_eq!(client.ask("ping").await, "pong");
    assert_eq!(client.ask("ping").await, "pong");
}

#[tokio::test]
async fn plain_http_is_told_to_upgrade() {
    let host = host().route("ping", PING).start().await;
    let response = host.get("/ping").await;
    assert_eq!(response.status, 426);
    assert_eq!(response.header("upgrade"), Some("websocket"));
}
