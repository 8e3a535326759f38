use std::time::Duration;

use lithe_tests::artifacts::TRAP_HTTP;
use lithe_tests::{eventually, sooner_than};

use super::faults;
use crate::host;

#[tokio::test]
async fn a_fault_is_answered_and_the_next_request_is_served() {
    faults::a_fault_in_a_handler_is_answered("/http").await;
}

#[tokio::test]
async fn a_loop_holds_nobody_else_up() {
    faults::a_loop_in_a_handler_holds_nobody_else_up("/http").await;
}

#[tokio::test]
async fn an_error_tells_the_client_nothing_and_the_log_everything() {
    let host = host().route("http", TRAP_HTTP).start().await;
    let response = host.get("/http?how=fail").await;
    assert_eq!((response.status, response.text()), (500, "Internal Server Error"));
    host.wait_for_log(&["a secret of the guest", "routes/http.wasm"]).await;
}

#[tokio::test]
async fn an_answer_that_http_does_not_allow_is_500() {
    let host = host().route("http", TRAP_HTTP).start().await;
    for (how, logged) in [("status101", "status 101"), ("badheader", "`bad name`")] {
        let response = host.get(&format!("/http?how={how}")).await;
        assert_eq!((response.status, response.text()), (500, "Internal Server Error"), "{how}");
        host.wait_for_log(&[logged]).await;
    }
    let response = host.handshake("/http?how=status101", &[]).await;
    assert_eq!(response.status, 500);
}

#[tokio::test]
async fn a_guest_that_prints_for_ever_is_stopped() {
    let host = host().config("[limits]\nrequest_cpu = \"500ms\"\n").route("http", TRAP_HTTP);
    let host = host.start().await;
    let response = host.get("/http?how=print").await;
    assert_eq!((response.status, response.text()), (504, "Gateway Timeout"));
    // Its own failure may be left out of the log by then.
    host.wait_for_log(&["`limits.request_cpu` was exceeded"]).await;
    assert_eq!(host.get("/http").await.text(), "ok");
}

#[tokio::test]
async fn requests_run_in_parallel_and_a_wait_is_bounded() {
    let config = "[limits]\nrequest_time = \"2s\"\n";
    let host = host().config(config).route("http", TRAP_HTTP).start().await;
    let slow = host.get("/http?how=sleep&ms=60000");
    let slow = sooner_than(Duration::from_secs(30), "the end of its time", slow);
    let quick = async {
        for _ in 0..5 {
            assert_eq!(host.get("/http").await.text(), "ok");
        }
    };
    let (slow, ()) = tokio::join!(slow, quick);
    assert_eq!((slow.status, slow.text()), (504, "Gateway Timeout"));
    host.wait_for_log(&["`limits.request_time`"]).await;
}

#[tokio::test]
async fn the_locals_of_a_request_are_bounded_together() {
    let host = host().route("http", TRAP_HTTP).start().await;
    assert_eq!(host.get("/http?how=local&n=65536").await.status, 200);
    assert_eq!(host.get("/http?how=local&n=65537").await.status, 500);
    host.wait_for_log(&["the locals of a request are over 65536 bytes"]).await;
}

#[tokio::test]
async fn a_line_that_is_too_long_becomes_several() {
    const MOST: usize = 8 * 1024;
    let host = host().route("http", TRAP_HTTP).start().await;
    for (length, lines) in [(MOST, vec![MOST]), (MOST + 1, vec![MOST, 1])] {
        let logged = || {
            let log = host.log();
            let lengths = log.lines().map(|line| line.matches('Q').count());
            lengths.filter(|length| *length > 0).collect::<Vec<_>>()
        };
        let before = logged().len();
        assert_eq!(host.get(&format!("/http?how=line&n={length}")).await.status, 200);
        eventually("the lines are logged", async || (logged()[before..] == lines).then_some(()))
            .await;
    }
}
