//! `/rooms/[id]`: what one client sends, every client in that room gets.

use http::Request;
use serde_json::json;

use crate::{TestHost, eventually};

async fn members(host: &TestHost, path: &str, room: &str) -> u64 {
    let about = host.get(&format!("{path}/{room}")).await.json();
    assert_eq!(about["room"], room);
    about["members"].as_u64().expect("a number")
}

/// Waits until a room has so many members, because a session begins a moment after its 101.
async fn has(host: &TestHost, path: &str, room: &str, count: u64) {
    let what = format!("{count} in the room `{room}`");
    eventually(&what, async || (members(host, path, room).await == count).then_some(())).await;
}

/// # Panics
/// The host does not keep this promise.
pub async fn a_room_hears_what_is_said_in_it_and_nothing_else(host: &TestHost, path: &str) {
    let mut ann = host.connect(&format!("{path}/1")).await;
    let mut bob = host.connect(&format!("{path}/1")).await;
    let mut eve = host.connect(&format!("{path}/2")).await;
    has(host, path, "1", 2).await;
    has(host, path, "2", 1).await;
    assert_eq!(ann.ask("for one").await, "for one");
    assert_eq!(bob.text().await, "for one");
    ann.send_binary(vec![0, 255]).await;
    assert_eq!(ann.binary().await, vec![0, 255]);
    assert_eq!(bob.binary().await, vec![0, 255]);
    assert_eq!(eve.ask("for two").await, "for two");
    assert_eq!(bob.ask("for one again").await, "for one again");
    assert_eq!(ann.text().await, "for one again");
}

/// # Panics
/// The host does not keep this promise.
pub async fn a_client_that_leaves_or_is_cut_off_is_not_counted(host: &TestHost, path: &str) {
    let mut ann = host.connect(&format!("{path}/blue")).await;
    let bob = host.raw_socket(&format!("{path}/blue")).await;
    let carol = host.raw_socket(&format!("{path}/blue")).await;
    has(host, path, "blue", 3).await;
    drop(bob);
    carol.reset();
    has(host, path, "blue", 1).await;
    assert_eq!(ann.ask("alone").await, "alone");
    ann.close(1000, "").await;
    ann.closed().await;
    has(host, path, "blue", 0).await;
}

/// # Panics
/// The host does not keep this promise.
pub async fn a_name_is_decoded_and_belongs_to_get(host: &TestHost, path: &str) {
    let mut ann = host.connect(&format!("{path}/caf%C3%A9")).await;
    assert_eq!(ann.ask("here").await, "here");
    let about = host.get(&format!("{path}/caf%c3%a9")).await.json();
    assert_eq!(about, json!({ "room": "café", "members": 1 }));
    let response =
        host.send(Request::post(format!("{path}/1")).body("").expect("the path is valid")).await;
    assert_eq!((response.status, response.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
}
