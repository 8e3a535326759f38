//! What a session can wait for.

use std::time::{Duration, Instant};

use lithe_tests::artifacts::SESSIONS;
use lithe_tests::{Frame, Raw, TestHost};
use serde_json::Value;

use crate::host;

pub(crate) async fn start(config: &str) -> TestHost {
    host().config(config).component("plugins/sessions.wasm", SESSIONS).start().await
}

pub(crate) async fn counts(host: &TestHost) -> Value {
    host.get("/counts").await.json()
}

/// A client that is subscribed to the topic `news`, and reads only when told.
pub(crate) async fn deaf(host: &TestHost) -> Raw {
    let mut deaf = host.raw_socket("/hooks").await;
    deaf.send(&[Frame::text("subscribe:news")]).await;
    assert_eq!(deaf.frame().await, Some(Frame::text("ok")));
    deaf
}

#[tokio::test]
async fn select_takes_what_comes_first() {
    let host = start("").await;
    let mut client = host.connect("/async").await;
    client.send("select:10000").await;
    assert_eq!(client.ask("a message").await, "a message came first");
    let started = Instant::now();
    assert_eq!(client.ask("select:100").await, "time came first");
    assert!(started.elapsed() >= Duration::from_millis(100));
    assert_eq!(client.ask("usable").await, "usable");
}

#[tokio::test]
async fn a_timeout_waits_no_longer_than_that() {
    let host = start("").await;
    let mut client = host.connect("/async").await;
    client.send("timeout:10000").await;
    assert_eq!(client.ask("a message").await, "a message in time");
    let started = Instant::now();
    assert_eq!(client.ask("timeout:100").await, "too late");
    assert!(started.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn join_waits_for_both_and_not_for_one_after_the_other() {
    let host = start("").await;
    let mut client = host.connect("/async").await;
    let started = Instant::now();
    assert_eq!(client.ask("join:3000:2900").await, "both");
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(3), "{waited:?}");
    assert!(waited < Duration::from_millis(5_900), "{waited:?}");
}

#[tokio::test]
async fn a_session_that_waits_holds_no_other_up() {
    let host = start("").await;
    let mut waiting = host.connect("/async").await;
    waiting.send("select:10000").await;
    let mut others = [host.connect("/async").await, host.connect("/hooks").await];
    for other in &mut others {
        assert_eq!(other.ask("meanwhile").await, "meanwhile");
    }
    assert_eq!(waiting.ask("enough").await, "enough came first");
}

#[tokio::test]
async fn a_thousand_waits_in_one_instance_end_when_they_should() {
    let host = start("").await;
    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(host.connect("/async").await);
    }
    for round in 0..5 {
        for client in &mut clients {
            client.send("select:50").await;
        }
        for client in &mut clients {
            assert_eq!(client.text().await, "time came first", "round {round}");
        }
    }
}

#[tokio::test]
async fn a_task_of_a_session_ends_with_it_however_it_ends() {
    let host = start("").await;
    for end in ["close", "return", "lost"] {
        let mut client = host.connect("/async").await;
        client.send("tick:20").await;
        for _ in 0..3 {
            assert_eq!(client.text().await, "tick", "{end}");
        }
        match end {
            "close" => client.close(1000, "").await,
            "return" => client.send("return").await,
            _ => drop(client),
        }
        ticks_stop(&host, end).await;
    }
}

/// Waits until no more ticks are counted.
async fn ticks_stop(host: &TestHost, why: &str) {
    let what = format!("the end of the ticks: {why}");
    lithe_tests::eventually(&what, async || {
        let before = counts(host).await["ticks"].clone();
        tokio::time::sleep(Duration::from_millis(200)).await;
        (counts(host).await["ticks"] == before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_download_waits_for_room_and_arrives_whole() {
    const MESSAGES: u32 = 400;
    let config = "[limits]\nmessage = \"64 KiB\"\noutbound = \"256 KiB\"\n\
                  outbound_policy = \"refuse\"\n";
    let host = start(config).await;
    let mut client = host.connect("/async").await;
    client.send(&format!("download:{MESSAGES}:65536")).await;
    for number in 0..MESSAGES {
        let message = client.binary().await;
        assert_eq!(message.len(), 65536);
        assert_eq!(message[..4], number.to_be_bytes());
    }
    let refused = client.text().await;
    assert!(refused.starts_with("refused ") && refused != "refused 0 times", "{refused}");
    assert_eq!(client.ask("usable").await, "usable");
}

#[tokio::test]
async fn a_download_that_the_client_leaves_ends() {
    let config = "[limits]\nmessage = \"64 KiB\"\noutbound = \"256 KiB\"\n\
                  outbound_policy = \"refuse\"\n";
    let host = start(config).await;
    let mut raw = host.raw_socket("/async").await;
    raw.send(&[lithe_tests::Frame::text("download:1000:65536")]).await;
    assert!(raw.frame().await.is_some());
    raw.reset();
    lithe_tests::eventually("the socket to be gone", async || {
        (host.get("/members").await.text() == "0").then_some(())
    })
    .await;
    assert!(!host.log().contains("session failed"), "leaving is no failure");
}
