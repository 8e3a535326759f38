//! The versions that other tests swap: here each on its own.

use lithe_tests::TestHost;
use lithe_tests::artifacts::{
    SWAP_APP_V1, SWAP_APP_V2, SWAP_BARE, SWAP_EVENTS_TRAP, SWAP_HEALTH_HANGS, SWAP_HEALTH_TRAPS,
    SWAP_SESSION_V1, SWAP_SESSION_V2, SWAP_START_TRAPS, SWAP_UNHEALTHY, SWAP_V1, SWAP_V2, SWAP_V3,
};

use crate::host;

async fn start(component: &str) -> TestHost {
    host().route("swap", component).start().await
}

#[tokio::test]
async fn each_version_says_which_it_is() {
    for (component, version) in [
        (SWAP_V1, "v1"),
        (SWAP_V2, "v2"),
        (SWAP_V3, "v3"),
        (SWAP_BARE, "bare"),
        (SWAP_SESSION_V1, "v1"),
        (SWAP_SESSION_V2, "v2"),
    ] {
        let host = start(component).await;
        assert_eq!(host.get("/swap").await.text(), version);
        assert_eq!(host.get("/swap?sleep=10").await.text(), version);
        let mut client = host.connect("/swap").await;
        for number in 0..3 {
            assert_eq!(client.ask(&number.to_string()).await, format!("{version}:{number}"));
        }
        assert_eq!(client.ask("sleep:10").await, format!("{version}:sleep:10"));
        client.send("trap").await;
        assert_eq!(client.closed().await.0, 1011, "{version}");
        assert_eq!(host.get("/swap?trap").await.status, 500);
    }
}

#[tokio::test]
async fn each_version_of_the_app_says_which_it_is() {
    for (component, version) in [(SWAP_APP_V1, "v1"), (SWAP_APP_V2, "v2")] {
        let host = host().component("plugins/app.wasm", component).start().await;
        assert_eq!(host.get("/app/hooks").await.text(), version);
        for path in ["/app/hooks", "/app/async"] {
            let mut client = host.connect(path).await;
            assert_eq!(client.ask("1").await, format!("{version}:1"));
        }
    }
}

#[tokio::test]
async fn what_a_socket_has_is_asked_and_changed_by_messages() {
    let host = start(SWAP_V1).await;
    let offer = [("sec-websocket-protocol", "chat")];
    let mut client = host.connect_with("/swap?resumed&protocol=chat", &offer).await;
    assert_eq!(client.ask("protocol").await, "chat");
    assert_eq!(client.ask("id").await, "1");
    assert_eq!(client.ask("attachment").await, "resumed");
    assert_eq!(client.ask("subscribe:news").await, "v1:subscribe:news");
    assert_eq!(client.ask("publish:news:hello").await, "hello");
    assert_eq!(client.ask("count").await, "1");
    assert_eq!(host.get("/swap?count").await.text(), "1");
}

/// Until something takes over, nothing but the start, and events, can fail.
#[tokio::test]
async fn versions_that_fail_do_so_when_they_should() {
    for (component, version) in [
        (SWAP_UNHEALTHY, "unhealthy"),
        (SWAP_HEALTH_TRAPS, "health-traps"),
        (SWAP_HEALTH_HANGS, "health-hangs"),
    ] {
        assert_eq!(start(component).await.get("/swap").await.text(), version);
    }
    for (component, status) in [(SWAP_EVENTS_TRAP, 500), (SWAP_START_TRAPS, 503)] {
        let host = start(component).await;
        assert_eq!(host.get("/swap").await.status, status);
        assert_eq!(host.handshake("/swap", &[]).await.status, status);
    }
}
