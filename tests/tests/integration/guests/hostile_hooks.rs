use lithe_tests::artifacts::HOSTILE_HOOKS;
use lithe_tests::{Frame, eventually};
use serde_json::Value;

use super::{counted, faults};
use crate::host;

#[tokio::test]
async fn a_fault_closes_with_1011() {
    faults::a_fault_closes_with_1011("/hooks").await;
}

#[tokio::test]
async fn a_loop_holds_nobody_else_up() {
    faults::a_loop_holds_nobody_else_up("/hooks", "/async").await;
}

#[tokio::test]
async fn a_fault_in_the_handler_is_answered() {
    faults::a_fault_in_a_handler_is_answered("/hooks").await;
}

#[tokio::test]
async fn a_loop_in_the_handler_holds_nobody_else_up() {
    faults::a_loop_in_a_handler_holds_nobody_else_up("/hooks").await;
}

#[tokio::test]
async fn other_sockets_go_on_with_a_fresh_instance_and_pinned_ones_close() {
    let host = faults::all_kinds().await;
    for word in ["panic", "memory", "loop"] {
        let mut free = host.connect("/hooks").await;
        let mut pinned = host.connect("/hooks?pinned").await;
        let mut trapping = host.connect("/hooks").await;
        assert_eq!(free.ask("before").await, "before");
        assert_eq!(pinned.ask("before").await, "before");
        trapping.send(word).await;
        assert_eq!(trapping.closed().await, (1011, String::new()), "{word}");
        assert_eq!(pinned.closed().await, (1011, String::new()), "{word}");
        assert_eq!(free.ask("after").await, "after", "{word}");
        // The instance is new: it has counted one message.
        let messages = &counted(&host, "/hooks").await["messages"];
        assert_eq!(messages, 1, "{word}");
    }
}

#[tokio::test]
async fn a_fault_in_the_handler_spares_the_sockets_that_are_not_pinned() {
    let host = faults::all_kinds().await;
    let mut free = host.connect("/hooks").await;
    let mut pinned = host.connect("/hooks?pinned").await;
    assert_eq!(host.get("/hooks?how=panic").await.status, 500);
    assert_eq!(pinned.closed().await, (1011, String::new()));
    assert_eq!(free.ask("after").await, "after");
}

/// The instance also holds a few handles of its own.
#[tokio::test]
async fn a_guest_that_holds_more_than_10000_handles_traps() {
    let host = faults::all_kinds().await;
    let mut client = host.connect("/hooks").await;
    assert_eq!(client.ask("handles:9900").await, "9900");
    client.send("handles:10001").await;
    assert_eq!(client.closed().await, (1011, String::new()));
    host.wait_for_log(&["session failed", "the guest trapped"]).await;
    let mut next = host.connect("/hooks").await;
    assert_eq!(next.ask("handles:9900").await, "9900");
}

#[tokio::test]
async fn the_attachment_outlives_the_instance() {
    let host = faults::all_kinds().await;
    let mut client = host.connect("/hooks?attachment=seed").await;
    assert_eq!(client.ask("attachment").await, "seed");
    client.send("attach:kept").await;
    assert_eq!(client.ask("attachment").await, "kept");
    assert_eq!(host.get("/hooks?how=panic").await.status, 500);
    assert_eq!(client.ask("attachment").await, "kept");
}

#[tokio::test]
async fn an_attachment_has_at_most_16_kib() {
    let host = host().route("hooks", HOSTILE_HOOKS).start().await;
    let mut client = host.connect("/hooks").await;
    let largest = "x".repeat(16 * 1024);
    client.send(&format!("attach:{largest}")).await;
    assert!(client.ask("attachment").await == largest);
    client.send(&format!("attach:{largest}x")).await;
    assert_eq!(client.closed().await, (1011, String::new()));
    host.wait_for_log(&["session failed", "16384 bytes"]).await;
}

#[tokio::test]
async fn a_peer_knows_its_handshake() {
    let host = host().route("hooks", HOSTILE_HOOKS).start().await;
    let offer = [("sec-websocket-protocol", "chat, superchat")];
    let mut client = host.connect_with("/hooks?protocol=superchat", &offer).await;
    assert_eq!(client.protocol(), Some("superchat"));
    let info: Value = serde_json::from_str(&client.ask("info").await).unwrap();
    assert_eq!(info["protocol"], "superchat");
    assert_eq!(info["uri"], "/hooks?protocol=superchat");
    assert_eq!(info["state"], "open");
    assert!(info["client_address"].as_str().unwrap().starts_with("127.0.0.1:"), "{info}");
}

#[tokio::test]
async fn an_invalid_close_is_an_error_to_the_guest_and_the_socket_stays_usable() {
    let host = host().route("hooks", HOSTILE_HOOKS).start().await;
    let mut client = host.connect("/hooks").await;
    let first = client.ask("badclose").await;
    assert!(first.contains("1005"), "{first}");
    let second = client.text().await;
    assert!(second.contains("123"), "{second}");
    assert_eq!(client.ask("usable").await, "usable");
}

#[tokio::test]
async fn the_guest_hears_of_each_end_exactly_once() {
    let host = host().route("hooks", HOSTILE_HOOKS).start().await;
    let mut raw = host.raw_socket("/hooks").await;
    raw.send(&[Frame::close(1000, "bye")]).await;
    assert_eq!(raw.frames().await, [Frame::close(1000, "bye")]);
    let mut raw = host.raw_socket("/hooks").await;
    raw.send(&[Frame::new(8, "")]).await;
    assert_eq!(raw.frames().await, [Frame::new(8, "")]);
    drop(host.raw_socket("/hooks").await);
    host.raw_socket("/hooks").await.reset();
    let mut client = host.connect("/hooks").await;
    client.send("close:4001:enough").await;
    assert_eq!(client.closed().await, (4001, "enough".to_owned()));

    let log = eventually("five ends", async || {
        let log = counted(&host, "/hooks").await;
        (log["closed"].as_array()?.len() >= 5).then_some(log)
    });
    let log = log.await;
    assert_eq!(log["opened"], 5);
    let mut ends: Vec<String> =
        log["closed"].as_array().unwrap().iter().map(ToString::to_string).collect();
    ends.sort();
    assert_eq!(
        ends,
        [
            r#"{"clean":false,"code":1006,"reason":""}"#,
            r#"{"clean":false,"code":1006,"reason":""}"#,
            r#"{"clean":true,"code":1000,"reason":"bye"}"#,
            r#"{"clean":true,"code":1005,"reason":""}"#,
            r#"{"clean":true,"code":4001,"reason":"enough"}"#,
        ]
    );
}
