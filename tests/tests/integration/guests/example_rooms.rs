use http::Request;
use lithe_tests::{TestHost, eventually};
use serde_json::json;

use super::examples;

async fn members(host: &TestHost, room: &str) -> u64 {
    let about = host.get(&format!("/rooms/{room}")).await.json();
    assert_eq!(about["room"], room);
    about["members"].as_u64().expect("a number")
}

/// Waits until a room has so many: a session begins a moment after its 101.
async fn has(host: &TestHost, room: &str, count: u64) {
    let what = format!("{count} in the room `{room}`");
    eventually(&what, async || (members(host, room).await == count).then_some(())).await;
}

#[tokio::test]
async fn a_room_hears_what_is_said_in_it_and_nothing_else() {
    let host = examples().start().await;
    let mut ann = host.connect("/rooms/1").await;
    let mut bob = host.connect("/rooms/1").await;
    let mut eve = host.connect("/rooms/2").await;
    has(&host, "1", 2).await;
    has(&host, "2", 1).await;
    assert_eq!(ann.ask("for one").await, "for one");
    assert_eq!(bob.text().await, "for one");
    ann.send_binary(vec![0, 255]).await;
    assert_eq!(ann.binary().await, vec![0, 255]);
    assert_eq!(bob.binary().await, vec![0, 255]);
    assert_eq!(eve.ask("for two").await, "for two");
    assert_eq!(bob.ask("for one again").await, "for one again");
    assert_eq!(ann.text().await, "for one again");
}

#[tokio::test]
async fn whoever_leaves_or_is_cut_off_is_counted_no_more() {
    let host = examples().start().await;
    let mut ann = host.connect("/rooms/blue").await;
    let bob = host.raw_socket("/rooms/blue").await;
    let carol = host.raw_socket("/rooms/blue").await;
    has(&host, "blue", 3).await;
    drop(bob);
    carol.reset();
    has(&host, "blue", 1).await;
    assert_eq!(ann.ask("alone").await, "alone");
    ann.close(1000, "").await;
    ann.closed().await;
    has(&host, "blue", 0).await;
}

#[tokio::test]
async fn a_name_is_decoded_and_belongs_to_get() {
    let host = examples().start().await;
    let mut ann = host.connect("/rooms/caf%C3%A9").await;
    assert_eq!(ann.ask("here").await, "here");
    let about = host.get("/rooms/caf%c3%a9").await.json();
    assert_eq!(about, json!({ "room": "café", "members": 1 }));
    let response = host.send(Request::post("/rooms/1").body("").unwrap()).await;
    assert_eq!((response.status, response.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
}
