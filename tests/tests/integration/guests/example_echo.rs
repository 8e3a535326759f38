use lithe_tests::artifacts::ECHO;
use lithe_tests::{Frame, TestHost};

use crate::host;

async fn echo() -> TestHost {
    host().route("echo", ECHO).start().await
}

#[tokio::test]
async fn plain_http_gets_json() {
    let response = echo().await.get("/echo").await;
    assert_eq!(response.status, 200);
    assert!(response.header("content-type").unwrap().starts_with("application/json"));
    assert_eq!(response.text(), r#"{"mode":"http"}"#);
}

#[tokio::test]
async fn it_greets_and_then_echoes_text_with_a_prefix() {
    let host = echo().await;
    let mut client = host.connect("/echo").await;
    assert_eq!(client.text().await, "connected");
    assert_eq!(client.ask("ping").await, "echo:ping");
    assert_eq!(client.ask("").await, "echo:");
    assert_eq!(client.ask("日本 🦀").await, "echo:日本 🦀");
    client.close(1000, "").await;
    assert_eq!(client.closed().await, (1000, String::new()));
}

#[tokio::test]
async fn binary_comes_back_as_it_was() {
    let host = echo().await;
    let mut client = host.connect("/echo").await;
    assert_eq!(client.text().await, "connected");
    let bytes: Vec<u8> = (0..=255).collect();
    client.send_binary(bytes.clone()).await;
    assert_eq!(client.binary().await, bytes);
}

#[tokio::test]
async fn chat_is_spoken_only_where_it_is_offered() {
    let host = echo().await;
    for (offered, spoken) in
        [("chat, superchat", Some("chat")), ("superchat, chat", Some("chat")), ("superchat", None)]
    {
        let response = host.handshake("/echo", &[("sec-websocket-protocol", offered)]).await;
        assert_eq!(response.status, 101, "{offered}");
        assert_eq!(response.header("sec-websocket-protocol"), spoken, "{offered}");
    }
    assert_eq!(host.connect("/echo").await.protocol(), None);
}

#[tokio::test]
async fn fragments_are_one_message() {
    let host = echo().await;
    let mut raw = host.raw_socket("/echo").await;
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
