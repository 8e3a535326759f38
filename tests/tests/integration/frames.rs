//! Control frames are the host's; the guest sees neither pings nor pongs.

use lithe_tests::Frame;
use lithe_tests::artifacts::{HOSTILE_ASYNC, HOSTILE_HOOKS, HOSTILE_SESSION};

use crate::host;

#[tokio::test]
async fn a_ping_between_fragments_is_answered_at_once_with_its_payload() {
    let site = host().route("hooks", HOSTILE_HOOKS).route("async", HOSTILE_ASYNC);
    let host = site.route("session", HOSTILE_SESSION).start().await;
    for path in ["/hooks", "/async", "/session"] {
        let mut raw = host.raw_socket(path).await;
        raw.send(&[Frame::text("hel").unfinished(), Frame::ping("are you there?")]).await;
        assert_eq!(raw.frame().await, Some(Frame::pong("are you there?")), "{path}");
        raw.send(&[Frame::continuation("lo")]).await;
        assert_eq!(raw.frame().await, Some(Frame::text("hello")), "{path}");
    }
}

#[tokio::test]
async fn guests_never_see_pings_and_pongs() {
    let host = host().route("hooks", HOSTILE_HOOKS).start().await;
    let mut raw = host.raw_socket("/hooks").await;
    raw.send(&[Frame::ping(""), Frame::pong("unasked"), Frame::ping([255; 125])]).await;
    assert_eq!(raw.frame().await, Some(Frame::pong("")));
    assert_eq!(raw.frame().await, Some(Frame::pong([255; 125])));
    raw.send(&[Frame::text("hello")]).await;
    assert_eq!(raw.frame().await, Some(Frame::text("hello")));
    assert_eq!(host.get("/hooks").await.json()["messages"], 1);
}

#[tokio::test]
async fn a_frame_may_come_byte_by_byte() {
    let host = host().route("hooks", HOSTILE_HOOKS).start().await;
    let mut raw = host.raw_socket("/hooks").await;
    for byte in Frame::text("slowly").masked() {
        raw.write([byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(raw.frame().await, Some(Frame::text("slowly")));
}

#[tokio::test]
async fn an_empty_message_is_a_message() {
    let host = host().route("hooks", HOSTILE_HOOKS).start().await;
    let mut raw = host.raw_socket("/hooks").await;
    raw.send(&[Frame::text(""), Frame::binary("")]).await;
    assert_eq!(raw.frame().await, Some(Frame::text("")));
    assert_eq!(raw.frame().await, Some(Frame::binary("")));
    raw.send(&[Frame::text("").unfinished(), Frame::continuation("")]).await;
    assert_eq!(raw.frame().await, Some(Frame::text("")));
}
