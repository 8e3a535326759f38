//! What shares an instance, and what the host answers itself.

use lithe_tests::TestHost;
use lithe_tests::artifacts::{BENCH_PUBLISH, HOSTILE_HOOKS, PING};

use crate::host;

/// How many sockets the instance that answers has seen opened.
async fn opened(host: &TestHost, path: &str) -> u64 {
    host.get(path).await.json()["opened"].as_u64().expect("the guest counts")
}

#[tokio::test]
async fn a_plugin_is_one_instance_unless_the_site_says_otherwise() {
    let host = host().route("hooks", HOSTILE_HOOKS).start().await;
    let mut client = host.connect("/hooks").await;
    client.ask("hi").await;
    assert_eq!(opened(&host, "/hooks").await, 1);
}

#[tokio::test]
async fn each_value_of_a_parameter_can_have_an_instance() {
    let config = "[plugin.\"routes/rooms/[id].wasm\"]\nscope = \"param:id\"\n";
    let host = host().config(config).route("rooms/[id]", HOSTILE_HOOKS).start().await;
    let mut first = host.connect("/rooms/1").await;
    let mut second = host.connect("/rooms/1").await;
    let mut other = host.connect("/rooms/2").await;
    for client in [&mut first, &mut second, &mut other] {
        assert_eq!(client.ask("hi").await, "hi");
    }
    assert_eq!(opened(&host, "/rooms/1").await, 2);
    assert_eq!(opened(&host, "/rooms/2").await, 1);
    assert_eq!(opened(&host, "/rooms/3").await, 0);
}

#[tokio::test]
async fn each_connection_can_have_an_instance() {
    let config = "[plugin.\"routes/hooks.wasm\"]\nscope = \"connection\"\n";
    let host = host().config(config).route("hooks", HOSTILE_HOOKS).start().await;
    let mut survivor = host.connect("/hooks?pinned").await;
    let mut other = host.connect("/hooks?pinned").await;
    assert_eq!(opened(&host, "/hooks").await, 0);
    other.send("panic").await;
    assert_eq!(other.closed().await.0, 1011);
    assert_eq!(survivor.ask("still here").await, "still here");
}

#[tokio::test]
async fn replicas_take_turns_and_topics_span_them() {
    let file = "routes/publish.wasm";
    let config = format!("[plugin.\"{file}\"]\nreplicas = 2\n");
    let host = host().config(&config).component(file, BENCH_PUBLISH).start().await;
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(host.connect("/publish").await);
    }
    // Each has subscribed when it hears itself.
    for (at, client) in clients.iter_mut().enumerate() {
        let text = format!("from {at}");
        client.send(&text).await;
        while client.text().await != text {}
    }
    clients[0].send("to all").await;
    for client in &mut clients {
        while client.text().await != "to all" {}
    }
}

#[tokio::test]
async fn the_host_answers_what_the_site_has_an_answer_for() {
    let config =
        "[plugin.\"routes/hooks.wasm\"]\nauto_response = { ping = \"pong from the host\" }\n";
    let host = host().config(config).route("hooks", HOSTILE_HOOKS).start().await;
    let mut client = host.connect("/hooks").await;
    assert_eq!(client.ask("ping").await, "pong from the host");
    assert_eq!(client.ask("hello").await, "hello");
    let log = host.get("/hooks").await.json();
    assert_eq!(log["messages"], 1, "the guest heard only what the host did not answer");
}

#[tokio::test]
async fn what_the_host_answers_wakes_no_instance() {
    let config = "[limits]\nidle_after = \"1s\"\n\
                  [plugin.\"routes/hooks.wasm\"]\nstateless = true\n\
                  auto_response = { ping = \"pong\" }\n";
    let host = host().config(config).route("hooks", HOSTILE_HOOKS).start().await;
    let mut client = host.connect("/hooks").await;
    assert_eq!(client.ask("hello").await, "hello");
    host.wait_for_log(&["hibernating", "sockets=1"]).await;
    let asked = tokio::time::Instant::now();
    while asked.elapsed() < std::time::Duration::from_secs(3) {
        assert_eq!(client.ask("ping").await, "pong");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let naps = host.log().matches("hibernating").count();
    assert_eq!(naps, 1, "an instance that was woken would have been dropped again");
    let log = host.get("/hooks").await.json();
    assert_eq!((&log["opened"], &log["messages"]), (&0.into(), &0.into()), "a fresh instance");
}

#[tokio::test]
async fn settings_for_a_component_that_is_not_there_are_refused() {
    let config = "[plugin.\"routes/pong.wasm\"]\nreplicas = 2\n";
    let refusal = host().config(config).route("ping", PING).end().await;
    refusal.says(&["lithe.toml", "`routes/pong.wasm`", "not a component"]);
}
