//! Several sites on one listener.

use http::Request;
use lithe_tests::artifacts::{
    HOSTILE_HOOKS, HOSTILE_SESSION, SWAP_V1, SWAP_V2, SWAP_V3, TIMERS, TRAP_HTTP,
};
use lithe_tests::{Builder, Client, Response, Task, TestHost};

use crate::guests::faults::{ANSWERS, TURN, cpu_of_workers};
use crate::host;

/// The answer to a request for this host.
async fn get(host: &TestHost, name: &str, path: &str) -> Response {
    let request = Request::get(path).header("host", name).body("").expect("it is a request");
    host.send(request).await
}

async fn connect(host: &TestHost, name: &str, path: &str) -> Client {
    host.connect_with(path, &[("host", name)]).await
}

/// Two sites with different versions of the same plugin.
fn two() -> Builder {
    host()
        .component("a.test/routes/swap.wasm", SWAP_V1)
        .component("b.test/routes/swap.wasm", SWAP_V2)
        .file("b.test/lithe.toml", "hosts = [\"b.test\", \"*.b.test\", \"c.test\"]\n")
}

#[tokio::test]
async fn the_host_chooses_the_site() {
    let host = two().start().await;
    for (name, version) in [
        ("a.test", "v1"),
        ("A.Test", "v1"),
        ("a.test:8080", "v1"),
        ("a.test.", "v1"),
        ("b.test", "v2"),
        ("x.b.test", "v2"),
        ("y.x.b.test", "v2"),
        ("c.test", "v2"),
    ] {
        assert_eq!(get(&host, name, "/swap").await.text(), version, "{name}");
        assert_eq!(connect(&host, name, "/swap").await.ask("1").await, format!("{version}:1"));
    }
    let mut raw = host.raw().await;
    raw.write("GET http://b.test/swap HTTP/1.1\r\nhost: a.test\r\n\r\n").await;
    assert_eq!(raw.response().await.text(), "v2", "the target goes before the header");
}

#[tokio::test]
async fn another_host_is_answered_421() {
    let host = two().start().await;
    for name in ["d.test", "x.a.test", "b.test.evil", "localhost", "127.0.0.1"] {
        let refused = get(&host, name, "/swap").await;
        assert_eq!(refused.status, 421, "{name}");
        assert!(refused.header("x-request-id").is_some());
        assert_eq!(host.handshake("/swap", &[("host", name)]).await.status, 421, "{name}");
    }
    for wrong in ["", "a b", "a.test, b.test"] {
        assert_eq!(get(&host, wrong, "/swap").await.status, 400, "`{wrong}`");
    }
}

#[tokio::test]
async fn a_single_site_with_hosts_answers_for_no_others() {
    let host = host().route("swap", SWAP_V1).config("hosts = [\"a.test\"]\n").start().await;
    assert_eq!(get(&host, "a.test", "/swap").await.text(), "v1");
    assert_eq!(host.get("/swap").await.status, 421);
}

#[tokio::test]
async fn a_site_comes_changes_and_goes_while_others_are_served() {
    let host = two().start().await;
    let mut a = connect(&host, "a.test", "/swap").await;
    let mut b = connect(&host, "b.test", "/swap").await;
    assert_eq!(a.ask("1").await, "v1:1");
    assert_eq!(b.ask("1").await, "v2:1");

    host.site.copy("new.test/routes/swap.wasm", SWAP_V3.as_ref());
    host.wait_for_log(&["the site is served", "new.test"]).await;
    assert_eq!(get(&host, "new.test", "/swap").await.text(), "v3");

    host.site.copy("a.test/routes/swap.wasm", SWAP_V3.as_ref());
    host.wait_for_log(&["replaced routes/swap.wasm", "1 socket moved", "a.test"]).await;
    assert_eq!(a.ask("2").await, "v3:2");
    assert_eq!(b.ask("2").await, "v2:2");

    host.site.remove_folder("a.test");
    host.wait_for_log(&["the site is no longer served", "a.test"]).await;
    assert_eq!(a.closed().await.0, 1001);
    assert_eq!(get(&host, "a.test", "/swap").await.status, 421);
    assert_eq!(b.ask("3").await, "v2:3");
    assert_eq!(get(&host, "b.test", "/swap").await.text(), "v2");
}

#[tokio::test]
async fn a_site_may_change_its_hosts() {
    let host = two().start().await;
    let mut socket = connect(&host, "c.test", "/swap").await;
    assert_eq!(socket.ask("1").await, "v2:1");
    host.site.configure("b.test", "hosts = [\"d.test\"]\n");
    lithe_tests::eventually("the new host", async || {
        (get(&host, "d.test", "/swap").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(get(&host, "c.test", "/swap").await.status, 421);
    assert_eq!(socket.ask("2").await, "v2:2", "what is open stays open");

    host.site.configure("b.test", "hosts = [\"d.test\", \"a.test\"]\n");
    host.wait_for_log(&["`a.test` is a host of the site `a.test` already"]).await;
    assert_eq!(get(&host, "d.test", "/swap").await.text(), "v2");
    assert_eq!(get(&host, "a.test", "/swap").await.text(), "v1");
}

#[tokio::test]
async fn a_site_that_is_not_right_keeps_no_other_from_being_served() {
    let host = two()
        .file("broken.test/routes/x.wasm", "hello")
        .component("no host/routes/swap.wasm", SWAP_V3)
        .start()
        .await;
    host.wait_for_log(&["the site is not served", "`routes/x.wasm`: is not WebAssembly"]).await;
    host.wait_for_log(&["the site is not served", "`no host` is not a host"]).await;
    let not_served = get(&host, "broken.test", "/x").await;
    assert_eq!((not_served.status, not_served.header("retry-after")), (503, Some("1")));
    assert_eq!(get(&host, "b.test", "/swap").await.text(), "v2");
    host.site.copy("broken.test/routes/x.wasm", SWAP_V3.as_ref());
    host.wait_for_log(&["the site is served", "broken.test"]).await;
    assert_eq!(get(&host, "broken.test", "/x").await.text(), "v3");
}

#[tokio::test]
async fn a_folder_in_which_nothing_can_be_served_is_refused() {
    let refused = host().file("a.test/routes/x.wasm", "hello").end().await;
    refused.says(&["none of the sites", "can be served"]);
    let refused = two().file("lithe.toml", "websocket = false\n").end().await;
    refused.says(&["is for all sites", "`[server]`, `[admin]`, `[compile]` and `[tenants]`"]);
    let refused = two().file("a.test/lithe.toml", "hosts = [\"a.test:80\"]\n").start().await;
    refused.wait_for_log(&["`a.test:80` is not a host"]).await;
}

#[tokio::test]
async fn one_of_several_sites_is_deployed_to() {
    let config = "[admin]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"token\"\n";
    let token = "a-token-that-is-long-enough";
    let host = two().file("lithe.toml", config).file("token", token).start().await;
    let mut a = connect(&host, "a.test", "/swap").await;
    let deployed = host.command_in("a.test", "deploy", &["routes/swap.wasm", SWAP_V3]).await;
    assert!(deployed.succeeded().contains("replaced routes/swap.wasm"), "{deployed:?}");
    assert_eq!(a.ask("1").await, "v3:1");
    assert_eq!(get(&host, "b.test", "/swap").await.text(), "v2");
    host.command_in("a.test", "rollback", &["routes/swap.wasm"]).await.succeeded();
    assert_eq!(a.ask("2").await, "v1:2");
    let status = host.command_in("b.test", "status", &[]).await;
    assert!(status.stdout.contains("site b.test"), "{status:?}");

    let line = host.wait_for_log(&["deploys are taken on http://"]).await;
    let admin = line.split("http://").nth(1).expect("it says where").trim().parse().expect("so");
    let ask = async |path: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        lithe_tests::request(admin, request.body("").expect("it is a request")).await
    };
    assert_eq!(ask("/sites").await.json(), serde_json::json!(["a.test", "b.test"]));
    assert_eq!(ask("/sites/a.test/status").await.json()["site"], "a.test");
    assert_eq!(ask("/sites/x.test/status").await.status, 404);
    let which = ask("/status").await;
    assert_eq!((which.status, which.text().contains("`/sites/NAME`")), (404, true));
}

/// What each tries to reach is the other's: a topic of the same name, a socket of the same number.
#[tokio::test]
async fn topics_sockets_and_memory_are_a_sites_own() {
    let host = two().start().await;
    let mut a = connect(&host, "a.test", "/swap").await;
    let mut b = connect(&host, "b.test", "/swap").await;
    assert_eq!(a.ask("id").await, b.ask("id").await, "both are the first of their plugin");
    assert_eq!(a.ask("subscribe:news").await, "v1:subscribe:news");
    assert_eq!(b.ask("subscribe:news").await, "v2:subscribe:news");
    assert_eq!(a.ask("attach:mine").await, "v1:attach:mine");
    assert_eq!(b.ask("attachment").await, "");
    a.send("publish:news:from a").await;
    assert_eq!(a.text().await, "from a");
    assert_eq!(b.ask("publish:news:from b").await, "from b", "and nothing before it");
    assert_eq!(a.ask("count").await, "2");
    assert_eq!(b.ask("count").await, "1");
}

/// The threads on which the work of busy sites goes on.
#[cfg(target_os = "linux")]
fn background(host: &TestHost) -> Vec<Task> {
    host.threads().into_iter().filter(|thread| thread.name == "background").collect()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_site_that_burns_what_it_can_burns_only_what_others_leave() {
    let busy = "[limits]\nrequest_cpu = \"1h\"\nevent_cpu = \"1h\"\nrequest_time = \"1h\"\n";
    let host = two()
        .component("busy.test/routes/hooks.wasm", HOSTILE_HOOKS)
        .component("busy.test/routes/session.wasm", HOSTILE_SESSION)
        .file("busy.test/lithe.toml", busy)
        .start()
        .await;
    let threads = background(&host);
    assert!(!threads.is_empty());
    // `SCHED_IDLE` (sched(7)): they run when no other thread wants to.
    assert!(threads.iter().all(|thread| thread.policy == 5), "{threads:?}");

    let mut hooks = connect(&host, "busy.test", "/hooks").await;
    let mut session = connect(&host, "busy.test", "/session").await;
    hooks.send("loop").await;
    session.send("loop").await;
    let is_busy = || background(&host).iter().any(|thread| thread.is_runnable);
    lithe_tests::eventually("it goes on in the background", async || is_busy().then_some(())).await;

    let mut neighbour = connect(&host, "a.test", "/swap").await;
    let before = cpu_of_workers(&host);
    for number in 0..ANSWERS {
        let text = number.to_string();
        assert_eq!(neighbour.ask(&text).await, format!("v1:{text}"));
        assert_eq!(get(&host, "b.test", "/swap").await.text(), "v2");
    }
    // What serves the neighbours does nothing else for as long as they wait.
    let used = cpu_of_workers(&host) - before;
    assert!(used < ANSWERS * TURN, "{used:?} of CPU time for {ANSWERS} answers of each");
    lithe_tests::eventually("it still goes on there", async || is_busy().then_some(())).await;
}

#[tokio::test]
async fn a_site_that_was_busy_answers_again() {
    let few = "[limits]\nrequest_cpu = \"500ms\"\n";
    let host = two()
        .component("busy.test/routes/hooks.wasm", HOSTILE_HOOKS)
        .component("busy.test/routes/echo.wasm", SWAP_V3)
        .file("busy.test/lithe.toml", few)
        .start()
        .await;
    for _ in 0..2 {
        assert_eq!(get(&host, "busy.test", "/hooks?how=loop").await.status, 504);
        assert_eq!(get(&host, "busy.test", "/echo").await.text(), "v3");
        assert_eq!(get(&host, "a.test", "/swap").await.text(), "v1");
    }
}

#[tokio::test]
async fn an_instance_serves_the_next_request_unless_it_is_to_be_fresh() {
    let fresh = "[plugin.\"routes/http.wasm\"]\nfresh = true\n";
    let host = host()
        .component("a.test/routes/http.wasm", TRAP_HTTP)
        .component("b.test/routes/http.wasm", TRAP_HTTP)
        .component("fresh.test/routes/http.wasm", TRAP_HTTP)
        .file("fresh.test/lithe.toml", fresh)
        .start()
        .await;
    for (site, calls) in [
        ("a.test", ["1", "2", "3"]),
        ("fresh.test", ["1", "1", "1"]),
        // No instance goes from one site to another, though the component is the same.
        ("b.test", ["1", "2", "3"]),
    ] {
        for call in calls {
            assert_eq!(get(&host, site, "/http?how=count").await.text(), call, "{site}");
        }
    }
}

#[tokio::test]
async fn fresh_with_sessions_is_refused() {
    let refusal = host()
        .route("hooks", HOSTILE_HOOKS)
        .config("[plugin.\"routes/hooks.wasm\"]\nfresh = true\n")
        .end()
        .await;
    refusal.says(&["`routes/hooks.wasm`", "`fresh`", "`scope = \"connection\"`"]);
}

#[tokio::test]
async fn timers_are_a_sites_own() {
    let host = host()
        .component("a.test/routes/timers.wasm", TIMERS)
        .component("b.test/routes/timers.wasm", TIMERS)
        .start()
        .await;
    assert_eq!(get(&host, "a.test", "/timers?set=20&repeat").await.text(), "1");
    for number in 0..20 {
        get(&host, "b.test", &format!("/timers?cancel={number}")).await;
    }
    get(&host, "a.test", "/timers").await;
    lithe_tests::eventually("it goes off", async || {
        get(&host, "a.test", "/timers").await.text().starts_with('1').then_some(())
    })
    .await;
    assert_eq!(get(&host, "b.test", "/timers").await.text(), "", "none of it is heard elsewhere");
}

#[tokio::test]
async fn each_sites_lines_in_the_log_name_it() {
    let host = host()
        .component("a.test/routes/http.wasm", TRAP_HTTP)
        .component("b.test/routes/http.wasm", TRAP_HTTP)
        .start()
        .await;
    for site in ["a.test", "b.test"] {
        let answered = get(&host, site, "/http?how=log").await;
        let request = answered.header("x-request-id").expect("each answer has one");
        host.wait_for_log(&[
            "a line on stdout",
            &format!("site=\"{site}\""),
            &format!("request={request}"),
        ])
        .await;
    }
}
