//! A share of the requests, and of the connections, gets the new version first.

use http::Request;
use lithe_tests::TestHost;
use lithe_tests::artifacts::{SWAP_EVENTS_TRAP, SWAP_UNHEALTHY, SWAP_V1, SWAP_V2, SWAP_V3};

use super::{PLUGIN, status, v1};
use crate::host;

async fn canary(host: &TestHost, component: &str, split: &[&str]) {
    let arguments = [&[PLUGIN, component], split].concat();
    let deployed = host.command("deploy", &arguments).await;
    assert!(deployed.succeeded().contains("as a canary"), "{deployed:?}");
}

/// How many of so many requests each version answers.
async fn answers(host: &TestHost, requests: usize) -> (usize, usize) {
    let mut counts = (0, 0);
    for _ in 0..requests {
        match host.get("/swap").await.text() {
            "v1" => counts.0 += 1,
            "v2" => counts.1 += 1,
            other => panic!("{other} answers"),
        }
    }
    counts
}

#[tokio::test]
async fn a_share_of_requests_and_connections_gets_it_until_it_is_promoted() {
    let host = v1().await;
    let mut old = host.connect("/swap").await;
    assert_eq!(old.ask("1").await, "v1:1");
    canary(&host, SWAP_V2, &["--share", "25%"]).await;
    assert_eq!(answers(&host, 40).await, (30, 10));
    let mut clients = Vec::new();
    let mut new = 0;
    for _ in 0..8 {
        let mut client = host.connect("/swap").await;
        new += usize::from(client.ask("1").await == "v2:1");
        clients.push(client);
    }
    assert_eq!(new, 2);
    assert_eq!(old.ask("2").await, "v1:2", "open sockets stay where they are");
    let status = status(&host).await;
    assert_eq!(status["canary"]["split"], "25% of the requests", "{status}");
    let kept = std::fs::read(host.site.folder().join(PLUGIN)).expect("it is there");
    assert_eq!(kept, std::fs::read(SWAP_V1).expect("it is there"), "nothing is written yet");

    // A dry run leaves both memories as they are, although both versions serve.
    let tried = host.command("promote", &["--dry-run"]).await;
    assert!(tried.succeeded().contains("7 sockets moving"), "{tried:?}");
    let promoted = host.command("promote", &[]).await;
    assert!(promoted.succeeded().contains("7 sockets moved"), "{promoted:?}");
    assert_eq!(answers(&host, 5).await, (0, 5));
    assert_eq!(old.ask("3").await, "v2:3");
    // Both memories have become one.
    assert_eq!(old.ask("count").await, "11");
    for client in &mut clients {
        assert_eq!(client.ask("2").await, "v2:2");
    }
    let kept = std::fs::read(host.site.folder().join(PLUGIN)).expect("it is there");
    assert_eq!(kept, std::fs::read(SWAP_V2).expect("it is there"));
    host.command("rollback", &[PLUGIN]).await.succeeded();
    assert_eq!(old.ask("4").await, "v1:4");
}

#[tokio::test]
async fn a_header_chooses_it_until_it_is_dropped() {
    let host = v1().await;
    canary(&host, SWAP_V2, &["--header", "x-canary: yes"]).await;
    assert_eq!(answers(&host, 5).await, (5, 0));
    let get = Request::get("/swap").header("x-canary", "yes").body("").expect("it is a request");
    assert_eq!(host.send(get.clone()).await.text(), "v2");
    let mut client = host.connect_with("/swap", &[("x-canary", "yes")]).await;
    assert_eq!(client.ask("1").await, "v2:1");
    let tried = host.command("drop", &["--dry-run"]).await;
    assert!(tried.succeeded().contains("1 socket moving"), "{tried:?}");
    let dropped = host.command("drop", &[]).await;
    assert!(dropped.succeeded().contains("1 socket moved"), "{dropped:?}");
    assert_eq!(client.ask("count").await, "1");
    assert_eq!(client.ask("2").await, "v1:2");
    assert_eq!(host.send(get).await.text(), "v1");
    assert!(status(&host).await["canary"].is_null());
}

#[tokio::test]
async fn while_a_canary_is_served_nothing_else_changes() {
    let host = v1().await;
    host.command("promote", &[]).await.says(&["no canary is being served"]);
    host.command("drop", &[]).await.says(&["no canary is being served"]);
    canary(&host, SWAP_V2, &["--share", "50%"]).await;
    for command in [&["deploy", PLUGIN, SWAP_V3][..], &["rollback", PLUGIN]] {
        let refused = host.command(command[0], &command[1..]).await;
        refused.says(&["a canary is being served: promote it or drop it first"]);
    }
    host.site.copy(PLUGIN, SWAP_V3.as_ref());
    host.wait_for_log(&["a canary is being served"]).await;
    assert_eq!(answers(&host, 4).await, (2, 2));
}

#[tokio::test]
async fn a_canary_of_what_is_served_already_does_not_begin() {
    let host = v1().await;
    for dry_run in [&["--dry-run"][..], &[]] {
        let arguments = [dry_run, &[PLUGIN, SWAP_V1, "--share", "50%"]].concat();
        let refused = host.command("deploy", &arguments).await;
        refused.says(&["these versions are served already", "nothing for a canary to try"]);
    }
    assert!(status(&host).await["canary"].is_null());
    // The next change does not wait for one.
    canary(&host, SWAP_V2, &["--share", "50%"]).await;
    assert_eq!(answers(&host, 4).await, (2, 2));
}

#[tokio::test]
async fn what_is_no_share_is_refused() {
    let host = v1().await;
    for (arguments, word) in [
        (["--share", "5"], "`5` is not a share"),
        (["--share", "0%"], "`0%` is not a share: write a percentage over 0"),
        (["--header", "x"], "`x` is not a header"),
    ] {
        let arguments = [&[PLUGIN, SWAP_V2][..], &arguments].concat();
        host.command("deploy", &arguments).await.says(&[word]);
    }
    let arguments = [PLUGIN, SWAP_UNHEALTHY, "--share", "5%"];
    host.command("deploy", &arguments).await.says(&["is not healthy"]);
    assert_eq!(answers(&host, 3).await, (3, 0));
}

#[tokio::test]
async fn a_canary_that_fails_too_often_is_dropped() {
    let host = host()
        .route("swap", SWAP_V1)
        .config("[swap]\nmin_calls = 3\nmax_failures = 0.5\n")
        .start()
        .await;
    canary(&host, SWAP_EVENTS_TRAP, &["--header", "x-canary: yes"]).await;
    let get = || Request::get("/swap").header("x-canary", "yes").body("").expect("it is a request");
    for _ in 0..4 {
        assert_eq!(host.send(get()).await.status, 500);
    }
    host.wait_for_log(&["dropped the canary"]).await;
    assert_eq!(host.send(get()).await.text(), "v1");
}
