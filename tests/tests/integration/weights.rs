//! What a site holds by its account is what the host holds in memory, and it goes back.

use std::time::Duration;

use lithe_tests::{Frame, Raw, TestHost, eventually};
use serde_json::Value;

use crate::guests::sessions;

const MIB: usize = 1 << 20;

/// How far the account may be from the resident memory, in hundredths of it.
const TOLERANCE: usize = 25;

/// So many bytes are a load that other things do not hide.
const LOAD: usize = 64 * MIB;

const SETTINGS: &str = "[limits]\noutbound = \"32 MiB\"\nbody = \"4 MiB\"\n[deflate]\nenabled = true\n\
    [plugin.\"plugins/sessions.wasm\"]\nscope = \"param:id\"\n";

/// What the site's account says, in bytes.
async fn account(host: &TestHost) -> usize {
    let status = host.command("status", &["--json"]).await;
    status.succeeded();
    let status: Value = serde_json::from_str(&status.stdout).expect("it is JSON");
    let used = status["memory"]["used"].as_u64().expect("a number of bytes");
    used.try_into().expect("it fits")
}

/// A host that has done each once, so that what the first one costs does not count.
async fn start() -> TestHost {
    let host = sessions::start(SETTINGS).await;
    let mut ann = host.connect("/rooms/0").await;
    assert_eq!(ann.ask("hello").await, "hello");
    assert_eq!(host.get("/rooms/0/answer?bytes=1000").await.text().len(), 1000);
    host
}

/// How long pages may be resident that the allocator has back: it returns them within ten seconds.
const BACK: Duration = Duration::from_secs(30);

/// Waits until the load is there and stays, and compares.
async fn compare(host: &TestHost, before: (usize, usize)) {
    let mut last = 0;
    eventually("the load", async || {
        let now = account(host).await;
        let is_there = now == last && now >= before.0 + LOAD;
        last = now;
        is_there.then_some(())
    })
    .await;
    let account = last - before.0;
    let resident = || host.resident_memory() - before.1;
    let is_right = |resident: usize| account.abs_diff(resident) * 100 <= resident * TOLERANCE;
    let settled = async {
        while !is_right(resident()) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let settled = tokio::time::timeout(BACK, settled).await;
    let shown = format!("{} KiB by the account, {} KiB resident", account >> 10, resident() >> 10);
    assert!(settled.is_ok(), "{shown}");
}

async fn weigh(load: impl AsyncFnOnce(&TestHost) -> Vec<Raw>) {
    let host = start().await;
    let before = (account(&host).await, host.resident_memory());
    let held = load(&host).await;
    compare(&host, before).await;
    drop(held);
}

/// Sockets whose messages wait, because they read nothing.
async fn unread_messages(host: &TestHost) -> Vec<Raw> {
    let mut deaf = Vec::new();
    for _ in 0..10 {
        let mut raw = host.raw_socket("/rooms/0").await;
        raw.send(&[Frame::text("burst:250:65536")]).await;
        deaf.push(raw);
    }
    deaf
}

#[tokio::test]
async fn unread_messages_weigh_what_the_account_says() {
    weigh(unread_messages).await;
}

/// So many clients that have written this, and read nothing.
async fn clients(host: &TestHost, count: usize, written: &[u8]) -> Vec<Raw> {
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut raw = host.raw().await;
        raw.write(written).await;
        clients.push(raw);
    }
    clients
}

#[tokio::test]
async fn bodies_weigh_what_the_account_says() {
    let length = 3 * MIB;
    let head = format!("POST /later HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
    let written = [head.as_bytes(), &vec![b'x'; length - 1]].concat();
    weigh(async |host| clients(host, 40, &written).await).await;
}

#[tokio::test]
async fn unread_answers_weigh_what_the_account_says() {
    let length = 14 * MIB;
    let request = format!("GET /rooms/0/answer?bytes={length} HTTP/1.1\r\nhost: a\r\n\r\n");
    weigh(async |host| clients(host, 12, request.as_bytes()).await).await;
}

#[tokio::test]
async fn windows_weigh_what_the_account_says() {
    weigh(async |host| {
        let offer = [("sec-websocket-extensions", "permessage-deflate")];
        let mut sockets = Vec::new();
        for number in 0..400 {
            let mut raw = host.raw().await;
            assert_eq!(raw.handshake("/rooms/0", &offer).await.status, 101);
            let text: String =
                (0..4_000).map(|at| char::from(b'a' + (at * number % 26) as u8)).collect();
            raw.send(&[Frame::text(&text)]).await;
            assert!(raw.frame().await.is_some());
            sockets.push(raw);
        }
        sockets
    })
    .await;
}

#[tokio::test]
async fn instances_weigh_what_the_account_says() {
    weigh(async |host| {
        for room in 1..=16 {
            let answer = host.get(&format!("/rooms/{room}/answer?bytes={}", 6 * MIB)).await;
            assert_eq!(answer.text().len(), 6 * MIB);
        }
        Vec::new()
    })
    .await;
}

#[tokio::test]
async fn memory_goes_back_to_the_system_after_a_burst() {
    let host = start().await;
    let before = host.resident_memory();
    let held = unread_messages(&host).await;
    eventually("the burst", async || (host.resident_memory() > before + LOAD).then_some(())).await;
    drop(held);
    let is_back = async {
        while host.resident_memory() > before + before / 5 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let back = tokio::time::timeout(BACK, is_back).await;
    assert!(back.is_ok(), "{} KiB of {} KiB", host.resident_memory() >> 10, before >> 10);
}
