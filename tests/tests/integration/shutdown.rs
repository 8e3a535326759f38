//! SIGTERM and SIGINT: what is open is closed, what is running is finished.

use std::time::Duration;

use lithe_tests::artifacts::{HOSTILE_ASYNC, HOSTILE_HOOKS, HOSTILE_SESSION, TRAP_HTTP};
use lithe_tests::{Signal, TestHost, sooner_than};

use crate::host;

async fn all_kinds() -> TestHost {
    host()
        .route("hooks", HOSTILE_HOOKS)
        .route("async", HOSTILE_ASYNC)
        .route("session", HOSTILE_SESSION)
        .route("http", TRAP_HTTP)
        .start()
        .await
}

#[tokio::test]
async fn sockets_of_each_kind_close_with_1001() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut host = all_kinds().await;
        let mut clients = Vec::new();
        for path in ["/hooks", "/async", "/session"] {
            let mut client = host.connect(path).await;
            assert_eq!(client.ask("hello").await, "hello");
            clients.push(client);
        }
        host.signal(signal);
        for client in &mut clients {
            assert_eq!(client.closed().await.0, 1001);
        }
        assert_eq!(host.exit().await.code(), Some(0));
    }
}

#[tokio::test]
async fn a_request_in_flight_is_finished() {
    let mut host = all_kinds().await;
    let mut raw = host.raw().await;
    raw.write("GET /http?how=sleep&ms=500 HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    host.wait_for_log(&["sleeping"]).await;
    host.signal(Signal::TERM);
    let response = raw.response().await;
    assert_eq!((response.status, response.text()), (200, "ok"));
    assert_eq!(host.exit().await.code(), Some(0));
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_the_end_up() {
    let mut host = all_kinds().await;
    let mut raw = host.raw().await;
    raw.write("GET /http HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(raw.response().await.status, 200);
    let _silent = host.raw().await;
    host.signal(Signal::TERM);
    assert_eq!(host.exit().await.code(), Some(0));
}

#[tokio::test]
async fn what_does_not_end_is_dropped_after_the_time_for_it() {
    let config = "[server]\nshutdown_time = \"300ms\"\n";
    let mut host = host().config(config).route("http", TRAP_HTTP).start().await;
    let mut raw = host.raw().await;
    raw.write("GET /http?how=sleep&ms=60000 HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    host.wait_for_log(&["sleeping"]).await;
    host.signal(Signal::TERM);
    let default = Duration::from_secs(10);
    sooner_than(default, "the end after `server.shutdown_time`", host.exit()).await;
    host.wait_for_log(&["stopping with 1 connections open"]).await;
}
