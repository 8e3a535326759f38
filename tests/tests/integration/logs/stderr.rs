//! Where nobody reads standard error, or it cannot be written, all else goes on.

use std::fs::File;
use std::io::{BufRead as _, BufReader, pipe};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use http::Request;
use lithe_tests::artifacts::{ECHO, SPEAKS};
use lithe_tests::{Builder, Signal, TestHost, eventually, within};

use crate::host;

fn site() -> Builder {
    host().route("speaks", SPEAKS)
}

async fn says(host: &TestHost, how: &str, text: impl Into<String>) -> u16 {
    let request = Request::post(format!("/speaks?how={how}")).body(text.into());
    host.send(request.expect("it is a request")).await.status
}

/// Requests, sockets, changes of the site and a graceful stop, each with its log lines.
async fn goes_on(mut host: TestHost) {
    for (how, status) in [("print", 200), ("error", 500), ("panic", 500), ("header-name", 500)] {
        assert_eq!(says(&host, how, "bad\nname").await, status, "{how}");
    }
    let mut socket = host.connect("/speaks").await;
    socket.send("fail:as told").await;
    assert_eq!(socket.closed().await.0, 1011);
    for (bad, good) in [("bad-one", "one"), ("bad-two", "two")] {
        host.site.write(format!("routes/{bad}.wasm"), "not WebAssembly");
        host.site.copy(&format!("routes/{good}.wasm"), Path::new(ECHO));
        host.site.remove(&format!("routes/{bad}.wasm"));
        let path = format!("/{good}");
        eventually("the new file is served", async || {
            (host.get(&path).await.status != 404).then_some(())
        })
        .await;
    }
    let mut socket = host.connect("/speaks").await;
    assert_eq!(socket.ask("hello").await, "hello");
    host.signal(Signal::TERM);
    assert_eq!(socket.closed().await.0, 1001);
    assert_eq!(host.exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_host_goes_on_with_standard_error_closed() {
    goes_on(site().redirected("2>&-").start().await).await;
}

#[tokio::test]
async fn a_host_goes_on_where_the_disk_of_the_log_is_full() {
    let full = File::options().write(true).open("/dev/full").expect("the system has it");
    goes_on(site().stderr(full).start().await).await;
}

#[tokio::test]
async fn a_host_goes_on_where_the_reader_of_the_log_has_left() {
    let (reader, writer) = pipe().expect("there are files left");
    let host = site().stderr(writer).start().await;
    drop(reader);
    goes_on(host).await;
}

#[tokio::test]
async fn dev_goes_on_where_the_reader_of_its_reports_has_left() {
    let (reader, writer) = pipe().expect("there are files left");
    let host = site().command("dev").stderr(writer).start().await;
    drop(reader);
    goes_on(host).await;
}

#[tokio::test]
async fn a_reader_that_stalls_holds_up_no_request_and_is_told_what_it_missed() {
    let (reader, writer) = pipe().expect("there are files left");
    let host = site().config("[limits]\nlog_per_second = 0\n").stderr(writer).start().await;
    // Each time more than a pipe and the queue have room for: ten lines for each request.
    let flood = async || {
        for _ in 0..300 {
            assert_eq!(host.get("/speaks?how=print&size=80000").await.status, 200);
        }
    };
    flood().await;
    let peak = host.peak_memory();
    flood().await;
    let grown = host.peak_memory().saturating_sub(peak);
    assert!(grown < 8 * 1024 * 1024, "{grown} bytes more than before");
    let reading = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
        let missed = lines.find(|line| line.contains("WARN log: dropped "));
        // Read until the host stops, which then has nothing to wait for.
        std::thread::spawn(move || lines.count());
        missed
    });
    let missed = within("the line that says it", reading).await.expect("it reads");
    let missed = missed.expect("the log says what was dropped");
    let count = missed.split("dropped ").nth(1).and_then(|rest| rest.split(' ').next());
    let count: u32 = count.and_then(|count| count.parse().ok()).expect("it says a number");
    assert!(count > 1_000, "{missed}");
}

#[tokio::test]
async fn a_reader_that_stalls_does_not_hold_up_the_end() {
    let (_reader, writer) = pipe().expect("there are files left");
    let mut host = site().config("[limits]\nlog_per_second = 0\n").stderr(writer).start().await;
    for _ in 0..30 {
        assert_eq!(host.get("/speaks?how=print&size=80000").await.status, 200);
    }
    host.signal(Signal::TERM);
    assert_eq!(host.exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_host_starts_where_its_address_cannot_be_printed() {
    let free = TcpListener::bind("127.0.0.1:0").expect("there are ports left");
    let address: SocketAddr = free.local_addr().expect("it is bound");
    drop(free);
    let mut host = site().redirected(">/dev/full").start_at(address).await;
    let answer = async || (host.get("/speaks").await.status == 200).then_some(());
    eventually("the site", answer).await;
    host.signal(Signal::TERM);
    assert_eq!(host.exit().await.code(), Some(0));
}

#[tokio::test]
async fn an_error_of_a_command_is_the_last_line_and_is_not_lost() {
    let ended = site().config("unknown = 1\n").end().await;
    ended.says(&["unknown"]);
    let ended =
        host().component("routes/bad.wasm", SPEAKS).file("routes/worse.wasm", "x").end().await;
    ended.says(&["worse"]);
}
