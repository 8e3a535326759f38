//! A peer that does not read what it is sent: the site chooses what happens, and nobody else pays.
//!
//! The system takes a few hundred KiB for such a peer before the host's own queue grows.

use lithe_tests::{Client, Frame, Raw, TestHost, eventually};

use crate::guests::sessions::{self, deaf};

const POLICIES: [&str; 3] = ["close", "drop-oldest", "refuse"];

/// More messages of this size than the system and the host would keep together.
const MESSAGES: u32 = 1_000;
const SIZE: usize = 16 * 1024;

async fn with(policy: &str) -> TestHost {
    let config = format!(
        "[limits]\nmessage = \"64 KiB\"\noutbound = \"256 KiB\"\noutbound_policy = \"{policy}\"\n\
         close_time = \"3s\"\n"
    );
    sessions::start(&config).await
}

/// A text that begins with its number and goes on for a while.
fn news(number: u32) -> String {
    format!("{number:x<SIZE$}")
}

/// Publishes one of them. Returns how many sockets got it.
async fn publish(host_side: &mut Client, number: u32) -> u32 {
    let answer = host_side.ask(&format!("others:news:{}", news(number))).await;
    let heard = answer.strip_prefix("heard by ").expect("it says how many heard it");
    heard.parse().expect("a number")
}

/// The number of a message that has arrived complete.
fn number_of(frame: &Frame) -> u32 {
    let text = std::str::from_utf8(&frame.payload).expect("it is text");
    let number = text.trim_end_matches('x').parse().unwrap_or_else(|_| panic!("{frame:?}"));
    assert_eq!(*frame, Frame::text(news(number)), "it is whole");
    number
}

/// The numbers of the messages that arrive before the text `last`.
async fn numbers_until(raw: &mut Raw, last: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    loop {
        let frame = raw.frame().await.expect("the socket lives");
        if frame == Frame::text(last) {
            return numbers;
        }
        numbers.push(number_of(&frame));
    }
}

#[tokio::test]
async fn a_peer_that_never_reads_costs_the_others_nothing() {
    for policy in POLICIES {
        let host = with(policy).await;
        let (mut ann, mut bob) = (host.connect("/hooks").await, host.connect("/hooks").await);
        assert_eq!(bob.ask("subscribe:news").await, "ok");
        let _deaf = [deaf(&host).await, deaf(&host).await, deaf(&host).await];
        let mut all_heard = 0;
        for number in 0..MESSAGES {
            let heard = publish(&mut ann, number).await;
            assert!(heard >= 1, "{policy}: Bob reads");
            all_heard += u32::from(heard == 4);
            assert!(bob.text().await == news(number), "{policy}: {number}");
        }
        let dropped = all_heard < MESSAGES;
        assert_eq!(dropped, policy != "drop-oldest", "{policy}: all heard {all_heard}");
        assert_eq!(bob.ask("hello").await, "hello", "{policy}");
    }
}

#[tokio::test]
async fn close_closes_with_1013() {
    let host = with("close").await;
    let mut ann = host.connect("/hooks").await;
    let mut deaf = deaf(&host).await;
    let mut number = 0;
    while publish(&mut ann, number).await == 1 {
        number += 1;
    }
    host.wait_for_log(&["1013", "`limits.outbound`"]).await;
    // What the system had already taken comes first, if there was time for it.
    let frames = deaf.frames().await;
    let numbers = frames.iter().filter(|frame| frame.head == 0x81).map(number_of);
    assert!(numbers.eq(0..frames.iter().filter(|frame| frame.head == 0x81).count() as u32));
}

#[tokio::test]
async fn drop_oldest_keeps_the_newest_of_a_burst() {
    let host = with("drop-oldest").await;
    let mut raw = host.raw_socket("/hooks").await;
    raw.send(&[Frame::text(format!("burst:{MESSAGES}:{SIZE}")), Frame::text("hello")]).await;
    let mut numbers = Vec::new();
    loop {
        let frame = raw.frame().await.expect("the socket lives");
        if frame == Frame::text("hello") {
            break;
        }
        assert_eq!((frame.head, frame.payload.len()), (0x82, SIZE), "it is whole");
        numbers.push(u32::from_be_bytes(frame.payload[..4].try_into().expect("it has four")));
    }
    let kept = numbers.len() as u32;
    assert!((10..=16).contains(&kept), "{kept} of 16 KiB in 256 KiB");
    assert!(numbers.iter().copied().eq(MESSAGES - kept..MESSAGES), "{numbers:?}");
}

#[tokio::test]
async fn drop_oldest_keeps_the_order_and_every_frame_whole() {
    let host = with("drop-oldest").await;
    let mut ann = host.connect("/hooks").await;
    let mut deaf = deaf(&host).await;
    for number in 0..MESSAGES {
        assert_eq!(publish(&mut ann, number).await, 1);
    }
    deaf.send(&[Frame::text("I read again")]).await;
    let numbers = numbers_until(&mut deaf, "I read again").await;
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    assert_eq!((numbers[0], numbers.last()), (0, Some(&(MESSAGES - 1))));
    assert!(numbers.len() < MESSAGES as usize, "the oldest of those that waited are missing");
    assert_eq!(publish(&mut ann, MESSAGES).await, 1);
    assert_eq!(deaf.frame().await.as_ref().map(number_of), Some(MESSAGES));
}

#[tokio::test]
async fn refuse_is_an_error_to_the_guest_and_one_drain() {
    let host = with("refuse").await;
    let mut ann = host.connect("/hooks").await;
    let mut deaf = deaf(&host).await;
    for round in 1..=2 {
        let mut taken = 0;
        while publish(&mut ann, taken).await == 1 {
            taken += 1;
        }
        for _ in 0..10 {
            assert_eq!(publish(&mut ann, taken).await, 0, "round {round}");
        }
        assert_eq!(sessions::counts(&host).await["drained"], round - 1);
        let numbers = numbers_until(&mut deaf, "refused").await;
        assert!(numbers.iter().copied().eq(0..taken), "{} of {taken}", numbers.len());
        deaf.send(&[Frame::text("usable")]).await;
        assert_eq!(deaf.frame().await, Some(Frame::text("usable")), "one drain, no more");
        assert_eq!(sessions::counts(&host).await["drained"], round);
    }
}

#[tokio::test]
async fn refuse_stops_a_burst_and_drains() {
    let host = with("refuse").await;
    let mut raw = host.raw_socket("/hooks").await;
    raw.send(&[Frame::text(format!("burst:{MESSAGES}:{SIZE}"))]).await;
    let mut numbers = Vec::new();
    loop {
        let frame = raw.frame().await.expect("the socket lives");
        if frame == Frame::text("refused") {
            break;
        }
        numbers.push(u32::from_be_bytes(frame.payload[..4].try_into().expect("it has four")));
    }
    let kept = numbers.len() as u32;
    assert!((10..=16).contains(&kept), "{kept} of 16 KiB in 256 KiB");
    assert!(numbers.iter().copied().eq(0..kept), "{numbers:?}");
}

#[tokio::test]
async fn a_peer_that_leaves_while_it_is_refused_is_forgotten() {
    for policy in POLICIES {
        let host = with(policy).await;
        let mut ann = host.connect("/hooks").await;
        let deaf = deaf(&host).await;
        for number in 0..MESSAGES / 2 {
            publish(&mut ann, number).await;
        }
        deaf.reset();
        eventually("the deaf one to be gone", async || {
            (host.get("/members").await.text() == "1").then_some(())
        })
        .await;
        assert_eq!(host.get("/members?topic=news").await.text(), "0", "{policy}");
        assert_eq!(sessions::counts(&host).await["closed"], 1, "{policy}");
    }
}

#[tokio::test]
async fn a_slow_reader_among_fast_ones_hears_all_and_holds_nobody_up() {
    const NEWS: u32 = 200;
    let host = sessions::start("[limits]\noutbound = \"8 MiB\"\n").await;
    let mut ann = host.connect("/hooks").await;
    let mut slow = deaf(&host).await;
    let mut fast = Vec::new();
    for _ in 0..10 {
        let mut client = host.connect("/hooks").await;
        assert_eq!(client.ask("subscribe:news").await, "ok");
        fast.push(client);
    }
    // It reads one in four of the messages that the others get at once. If they waited for it,
    // nobody would go on.
    let (heard, mut all_heard) = tokio::sync::watch::channel(0);
    let publishing = async {
        for number in 0..NEWS {
            assert_eq!(publish(&mut ann, number).await, 11);
            for client in &mut fast {
                assert!(client.text().await == news(number), "{number}");
            }
            heard.send(number + 1).expect("the slow one listens");
        }
    };
    let reading = async {
        for number in 0..NEWS {
            let others = all_heard.wait_for(|heard| *heard >= NEWS.min(number * 4)).await.is_ok();
            assert!(others, "they go on");
            let frame = slow.frame().await.expect("the socket lives");
            assert_eq!(number_of(&frame), number);
        }
    };
    tokio::join!(publishing, reading);
}

#[tokio::test]
async fn what_waits_for_those_who_do_not_read_is_bounded_whatever_the_policy() {
    const DEAF: usize = 40;
    for policy in POLICIES {
        let host = with(policy).await;
        let mut ann = host.connect("/hooks").await;
        let mut all = Vec::new();
        for _ in 0..DEAF {
            all.push(deaf(&host).await);
        }
        let before = host.peak_memory();
        for number in 0..MESSAGES {
            publish(&mut ann, number).await;
        }
        // Each queue may have 256 KiB, and what is being sent as much: 20 MiB, and what the
        // allocator keeps. All that was said to them would be 640 MB.
        let grown = host.peak_memory().saturating_sub(before);
        assert!(grown < 160 << 20, "{policy}: {} KiB", grown >> 10);
        assert_eq!(ann.ask("hello").await, "hello", "{policy}");
    }
}

#[tokio::test]
async fn a_message_for_many_is_held_once_however_many_do_not_read() {
    const DEAF: usize = 100;
    let host = sessions::start("[limits]\nmessage = \"1 MiB\"\noutbound = \"8 MiB\"\n").await;
    let mut ann = host.connect("/hooks").await;
    let mut all = Vec::new();
    for _ in 0..DEAF {
        all.push(deaf(&host).await);
    }
    let before = host.peak_memory();
    let message = "x".repeat(512 << 10);
    for _ in 0..8 {
        let answer = ann.ask(&format!("others:news:{message}")).await;
        assert_eq!(answer, format!("heard by {}", all.len()));
    }
    // The queues have 400 MiB together.
    let grown = host.peak_memory().saturating_sub(before);
    assert!(grown < 100 << 20, "{} KiB", grown >> 10);
    // Each hears all, whole and in order, those that were shared and the last, which is short.
    let answer = ann.ask("others:news:the last").await;
    assert_eq!(answer, format!("heard by {}", all.len()));
    for deaf in &mut all {
        for _ in 0..8 {
            let frame = deaf.frame().await.expect("the socket lives");
            assert!(frame == Frame::text(message.clone()), "it is whole");
        }
        assert_eq!(deaf.frame().await, Some(Frame::text("the last")));
    }
}

#[tokio::test]
async fn what_is_sent_to_a_socket_that_is_gone_is_an_error_to_the_guest() {
    let host = sessions::start("").await;
    let (mut ann, mut bob) = (host.connect("/hooks").await, host.connect("/hooks").await);
    assert_eq!(bob.ask("keep").await, "ok");
    assert_eq!(ann.ask("tell:hello").await, "Open: ok");
    assert_eq!(bob.text().await, "hello");
    bob.close(1000, "").await;
    bob.closed().await;
    eventually("Bob to be gone", async || (host.get("/members").await.text() == "1").then_some(()))
        .await;
    let told = ann.ask("tell:too late").await;
    assert!(told.starts_with("Closed: ") && told.contains("closed"), "{told}");
    assert_eq!(ann.ask("usable").await, "usable");
}
