//! The memory of a shared instance is not lost, unless the site allows it or the log reports it.

use std::time::Duration;

use lithe_tests::artifacts::{HOSTILE_HOOKS, SWAP_V1, SWAP_V2, TRAP_HTTP};
use lithe_tests::{Builder, Response, TestHost, eventually};

use crate::host;

const IDLE: &str = "[limits]\nidle_after = \"50ms\"\n";

/// A site with hooks, and with a pool by which the test sees that instances were looked after.
fn site(config: &str) -> Builder {
    host().config(config).route("hooks", HOSTILE_HOOKS).route("http", TRAP_HTTP)
}

/// Waits until all instances have been looked after several times, each time after they had been
/// idle for longer than `limits.idle_after`: the pool drops its own then.
async fn sweeps(host: &TestHost) {
    for seen in 1..=3 {
        host.get("/http?how=count").await;
        let dropped = || host.log().matches("dropping idle instances").count();
        eventually("the sweep", async || (dropped() >= seen).then_some(())).await;
    }
}

/// Asks for the count until the answer is the expected one. The instance can hibernate in between.
async fn counted(host: &TestHost, is_expected: impl Fn(&Response) -> bool) {
    eventually("the answer", async || {
        tokio::time::sleep(Duration::from_millis(200)).await;
        is_expected(&host.get("/swap?count").await).then_some(())
    })
    .await;
}

/// How many sockets the instance that answers has seen opened.
async fn opened(host: &TestHost, path: &str) -> u64 {
    host.get(path).await.json()["opened"].as_u64().expect("the guest counts")
}

#[tokio::test]
async fn an_idle_instance_without_state_keeps_its_memory() {
    let host = site(IDLE).start().await;
    let mut client = host.connect("/hooks").await;
    assert_eq!(client.ask("one vote").await, "one vote");
    sweeps(&host).await;
    assert_eq!(client.ask("with a socket").await, "with a socket");
    assert_eq!(host.get("/hooks").await.json()["messages"], 2);
    client.close(1000, "").await;
    client.closed().await;
    sweeps(&host).await;
    assert_eq!(host.get("/hooks").await.json()["messages"], 2, "and without");
    assert!(!host.log().contains("hibernating"));
}

#[tokio::test]
async fn each_value_and_each_connection_keeps_its_memory() {
    for (scope, path) in [("param:id", "/rooms/1"), ("connection", "/rooms/1?pinned")] {
        let config = format!("{IDLE}[plugin.\"routes/rooms/[id].wasm\"]\nscope = \"{scope}\"\n");
        let host = site(&config).route("rooms/[id]", HOSTILE_HOOKS).start().await;
        let mut client = host.connect(path).await;
        // Each end that the instance has heard of is in its memory.
        assert_eq!(client.ask("hello").await, "hello", "{scope}");
        sweeps(&host).await;
        client.send("close:4000:bye").await;
        assert_eq!(client.closed().await.0, 4000);
        host.wait_for_log(&["ended after 2 messages: 4000"]).await;
        if scope == "param:id" {
            sweeps(&host).await;
            assert_eq!(opened(&host, "/rooms/1").await, 1, "without a socket, too");
        }
    }
}

#[tokio::test]
async fn an_instance_whose_memory_holds_nothing_is_dropped() {
    let config = format!("{IDLE}[plugin.\"routes/hooks.wasm\"]\nstateless = true\n");
    let host = site(&config).start().await;
    let mut client = host.connect("/hooks").await;
    assert_eq!(client.ask("hello").await, "hello");
    host.wait_for_log(&["hibernating", "sockets=1", "routes/hooks.wasm"]).await;
    assert_eq!(host.get("/hooks").await.json()["messages"], 0);
}

#[tokio::test]
async fn an_instance_whose_memory_holds_nothing_is_dropped_although_its_save_fails() {
    let config = format!("{IDLE}[plugin.\"routes/swap.wasm\"]\nstateless = true\n");
    let host = site(&config).route("swap", SWAP_V1).start().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("save:never").await, "v1:save:never");
    host.wait_for_log(&["WARN", "hibernating", "`save` answered: never, as told"]).await;
    assert_eq!(client.ask("count").await, "0", "it is a fresh one");
    assert!(!host.log().contains("stays in memory"));
}

#[tokio::test]
async fn what_the_instance_of_a_value_has_saved_comes_back() {
    let config = format!("{IDLE}[plugin.\"routes/swap/[id].wasm\"]\nscope = \"param:id\"\n");
    let host = site(&config).route("swap/[id]", SWAP_V1).start().await;
    let mut client = host.connect("/swap/1").await;
    assert_eq!(client.ask("vote").await, "v1:vote");
    client.close(1000, "").await;
    client.closed().await;
    drop(client);
    host.wait_for_log(&["hibernating", "routes/swap/[id].wasm"]).await;
    sweeps(&host).await;
    assert_eq!(host.connect("/swap/1").await.ask("count").await, "1");
}

#[tokio::test]
async fn an_instance_that_cannot_save_stays() {
    let host = site(&format!("{IDLE}state = 1\n")).route("swap", SWAP_V1).start().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("vote").await, "v1:vote");
    host.wait_for_log(&["stays in memory", "`limits.state`", "routes/swap.wasm"]).await;
    sweeps(&host).await;
    assert_eq!(client.ask("count").await, "1");
    assert_eq!(host.log().matches("stays in memory").count(), 1, "it is said once");
}

#[tokio::test]
async fn an_instance_whose_save_fails_stays_and_is_asked_again_after_its_next_event() {
    let host = site(IDLE).route("swap", SWAP_V1).start().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("save:never").await, "v1:save:never");
    host.wait_for_log(&["WARN", "stays in memory", "`save` answered: never, as told"]).await;
    sweeps(&host).await;
    assert_eq!(client.ask("1").await, "v1:1");
    sweeps(&host).await;
    assert_eq!(client.ask("count").await, "2");
    assert_eq!(host.log().matches("stays in memory").count(), 1, "it is said once");
    assert_eq!(client.ask("save:0").await, "v1:save:0");
    host.wait_for_log(&["hibernating", "sockets=1"]).await;
    assert_eq!(client.ask("count").await, "3");
}

#[tokio::test]
async fn what_a_new_instance_refuses_is_kept_for_the_next_event() {
    let host = host().config(IDLE).route("swap", SWAP_V1).start().await;
    let mut client = host.connect("/swap").await;
    let mut member = host.connect("/swap").await;
    let mut other = host.connect("/swap").await;
    assert_eq!(member.ask("subscribe:full").await, "v1:subscribe:full");
    assert_eq!(client.ask("save:refuse-while:full").await, "v1:save:refuse-while:full");
    counted(&host, |count| count.status == 500).await;
    assert_eq!(host.get("/swap?count").await.status, 500);
    other.send("hello").await;
    assert_eq!(other.closed().await.0, 1011);
    let why = "`restore` answered: `full` has a member, as told";
    host.wait_for_log(&["ERROR", "refused what an idle one had saved", why]).await;
    let shown = host.command("status", &[]).await;
    let said = format!("routes/swap.wasm could not restore its memory, and keeps it: {why}");
    assert!(shown.stdout.contains(&said), "{shown:?}");
    assert_eq!(host.log().matches("refused what an idle one had saved").count(), 1);

    member.close(1000, "").await;
    member.closed().await;
    counted(&host, |count| count.status == 200).await;
    assert_eq!(client.ask("count").await, "2");
    let shown = host.command("status", &[]).await;
    assert!(!shown.stdout.contains("could not restore"), "{shown:?}");
}

#[tokio::test]
async fn what_a_new_instance_refuses_is_kept_for_the_next_version() {
    let host = host().config(IDLE).route("swap", SWAP_V1).start().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("save:refuse-in:v1").await, "v1:save:refuse-in:v1");
    counted(&host, |count| count.status == 500).await;
    host.command("deploy", &["routes/swap.wasm", SWAP_V2]).await.succeeded();
    assert_eq!(client.ask("count").await, "1");
}

#[tokio::test]
async fn the_log_says_when_memory_is_lost_because_restoring_has_trapped() {
    let host = host().config(IDLE).route("swap", SWAP_V1).start().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("save:restore-trap").await, "v1:save:restore-trap");
    counted(&host, |count| count.text() == "0").await;
    host.wait_for_log(&["ERROR", "what an idle instance had saved is lost", "the guest trapped"])
        .await;
}

#[tokio::test]
async fn the_log_says_when_memory_is_lost_because_saving_has_failed() {
    let host = site(IDLE).route("swap", SWAP_V1).start().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("save:trap").await, "v1:save:trap");
    host.wait_for_log(&["ERROR", "the memory of an idle instance is lost", "routes/swap.wasm"])
        .await;
}

#[tokio::test]
async fn over_the_limit_the_value_that_is_idle_for_longest_makes_room() {
    let config = "[limits]\ninstances = 2\nidle_after = \"50ms\"\n\
                  [plugin.\"routes/rooms/[id].wasm\"]\nscope = \"param:id\"\n";
    let host = site(config).route("rooms/[id]", HOSTILE_HOOKS).start().await;
    for room in ["/rooms/one", "/rooms/two"] {
        let mut client = host.connect(room).await;
        assert_eq!(client.ask("hello").await, "hello");
        client.close(1000, "").await;
        client.closed().await;
    }
    // An answer comes after all that its instance had to do for the socket before. While the other
    // instance answers, the one that has answered comes to rest.
    assert_eq!(opened(&host, "/rooms/two").await, 1);
    for _ in 0..10 {
        assert_eq!(opened(&host, "/rooms/one").await, 1);
    }
    eventually("room for a third", async || {
        (host.get("/rooms/three").await.status == 200).then_some(())
    })
    .await;
    host.wait_for_log(&[
        "WARN",
        "routes/rooms/[id].wasm",
        "value=\"two\"",
        "`limits.instances` is reached",
    ])
    .await;
    assert_eq!(opened(&host, "/rooms/one").await, 1, "it was used later");

    // One that has a socket stays.
    let mut one = host.connect("/rooms/one").await;
    let mut three = host.connect("/rooms/three").await;
    assert_eq!(one.ask("hello").await, "hello");
    assert_eq!(three.ask("hello").await, "hello");
    assert_eq!(host.get("/rooms/four").await.status, 503);
    assert_eq!(opened(&host, "/rooms/one").await, 2);
    three.close(1000, "").await;
    three.closed().await;
    eventually("room for a fourth", async || {
        (host.get("/rooms/four").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(one.ask("still here").await, "still here");
}

#[tokio::test]
async fn the_log_says_when_memory_is_lost_by_a_trap() {
    let lost = ["WARN", "what the instance had in memory is lost with it", "routes/hooks.wasm"];
    for config in ["", "[plugin.\"routes/hooks.wasm\"]\nstateless = true\n"] {
        let host = site(config).start().await;
        let mut client = host.connect("/hooks").await;
        client.send("panic").await;
        assert_eq!(client.closed().await.0, 1011);
        assert_eq!(host.get("/hooks").await.json()["messages"], 0);
        match config {
            "" => drop(host.wait_for_log(&lost).await),
            _ => assert!(!host.log().contains(lost[1]), "there was nothing in it"),
        }
    }
}
