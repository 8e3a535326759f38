//! A poll as one app: no vote is lost, whatever happens to its instance.

use std::collections::BTreeMap;

use http::Request;
use lithe_tests::artifacts::SWAP_POLL;
use lithe_tests::components::tagged;
use lithe_tests::{Client, TestHost, eventually};

use crate::host;

const PLUGIN: &str = "plugins/poll.wasm";

type Tally = BTreeMap<String, u32>;

fn tally(text: &str) -> Tally {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

async fn vote(host: &TestHost, option: &str) -> Tally {
    let request = Request::post(format!("/votes/{option}")).body("").expect("it is a request");
    tally(host.send(request).await.text())
}

/// Votes by a request and by a message; each of the clients hears both, and counts never go back.
async fn votes(host: &TestHost, clients: &mut [Client], before: &mut Tally) {
    let by_request = vote(host, "tea").await;
    clients[0].send("coffee").await;
    for (option, by) in [("tea", Some(&by_request)), ("coffee", None)] {
        *before.entry(option.to_owned()).or_default() += 1;
        assert!(by.is_none_or(|heard| heard == before), "{by:?}, not {before:?}");
        for client in &mut *clients {
            assert_eq!(&tally(&client.text().await), before);
        }
    }
    assert_eq!(&tally(host.get("/votes").await.text()), before);
}

#[tokio::test]
async fn three_clients_idle_time_and_three_swaps_cost_no_vote() {
    let config = "[limits]\nidle_after = \"100ms\"\n";
    let host = host().config(config).component(PLUGIN, SWAP_POLL).start().await;
    let mut counted = Tally::new();
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = host.connect("/live").await;
        assert_eq!(tally(&client.text().await), counted);
        clients.push(client);
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    for version in 1..=3 {
        votes(&host, &mut clients, &mut counted).await;
        let naps = host.log().matches("hibernating").count();
        eventually("an idle instance", async || {
            (host.log().matches("hibernating").count() > naps).then_some(())
        })
        .await;
        if version == 2 {
            // It is awake at this swap, and idle at the others.
            votes(&host, &mut clients, &mut counted).await;
        }
        let file = folder.path().join("poll.wasm");
        std::fs::write(&file, tagged(SWAP_POLL, version)).expect("it can be written");
        let deployed = host.command("deploy", &[PLUGIN, &file.to_string_lossy()]).await;
        let said = deployed.succeeded();
        assert!(said.contains("3 sockets moved") && !said.contains("memory"), "{said}");
        assert_eq!(tally(host.get("/votes").await.text()), counted);
        votes(&host, &mut clients, &mut counted).await;
    }
    host.command("rollback", &[PLUGIN]).await.succeeded();
    votes(&host, &mut clients, &mut counted).await;
    let mut newcomer = host.connect("/live").await;
    assert_eq!(tally(&newcomer.text().await), counted);
}
