//! `/echo`: greets and echoes, and answers plain HTTP with JSON.

use crate::{Frame, TestHost};

/// # Panics
/// The host does not keep this promise.
pub async fn plain_http_gets_json(host: &TestHost, path: &str) {
    let response = host.get(path).await;
    assert_eq!(response.status, 200);
    assert!(response.header("content-type").unwrap_or_default().starts_with("application/json"));
    assert_eq!(response.text(), r#"{"mode":"http"}"#);
}

/// # Panics
/// The host does not keep this promise.
pub async fn it_greets_and_then_echoes_text_with_a_prefix(host: &TestHost, path: &str) {
    let mut client = host.connect(path).await;
    assert_eq!(client.text().await, "connected");
    assert_eq!(client.ask("ping").await, "echo:ping");
    assert_eq!(client.ask("").await, "echo:");
    assert_eq!(client.ask("日本 🦀").await, "echo:日本 🦀");
    client.close(1000, "").await;
    assert_eq!(client.closed().await, (1000, String::new()));
}

/// # Panics
/// The host does not keep this promise.
pub async fn binary_comes_back_as_it_was(host: &TestHost, path: &str) {
    let mut client = host.connect(path).await;
    assert_eq!(client.text().await, "connected");
    let bytes: Vec<u8> = (0..=255).collect();
    client.send_binary(bytes.clone()).await;
    assert_eq!(client.binary().await, bytes);
}

/// # Panics
/// The host does not keep this promise.
pub async fn chat_is_spoken_only_where_it_is_offered(host: &TestHost, path: &str) {
    for (offered, spoken) in
        [("chat, superchat", Some("chat")), ("superchat, chat", Some("chat")), ("superchat", None)]
    {
        let response = host.handshake(path, &[("sec-websocket-protocol", offered)]).await;
        assert_eq!(response.status, 101, "{offered}");
        assert_eq!(response.header("sec-websocket-protocol"), spoken, "{offered}");
    }
    assert_eq!(host.connect(path).await.protocol(), None);
}

/// # Panics
/// The host does not keep this promise.
pub async fn fragments_are_one_message(host: &TestHost, path: &str) {
    let mut raw = host.raw_socket(path).await;
    let fragments = [
        Frame::text("he").unfinished(),
        Frame::continuation("ll").unfinished(),
        Frame::continuation("o"),
    ];
    for fragment in fragments {
        raw.send(&[fragment]).await;
    }
    assert_eq!(raw.frame().await, Some(Frame::text("connected")));
    assert_eq!(raw.frame().await, Some(Frame::text("echo:hello")));
}
