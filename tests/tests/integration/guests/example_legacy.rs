use super::examples;

#[tokio::test]
async fn messages_come_back_until_one_says_close() {
    let host = examples().start().await;
    let mut client = host.connect("/legacy").await;
    assert!(client.headers.contains_key("server-timing"), "{:?}", client.headers);
    assert_eq!(client.ask("hi").await, "hi");
    client.send_binary(vec![0, 255]).await;
    assert_eq!(client.binary().await, vec![0, 255]);
    client.send("close").await;
    assert_eq!(client.closed().await, (1000, String::new()));
    host.wait_for_log(&["WebSocket connected: 127.0.0.1:", "plugins/legacy.wasm"]).await;
    host.wait_for_log(&["Received: hi", "plugins/legacy.wasm"]).await;
}

#[tokio::test]
async fn the_countdown_counts_and_closes() {
    let host = examples().start().await;
    let mut client = host.connect("/legacy/countdown").await;
    for number in ["3", "2", "1"] {
        assert_eq!(client.text().await, number);
    }
    assert_eq!(client.closed().await, (1000, String::new()));
}

#[tokio::test]
async fn plain_http_is_told_to_upgrade() {
    let host = examples().start().await;
    for path in ["/legacy", "/legacy/countdown"] {
        let response = host.get(path).await;
        assert_eq!((response.status, response.header("upgrade")), (426, Some("websocket")));
    }
    assert_eq!(host.get("/legacy/nowhere").await.status, 404);
}
