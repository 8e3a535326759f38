//! One call reaches all sockets of a topic, and timers call the guest.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use http::Request;
use lithe_tests::artifacts::{BENCH_PUBLISH, HOSTILE_SESSION, SESSIONS};
use lithe_tests::{Client, Frame, TestHost, eventually};
use tokio::time::sleep;

use crate::guests::sessions;
use crate::{host, many_sockets};

/// So many sockets that are subscribed to `news`, and one that is not.
async fn subscribers<const N: usize>(host: &TestHost) -> ([Client; N], Client) {
    let mut all = Vec::new();
    for _ in 0..N {
        let mut client = host.connect("/hooks").await;
        assert_eq!(client.ask("subscribe:news").await, "ok");
        all.push(client);
    }
    (all.try_into().expect("so many were made"), host.connect("/hooks").await)
}

/// The next message is the answer to this, and nothing came before it.
async fn has_heard_nothing(client: &mut Client) {
    assert_eq!(client.ask("anything?").await, "anything?");
}

async fn post(host: &TestHost, path: &str, body: &'static str) -> String {
    let response = host.send(Request::post(path).body(body).unwrap()).await;
    assert_eq!(response.status, 200, "{path}");
    response.text().to_owned()
}

async fn members(host: &TestHost, count: &str) {
    eventually(&format!("{count} members"), async || {
        (host.get("/members?topic=news").await.text() == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_published_reaches_all_subscribers_and_nobody_else() {
    let host = sessions::start("").await;
    let ([mut ann, mut bob, mut cat], mut other) = subscribers(&host).await;
    ann.send("publish:news:to all").await;
    for client in [&mut ann, &mut bob, &mut cat] {
        assert_eq!(client.text().await, "to all");
    }
    assert_eq!(ann.text().await, "heard by 3");
    has_heard_nothing(&mut other).await;
    assert_eq!(other.ask("publish:news:from outside").await, "heard by 3");
    assert_eq!(bob.text().await, "from outside");
    assert_eq!(other.ask("publish:no such topic:hello").await, "heard by 0");
}

#[tokio::test]
async fn a_socket_may_leave_itself_out() {
    let host = sessions::start("").await;
    let ([mut ann, mut bob], _other) = subscribers(&host).await;
    assert_eq!(ann.ask("others:news:to the others").await, "heard by 1");
    assert_eq!(bob.text().await, "to the others");
    has_heard_nothing(&mut ann).await;
}

#[tokio::test]
async fn each_hears_a_message_once_however_often_it_subscribes() {
    let host = sessions::start("").await;
    let ([mut ann], _other) = subscribers(&host).await;
    assert_eq!(ann.ask("subscribe:news").await, "ok");
    assert_eq!(post(&host, "/publish?topic=news", "once").await, "1");
    assert_eq!(ann.text().await, "once");
    has_heard_nothing(&mut ann).await;
    assert_eq!(ann.ask("unsubscribe:news").await, "ok");
    assert_eq!(post(&host, "/publish?topic=news", "too late").await, "0");
    has_heard_nothing(&mut ann).await;
}

#[tokio::test]
async fn a_request_and_a_timer_can_publish() {
    let host = sessions::start("").await;
    let ([mut ann, mut bob], _other) = subscribers(&host).await;
    assert_eq!(post(&host, "/publish?topic=news", "from HTTP").await, "2");
    let started = Instant::now();
    assert_eq!(post(&host, "/later?topic=news&ms=200", "from a timer").await, "later");
    for client in [&mut ann, &mut bob] {
        assert_eq!(client.text().await, "from HTTP");
        assert_eq!(client.text().await, "from a timer");
    }
    assert!(started.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_socket_that_is_gone_has_left_its_topics() {
    let host = sessions::start("").await;
    let ([mut ann, bob, mut cat], mut other) = subscribers(&host).await;
    members(&host, "3").await;
    ann.close(1000, "").await;
    ann.closed().await;
    members(&host, "2").await;
    drop(bob);
    members(&host, "1").await;
    assert_eq!(other.ask("count:news").await, "1");
    cat.send("close").await;
    assert_eq!(cat.closed().await.0, 4000);
    members(&host, "0").await;
    assert_eq!(post(&host, "/publish?topic=news", "anyone?").await, "0");
}

#[tokio::test]
async fn async_and_blocking_sessions_can_publish() {
    let site = host().component("plugins/sessions.wasm", SESSIONS);
    let host = site.route("session", HOSTILE_SESSION).start().await;
    for path in ["/async", "/session"] {
        let (mut ann, mut bob) = (host.connect(path).await, host.connect(path).await);
        for client in [&mut ann, &mut bob] {
            assert_eq!(client.ask("subscribe:news").await, "ok", "{path}");
        }
        ann.send("publish:news:hello").await;
        for client in [&mut ann, &mut bob] {
            assert_eq!(client.text().await, "hello", "{path}");
        }
        assert_eq!(ann.text().await, "heard by 2", "{path}");
    }
}

#[tokio::test]
async fn a_socket_knows_what_it_hears() {
    let host = sessions::start("").await;
    let ([mut ann], mut other) = subscribers(&host).await;
    assert_eq!(ann.ask("subscribe:arts").await, "ok");
    assert_eq!(ann.ask("topics").await, "arts,news");
    assert_eq!(ann.ask("unsubscribe:news").await, "ok");
    assert_eq!(ann.ask("topics").await, "arts");
    assert_eq!(other.ask("topics").await, "");
}

#[tokio::test]
async fn topics_outlive_a_trap() {
    let host = sessions::start("").await;
    let ([mut ann], mut other) = subscribers(&host).await;
    other.send("panic").await;
    assert_eq!(other.closed().await.0, 1011);
    assert_eq!(post(&host, "/publish?topic=news", "still here").await, "1");
    assert_eq!(ann.text().await, "still here");
}

#[tokio::test]
async fn names_and_their_number_are_bounded() {
    let host = sessions::start("").await;
    let mut client = host.connect("/hooks").await;
    // Two bytes each.
    let longest = "é".repeat(128);
    let refused = client.ask(&format!("subscribe:{longest}x")).await;
    assert!(refused.contains("256 bytes"), "{refused}");
    assert_eq!(client.ask(&format!("subscribe:{longest}")).await, "ok");
    for number in 1..64 {
        assert_eq!(client.ask(&format!("subscribe:{number}")).await, "ok");
    }
    let refused = client.ask("subscribe:the 65th").await;
    assert!(refused.contains("64 topics"), "{refused}");
    assert_eq!(client.ask("subscribe:1").await, "ok", "that one it has");
    assert_eq!(client.ask("unsubscribe:1").await, "ok");
    assert_eq!(client.ask("subscribe:the 65th").await, "ok");
}

#[tokio::test]
async fn two_plugins_may_use_the_same_name() {
    let host = host().route("a", BENCH_PUBLISH).route("b", BENCH_PUBLISH).start().await;
    let (mut a, mut b) = (host.connect("/a").await, host.connect("/b").await);
    assert_eq!(a.ask("to a").await, "to a");
    assert_eq!(b.ask("to b").await, "to b");
    assert_eq!(a.ask("to a again").await, "to a again");
}

#[tokio::test]
async fn ten_thousand_subscribers_hear_one_message() {
    const SOCKETS: usize = 10_000;
    many_sockets::allow_open_files();
    let host = sessions::start("").await;
    let subscribing = (0..SOCKETS).map(async |_| {
        let mut client = host.connect("/hooks").await;
        assert_eq!(client.ask("subscribe:news").await, "ok");
        client
    });
    let mut clients: Vec<_> = stream::iter(subscribing).buffer_unordered(64).collect().await;
    assert_eq!(post(&host, "/publish?topic=news", "hello, all").await, SOCKETS.to_string());
    for client in &mut clients {
        assert_eq!(client.text().await, "hello, all");
    }
}

#[tokio::test]
async fn a_timer_goes_off_once() {
    let host = sessions::start("").await;
    let mut client = host.connect("/hooks").await;
    let started = Instant::now();
    assert_eq!(client.ask("once:150").await, "tick 150");
    assert!(started.elapsed() >= Duration::from_millis(150));
    sleep(Duration::from_millis(400)).await;
    has_heard_nothing(&mut client).await;
    assert_eq!(sessions::counts(&host).await["ticks"], 1);
}

#[tokio::test]
async fn a_timer_goes_off_again_and_again_until_it_is_cancelled() {
    let host = sessions::start("").await;
    let mut client = host.connect("/hooks").await;
    let started = Instant::now();
    client.send("every:50").await;
    for _ in 0..10 {
        assert_eq!(client.text().await, "tick 50");
    }
    assert!(started.elapsed() >= Duration::from_millis(450));
    client.send("cancel").await;
    client.send("cancelled").await;
    while client.text().await != "cancelled" {}
    sleep(Duration::from_millis(200)).await;
    has_heard_nothing(&mut client).await;
}

#[tokio::test]
async fn timers_go_off_in_the_order_of_their_times() {
    let host = sessions::start("").await;
    let mut raw = host.raw_socket("/hooks").await;
    // In one write: they begin at nearly the same time.
    raw.send(&[2_500, 500, 1_500].map(|delay| Frame::text(format!("once:{delay}")))).await;
    for delay in [500, 1_500, 2_500] {
        assert_eq!(raw.frame().await, Some(Frame::text(format!("tick {delay}"))));
    }
}

#[tokio::test]
async fn timers_end_with_the_instance() {
    let host = sessions::start("").await;
    let (mut client, mut other) = (host.connect("/hooks").await, host.connect("/hooks").await);
    client.send("every:20").await;
    assert_eq!(client.text().await, "tick 20");
    other.send("panic").await;
    assert_eq!(other.closed().await.0, 1011);
    client.send("what was queued").await;
    while client.text().await != "what was queued" {}
    sleep(Duration::from_millis(200)).await;
    has_heard_nothing(&mut client).await;
    assert_eq!(sessions::counts(&host).await["ticks"], 0, "the instance is a fresh one");
    assert_eq!(client.ask("once:20").await, "tick 20", "timers of the fresh one go off");
}

#[tokio::test]
async fn a_guest_that_is_behind_its_timer_does_not_get_all_that_it_missed() {
    let host = sessions::start("").await;
    let mut client = host.connect("/hooks").await;
    client.send("every:10").await;
    assert_eq!(client.text().await, "tick 10");
    const MISSED: u128 = 100;
    let asked = Instant::now();
    client.send("busy:1000").await;
    while client.text().await != "done" {}
    client.send("cancel").await;
    client.send("cancelled").await;
    let mut ticks: u128 = 0;
    while client.text().await != "cancelled" {
        ticks += 1;
    }
    // Those that were due after that second, however slow this machine is.
    let due = asked.elapsed().as_millis() / 10 - MISSED;
    assert!(ticks < due + MISSED / 2, "{ticks} ticks, where {due} were due");
}
