//! Each way in which a session ends, from both sides: the client gets its code, and the guest is
//! told of the end exactly once, with the code, after the messages that came before.

use std::time::Duration;

use lithe_tests::artifacts::{HOSTILE_ASYNC, HOSTILE_HOOKS, HOSTILE_SESSION};
use lithe_tests::{Client, Frame, Raw, Signal, TestHost};

use crate::host;

const KINDS: [&str; 3] = ["/hooks", "/async", "/session"];

async fn all_kinds(config: &str) -> TestHost {
    host()
        .config(config)
        .route("hooks", HOSTILE_HOOKS)
        .route("async", HOSTILE_ASYNC)
        .route("session", HOSTILE_SESSION)
        .start()
        .await
}

fn three_messages() -> Vec<Frame> {
    ["one", "two", "three"].map(Frame::text).to_vec()
}

/// The messages' echoes, and what follows them.
async fn after_the_echoes(raw: &mut Raw) -> Vec<Frame> {
    let mut frames = raw.frames().await;
    let rest = frames.split_off(frames.len().min(3));
    assert_eq!(frames, three_messages());
    rest
}

/// A client that has sent three messages and got their echoes.
async fn client(host: &TestHost, path: &str) -> Client {
    let mut client = host.connect(path).await;
    for text in ["one", "two", "three"] {
        assert_eq!(client.ask(text).await, text);
    }
    client
}

/// The guest has been told of one end, and of no other.
async fn heard_once(host: &TestHost, path: &str, messages: u32, code: u16, clean: bool) {
    let plugin = format!("routes{path}.wasm");
    let end = format!("ended after {messages} messages: {code} clean={clean}");
    host.wait_for_log(&[&plugin, &end]).await;
    // Whatever else there were for that guest would be handled before this.
    assert_eq!(host.get(path).await.status, 200);
    let mut another = host.connect(path).await;
    assert_eq!(another.ask("another").await, "another");
    let log = host.log();
    let ends = log.lines().filter(|line| line.contains(&plugin) && line.contains("ended after"));
    assert_eq!(ends.count(), 1, "{path}:\n{log}");
}

#[tokio::test]
async fn a_broken_rule() {
    for (what, broken, code) in [
        ("a frame without a mask", Frame::text("a").unmasked(), 1002),
        ("a close frame of one byte", Frame::new(8, [3]).masked(), 1002),
        ("a text that is not UTF-8", Frame::text([0xC3, 0x28]).masked(), 1007),
        ("a reason that is not UTF-8", Frame::new(8, [0x03, 0xE8, 0xC3, 0x28]).masked(), 1007),
        ("a message over the limit", Frame::binary([0; 1001]).masked(), 1009),
    ] {
        let host = all_kinds("[limits]\nmessage = 1000\n").await;
        for path in KINDS {
            let mut raw = host.raw_socket(path).await;
            let before = three_messages().iter().flat_map(Frame::masked).collect();
            raw.write([before, broken.clone()].concat()).await;
            let rest = after_the_echoes(&mut raw).await;
            let [Frame { head: 0x88, payload }] = &rest[..] else {
                panic!("{path}, {what}: {rest:?}")
            };
            assert_eq!(payload[..2], u16::to_be_bytes(code), "{path}, {what}");
            heard_once(&host, path, 3, code, false).await;
        }
    }
}

#[tokio::test]
async fn too_many_messages_in_a_second() {
    let host = all_kinds("[limits]\nmessages_per_second = 3\n").await;
    for path in KINDS {
        let mut raw = host.raw_socket(path).await;
        raw.send(&[three_messages(), three_messages()].concat()).await;
        let rest = after_the_echoes(&mut raw).await;
        assert_eq!(rest, [Frame::close(1008, "too many messages in one second")], "{path}");
        heard_once(&host, path, 3, 1008, false).await;
    }
    host.wait_for_log(&["`limits.messages_per_second`"]).await;
}

#[tokio::test]
async fn as_many_messages_as_may_come_in_a_second_may_come_in_the_next() {
    let host = all_kinds("[limits]\nmessages_per_second = 3\n").await;
    let mut client = client(&host, "/hooks").await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for text in ["four", "five", "six"] {
        assert_eq!(client.ask(text).await, text);
    }
}

#[tokio::test]
async fn the_peers_close() {
    for (close, code) in [
        (Frame::close(1000, "bye"), 1000),
        (Frame::close(4321, ""), 4321),
        (Frame::new(8, ""), 1005),
    ] {
        let host = all_kinds("").await;
        for path in KINDS {
            let mut raw = host.raw_socket(path).await;
            raw.send(&[three_messages(), vec![close.clone()]].concat()).await;
            assert_eq!(after_the_echoes(&mut raw).await, std::slice::from_ref(&close), "{path}");
            heard_once(&host, path, 3, code, true).await;
        }
    }
}

#[tokio::test]
async fn a_lost_connection() {
    for how in ["reset", "closed without a close frame"] {
        let host = all_kinds("").await;
        for path in KINDS {
            let mut raw = host.raw_socket(path).await;
            raw.send(&three_messages()).await;
            for echo in three_messages() {
                assert_eq!(raw.frame().await, Some(echo), "{path}, {how}");
            }
            match how {
                "reset" => raw.reset(),
                _ => drop(raw),
            }
            heard_once(&host, path, 3, 1006, false).await;
        }
    }
}

#[tokio::test]
async fn the_guests_close() {
    let host = all_kinds("").await;
    for path in KINDS {
        let mut client = client(&host, path).await;
        client.send("close:4000:enough").await;
        assert_eq!(client.closed().await, (4000, "enough".to_owned()), "{path}");
        heard_once(&host, path, 4, 4000, true).await;
    }
}

#[tokio::test]
async fn more_than_may_wait_for_the_peer() {
    let host = all_kinds("[limits]\noutbound = \"1 MiB\"\n").await;
    for path in KINDS {
        let mut client = client(&host, path).await;
        client.send("flood:100").await;
        let (code, reason) = client.closed_after_what_was_sent().await;
        assert_eq!((code, &*reason), (1013, "the outbound queue is full"), "{path}");
        heard_once(&host, path, 4, 1013, true).await;
    }
}

#[tokio::test]
async fn an_error_of_a_hook() {
    let host = all_kinds("").await;
    let mut client = client(&host, "/hooks").await;
    client.send("fail").await;
    assert_eq!(client.closed().await, (1011, String::new()));
    heard_once(&host, "/hooks", 4, 1011, true).await;
}

#[tokio::test]
async fn a_fault_of_hooks_is_heard_by_the_next_instance() {
    for word in ["panic", "memory", "exit", "loop"] {
        let host = all_kinds("[limits]\nmemory = \"8 MiB\"\nevent_cpu = \"500ms\"\n").await;
        let mut client = client(&host, "/hooks").await;
        client.send(word).await;
        assert_eq!(client.closed().await, (1011, String::new()), "{word}");
        heard_once(&host, "/hooks", 0, 1011, true).await;
    }
}

#[tokio::test]
async fn a_session_that_has_ended_itself_hears_nothing_more() {
    for (word, code) in [("return", 1000), ("error", 1011), ("panic", 1011)] {
        let host = all_kinds("").await;
        for path in ["/async", "/session"] {
            let mut client = client(&host, path).await;
            client.send(word).await;
            assert_eq!(client.closed().await, (code, String::new()), "{path}, {word}");
            assert_eq!(host.connect(path).await.ask("another").await, "another");
        }
        assert!(!host.log().contains("ended after 3"), "{word}");
    }
}

#[tokio::test]
async fn the_hosts_end() {
    let mut host = all_kinds("").await;
    let mut clients = Vec::new();
    for path in KINDS {
        clients.push(client(&host, path).await);
    }
    host.signal(Signal::TERM);
    for client in &mut clients {
        assert_eq!(client.closed().await, (1001, "the server is stopping".to_owned()));
    }
    assert_eq!(host.exit().await.code(), Some(0));
    let log = host.log();
    for path in KINDS {
        let plugin = format!("routes{path}.wasm");
        let lines = log.lines().filter(|line| line.contains(&plugin));
        let ends: Vec<_> = lines.filter(|line| line.contains("ended after")).collect();
        assert_eq!(ends.len(), 1, "{path}: {ends:?}");
        assert!(ends[0].contains("ended after 3 messages: 1001 clean=true"), "{path}: {ends:?}");
    }
}

#[tokio::test]
async fn no_pong_in_time() {
    let host = all_kinds("[limits]\nping_interval = \"1s\"\npong_time = \"1s\"\n").await;
    for path in KINDS {
        let mut raw = host.raw_socket(path).await;
        raw.send(&three_messages()).await;
        assert_eq!(after_the_echoes(&mut raw).await, [Frame::ping("")], "{path}: no close frame");
        heard_once(&host, path, 3, 1006, false).await;
    }
}

#[tokio::test]
async fn nothing_said_for_too_long() {
    let host = all_kinds("[limits]\nidle_time = \"2s\"\n").await;
    for path in KINDS {
        let mut client = client(&host, path).await;
        assert_eq!(client.closed().await, (1001, "idle for too long".to_owned()), "{path}");
        heard_once(&host, path, 3, 1001, true).await;
    }
}

#[tokio::test]
async fn what_is_sent_after_the_end_is_an_error_to_the_guest() {
    let host = all_kinds("").await;
    let mut client = client(&host, "/hooks").await;
    client.send("late").await;
    assert_eq!(client.closed().await, (4000, String::new()));
    host.wait_for_log(&["sent after the close: Err(Closed)"]).await;
    heard_once(&host, "/hooks", 4, 4000, true).await;
}
