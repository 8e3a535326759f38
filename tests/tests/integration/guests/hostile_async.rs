use lithe_tests::artifacts::HOSTILE_ASYNC;

use super::faults;
use crate::host;

#[tokio::test]
async fn a_fault_closes_with_1011() {
    faults::a_fault_closes_with_1011("/async").await;
}

#[tokio::test]
async fn a_loop_holds_nobody_else_up() {
    faults::a_loop_holds_nobody_else_up("/async", "/hooks").await;
}

#[tokio::test]
async fn sessions_whose_state_was_in_the_instance_close_with_it() {
    let host = faults::all_kinds().await;
    let mut other = host.connect("/async").await;
    assert_eq!(other.ask("before").await, "before");
    let mut trapping = host.connect("/async").await;
    trapping.send("panic").await;
    assert_eq!(trapping.closed().await, (1011, String::new()));
    assert_eq!(other.closed().await, (1011, String::new()));
    assert_eq!(host.connect("/async").await.ask("after").await, "after");
}

#[tokio::test]
async fn a_session_that_returns_closes_with_1000() {
    let host = host().route("async", HOSTILE_ASYNC).start().await;
    let mut client = host.connect("/async").await;
    client.send("return").await;
    assert_eq!(client.closed().await, (1000, String::new()));
}

#[tokio::test]
async fn an_event_can_be_upgraded_only_once() {
    let host = host().route("async", HOSTILE_ASYNC).start().await;
    let response = host.handshake("/async?twice", &[]).await;
    assert_eq!(response.status, 500);
    host.wait_for_log(&["upgraded the same event twice", "routes/async.wasm"]).await;
    assert_eq!(host.connect("/async").await.ask("hello").await, "hello");
}
