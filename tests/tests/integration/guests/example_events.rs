use std::time::{Duration, Instant};

use http::Request;
use lithe_tests::artifacts::EVENTS;
use lithe_tests::{Signal, TestHost, eventually};

use super::examples;
use crate::host;
use crate::streams::Streamed;

#[tokio::test]
async fn an_event_a_second_arrives_as_it_is_sent() {
    let host = examples().start().await;
    let asked = Instant::now();
    let mut events = Streamed::get(&host, "/events").await;
    assert_eq!(events.head.status, 200);
    assert_eq!(events.head.headers["content-type"], "text/event-stream");
    assert!(!events.head.headers.contains_key("content-length"));
    for number in 1..=5 {
        assert_eq!(events.text().await, format!("data: {number}\n\n"));
        let earliest = Duration::from_secs(number - 1);
        assert!(asked.elapsed() >= earliest, "{number} came after {:?}", asked.elapsed());
    }
}

#[tokio::test]
async fn each_client_has_a_stream_of_its_own() {
    let host = examples().start().await;
    let mut ann = Streamed::get(&host, "/events").await;
    assert_eq!(ann.text().await, "data: 1\n\n");
    assert_eq!(ann.text().await, "data: 2\n\n");
    let mut bob = Streamed::get(&host, "/events").await;
    let (three, one) = tokio::join!(ann.text(), bob.text());
    assert_eq!((three.as_str(), one.as_str()), ("data: 3\n\n", "data: 1\n\n"));
    drop(ann);
    assert_eq!(bob.text().await, "data: 2\n\n");
}

/// A site that can serve one stream at a time.
async fn only_one() -> TestHost {
    host().config("[limits]\ninstances = 1\n").route("events.get", EVENTS).start().await
}

async fn status(host: &TestHost) -> u16 {
    Streamed::get(host, "/events").await.head.status.as_u16()
}

#[tokio::test]
async fn it_ends_when_the_client_leaves() {
    let host = only_one().await;
    let mut events = Streamed::get(&host, "/events").await;
    assert_eq!(events.text().await, "data: 1\n\n");
    assert_eq!(status(&host).await, 503);
    assert_eq!(events.text().await, "data: 2\n\n");
    drop(events);
    eventually("room for another", async || (status(&host).await == 200).then_some(())).await;
    assert!(!host.log().contains("session failed"), "leaving is no failure");
}

#[tokio::test]
async fn head_has_no_body_and_leaves_nothing_behind() {
    let host = only_one().await;
    let response = host.send(Request::head("/events").body("").unwrap()).await;
    assert_eq!((response.status, response.text()), (200, ""));
    assert_eq!(response.header("content-type"), Some("text/event-stream"));
    eventually("room for another", async || (status(&host).await == 200).then_some(())).await;
}

#[tokio::test]
async fn a_host_that_stops_ends_the_stream_whole() {
    let mut host = examples().start().await;
    let mut events = Streamed::get(&host, "/events").await;
    assert_eq!(events.text().await, "data: 1\n\n");
    host.signal(Signal::TERM);
    assert!(events.rest().await.is_ok());
    assert_eq!(host.exit().await.code(), Some(0));
    assert!(!host.log().contains("connections open"), "{}", host.log());
}
