//! If memory cannot move, Lithe says so: before the change, after it, and for as long as the
//! version serves.

use std::io::Write as _;
use std::process::{Command, Stdio};

use http::Request;
use lithe_tests::artifacts::{PING, SWAP_BARE, SWAP_SESSION_V1, SWAP_V1, SWAP_V2};
use lithe_tests::{TestHost, eventually};

use super::{PLUGIN, deploy, status, v1};
use crate::host;

const NO_STATE: &str = "[plugin.\"routes/swap.wasm\"]\nstateless = true\n";
const REQUIRED: &str = "[plugin.\"routes/swap.wasm\"]\nrequire_state = true\n";

/// Puts something into memory.
async fn count_one(host: &TestHost) -> lithe_tests::Client {
    let mut client = host.connect("/swap").await;
    client.ask("1").await;
    assert_eq!(client.ask("count").await, "1");
    client
}

#[tokio::test]
async fn a_version_that_begins_with_empty_memory_says_so() {
    let host = v1().await;
    let mut client = count_one(&host).await;
    let said = deploy(&host, SWAP_BARE).await;
    let after =
        "routes/swap.wasm begins with empty memory: the new version does not export `state`";
    assert!(said.contains(after), "{said}");
    host.wait_for_log(&["WARN", "replaced routes/swap.wasm"]).await;
    host.wait_for_log(&[after]).await;
    let plugin = status(&host).await["plugins"][0].clone();
    assert_eq!(
        (&plugin["empty_memory"], &plugin["state"]),
        (&"no-state-after".into(), &false.into())
    );
    let shown = host.command("status", &[]).await;
    let begun =
        "routes/swap.wasm has begun with empty memory: the new version does not export `state`";
    assert!(shown.stdout.contains(begun) && shown.stdout.contains("ends"), "{shown:?}");

    assert_eq!(client.ask("2").await, "bare:2");
    let said = deploy(&host, SWAP_V2).await;
    assert!(said.contains("empty memory: the previous version does not export `state`"), "{said}");
    assert_eq!(client.ask("3").await, "v2:3");
    let said = deploy(&host, SWAP_V1).await;
    assert!(!said.contains("memory"), "what moves is not lost: {said}");
    let plugin = status(&host).await["plugins"][0].clone();
    assert_eq!((&plugin["empty_memory"], &plugin["state"]), (&().into(), &true.into()));
    let said = deploy(&host, SWAP_SESSION_V1).await;
    assert!(said.contains("empty memory: the new version has no `hooks`"), "{said}");
}

#[tokio::test]
async fn where_nothing_is_in_memory_nothing_is_said() {
    let host = v1().await;
    let said = deploy(&host, SWAP_BARE).await;
    assert!(!said.contains("memory"), "no instance has begun: {said}");
    host.site.configure("", NO_STATE);
    host.wait_for_log(&["reloaded routes/swap.wasm"]).await;
    count_one(&host).await;
    assert!(status(&host).await["plugins"][0]["state"].is_null());
    let said = deploy(&host, SWAP_V2).await;
    assert!(!said.contains("memory"), "the site says so: {said}");
}

#[tokio::test]
async fn a_dry_run_says_what_would_change_and_changes_nothing() {
    let host = v1().await;
    let mut client = count_one(&host).await;
    let said = host.command("deploy", &["--dry-run", PLUGIN, SWAP_BARE]).await;
    for words in [
        "would replace routes/swap.wasm",
        "1 socket moving",
        "routes/swap.wasm would begin with empty memory: the new version does not export `state`",
    ] {
        assert!(said.succeeded().contains(words), "{words}: {said:?}");
    }
    assert_eq!(client.ask("2").await, "v1:2");
    let kept = std::fs::read(host.site.folder().join(PLUGIN)).expect("it is there");
    assert_eq!(kept, std::fs::read(SWAP_V1).expect("it is there"));
    assert_eq!(status(&host).await["plugins"][0]["before"], serde_json::json!([]));

    let broken = host.command("deploy", &["--dry-run", PLUGIN, file!()]).await;
    assert!(!broken.status.success(), "{broken:?}");
    let split = ["--dry-run", "--share", "5%", PLUGIN, SWAP_V2];
    let said = host.command("deploy", &split).await;
    assert!(said.succeeded().contains("as a canary"), "{said:?}");
    assert_eq!(status(&host).await["canary"], serde_json::json!(null));

    deploy(&host, SWAP_V2).await;
    let said = host.command("rollback", &["--dry-run", PLUGIN]).await;
    assert!(said.succeeded().contains("would replace"), "{said:?}");
    assert_eq!(client.ask("3").await, "v2:3");
}

#[tokio::test]
async fn to_keep_the_memory_is_to_refuse_what_would_lose_it() {
    let host = v1().await;
    let mut client = count_one(&host).await;
    let refused = host.command("deploy", &["--keep-memory", PLUGIN, SWAP_BARE]).await;
    refused.says(&["`routes/swap.wasm` would begin with empty memory", "does not export `state`"]);
    assert_eq!(client.ask("2").await, "v1:2");
    host.command("deploy", &["--keep-memory", PLUGIN, SWAP_V2]).await.succeeded();
    assert_eq!(client.ask("count").await, "2");
}

/// Runs `lithe deploy` in a terminal where somebody answers.
async fn deploy_in_terminal(host: &TestHost, component: &str, answer: &str) -> String {
    let site = host.site.folder();
    let command = format!(
        "'{}' deploy '{}' {PLUGIN} '{component}'",
        env!("CARGO_BIN_EXE_lithe-under-test"),
        site.display()
    );
    let answer = answer.to_owned();
    let typed = tokio::task::spawn_blocking(move || {
        let mut script = Command::new("script");
        script.args(["--quiet", "--command", &command, "/dev/null"]);
        let mut child = script
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`script` of util-linux is there");
        child.stdin.take().expect("it is piped").write_all(answer.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        String::from_utf8_lossy(&output.stdout).into_owned()
    });
    typed.await.expect("it is not broken off")
}

#[tokio::test]
async fn a_terminal_is_asked_before_memory_is_lost() {
    let host = v1().await;
    let mut client = count_one(&host).await;
    let said = deploy_in_terminal(&host, SWAP_BARE, "n\n").await;
    assert!(said.contains("would begin with empty memory") && said.contains("go on?"), "{said}");
    assert!(said.contains("nothing has changed"), "{said}");
    assert_eq!(client.ask("2").await, "v1:2");
    let said = deploy_in_terminal(&host, SWAP_V2, "").await;
    assert!(!said.contains("go on?"), "what moves is not asked about: {said}");
    let said = deploy_in_terminal(&host, SWAP_BARE, "y\n").await;
    assert!(said.contains("begins with empty memory"), "{said}");
    assert_eq!(client.ask("3").await, "bare:3");
}

#[tokio::test]
async fn a_version_without_state_is_refused_where_it_is_required() {
    host()
        .config(REQUIRED)
        .route("swap", SWAP_BARE)
        .end()
        .await
        .says(&["`routes/swap.wasm` has `require_state`", "does not export `state`"]);
    let both = format!("{REQUIRED}stateless = true\n");
    host()
        .config(&both)
        .route("swap", SWAP_V1)
        .end()
        .await
        .says(&["`stateless` and `require_state`"]);

    let host = host().config(REQUIRED).route("swap", SWAP_V1).route("ping", PING).start().await;
    let mut client = count_one(&host).await;
    let refused = host.command("deploy", &[PLUGIN, SWAP_BARE]).await;
    refused.says(&["`routes/swap.wasm` has `require_state`", "does not export `state`"]);
    host.site.write(PLUGIN, std::fs::read(SWAP_BARE).expect("it is there"));
    host.wait_for_log(&["ERROR", "`routes/swap.wasm` has `require_state`"]).await;
    assert_eq!(client.ask("2").await, "v1:2");
    host.site.write(PLUGIN, std::fs::read(SWAP_V1).expect("it is there"));
    host.site.configure("", &format!("{REQUIRED}scope = \"connection\"\n"));
    host.wait_for_log(&["ERROR", "would begin with empty memory", "its `scope` has changed"]).await;
    assert_eq!(client.ask("count").await, "2");
    host.site.configure("", REQUIRED);
    deploy(&host, SWAP_V2).await;
    assert_eq!(client.ask("count").await, "2");
}

#[tokio::test]
async fn memory_that_could_never_move_may_be_lost_to_a_version_whose_can() {
    let host = host().route("swap", SWAP_BARE).start().await;
    count_one(&host).await;
    host.site.configure("", REQUIRED);
    host.wait_for_log(&["ERROR", "`routes/swap.wasm` has `require_state`"]).await;
    host.site.write(PLUGIN, std::fs::read(SWAP_V2).expect("it is there"));
    host.wait_for_log(&["WARN", "replaced routes/swap.wasm"]).await;
    assert_eq!(host.get("/swap").await.text(), "v2");
}

fn rename(host: &TestHost, from: &str, to: &str) {
    let [from, to] = [from, to].map(|file| host.site.folder().join(file));
    std::fs::rename(from, to).expect("it is there");
}

#[tokio::test]
async fn the_memory_of_a_route_that_is_renamed_is_named() {
    let host = host().route("swap", SWAP_V1).route("ping", PING).start().await;
    rename(&host, "routes/ping.wasm", "routes/pong.wasm");
    host.wait_for_log(&["INFO", "added routes/pong.wasm", "removed routes/ping.wasm"]).await;
    count_one(&host).await;
    rename(&host, PLUGIN, "routes/swop.wasm");
    host.wait_for_log(&["WARN", "added routes/swop.wasm", "removed routes/swap.wasm"]).await;
    let lost = "what routes/swap.wasm had in memory is lost: nothing takes over from a plugin that is removed";
    host.wait_for_log(&[lost]).await;
    assert_eq!(host.log().matches("lost:").count(), 1, "{}", host.log());
    assert_eq!(host.get("/swop?count").await.text(), "0");
}

#[tokio::test]
async fn the_memory_of_what_only_a_canary_has_is_named_when_it_is_dropped() {
    let host = v1().await;
    let canary = ["--header", "x-canary: yes", "routes/new.wasm", SWAP_V1];
    host.command("deploy", &canary).await.succeeded();
    let mut client = host.connect_with("/new", &[("x-canary", "yes")]).await;
    assert_eq!(client.ask("1").await, "v1:1");
    let said = host.command("drop", &["--dry-run"]).await;
    let would = "warning: what routes/new.wasm has in memory would be lost: nothing takes over";
    assert!(said.succeeded().contains(would), "{said:?}");
    let refused = host.command("drop", &["--keep-memory"]).await;
    refused.says(&["what `routes/new.wasm` has in memory would be lost: nothing takes over"]);
    assert_eq!(client.ask("2").await, "v1:2");
    let said = host.command("drop", &[]).await;
    let lost = "warning: what routes/new.wasm had in memory is lost: nothing takes over";
    assert!(said.succeeded().contains(lost), "{said:?}");
}

#[tokio::test]
async fn a_setting_that_no_instance_has_leaves_them_alone() {
    let host = host().route("swap", SWAP_BARE).start().await;
    let mut client = count_one(&host).await;
    let changed = "[limits]\nbody = 1\nidle_after = \"1s\"\nping_interval = \"1m\"\nconnections = 100\n\
                   [swap]\nkeep = 7\n[plugin.\"routes/swap.wasm\"]\nhealth = \"/swap\"\n";
    host.site.configure("", changed);
    eventually("the smaller limit", async || {
        let post = Request::post("/swap").body("two").expect("it is a request");
        (host.send(post).await.status == 413).then_some(())
    })
    .await;
    assert_eq!(client.ask("count").await, "1");
    assert!(!host.log().contains("reloaded"), "{}", host.log());

    host.site.configure("", "[limits]\nmessage = \"2 MiB\"\n");
    host.wait_for_log(&["WARN", "reloaded routes/swap.wasm"]).await;
    let lost = "routes/swap.wasm begins with empty memory: neither version exports `state`";
    host.wait_for_log(&[lost]).await;
    assert_eq!(client.ask("count").await, "0");
}
