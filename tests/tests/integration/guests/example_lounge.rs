use lithe_tests::artifacts::LOUNGE;
use lithe_tests::{Client, TestHost, eventually};
use serde_json::json;

use crate::host;

async fn lounge() -> TestHost {
    host().route("lounge", LOUNGE).start().await
}

async fn hears(client: &mut Client, expected: &[&str]) {
    for text in expected {
        assert_eq!(client.text().await, *text);
    }
}

#[tokio::test]
async fn everyone_hears_who_comes_says_something_and_goes() {
    let host = lounge().await;
    let mut ann = host.connect("/lounge?name=Ann").await;
    hears(&mut ann, &["* Ann has joined"]).await;
    let mut guest = host.connect("/lounge").await;
    for client in [&mut ann, &mut guest] {
        hears(client, &["* guest-1 has joined"]).await;
    }
    guest.send("hello").await;
    for client in [&mut ann, &mut guest] {
        hears(client, &["guest-1: hello"]).await;
    }
    assert_eq!(guest.ask("/who").await, "* here: Ann, guest-1");
    guest.close(1000, "").await;
    guest.closed().await;
    hears(&mut ann, &["* guest-1 has left"]).await;
    host.raw_socket("/lounge?name=Zo%C3%AB").await.reset();
    hears(&mut ann, &["* Zoë has joined", "* Zoë has left"]).await;
}

#[tokio::test]
async fn newcomers_hear_the_last_50_messages() {
    let host = lounge().await;
    let mut ann = host.connect("/lounge?name=Ann").await;
    hears(&mut ann, &["* Ann has joined"]).await;
    for number in 0..60 {
        assert_eq!(ann.ask(&number.to_string()).await, format!("Ann: {number}"));
    }
    let mut bob = host.connect("/lounge?name=Bob").await;
    for number in 10..60 {
        assert_eq!(bob.text().await, format!("Ann: {number}"));
    }
    hears(&mut bob, &["* Bob has joined"]).await;
}

#[tokio::test]
async fn plain_http_gets_members_and_messages() {
    let host = lounge().await;
    assert_eq!(host.get("/lounge").await.json(), json!({ "members": [], "history": [] }));
    let mut ann = host.connect("/lounge?name=Ann").await;
    hears(&mut ann, &["* Ann has joined"]).await;
    assert_eq!(ann.ask("hello").await, "Ann: hello");
    let history = json!([{ "name": "Ann", "text": "hello" }]);
    let expected = json!({ "members": ["Ann"], "history": history });
    assert_eq!(host.get("/lounge").await.json(), expected);
    drop(ann);
    eventually("Ann to be gone", async || {
        let lounge = host.get("/lounge").await.json();
        (lounge == json!({ "members": [], "history": history })).then_some(())
    })
    .await;
    let response = host.send(http::Request::post("/lounge").body("").unwrap()).await;
    assert_eq!((response.status, response.header("allow")), (405, Some("GET")));
}

#[tokio::test]
async fn nothing_is_forgotten_while_the_instance_sleeps() {
    let config = "[limits]\nidle_after = \"300ms\"\n";
    let host = host().config(config).route("lounge", LOUNGE).start().await;
    let mut ann = host.connect("/lounge?name=Ann").await;
    hears(&mut ann, &["* Ann has joined"]).await;
    assert_eq!(ann.ask("hello").await, "Ann: hello");
    host.wait_for_log(&["hibernating", "sockets=1", "routes/lounge.wasm"]).await;
    let mut guest = host.connect("/lounge").await;
    hears(&mut guest, &["Ann: hello", "* guest-1 has joined"]).await;
    assert_eq!(guest.ask("/who").await, "* here: Ann, guest-1");
}

#[tokio::test]
async fn names_and_messages_are_bounded() {
    let host = lounge().await;
    for bad in ["", "%20", &"x".repeat(41)] {
        let refused = host.handshake(&format!("/lounge?name={bad}"), &[]).await;
        assert_eq!(refused.status, 400, "{bad}");
        assert!(refused.text().contains("`name`"), "{}", refused.text());
    }
    let mut ann = host.connect("/lounge?name=Ann").await;
    hears(&mut ann, &["* Ann has joined"]).await;
    assert_eq!(ann.ask(&"x".repeat(1001)).await, "* at most 1000 characters, please");
    assert_eq!(host.get("/lounge").await.json()["history"], json!([]));
}
