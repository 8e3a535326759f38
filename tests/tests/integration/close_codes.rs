//! How a session ends, and what each side is told (RFC 6455, section 7.4).

use std::time::Duration;

use lithe_tests::artifacts::{CHAT, ECHO, HOSTILE_ASYNC, HOSTILE_HOOKS, HOSTILE_SESSION, SESSIONS};
use lithe_tests::{Frame, Raw, TestHost, eventually, sooner_than, within};

use crate::host;

const KINDS: [&str; 3] = ["/hooks", "/async", "/session"];

async fn all_kinds() -> TestHost {
    host()
        .route("hooks", HOSTILE_HOOKS)
        .route("async", HOSTILE_ASYNC)
        .route("session", HOSTILE_SESSION)
        .start()
        .await
}

/// The code of the close frame that comes next, and then the connection ends.
async fn closed(raw: &mut Raw) -> u16 {
    let frames = raw.frames().await;
    let [Frame { head: 0x88, payload }] = &frames[..] else {
        panic!("expected a close frame and nothing else: {frames:?}")
    };
    u16::from_be_bytes([payload[0], payload[1]])
}

#[tokio::test]
async fn the_guest_closes_with_its_own_code_and_reason() {
    let host = all_kinds().await;
    let longest = "x".repeat(123);
    for (code, reason) in [(1000, "done"), (3000, ""), (4999, "café"), (4000, &*longest)] {
        let mut client = host.connect("/hooks").await;
        client.send(&format!("close:{code}:{reason}")).await;
        assert_eq!(client.closed().await, (code, reason.to_owned()));
    }
}

#[tokio::test]
async fn a_guest_that_has_closed_hears_no_more_messages() {
    let host = host().route("hooks", HOSTILE_HOOKS).start().await;
    let mut raw = host.raw_socket("/hooks").await;
    raw.send(&[Frame::text("close:4000:enough")]).await;
    assert_eq!(raw.frame().await, Some(Frame::close(4000, "enough")));
    raw.send(&[Frame::text("too late"), Frame::close(4000, "")]).await;
    assert_eq!(raw.frames().await, []);
    let log = eventually("the end", async || {
        let log = host.get("/hooks").await.json();
        (log["closed"].as_array()?.len() == 1).then_some(log)
    });
    assert_eq!(log.await["messages"], 1);
}

#[tokio::test]
async fn a_peer_that_does_not_answer_a_close_frame_is_not_waited_for() {
    let config = "[limits]\nclose_time = \"500ms\"\n";
    let host = host().config(config).route("hooks", HOSTILE_HOOKS).start().await;
    let mut raw = host.raw_socket("/hooks").await;
    raw.send(&[Frame::text("close:4000:")]).await;
    let default = Duration::from_secs(5);
    let frames = sooner_than(default, "the end after `limits.close_time`", raw.frames()).await;
    assert_eq!(frames, [Frame::close(4000, "")]);
    let log = eventually("the end", async || {
        let log = host.get("/hooks").await.json();
        (log["closed"].as_array()?.len() == 1).then_some(log)
    });
    assert_eq!(log.await["closed"][0]["code"], 1006);
}

#[tokio::test]
async fn the_peers_close_is_echoed() {
    let host = all_kinds().await;
    for path in KINDS {
        for close in [Frame::close(1000, "bye"), Frame::close(4321, ""), Frame::new(8, "")] {
            let mut raw = host.raw_socket(path).await;
            raw.send(std::slice::from_ref(&close)).await;
            assert_eq!(raw.frames().await, [close], "{path}");
        }
    }
}

#[tokio::test]
async fn text_that_is_not_utf8_closes_with_1007() {
    let host = all_kinds().await;
    for path in KINDS {
        let mut raw = host.raw_socket(path).await;
        raw.send(&[Frame::text([0xC3, 0x28])]).await;
        assert_eq!(closed(&mut raw).await, 1007, "{path}");
        let mut raw = host.raw_socket(path).await;
        raw.send(&[Frame::text([0xE2]).unfinished(), Frame::continuation([0x28, 0xA1])]).await;
        assert_eq!(closed(&mut raw).await, 1007, "{path}: in fragments");
    }
}

#[tokio::test]
async fn a_character_may_be_split_between_fragments() {
    let host = host().route("echo", ECHO).start().await;
    let mut raw = host.raw_socket("/echo").await;
    raw.send(&[Frame::text([0xE2, 0x82]).unfinished(), Frame::continuation([0xAC])]).await;
    assert_eq!(raw.frame().await, Some(Frame::text("connected")));
    assert_eq!(raw.frame().await, Some(Frame::text("echo:€")));
}

#[tokio::test]
async fn a_broken_rule_closes_with_1002() {
    let host = all_kinds().await;
    let mut reserved_bit = Frame::text("a");
    reserved_bit.head |= 0x40;
    for path in KINDS {
        for (what, bytes) in [
            ("unmasked", Frame::text("a").unmasked()),
            ("a reserved bit", reserved_bit.masked()),
            ("a reserved opcode", Frame::new(3, "a").masked()),
            ("a reserved control opcode", Frame::new(11, "a").masked()),
            ("a fragmented ping", Frame::ping("a").unfinished().masked()),
            ("a long ping", Frame::ping([0; 126]).masked()),
            ("a continuation of nothing", Frame::continuation("a").masked()),
            ("a close frame of one byte", Frame::new(8, [3]).masked()),
            ("close code 1005", Frame::close(1005, "").masked()),
            ("close code 1006", Frame::close(1006, "").masked()),
            ("close code 999", Frame::close(999, "").masked()),
            ("close code 5000", Frame::close(5000, "").masked()),
        ] {
            let mut raw = host.raw_socket(path).await;
            raw.write(bytes).await;
            assert_eq!(closed(&mut raw).await, 1002, "{path}: {what}");
        }
        let mut raw = host.raw_socket(path).await;
        raw.send(&[Frame::text("a").unfinished(), Frame::text("b")]).await;
        assert_eq!(closed(&mut raw).await, 1002, "{path}: a message within a message");
    }
}

#[tokio::test]
async fn a_close_reason_that_is_not_utf8_closes_with_1007() {
    let host = all_kinds().await;
    for path in KINDS {
        let mut raw = host.raw_socket(path).await;
        raw.send(&[Frame::new(8, [0x03, 0xE8, 0xC3, 0x28])]).await;
        assert_eq!(closed(&mut raw).await, 1007, "{path}");
    }
}

#[tokio::test]
async fn a_message_over_the_limit_closes_with_1009() {
    let host = all_kinds().await;
    let part = vec![b'x'; 256 * 1024];
    for path in KINDS {
        let mut raw = host.raw_socket(path).await;
        let mut frames = vec![Frame::continuation(&part).unfinished(); 5];
        frames[0] = Frame::text(&part).unfinished();
        raw.send(&frames).await;
        assert_eq!(closed(&mut raw).await, 1009, "{path}: in fragments");
        let mut raw = host.raw_socket(path).await;
        // Only the head of the frame: its length says it all.
        let head = Frame::binary(vec![0; 1024 * 1024 + 1]).masked();
        raw.write(&head[..14]).await;
        assert_eq!(closed(&mut raw).await, 1009, "{path}: in one frame");
    }
}

#[tokio::test]
async fn a_message_as_large_as_the_limit_is_delivered() {
    let config = "[limits]\nmessage = 1000\n";
    let host = host().config(config).route("hooks", HOSTILE_HOOKS).start().await;
    let mut raw = host.raw_socket("/hooks").await;
    raw.send(&[Frame::binary([7; 500]).unfinished(), Frame::continuation([7; 500])]).await;
    assert_eq!(raw.frame().await, Some(Frame::binary([7; 1000])));
    raw.send(&[Frame::binary([7; 1001])]).await;
    assert_eq!(closed(&mut raw).await, 1009);
}

#[tokio::test]
async fn what_a_guest_queues_over_the_limit_closes_with_1013() {
    let config = "[limits]\noutbound = \"1 MiB\"\n";
    let host = host().config(config).route("hooks", HOSTILE_HOOKS).start().await;
    let mut other = host.connect("/hooks").await;
    let mut raw = host.raw_socket("/hooks").await;
    raw.send(&[Frame::text("flood:100")]).await;
    host.wait_for_log(&["`limits.outbound`", "1013"]).await;
    assert_eq!(closed(&mut raw).await, 1013);
    assert_eq!(other.ask("unaffected").await, "unaffected");
}

#[tokio::test]
async fn a_member_who_does_not_read_is_closed_and_the_others_go_on() {
    let config = "[limits]\noutbound = \"1 MiB\"\nclose_time = \"2s\"\n";
    let host = host().config(config).route("chat", CHAT).start().await;
    let mut ann = host.connect("/chat").await;
    assert_eq!(ann.text().await, "User joined (1 online)");
    let _deaf = host.raw_socket("/chat").await;
    assert_eq!(ann.text().await, "User joined (2 online)");
    let message = "x".repeat(64 * 1024);
    let mut said = 0;
    let left = async {
        loop {
            ann.send(&message).await;
            said += 1;
            let heard = ann.text().await;
            if !heard.starts_with("Message: ") {
                return heard;
            }
        }
    };
    let left = within("the deaf member to leave", left).await;
    assert_eq!(left, "User left (1 online)", "after {said} messages");
    host.wait_for_log(&["`limits.outbound`", "1013"]).await;
    // The answer to the last message may still be on its way.
    ann.send("the end").await;
    while ann.text().await != "Message: the end" {}
}

#[tokio::test]
async fn a_peer_that_does_not_read_its_echoes_is_not_read_and_loses_nothing() {
    let config = "[limits]\noutbound = \"2 MiB\"\n";
    let host = host().config(config).route("hooks", HOSTILE_HOOKS).start().await;
    let mut raw = host.raw_socket("/hooks").await;
    let sent: Vec<Frame> = (0..400_u32)
        .map(|number| Frame::binary([&number.to_be_bytes()[..], &[7; 64 * 1024]].concat()))
        .collect();
    let bytes: Vec<u8> = sent.iter().flat_map(Frame::masked).collect();
    let taken = raw.write_until_stuck(&bytes).await;
    assert!(taken < bytes.len(), "the host took {taken} bytes whose echoes nobody reads");
    let received = raw.exchange(&bytes[taken..], sent.len()).await;
    assert!(received == sent, "{} echoes of {}", received.len(), sent.len());
}

#[tokio::test]
async fn a_peer_whose_guest_is_behind_is_not_read_and_loses_nothing() {
    let host = host().component("plugins/sessions.wasm", SESSIONS);
    let host = host.route("session", HOSTILE_SESSION).start().await;
    for (path, slow) in [("/hooks", "busy:3000"), ("/session", "sleep")] {
        let mut raw = host.raw_socket(path).await;
        let sent: Vec<Frame> = (0..500_u32)
            .map(|number| Frame::binary([&number.to_be_bytes()[..], &[7; 64 * 1024]].concat()))
            .collect();
        let bytes: Vec<u8> = sent.iter().flat_map(Frame::masked).collect();
        raw.send(&[Frame::text(slow)]).await;
        let taken = raw.write_until_stuck(&bytes).await;
        assert!(taken < bytes.len() / 2, "{path}: the host took {taken} bytes for a busy guest");
        let received = raw.exchange(&bytes[taken..], sent.len() + 1).await;
        assert!(received[1..] == sent, "{path}: {} echoes of {}", received.len(), sent.len());
    }
}

#[tokio::test]
async fn echoes_of_what_came_at_once_fit_the_smallest_queue() {
    let config = "[limits]\nmessage = \"256 KiB\"\noutbound = \"256 KiB\"\n";
    let host = host().config(config).route("hooks", HOSTILE_HOOKS).start().await;
    let mut raw = host.raw_socket("/hooks").await;
    let sent = vec![Frame::binary([7; 100 * 1024]); 20];
    let bytes: Vec<u8> = sent.iter().flat_map(Frame::masked).collect();
    let received = raw.exchange(&bytes, sent.len()).await;
    assert!(received == sent, "{} echoes of {}", received.len(), sent.len());
}

#[tokio::test]
async fn terminate_ends_the_connection_without_a_close_frame() {
    let host = host().route("hooks", HOSTILE_HOOKS).start().await;
    let mut raw = host.raw_socket("/hooks").await;
    raw.send(&[Frame::text("terminate")]).await;
    assert_eq!(raw.frames().await, []);
    let log = eventually("the end", async || {
        let log = host.get("/hooks").await.json();
        (!log["closed"].as_array()?.is_empty()).then_some(log)
    });
    let log = log.await;
    assert_eq!(log["closed"][0]["code"], 1006);
    assert_eq!(log["closed"][0]["clean"], false);
}

#[tokio::test]
async fn a_blocking_session_that_ignores_the_end_is_stopped() {
    let config = "[limits]\nclose_time = \"500ms\"\n";
    let host = host().config(config).route("session", HOSTILE_SESSION).start().await;
    let mut raw = host.raw_socket("/session").await;
    raw.send(&[Frame::text("sleep"), Frame::close(1000, "")]).await;
    assert_eq!(raw.frames().await.last(), Some(&Frame::close(1000, "")));
    host.wait_for_log(&["stopped a session that went on"]).await;
}
