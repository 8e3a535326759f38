use lithe_tests::artifacts::PRESENCE;
use lithe_tests::{Client, TestHost, eventually};
use serde_json::{Value, json};

use crate::host;

async fn presence(config: &str) -> TestHost {
    host().config(config).route("presence", PRESENCE).start().await
}

fn online<const N: usize>(names: [&str; N]) -> Value {
    json!({ "online": N, "names": names.as_slice() })
}

async fn heard(client: &mut Client) -> Value {
    serde_json::from_str(&client.text().await).expect("it is JSON")
}

#[tokio::test]
async fn everyone_hears_who_comes_and_who_goes() {
    let host = presence("").await;
    let mut bob = host.connect("/presence?name=Bob").await;
    assert_eq!(heard(&mut bob).await, online(["Bob"]));
    let mut ann = host.connect("/presence?name=Ann").await;
    for client in [&mut bob, &mut ann] {
        assert_eq!(heard(client).await, online(["Ann", "Bob"]));
    }
    assert_eq!(host.get("/presence").await.json(), online(["Ann", "Bob"]));
    ann.close(1000, "").await;
    ann.closed().await;
    assert_eq!(heard(&mut bob).await, online(["Bob"]));
    host.raw_socket("/presence?name=Zo%C3%AB").await.reset();
    assert_eq!(heard(&mut bob).await, online(["Bob", "Zoë"]));
    assert_eq!(heard(&mut bob).await, online(["Bob"]));
}

#[tokio::test]
async fn nobody_is_forgotten_while_the_instance_sleeps() {
    let host = presence(
        "[limits]\nidle_after = \"300ms\"\n[plugin.\"routes/presence.wasm\"]\nstateless = true\n",
    )
    .await;
    let mut ann = host.connect("/presence?name=Ann").await;
    assert_eq!(heard(&mut ann).await, online(["Ann"]));
    let mut bob = host.connect("/presence?name=Bob").await;
    for client in [&mut ann, &mut bob] {
        assert_eq!(heard(client).await, online(["Ann", "Bob"]));
    }
    host.wait_for_log(&["hibernating", "sockets=2", "routes/presence.wasm"]).await;
    let mut cat = host.connect("/presence?name=Cat").await;
    for client in [&mut ann, &mut bob, &mut cat] {
        assert_eq!(heard(client).await, online(["Ann", "Bob", "Cat"]));
    }
    host.wait_for_log(&["hibernating", "sockets=3"]).await;
    bob.close(1000, "").await;
    bob.closed().await;
    for client in [&mut ann, &mut cat] {
        assert_eq!(heard(client).await, online(["Ann", "Cat"]));
    }
    host.wait_for_log(&["hibernating", "sockets=2"]).await;
    assert_eq!(host.get("/presence").await.json(), online(["Ann", "Cat"]));
}

#[tokio::test]
async fn a_name_is_bounded_and_not_demanded() {
    let host = presence("").await;
    for bad in [String::new(), "x".repeat(41)] {
        let refused = host.handshake(&format!("/presence?name={bad}"), &[]).await;
        assert_eq!(refused.status, 400, "{bad}");
        assert!(refused.text().contains("`name`"), "{}", refused.text());
    }
    assert_eq!(host.get("/presence").await.json(), online([]));
    let mut nameless = host.connect("/presence").await;
    assert_eq!(heard(&mut nameless).await, online(["anonymous"]));
}

#[tokio::test]
async fn plain_http_may_only_ask() {
    let host = presence("").await;
    let response = host.send(http::Request::post("/presence").body("").unwrap()).await;
    assert_eq!((response.status, response.header("allow")), (405, Some("GET")));
}

#[tokio::test]
async fn a_hundred_come_and_go_and_the_count_is_right() {
    let host = presence("").await;
    let mut clients = Vec::new();
    for number in 0..100 {
        clients.push(host.connect(&format!("/presence?name=guest-{number}")).await);
    }
    are_online(&host, 100).await;
    clients.truncate(10);
    let names: Vec<String> = (0..10).map(|number| format!("guest-{number}")).collect();
    assert_eq!(are_online(&host, 10).await["names"], json!(names));
}

async fn are_online(host: &TestHost, count: usize) -> Value {
    eventually(&format!("{count} to be online"), async || {
        let now = host.get("/presence").await.json();
        (now["online"] == count).then_some(now)
    })
    .await
}
