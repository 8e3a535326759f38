//! What shares an instance, and what the host answers itself.

use lithe_tests::artifacts::{BENCH_PUBLISH, HOSTILE_HOOKS, PING, SESSIONS};
use lithe_tests::{Builder, Client, TestHost, eventually};

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

/// Two clients in one room and one in another. All of them are subscribed to `news`.
async fn three_people(host: &TestHost) -> [Client; 3] {
    let mut people = Vec::new();
    for room in ["a", "a", "b"] {
        let mut client = host.connect(&format!("/rooms/{room}")).await;
        assert_eq!(client.ask("subscribe:news").await, "ok");
        people.push(client);
    }
    people.try_into().expect("there are three")
}

fn rooms(config: &str) -> Builder {
    let config = format!("[plugin.\"plugins/sessions.wasm\"]\n{config}");
    host().config(&config).component("plugins/sessions.wasm", SESSIONS)
}

#[tokio::test]
async fn topics_members_and_publish_are_those_of_the_parameters_value() {
    let host = rooms("scope = \"param:id\"\n").start().await;
    let [mut ann, mut bob, mut cat] = three_people(&host).await;
    ann.send("publish:news:to my room").await;
    assert_eq!(ann.text().await, "to my room");
    assert_eq!(ann.text().await, "heard by 2");
    assert_eq!(bob.text().await, "to my room");
    assert_eq!(cat.ask("count:news").await, "1", "and nothing has come before it");
    assert_eq!(cat.ask("topics").await, "news");
    for (room, members) in [("a", "2"), ("b", "1"), ("c", "0")] {
        let topic = host.get(&format!("/rooms/{room}/members?topic=news")).await;
        let all = host.get(&format!("/rooms/{room}/members")).await;
        assert_eq!((topic.text(), all.text()), (members, members), "{room}");
    }
    assert_eq!(cat.ask("unsubscribe:news").await, "ok");
    assert_eq!(bob.ask("count:news").await, "2");
}

#[tokio::test]
async fn topics_span_the_values_on_request() {
    let host = rooms("scope = \"param:id\"\ntopics = \"plugin\"\n").start().await;
    let [mut ann, mut bob, mut cat] = three_people(&host).await;
    ann.send("publish:news:to all").await;
    for client in [&mut ann, &mut bob, &mut cat] {
        assert_eq!(client.text().await, "to all");
    }
    assert_eq!(ann.text().await, "heard by 3");
    assert_eq!(host.get("/rooms/c/members").await.text(), "3");
}

#[tokio::test]
async fn a_new_scope_is_that_of_open_sockets_too() {
    let host = rooms("").start().await;
    let [mut ann, mut bob, mut cat] = three_people(&host).await;
    let scoped = "[plugin.\"plugins/sessions.wasm\"]\nscope = \"param:id\"\n";
    host.site.configure("", scoped);
    host.wait_for_log(&["reloaded plugins/sessions.wasm", "3 sockets moved"]).await;
    assert_eq!(cat.ask("count:news").await, "1");
    ann.send("others:news:to my room").await;
    assert_eq!(ann.text().await, "heard by 1");
    assert_eq!(bob.text().await, "to my room");
    assert_eq!(cat.ask("topics").await, "news");
    cat.close(1000, "").await;
    cat.closed().await;
    eventually("nobody in the room", async || {
        (host.get("/rooms/b/members").await.text() == "0").then_some(())
    })
    .await;
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
    // Each is subscribed when it gets its own message.
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
