use lithe_tests::artifacts::CHAT;
use lithe_tests::{TestHost, eventually};

use crate::host;

async fn chat() -> TestHost {
    host().route("chat", CHAT).start().await
}

async fn connections(host: &TestHost) -> u64 {
    host.get("/chat").await.json()["connections"].as_u64().expect("a number")
}

#[tokio::test]
async fn everyone_hears_who_joins_says_something_and_leaves() {
    let host = chat().await;
    let mut ann = host.connect("/chat").await;
    assert_eq!(ann.text().await, "User joined (1 online)");
    let mut bob = host.connect("/chat").await;
    assert_eq!(ann.text().await, "User joined (2 online)");
    assert_eq!(bob.text().await, "User joined (2 online)");
    assert_eq!(bob.ask("hi").await, "Message: hi");
    assert_eq!(ann.text().await, "Message: hi");
    assert_eq!(connections(&host).await, 2);
    ann.close(1000, "").await;
    ann.closed().await;
    assert_eq!(bob.text().await, "User left (1 online)");
    assert_eq!(connections(&host).await, 1);
}

#[tokio::test]
async fn a_client_that_is_cut_off_leaves_too() {
    let host = chat().await;
    let mut ann = host.connect("/chat").await;
    assert_eq!(ann.text().await, "User joined (1 online)");
    let (bob, carol) = (host.raw_socket("/chat").await, host.raw_socket("/chat").await);
    assert_eq!(ann.text().await, "User joined (2 online)");
    assert_eq!(ann.text().await, "User joined (3 online)");
    drop(bob);
    assert_eq!(ann.text().await, "User left (2 online)");
    carol.reset();
    assert_eq!(ann.text().await, "User left (1 online)");
    drop(ann);
    eventually("an empty room", async || (connections(&host).await == 0).then_some(())).await;
}

#[tokio::test]
async fn plain_http_gets_the_name_the_count_and_instructions() {
    let about = chat().await.get("/chat").await.json();
    assert_eq!(about["name"], "Lithe Chat Room");
    assert_eq!(about["connections"], 0);
    assert!(about["instructions"].as_str().unwrap().contains("WebSocket client"));
}
