//! Whether a peer is still there, and whether an instance is still needed.

use std::time::{Duration, Instant};

use lithe_tests::artifacts::{
    FILES_SESSION, HOSTILE_ASYNC, HOSTILE_HOOKS, HOSTILE_SESSION, NOTIFICATIONS, TRAP_HTTP,
};
use lithe_tests::{Frame, Raw, TestHost, eventually, sooner_than, within};
use serde_json::Value;
use tokio::time::sleep;

use crate::guests::sessions;
use crate::host;

/// The times for a peer that soon counts as gone.
const PING: Duration = Duration::from_millis(200);
const PONG: Duration = Duration::from_millis(200);
const FAST: &str = "[limits]\nping_interval = \"200ms\"\npong_time = \"200ms\"\n";

/// A peer that says something may say it late: a busy machine holds this one up for less.
const PATIENT: &str = "[limits]\nping_interval = \"200ms\"\npong_time = \"2s\"\n";

/// Several times as long as it takes until a silent peer of a patient host, or an idle one, is
/// dropped.
const LONG: Duration = Duration::from_secs(5);

/// Of those that may be idle for a while.
const IDLE: &str = "[limits]\nidle_time = \"2s\"\n";

/// A plugin whose memory holds nothing, and after what time its instance is idle.
fn stateless(idle_after: &str, file: &str) -> String {
    format!("[limits]\nidle_after = \"{idle_after}\"\n[plugin.\"{file}\"]\nstateless = true\n")
}

async fn hooks(config: &str) -> TestHost {
    host().config(config).route("hooks", HOSTILE_HOOKS).start().await
}

/// How the guest was told of the first end.
async fn first_end(host: &TestHost) -> Value {
    let end = eventually("an end", async || {
        host.get("/hooks").await.json()["closed"].as_array()?.first().cloned()
    });
    end.await
}

#[tokio::test]
async fn a_silent_peer_gets_one_ping_and_is_dropped_with_1006_to_the_guest() {
    let host = hooks(FAST).await;
    let started = Instant::now();
    let mut raw = host.raw_socket("/hooks").await;
    assert_eq!(raw.frame().await, Some(Frame::ping("")));
    let pinged = started.elapsed();
    assert!(pinged >= PING, "pinged after {pinged:?}");
    let default = Duration::from_secs(10);
    let end = sooner_than(default, "the end after `limits.pong_time`", raw.frames()).await;
    assert_eq!(end, [], "no close frame, nothing");
    let dropped = started.elapsed();
    assert!(dropped >= PING + PONG, "dropped after {dropped:?}");
    let end = first_end(&host).await;
    assert_eq!((&end["code"], &end["clean"]), (&1006.into(), &false.into()));
    host.wait_for_log(&["`limits.pong_time`"]).await;
}

#[tokio::test]
async fn sessions_of_every_kind_are_looked_after() {
    let site = host().config(FAST).route("async", HOSTILE_ASYNC).route("session", HOSTILE_SESSION);
    let host = site.start().await;
    for path in ["/async", "/session"] {
        let mut raw = host.raw_socket(path).await;
        assert_eq!(raw.frames().await, [Frame::ping("")], "{path}");
    }
}

#[tokio::test]
async fn a_peer_that_answers_pings_lives_on() {
    let host = hooks(PATIENT).await;
    let mut raw = host.raw_socket("/hooks").await;
    let started = Instant::now();
    let mut pings = 0;
    while started.elapsed() < LONG {
        assert_eq!(raw.frame().await, Some(Frame::ping("")), "after {pings} pings");
        raw.send(&[Frame::pong("")]).await;
        pings += 1;
    }
    assert!(pings >= 2, "{pings} pings in {LONG:?}");
    raw.send(&[Frame::text("still here")]).await;
    assert_eq!(raw.frame().await, Some(Frame::text("still here")));
}

#[tokio::test]
async fn whatever_comes_is_a_sign_of_life() {
    // A peer that sends something now and then is not even pinged.
    let host = hooks("[limits]\nping_interval = \"2s\"\npong_time = \"1s\"\n").await;
    let signs = [Frame::ping("a"), Frame::pong("unasked"), Frame::text("a")];
    let looked_after = signs.map(async |sign| {
        let mut raw = host.raw_socket("/hooks").await;
        let started = Instant::now();
        while started.elapsed() < LONG {
            raw.send(std::slice::from_ref(&sign)).await;
            sleep(PING / 4).await;
        }
        raw.send(&[Frame::text("the end"), Frame::close(1000, "")]).await;
        let frames = raw.frames().await;
        let pings = frames.iter().filter(|frame| **frame == Frame::ping("")).count();
        assert_eq!(pings, 0, "{sign:?}");
        assert_eq!(frames.last(), Some(&Frame::close(1000, "")), "{sign:?}");
    });
    futures_util::future::join_all(looked_after).await;
}

#[tokio::test]
async fn a_peer_that_sends_one_frame_byte_by_byte_is_not_dropped() {
    let host = hooks(PATIENT).await;
    let mut raw = host.raw_socket("/hooks").await;
    let frame = Frame::text("slowly but surely, letter by letter");
    let started = Instant::now();
    for byte in frame.masked() {
        raw.write([byte]).await;
        sleep(LONG / 32).await;
    }
    assert!(started.elapsed() > LONG);
    loop {
        let heard = raw.frame().await.expect("it is not dropped");
        if heard == frame {
            break;
        }
        assert_eq!(heard, Frame::ping(""));
    }
}

#[tokio::test]
async fn a_peer_whose_guest_is_slow_is_not_dropped() {
    let host = sessions::start(FAST).await;
    let mut busy = host.raw_socket("/hooks").await;
    let mut waiting = host.raw_socket("/hooks").await;
    busy.send(&[Frame::text("busy:1200")]).await;
    waiting.send(&[Frame::text("hello")]).await;
    for (raw, said) in [(&mut busy, "done"), (&mut waiting, "hello")] {
        let mut frame = raw.frame().await;
        while frame == Some(Frame::ping("")) {
            frame = raw.frame().await;
        }
        assert_eq!(frame, Some(Frame::text(said)));
    }
}

#[tokio::test]
async fn a_peer_that_has_gone_is_dropped_while_its_guest_takes_no_messages() {
    let host = host().config(FAST).route("s", FILES_SESSION).start().await;
    let mut raw = host.raw_socket("/s?sleep=3600000").await;
    raw.send(&[Frame::text("nobody takes this")]).await;
    // Two pings: it is there all the time.
    for _ in 0..2 {
        assert_eq!(raw.frame().await, Some(Frame::ping("")));
    }
    drop(raw);
    let stopped = host.wait_for_log(&["stopped a session"]);
    sooner_than(Duration::from_secs(60), "the end of the session", stopped).await;
}

/// Asks for so many messages, and reads them in longer than [`LONG`].
async fn read_slowly(raw: &mut Raw, messages: usize) {
    let started = Instant::now();
    raw.send(&[Frame::text(format!("flood:{messages}"))]).await;
    let mut read = 0;
    while read < messages {
        let frame = raw.frame().await;
        let frame = frame.unwrap_or_else(|| panic!("dropped after {read} messages"));
        read += usize::from(frame.head == 0x82);
        sleep(LONG / messages as u32).await;
    }
    assert!(started.elapsed() > LONG, "it read too fast to tell");
}

#[tokio::test]
async fn a_peer_that_reads_slowly_but_steadily_is_not_dropped() {
    const MESSAGES: usize = 192;
    let host = hooks(&format!("{PATIENT}outbound = \"16 MiB\"\n")).await;
    let mut raw = host.raw_socket("/hooks").await;
    // Its pongs would be signs of life: it sends none.
    read_slowly(&mut raw, MESSAGES).await;
}

#[tokio::test]
async fn what_the_system_has_taken_for_a_peer_that_reads_slowly_does_not_hide_that_it_reads() {
    // So little that the system could take it all at once, and nothing would be left to watch.
    const MESSAGES: usize = 32;
    let host = hooks(PATIENT).await;
    let mut raw = host.raw_socket("/hooks").await;
    read_slowly(&mut raw, MESSAGES).await;
    // What the system has taken arrives also where the host has given the peer up.
    raw.send(&[Frame::text("still here")]).await;
    while raw.frame().await.expect("the host has not dropped it") != Frame::text("still here") {}
}

#[tokio::test]
async fn a_peer_that_reads_nothing_is_dropped_however_much_there_is_to_say() {
    let host = sessions::start(FAST).await;
    let mut raw = host.raw_socket("/hooks").await;
    raw.send(&[Frame::text("burst:48:65536")]).await;
    eventually("the end", async || (sessions::counts(&host).await["closed"] == 1).then_some(()))
        .await;
    host.wait_for_log(&["`limits.pong_time`"]).await;
}

#[tokio::test]
async fn a_socket_over_which_nothing_goes_is_closed_with_1001() {
    let host = hooks(IDLE).await;
    let mut client = host.connect("/hooks").await;
    let started = Instant::now();
    while started.elapsed() < LONG {
        assert_eq!(client.ask("busy").await, "busy");
        sleep(Duration::from_millis(50)).await;
    }
    let (code, reason) = client.closed().await;
    assert_eq!((code, reason.as_str()), (1001, "idle for too long"));
    let end = first_end(&host).await;
    assert_eq!((&end["code"], &end["clean"]), (&1001.into(), &true.into()));
}

#[tokio::test]
async fn what_the_guest_says_is_activity() {
    let host = host().config(IDLE).route("feed", NOTIFICATIONS).start().await;
    let mut client = host.connect("/feed?every_ms=50").await;
    assert_eq!(client.text().await, "Connected to notification service");
    let started = Instant::now();
    while started.elapsed() < LONG {
        assert!(client.text().await.starts_with("Server update"));
    }
}

#[tokio::test]
async fn pings_and_pongs_are_no_activity() {
    let host = hooks(&format!("{IDLE}ping_interval = \"50ms\"\n")).await;
    let mut raw = host.raw_socket("/hooks").await;
    let mut pings = 0;
    let last = loop {
        let frame = raw.frame().await;
        if frame != Some(Frame::ping("")) {
            break frame;
        }
        raw.send(&[Frame::pong(""), Frame::pong("unasked")]).await;
        pings += 1;
    };
    assert_eq!(last, Some(Frame::close(1001, "idle for too long")));
    assert!(pings > 1, "{pings} pings");
}

#[tokio::test]
async fn zero_means_never() {
    let config = "[limits]\nping_interval = \"0s\"\npong_time = \"50ms\"\nidle_time = \"0s\"\n\
                  idle_after = \"0s\"\n";
    let host = hooks(config).await;
    let mut raw = host.raw_socket("/hooks").await;
    sleep(LONG).await;
    raw.send(&[Frame::text("hello")]).await;
    assert_eq!(raw.frame().await, Some(Frame::text("hello")));
    assert!(!host.log().contains("hibernating"));
}

#[tokio::test]
async fn sockets_outlive_an_idle_instance_with_ids_attachments_and_topics() {
    let host = sessions::start(&stateless("2s", "plugins/sessions.wasm")).await;
    let (mut ann, mut bob) = (host.connect("/hooks").await, host.connect("/hooks").await);
    let ids = [ann.ask("id").await, bob.ask("id").await];
    assert_eq!(ann.ask("subscribe:news").await, "ok");
    assert_eq!(bob.ask("subscribe:news").await, "ok");
    assert_eq!(ann.ask("attach:Ann").await, "ok");
    assert_eq!(ann.ask("seen").await, "6");
    host.wait_for_log(&["hibernating", "sockets=2", "plugins/sessions.wasm"]).await;
    assert_eq!(ann.ask("seen").await, "1", "the instance is a fresh one");
    assert_eq!([ann.ask("id").await, bob.ask("id").await], ids);
    assert_eq!(ann.ask("attachment").await, "Ann");
    assert_eq!(ann.ask("others:news:hello, Bob").await, "heard by 1");
    assert_eq!(bob.text().await, "hello, Bob");
    bob.close(1000, "").await;
    bob.closed().await;
    eventually("Bob to leave", async || {
        (host.get("/members?topic=news").await.text() == "1").then_some(())
    })
    .await;
}

#[tokio::test]
async fn requests_find_a_fresh_instance() {
    let host = sessions::start(&stateless("100ms", "plugins/sessions.wasm")).await;
    let mut ann = host.connect("/hooks").await;
    assert_eq!(ann.ask("subscribe:news").await, "ok");
    host.wait_for_log(&["hibernating", "sockets=1"]).await;
    let request = http::Request::post("/publish?topic=news").body("posted").unwrap();
    assert_eq!(host.send(request).await.text(), "1");
    assert_eq!(ann.text().await, "posted");
}

#[tokio::test]
async fn a_pool_drops_instances_that_nothing_needs() {
    let config = "[limits]\nidle_after = \"2s\"\n";
    let host = host().config(config).route("http", TRAP_HTTP).start().await;
    let count = async || host.get("/http?how=count").await.text().to_owned();
    assert_eq!([count().await, count().await], ["1", "2"], "it is used again");
    host.wait_for_log(&["dropping idle instances", "routes/http.wasm", "instances=1"]).await;
    assert_eq!(count().await, "1", "the instance is a fresh one");
}

#[tokio::test]
async fn an_instance_with_a_pinned_socket_is_kept_until_that_is_gone() {
    let host = hooks(&stateless("100ms", "routes/hooks.wasm")).await;
    let mut pinned = host.connect("/hooks?pinned").await;
    assert_eq!(pinned.ask("hello").await, "hello");
    sleep(LONG).await;
    assert!(!host.log().contains("hibernating"));
    assert_eq!(pinned.ask("still").await, "still");
    pinned.close(1000, "").await;
    pinned.closed().await;
    host.wait_for_log(&["hibernating", "sockets=0"]).await;
}

#[tokio::test]
async fn an_instance_with_a_timer_is_kept_until_it_has_gone_off() {
    let host = sessions::start(&stateless("1s", "plugins/sessions.wasm")).await;
    let mut client = host.connect("/hooks").await;
    client.send("once:3000").await;
    let tick = within("the timer", client.text());
    assert_eq!(tick.await, "tick 3000");
    assert!(!host.log().contains("hibernating"));
    host.wait_for_log(&["hibernating", "sockets=1"]).await;
}
