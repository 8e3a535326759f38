//! What the host holds in memory for a site: it is counted, and it has a bound.

use http::Request;
use lithe_tests::artifacts::{SESSIONS, TIMERS, TRAP_HTTP};
use lithe_tests::{Frame, TestHost, eventually};
use serde_json::Value;

use crate::guests::sessions::{self, deaf};
use crate::host;

/// The memory of the site, as `status` says it.
async fn memory(host: &TestHost) -> Value {
    memory_of(host, "").await
}

async fn memory_of(host: &TestHost, folder: &str) -> Value {
    let status = host.command_in(folder, "status", &["--json"]).await;
    status.succeeded();
    let status: Value = serde_json::from_str(&status.stdout).expect("it is JSON");
    status["memory"].clone()
}

fn bytes(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is a number of bytes"))
}

#[tokio::test]
async fn what_a_site_holds_is_counted_until_it_is_gone() {
    let host = sessions::start("[limits]\noutbound = \"8 MiB\"\nsite_memory = \"1 GiB\"\n").await;
    let mut ann = host.connect("/hooks").await;
    assert_eq!(ann.ask("hello").await, "hello");
    let before = memory(&host).await;
    assert_eq!(bytes(&before["bound"]), 1 << 30);
    assert!(bytes(&before["held"]["instances"]) >= 64 << 10, "{before}");
    let socket = bytes(&before["held"]["sockets"]);
    assert!(socket > 0, "{before}");

    let mut all = Vec::new();
    for _ in 0..9 {
        all.push(deaf(&host).await);
    }
    let message = "x".repeat(512 << 10);
    for _ in 0..12 {
        assert_eq!(ann.ask(&format!("others:news:{message}")).await, "heard by 9");
    }
    let during = memory(&host).await;
    let sockets = bytes(&during["held"]["sockets"]);
    assert!((9 * socket..=11 * socket).contains(&sockets), "ten in place of one: {during}");
    // Those that the system has taken are held no longer. What nine wait for is held once.
    let waiting = bytes(&during["held"]["messages"]);
    assert!((1 << 20..=7 << 20).contains(&waiting), "{during}");
    assert!(bytes(&during["highest"]) >= bytes(&during["used"]), "{during}");

    drop(all);
    eventually("what they held to be given back", async || {
        let after = memory(&host).await;
        let is_back =
            bytes(&after["held"]["sockets"]) == socket && bytes(&after["held"]["messages"]) == 0;
        is_back.then_some(())
    })
    .await;
}

#[tokio::test]
async fn records_are_charged_until_they_are_gone() {
    let host = sessions::start("").await;
    let mut ann = host.connect("/hooks").await;
    assert_eq!(ann.ask("hello").await, "hello");
    let before = memory(&host).await;
    let held = |memory: &Value, what: &str| bytes(&memory["held"][what]);
    assert!(held(&before, "versions") > 128 << 10, "{before}");
    assert_eq!(held(&before, "connections"), 0, "the only one is a socket's");

    for number in 0..20 {
        assert_eq!(ann.ask(&format!("subscribe:{number}{}", "x".repeat(200))).await, "ok");
    }
    let mut idle = host.raw().await;
    idle.write("GET /counts HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(idle.response().await.status, 200);
    let during = memory(&host).await;
    let more = |what: &str| held(&during, what) - held(&before, what);
    assert!((20 * 456..20 * 800).contains(&more("sockets")), "{during}");
    assert!((4 << 10..64 << 10).contains(&more("connections")), "{during}");

    for number in 0..20 {
        assert_eq!(ann.ask(&format!("unsubscribe:{number}{}", "x".repeat(200))).await, "ok");
    }
    drop(idle);
    eventually("what they took to be given back", async || {
        let after = memory(&host).await;
        let is_as_before = |what: &str| held(&after, what) == held(&before, what);
        ["sockets", "connections"].into_iter().all(is_as_before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn timers_are_charged_and_refused_over_the_bound() {
    let config = "[limits]\nsite_memory = \"4 MiB\"\ntimers = 100000\n";
    let host = host().config(config).route("timers", TIMERS).start().await;
    assert_eq!(host.get("/timers").await.status, 200);
    let before = bytes(&memory(&host).await["held"]["instances"]);
    let answer = host.get("/timers?set=2000&count=10000").await;
    let set = answer.text().strip_prefix("more than ").expect("they do not fit").to_owned();
    let set: u64 = set.parse().expect("a number");
    assert!(
        (1_000..8_000).contains(&set),
        "{set} timers of 512 B fit into 4 MiB less the instance"
    );
    assert!(bytes(&memory(&host).await["held"]["instances"]) >= before + set * 512);
    eventually("what they took to be given back", async || {
        // The guest's own memory has grown by what it notes of them.
        let after = bytes(&memory(&host).await["held"]["instances"]);
        (after < before + (512 << 10)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn over_the_bound_the_slowest_readers_close_with_1013_and_others_hear_on() {
    let host = sessions::start(
        "[limits]\nmessage = \"1 MiB\"\noutbound = \"64 MiB\"\nsite_memory = \"32 MiB\"\n",
    )
    .await;
    let (mut ann, mut bob) = (host.connect("/hooks").await, host.connect("/hooks").await);
    assert_eq!(bob.ask("subscribe:news").await, "ok");
    let mut slow = deaf(&host).await;
    let message = "x".repeat(512 << 10);
    let mut rounds = 0;
    // Bob reads each at once. The slow one keeps them.
    while ann.ask(&format!("others:news:{message}")).await == "heard by 2" {
        assert!(bob.text().await == message, "Bob hears all");
        rounds += 1;
        assert!(rounds < 400, "64 MiB and more would be held");
    }
    assert!(bob.text().await == message);
    assert!(rounds > 20, "{rounds}: the bound leaves room for 32 MiB less the instance");
    host.wait_for_log(&["1013", "`limits.site_memory`"]).await;
    let frames = slow.frames().await;
    assert!(frames.iter().take(frames.len() - 1).all(|frame| *frame == Frame::text(&message)));
    let last = frames.last().expect("a close frame");
    assert_eq!(last.payload.get(..2), Some(&1013_u16.to_be_bytes()[..]), "{last:?}");
    assert_eq!(bob.ask("hello").await, "hello");
    let held = memory(&host).await;
    assert!(bytes(&held["used"]) <= 32 << 20, "{held}");
    assert!(bytes(&held["highest"]) <= 34 << 20, "{held}");
}

#[tokio::test]
async fn many_who_read_nothing_take_no_more_than_the_bound() {
    const DEAF: usize = 60;
    let host = sessions::start(
        "[limits]\noutbound = \"16 MiB\"\nsite_memory = \"48 MiB\"\nclose_time = \"1s\"\n",
    )
    .await;
    let mut ann = host.connect("/hooks").await;
    let mut all = Vec::new();
    for _ in 0..DEAF {
        all.push(host.raw_socket("/hooks").await);
    }
    let before = host.peak_memory();
    // Each asks for 16 MiB of answers of its own, and reads none: 960 MiB.
    for deaf in &mut all {
        deaf.send(&[Frame::text("burst:250:65536")]).await;
    }
    // Few of them fit into the bound.
    eventually("the others to close", async || {
        let log = host.log();
        let closed = log.lines().filter(|line| line.contains("closing with 1013")).count();
        (closed >= DEAF - 4).then_some(())
    })
    .await;
    assert_eq!(ann.ask("hello").await, "hello");
    let grown = host.peak_memory() - before;
    assert!(grown < 160 << 20, "{} KiB", grown >> 10);
}

#[tokio::test]
async fn messages_that_are_never_complete_give_way_to_others() {
    const PEERS: usize = 12;
    let host = sessions::start(
        "[limits]\nmessage = \"4 MiB\"\noutbound = \"8 MiB\"\nsite_memory = \"16 MiB\"\n\
         close_time = \"10m\"\n",
    )
    .await;
    let mut ann = host.connect("/hooks").await;
    let mut peers = Vec::new();
    for _ in 0..PEERS {
        peers.push(host.raw_socket("/hooks").await);
    }
    for raw in &mut peers {
        // The head of a frame of 4 MiB, and most of its payload.
        let head = [&[0x82, 0xFF][..], &(4_u64 << 20).to_be_bytes(), &[0; 4]].concat();
        raw.write(head).await;
        raw.try_write(vec![0; 3 << 20]).await;
    }
    host.wait_for_log(&["closing with 1013", "`limits.site_memory`"]).await;
    eventually("room for others", async || {
        let held = memory(&host).await;
        (bytes(&held["used"]) <= 16 << 20).then_some(())
    })
    .await;
    assert_eq!(ann.ask("hello").await, "hello");
    assert_eq!(host.get("/counts").await.status, 200);
}

#[tokio::test]
async fn a_request_for_which_there_is_no_memory_is_503_and_says_the_bound() {
    let config = "[limits]\nsite_memory = \"2 MiB\"\nbody = \"8 MiB\"\n";
    let host = host().config(config).route("http", TRAP_HTTP).start().await;
    assert_eq!(host.get("/http").await.status, 200);
    let body = vec![b'x'; 4 << 20];
    let refused = host.send(Request::post("/http").body(body).expect("a request")).await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(refused.text().contains("`limits.site_memory` allows 2097152"), "{refused:?}");
    assert_eq!(host.get("/http").await.status, 200);
    let exceeded = host.command("status", &[]).await;
    assert!(exceeded.stdout.contains("limits.site_memory"), "{exceeded:?}");
}

#[tokio::test]
async fn an_instance_grows_within_the_sites_bound() {
    let config = "[limits]\nsite_memory = \"16 MiB\"\nmemory = \"64 MiB\"\n";
    let host = host().config(config).route("http", TRAP_HTTP).start().await;
    let refused = host.get("/http?how=memory").await;
    assert_eq!(refused.status, 503);
    host.wait_for_log(&["`limits.site_memory` allows 16777216"]).await;
    assert_eq!(host.get("/http?how=ok").await.status, 200, "another instance serves on");
    eventually("what the instance had to be given back", async || {
        (bytes(&memory(&host).await["held"]["instances"]) < 8 << 20).then_some(())
    })
    .await;
}

#[tokio::test]
async fn over_the_hosts_bound_only_the_greedy_site_pays() {
    let host = host()
        .file("lithe.toml", "[host]\nmemory = \"64 MiB\"\n")
        .file("evil.test/lithe.toml", "[limits]\noutbound = \"16 MiB\"\nclose_time = \"1s\"\n")
        .component("evil.test/plugins/sessions.wasm", SESSIONS)
        .component("good.test/plugins/sessions.wasm", SESSIONS)
        .start()
        .await;
    let mut good = host.connect_with("/hooks", &[("host", "good.test")]).await;
    let mut all = Vec::new();
    for _ in 0..40 {
        let mut raw = host.raw().await;
        let answer = raw.handshake("/hooks", &[("host", "evil.test")]).await;
        assert_eq!(answer.status, 101);
        raw.send(&[Frame::text("burst:250:65536")]).await;
        all.push(raw);
        assert_eq!(good.ask("hello").await, "hello");
    }
    host.wait_for_log(&["evil.test", "1013", "`host.memory`"]).await;
    assert_eq!(good.ask("hello").await, "hello");
    let modest = memory_of(&host, "good.test").await;
    assert!(bytes(&modest["used"]) < 32 << 20, "{modest}");
    let log = host.log();
    let modest = log.lines().find(|line| line.contains("good.test") && line.contains("memory`"));
    assert_eq!(modest, None);
    eventually("the greedy one to be within its part", async || {
        let greedy = memory_of(&host, "evil.test").await;
        (bytes(&greedy["used"]) < 64 << 20).then_some(())
    })
    .await;
}

#[tokio::test]
async fn values_that_are_idle_for_longest_make_room_for_others() {
    let host = sessions::start(
        "[limits]\nsite_memory = \"48 MiB\"\n[plugin.\"plugins/sessions.wasm\"]\nscope = \"param:id\"\n",
    )
    .await;
    // Together they would have 120 MiB.
    for room in 0..20 {
        let path = format!("/rooms/{room}/answer?bytes={}", 5 << 20);
        eventually("room for another value", async || {
            let answer = host.get(&path).await;
            (answer.status == 200).then(|| assert_eq!(answer.text().len(), 5 << 20))
        })
        .await;
    }
    host.wait_for_log(&["an idle instance was dropped", "`limits.site_memory` is reached"]).await;
    assert!(bytes(&memory(&host).await["held"]["instances"]) <= 48 << 20);
}

#[tokio::test]
async fn an_idle_site_gives_back_what_a_neighbour_within_its_part_needs() {
    let settings = "[limits]\nresponse = \"64 MiB\"\n";
    let replicas = "[plugin.\"plugins/sessions.wasm\"]\nreplicas = 3\n";
    let host = host()
        .file("lithe.toml", "[host]\nmemory = \"160 MiB\"\n")
        .file("evil.test/lithe.toml", format!("{settings}{replicas}"))
        .component("evil.test/plugins/sessions.wasm", SESSIONS)
        .file("good.test/lithe.toml", settings)
        .component("good.test/plugins/sessions.wasm", SESSIONS)
        .start()
        .await;
    let ask = async |site: &str, bytes: usize| {
        let request = Request::get(format!("/answer?bytes={bytes}")).header("host", site);
        host.send(request.body("").expect("a request")).await.status
    };
    assert_eq!(ask("good.test", 1).await, 200);
    for _ in 0..3 {
        assert_eq!(ask("evil.test", 33 << 20).await, 200);
    }
    let greedy = bytes(&memory_of(&host, "evil.test").await["held"]["instances"]);
    assert!(greedy > 100 << 20, "{greedy}");
    // The instance and the host hold an answer: 77 MiB of a part of 80.
    for mebibytes in (6..=38).step_by(8) {
        assert_eq!(ask("good.test", mebibytes << 20).await, 200, "{mebibytes} MiB");
    }
    host.wait_for_log(&["evil.test", "an idle instance was dropped", "`host.memory`"]).await;
    assert_eq!(ask("good.test", 38 << 20).await, 200);
    assert_eq!(ask("evil.test", 1).await, 200, "another instance serves on");
}

#[tokio::test]
async fn headers_of_an_answer_are_bounded() {
    let host = sessions::start("").await;
    let answer = host.get("/answer?header=30000").await;
    assert_eq!((answer.status, answer.header("x-large").map(str::len)), (200, Some(30_000)));
    let refused = host.get("/answer?header=33000").await;
    assert_eq!((refused.status, refused.header("x-large")), (500, None));
    host.wait_for_log(&["bytes of headers, `limits.headers` allows 32"]).await;
}

#[tokio::test]
async fn unread_errors_of_guests_are_charged() {
    let host = sessions::start("").await;
    let before = bytes(&memory(&host).await["held"]["bodies"]);
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut raw = host.raw().await;
        raw.write("GET /answer?fail=14000000 HTTP/1.1\r\nhost: a\r\n\r\n").await;
        clients.push(raw);
    }
    eventually("the errors to be held", async || {
        (bytes(&memory(&host).await["held"]["bodies"]) >= before + 4 * 14_000_000).then_some(())
    })
    .await;
    drop(clients);
    eventually("the errors to be gone", async || {
        (bytes(&memory(&host).await["held"]["bodies"]) == before).then_some(())
    })
    .await;
}
