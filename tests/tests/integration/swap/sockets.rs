//! What becomes of sockets: those that can move do, and the others drain.

use lithe_tests::artifacts::{
    SWAP_BARE, SWAP_SESSION_V1, SWAP_SESSION_V2, SWAP_V1, SWAP_V2, SWAP_V3,
};
use lithe_tests::{TestHost, eventually, within};

use super::{PLUGIN, deploy, status, v1};
use crate::host;

#[tokio::test]
async fn a_socket_goes_on_with_the_new_version() {
    let host = v1().await;
    let offer = [("sec-websocket-protocol", "chat")];
    let mut client = host.connect_with("/swap?protocol=chat", &offer).await;
    assert_eq!(client.ask("one").await, "v1:one");
    assert_eq!(client.ask("attach:mine").await, "v1:attach:mine");
    assert_eq!(client.ask("subscribe:news").await, "v1:subscribe:news");
    let id = client.ask("id").await;

    let said = deploy(&host, SWAP_V2).await;
    assert!(
        said.contains("replaced routes/swap.wasm") && said.contains("1 socket moved"),
        "{said}"
    );

    assert_eq!(client.ask("two").await, "v2:two");
    assert_eq!(client.ask("id").await, id);
    assert_eq!(client.ask("attachment").await, "mine");
    assert_eq!(client.ask("protocol").await, "chat");
    assert_eq!(client.ask("publish:news:hello").await, "hello");
    assert_eq!(host.get("/swap").await.text(), "v2");
}

#[tokio::test]
async fn the_new_version_is_told_of_each_socket_once_before_its_events() {
    let host = v1().await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(host.connect("/swap?resumed").await);
    }
    for client in &mut clients {
        assert_eq!(client.ask("1").await, "v1:1");
    }
    deploy(&host, SWAP_V2).await;
    for client in &mut clients {
        client.send("2").await;
        assert_eq!(client.text().await, "resumed:v2");
        assert_eq!(client.text().await, "v2:2");
    }
    // What it says then goes out although the socket is quiet.
    deploy(&host, SWAP_V3).await;
    for client in &mut clients {
        assert_eq!(client.text().await, "resumed:v3");
        assert_eq!(client.ask("3").await, "v3:3");
    }
}

#[tokio::test]
async fn a_version_that_cannot_resume_a_socket_closes_it_and_no_other() {
    let host = v1().await;
    let mut well = host.connect("/swap").await;
    let mut ill = host.connect("/swap?resume-trap").await;
    assert_eq!(ill.ask("1").await, "v1:1");
    assert_eq!(well.ask("1").await, "v1:1");
    deploy(&host, SWAP_V2).await;
    assert_eq!(ill.closed().await.0, 1011);
    assert_eq!(well.ask("2").await, "v2:2");
}

/// Sends numbered messages without waiting, and expects each answer in order. Once an answer of the
/// new version has come, the previous version answers no more.
#[tokio::test]
async fn nothing_is_lost_doubled_or_reordered_while_versions_take_over() {
    const SOCKETS: usize = 40;
    const MESSAGES: usize = 1_500;
    let host = v1().await;
    let mut sessions = Vec::new();
    for _ in 0..SOCKETS {
        let (mut sender, mut receiver) = host.connect("/swap").await.split();
        let sending = tokio::spawn(async move {
            for number in 0..MESSAGES {
                sender.send(&number.to_string()).await;
                if number % 20 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            sender
        });
        let receiving = tokio::spawn(async move {
            let mut versions = vec!["v1".to_owned()];
            for number in 0..MESSAGES {
                let text = receiver.text().await;
                let (version, own) = text.split_once(':').expect("it names the version");
                assert_eq!(own, number.to_string());
                if versions.last().is_some_and(|last| last != version) {
                    versions.push(version.to_owned());
                }
            }
            (versions, receiver)
        });
        sessions.push((sending, receiving));
    }
    let mut swaps = 0;
    while sessions.iter().any(|(sending, _)| !sending.is_finished()) || swaps < 4 {
        deploy(&host, [SWAP_V2, SWAP_V3][swaps % 2]).await;
        swaps += 1;
    }
    for (sending, receiving) in sessions {
        let _sender = within("all sent", sending).await.expect("nothing is lost");
        let (versions, _receiver) =
            within("all received", receiving).await.expect("all are in order");
        // Each version takes over from the other. None comes back except by a swap.
        assert!(versions.len() <= swaps + 1, "{versions:?} after {swaps} swaps");
        assert!(versions[1..].iter().all(|version| version != "v1"), "{versions:?}");
    }
}

#[tokio::test]
async fn a_swap_waits_for_the_call_that_runs_and_keeps_what_comes_in_that_time() {
    let host = v1().await;
    let (mut busy, mut other) = (host.connect("/swap").await, host.connect("/swap").await);
    assert_eq!(other.ask("0").await, "v1:0");
    busy.send("sleep:700").await;
    busy.send("after").await;
    let deploying = deploy(&host, SWAP_V2);
    let sending = async { other.ask("meanwhile").await };
    let (_, answer) = tokio::join!(deploying, sending);
    assert!(["v1:meanwhile", "v2:meanwhile"].contains(&answer.as_str()), "{answer}");
    assert_eq!(busy.text().await, "v1:sleep:700");
    // Both may have come in one event.
    let after = busy.text().await;
    assert!(["v1:after", "v2:after"].contains(&after.as_str()), "{after}");
}

#[tokio::test]
async fn a_request_in_flight_ends_on_the_version_that_it_began_with() {
    let host = host().route("swap", SWAP_SESSION_V1).start().await;
    let slow = async { host.get("/swap?sleep=700").await.text().to_owned() };
    let swapping = async {
        deploy(&host, SWAP_SESSION_V2).await;
        assert_eq!(host.get("/swap").await.text(), "v2");
    };
    let (slow, ()) = tokio::join!(slow, swapping);
    assert_eq!(slow, "v1");
}

async fn drains_to(host: &TestHost, sockets: usize) {
    eventually("the draining version", async || {
        let status = status(host).await;
        let draining = status["draining"].as_array().expect("a list").clone();
        let open: u64 = draining.iter().filter_map(|version| version["sockets"].as_u64()).sum();
        (open == sockets as u64).then_some(())
    })
    .await;
}

#[tokio::test]
async fn pinned_sockets_and_blocking_sessions_drain() {
    for (first, second, path) in
        [(SWAP_V1, SWAP_V2, "/swap?pinned"), (SWAP_SESSION_V1, SWAP_SESSION_V2, "/swap")]
    {
        let host = host().route("swap", first).start().await;
        let mut old = host.connect(path).await;
        assert_eq!(old.ask("1").await, "v1:1");
        let said = deploy(&host, second).await;
        assert!(said.contains("1 socket draining"), "{said}");
        assert_eq!(old.ask("2").await, "v1:2");
        let mut new = host.connect(path).await;
        assert_eq!(new.ask("1").await, "v2:1");
        drains_to(&host, 1).await;
        old.close(1000, "").await;
        assert_eq!(old.closed().await.0, 1000);
        drains_to(&host, 0).await;
        assert_eq!(new.ask("2").await, "v2:2");
    }
}

#[tokio::test]
async fn what_still_drains_when_the_time_is_up_closes_with_1012() {
    for (first, second, path) in
        [(SWAP_V1, SWAP_V2, "/swap?pinned"), (SWAP_SESSION_V1, SWAP_SESSION_V2, "/swap")]
    {
        let host =
            host().route("swap", first).config("[swap]\ndrain_time = \"300ms\"\n").start().await;
        let mut old = host.connect(path).await;
        assert_eq!(old.ask("1").await, "v1:1");
        deploy(&host, second).await;
        assert_eq!(old.closed().await.0, 1012);
        drains_to(&host, 0).await;
    }
}

#[tokio::test]
async fn of_too_many_versions_that_drain_the_oldest_close() {
    /// `MAX_VERSIONS` of the host.
    const MOST: usize = 64;
    let host = host().route("swap", SWAP_V1).config("[swap]\ndrain_time = \"1d\"\n").start().await;
    let mut clients = Vec::new();
    for number in 0..MOST + 2 {
        let (now, next) = match number % 2 {
            0 => ("v1", SWAP_V2),
            _ => ("v2", SWAP_V1),
        };
        let mut client = host.connect("/swap?pinned").await;
        assert_eq!(client.ask("1").await, format!("{now}:1"));
        deploy(&host, next).await;
        clients.push(client);
    }
    for old in &mut clients[..2] {
        assert_eq!(old.closed().await.0, 1012);
    }
    assert_eq!(clients[2].ask("2").await, "v1:2", "it drains");
}

#[tokio::test]
async fn topics_span_the_version_that_drains_and_the_one_that_serves() {
    let host = v1().await;
    let mut old = host.connect("/swap?pinned").await;
    assert_eq!(old.ask("subscribe:news").await, "v1:subscribe:news");
    deploy(&host, SWAP_V2).await;
    let mut new = host.connect("/swap").await;
    new.send("publish:news:hello").await;
    assert_eq!(old.text().await, "hello");
}

#[tokio::test]
async fn sockets_drain_where_the_new_version_is_of_another_kind() {
    let host = v1().await;
    let mut old = host.connect("/swap").await;
    assert_eq!(old.ask("1").await, "v1:1");
    let said = deploy(&host, SWAP_SESSION_V2).await;
    assert!(said.contains("1 socket draining"), "{said}");
    assert_eq!(old.ask("2").await, "v1:2");
    let mut new = host.connect("/swap").await;
    assert_eq!(new.ask("1").await, "v2:1");
}

#[tokio::test]
async fn a_version_without_the_optional_exports_takes_sockets_over() {
    let host = v1().await;
    let mut client = host.connect("/swap?resumed").await;
    assert_eq!(client.ask("1").await, "v1:1");
    deploy(&host, SWAP_BARE).await;
    assert_eq!(client.ask("2").await, "bare:2");
    deploy(&host, SWAP_V2).await;
    client.send("3").await;
    assert_eq!(client.text().await, "resumed:v2");
    assert_eq!(client.text().await, "v2:3");
}

#[tokio::test]
async fn sockets_of_each_scope_move() {
    for scope in ["scope = \"param:id\"", "scope = \"connection\"", "replicas = 3"] {
        let config = format!("[plugin.\"routes/swap/[id].wasm\"]\n{scope}\n");
        let host = host().route("swap/[id]", SWAP_V1).config(&config).start().await;
        let mut clients = Vec::new();
        for id in 0..6 {
            let mut client = host.connect(&format!("/swap/{}", id % 3)).await;
            assert_eq!(client.ask("1").await, "v1:1", "{scope}");
            clients.push((id, client));
        }
        let counts = |scope: &str| match scope {
            "scope = \"connection\"" => "1",
            _ => "2",
        };
        let deployed = host.command("deploy", &["routes/swap/[id].wasm", SWAP_V2]).await;
        assert!(deployed.succeeded().contains("6 sockets moved"), "{scope}: {deployed:?}");
        for (_, client) in &mut clients {
            assert_eq!(client.ask("count").await, counts(scope), "{scope}");
        }
        for (id, client) in &mut clients {
            assert_eq!(client.ask(&id.to_string()).await, format!("v2:{id}"), "{scope}");
        }
    }
}

#[tokio::test]
async fn a_changed_scope_moves_sockets_to_where_they_belong() {
    let plugin = "routes/swap/[id].wasm";
    let host = host().route("swap/[id]", SWAP_V1).start().await;
    let (mut one, mut two) = (host.connect("/swap/1").await, host.connect("/swap/2").await);
    assert_eq!(one.ask("1").await, "v1:1");
    assert_eq!(two.ask("1").await, "v1:1");
    host.site.configure("", &format!("[plugin.\"{plugin}\"]\nscope = \"param:id\"\n"));
    host.wait_for_log(&["reloaded routes/swap/[id].wasm", "2 sockets moved"]).await;
    host.wait_for_log(&["begins with empty memory", "its `scope` has changed"]).await;
    assert_eq!(one.ask("2").await, "v1:2");
    assert_eq!(one.ask("count").await, "1");
    assert_eq!(two.ask("count").await, "0");
}

#[tokio::test]
async fn a_removed_component_drains() {
    let host = host().route("swap", SWAP_V1).route("other", SWAP_BARE).start().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("1").await, "v1:1");
    host.site.remove(PLUGIN);
    host.wait_for_log(&["removed routes/swap.wasm", "1 socket draining"]).await;
    assert_eq!(host.get("/swap").await.status, 404);
    assert_eq!(client.ask("2").await, "v1:2");
    host.site.copy(PLUGIN, SWAP_V2.as_ref());
    host.wait_for_log(&["added routes/swap.wasm"]).await;
    assert_eq!(host.get("/swap").await.text(), "v2");
}
