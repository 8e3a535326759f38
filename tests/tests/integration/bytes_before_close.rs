//! What is sent right before an end arrives, and in order.

use lithe_tests::Frame;
use lithe_tests::artifacts::{BENCH_ECHO, ECHO, HOSTILE_SESSION, LOOP};

use crate::host;

fn hundred_messages_and_a_close() -> Vec<Frame> {
    let messages = (0..100).map(|number| Frame::text(format!("message {number}")));
    messages.chain([Frame::close(1000, "bye")]).collect()
}

#[tokio::test]
async fn all_messages_before_a_close_are_answered_in_order() {
    let host = host().route("hooks", BENCH_ECHO).route("session", LOOP).start().await;
    for path in ["/hooks", "/session"] {
        let mut raw = host.raw_socket(path).await;
        let sent = hundred_messages_and_a_close();
        raw.send(&sent).await;
        assert_eq!(raw.frames().await, sent, "{path}");
    }
}

#[tokio::test]
async fn an_async_session_answers_all_messages_before_a_close() {
    let host = host().route("echo", ECHO).start().await;
    let mut raw = host.raw_socket("/echo").await;
    raw.send(&hundred_messages_and_a_close()).await;
    let received = raw.frames().await;
    assert_eq!(received.len(), 102);
    assert_eq!(received[0], Frame::text("connected"));
    for (number, frame) in received[1..101].iter().enumerate() {
        assert_eq!(*frame, Frame::text(format!("echo:message {number}")));
    }
    assert_eq!(received[101], Frame::close(1000, "bye"));
}

#[tokio::test]
async fn messages_right_behind_the_handshake_are_heard() {
    let host = host().route("hooks", BENCH_ECHO).start().await;
    let mut raw = host.raw().await;
    let handshake = "GET /hooks HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\n\
                     upgrade: websocket\r\nsec-websocket-version: 13\r\n\
                     sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let sent = hundred_messages_and_a_close();
    let mut bytes = handshake.as_bytes().to_vec();
    bytes.extend(sent.iter().flat_map(Frame::masked));
    raw.write(bytes).await;
    assert_eq!(raw.response().await.status, 101);
    assert_eq!(raw.frames().await, sent);
}

#[tokio::test]
async fn what_was_said_before_a_session_returned_is_sent() {
    let host = host().route("session", HOSTILE_SESSION).start().await;
    let mut raw = host.raw_socket("/session").await;
    raw.send(&[Frame::text("a"), Frame::text("b"), Frame::text("return")]).await;
    let received = raw.frames().await;
    assert_eq!(received, [Frame::text("a"), Frame::text("b"), Frame::close(1000, "")]);
}

#[tokio::test]
async fn ten_thousand_messages_come_back_in_order() {
    let host = host().route("hooks", BENCH_ECHO).route("session", LOOP).start().await;
    for path in ["/hooks", "/session"] {
        let mut raw = host.raw_socket(path).await;
        for batch in 0..100 {
            let sent: Vec<Frame> =
                (0..100).map(|at| Frame::text(format!("{}", batch * 100 + at))).collect();
            raw.send(&sent).await;
            for frame in sent {
                assert_eq!(raw.frame().await, Some(frame), "{path}");
            }
        }
    }
}
