//! Files in `routes/` that are one plugin.

use lithe_tests::artifacts::{BENCH_HELLO, MIDDLEWARE_LOG, SWAP_V1, SWAP_V2};
use lithe_tests::{Builder, TestHost};
use serde_json::{Value, json};

use crate::host;

const LIVE: &str = "routes/live.wasm";
const RESULTS: &str = "routes/results/[id].get.wasm";

const CONFIG: &str = "[build]\n\
    \"routes/live.wasm\" = { source = \"guests/poll\", plugin = \"poll\" }\n\
    \"routes/results/[id].get.wasm\" = { source = \"guests/poll\", plugin = \"poll\" }\n";

fn poll(config: &str) -> Builder {
    let config = format!("{CONFIG}{config}");
    host().config(&config).component(LIVE, SWAP_V1).component(RESULTS, SWAP_V1)
}

fn bytes(component: &str) -> Vec<u8> {
    std::fs::read(component).expect("it is there")
}

fn file(host: &TestHost, file: &str) -> Vec<u8> {
    bytes(&host.site.folder().join(file).to_string_lossy())
}

async fn only_plugin(host: &TestHost) -> Value {
    let status = host.command("status", &["--json"]).await;
    status.succeeded();
    let status: Value = serde_json::from_str(&status.stdout).expect("it is JSON");
    assert_eq!(status["plugins"].as_array().map(Vec::len), Some(1), "{status}");
    status["plugins"][0].clone()
}

#[tokio::test]
async fn they_share_memory_topics_and_sockets() {
    let host = poll("").start().await;
    let mut ann = host.connect("/live").await;
    let mut bob = host.connect("/results/1").await;
    assert_eq!(ann.ask("1").await, "v1:1");
    assert_eq!(host.get("/results/1?count").await.text(), "1");
    assert_eq!(ann.ask("subscribe:news").await, "v1:subscribe:news");
    bob.send("publish:news:hello").await;
    assert_eq!(ann.text().await, "hello");
    let plugin = only_plugin(&host).await;
    assert_eq!((&plugin["plugin"], &plugin["sockets"]), (&json!("poll"), &json!(2)));
    assert_eq!(plugin["files"], json!([LIVE, RESULTS]));
    let shown = host.command("status", &[]).await.stdout;
    assert!(shown.contains(&format!("poll has the files {LIVE} {RESULTS}")), "{shown}");
    let routes = poll("").command("routes");
    let folder = routes.site_folder();
    let table = host.command_in(&folder.to_string_lossy(), "routes", &[]).await;
    assert_eq!(table.stdout.matches("  poll  ").count(), 2, "{table:?}");
}

#[tokio::test]
async fn a_deploy_of_one_of_them_is_of_all() {
    let mut host = poll("").start().await;
    let mut client = host.connect("/live").await;
    assert_eq!(client.ask("1").await, "v1:1");
    let said = host.command("deploy", &[RESULTS, SWAP_V2]).await;
    assert!(said.succeeded().contains("replaced poll"), "{said:?}");
    assert!(said.stderr.contains("1 socket moved"), "{said:?}");
    assert_eq!(client.ask("2").await, "v2:2");
    assert_eq!(host.get("/results/1?count").await.text(), "2");
    assert!(file(&host, LIVE) == bytes(SWAP_V2) && file(&host, RESULTS) == bytes(SWAP_V2));

    host.command("rollback", &[LIVE]).await.succeeded();
    assert_eq!(client.ask("count").await, "2");
    assert!(file(&host, LIVE) == bytes(SWAP_V1) && file(&host, RESULTS) == bytes(SWAP_V1));
    host.command("rollback", &["poll"]).await.succeeded();
    assert_eq!(host.get("/results/1").await.text(), "v2");
    host.command("deploy", &["poll", SWAP_V1]).await.succeeded();
    assert_eq!(host.get("/live").await.text(), "v1");
    let differ = host.command("deploy", &[LIVE, SWAP_V1, RESULTS, SWAP_V2]).await;
    differ.says(&["the files of the plugin `poll` are one component"]);
    host.command("deploy", &["pool", SWAP_V1]).await.says(&["`pool` is not a component's path"]);
    assert_eq!(only_plugin(&host).await["before"].as_array().map(Vec::len), Some(1));

    host.signal(lithe_tests::Signal::TERM);
    assert_eq!(host.exit().await.code(), Some(0));
    let again = crate::host().folder(host.site.folder()).start().await;
    assert_eq!(again.get("/results/1").await.text(), "v1");
}

#[tokio::test]
async fn a_canary_of_one_of_them_is_of_all() {
    let host = poll("").start().await;
    let header = ["--header", "x-canary: yes", LIVE, SWAP_V2];
    host.command("deploy", &header).await.succeeded();
    let canary = http::Request::get("/results/1").header("x-canary", "yes").body("");
    let answer = host.send(canary.expect("it is a request")).await;
    assert_eq!(answer.text(), "v2");
    assert_eq!(host.get("/results/1").await.text(), "v1");
    host.command("promote", &[]).await.succeeded();
    assert_eq!(host.get("/results/1").await.text(), "v2");
}

#[tokio::test]
async fn while_their_files_differ_what_was_served_goes_on() {
    let host = poll("").start().await;
    let mut client = host.connect("/live").await;
    assert_eq!(client.ask("1").await, "v1:1");
    host.site.write(LIVE, bytes(SWAP_V2));
    let error =
        host.wait_for_log(&["ERROR", "of the plugin `poll`", "not the same component"]).await;
    assert!(error.contains(LIVE) && error.contains(RESULTS), "{error}");
    assert_eq!(host.get("/results/1").await.text(), "v1");
    host.site.write(RESULTS, bytes(SWAP_V2));
    host.wait_for_log(&["replaced poll", "1 socket moved"]).await;
    assert_eq!(client.ask("count").await, "1");
}

#[tokio::test]
async fn a_route_more_leaves_the_memory_as_it_is() {
    let host = poll("").start().await;
    let mut client = host.connect("/live").await;
    assert_eq!(client.ask("1").await, "v1:1");
    host.site.write("routes/more.wasm", bytes(SWAP_V1));
    host.site.configure(
        "",
        &format!(
            "{CONFIG}\"routes/more.wasm\" = {{ source = \"guests/poll\", plugin = \"poll\" }}\n"
        ),
    );
    lithe_tests::eventually("the route", async || {
        (host.get("/more?count").await.text() == "1").then_some(())
    })
    .await;
    assert_eq!(client.ask("2").await, "v1:2");
    host.site.remove("routes/more.wasm");
    lithe_tests::eventually("no route", async || {
        (host.get("/more").await.status == 404).then_some(())
    })
    .await;
    assert_eq!(client.ask("count").await, "2");
}

#[tokio::test]
async fn the_memory_of_a_plugin_whose_name_goes_is_named() {
    let host = poll("").start().await;
    let mut client = host.connect("/live").await;
    assert_eq!(client.ask("1").await, "v1:1");
    host.site.configure("", "");
    host.wait_for_log(&["WARN", "added routes/live.wasm", "removed poll", "1 socket draining"])
        .await;
    host.wait_for_log(&["what poll had in memory is lost: nothing takes over"]).await;
    assert_eq!(host.get("/live?count").await.text(), "0");
    host.connect("/live").await;
    host.site.configure("", CONFIG);
    host.wait_for_log(&["what routes/live.wasm had in memory is lost: nothing takes over"]).await;
}

#[tokio::test]
async fn a_plugin_whose_memory_has_to_move_keeps_its_name() {
    const REQUIRED: &str = "[plugin.poll]\nrequire_state = true\n";
    let host = poll(REQUIRED).start().await;
    let mut client = host.connect("/live").await;
    assert_eq!(client.ask("1").await, "v1:1");
    let renamed = CONFIG.replace("\"poll\"", "\"pool\"");
    host.site.configure("", &format!("{renamed}[plugin.pool]\nrequire_state = true\n"));
    let refused = host
        .wait_for_log(&["ERROR", "`poll` has `require_state`", "in memory would be lost"])
        .await;
    assert!(refused.contains("remove only `require_state` first"), "{refused}");
    assert_eq!(client.ask("count").await, "1");

    // A bound of requests shows that the settings are taken.
    host.site.configure("", &format!("{CONFIG}[limits]\nbody = 1\n"));
    lithe_tests::eventually("the smaller limit", async || {
        let post = http::Request::post("/live").body("two").expect("it is a request");
        (host.send(post).await.status == 413).then_some(())
    })
    .await;
    assert_eq!(client.ask("count").await, "1");
    host.site.configure("", &renamed);
    host.wait_for_log(&["WARN", "added pool", "removed poll"]).await;
    host.wait_for_log(&["what poll had in memory is lost"]).await;
    assert_eq!(host.get("/live?count").await.text(), "0");
}

#[tokio::test]
async fn the_plugin_has_the_settings() {
    let host = poll("[plugin.poll]\nscope = \"param:id\"\n").start().await;
    let mut client = host.connect("/results/1").await;
    assert_eq!(client.ask("1").await, "v1:1");
    assert_eq!(host.get("/results/1?count").await.text(), "1");
    assert_eq!(host.get("/results/2?count").await.text(), "0");
    let refused = poll("[plugin.\"routes/live.wasm\"]\nstateless = true\n").end().await;
    refused.says(&["`routes/live.wasm` belongs to the plugin `poll`", "`[plugin.poll]`"]);
}

#[tokio::test]
async fn what_cannot_be_one_plugin_is_refused() {
    let refused = async |build: &str, words: &[&str]| {
        let builder = host().config(&format!("[build]\n{build}"));
        let builder = builder.component("routes/a.wasm", SWAP_V1);
        builder.component("routes/_middleware.wasm", MIDDLEWARE_LOG).end().await.says(words);
    };
    let line = |file: &str, source: &str, plugin: &str| {
        format!("\"{file}\" = {{ source = \"{source}\", plugin = \"{plugin}\" }}\n")
    };
    let two = line("routes/a.wasm", "a", "x") + &line("routes/b.wasm", "b", "x");
    refused(&two, &["`routes/a.wasm` and `routes/b.wasm`", "must be built from the same source"])
        .await;
    let plugin = line("plugins/a.wasm", "a", "x");
    refused(&plugin, &["`plugins/a.wasm`", "only files of `routes/`"]).await;
    let slash = line("routes/a.wasm", "a", "a/b");
    refused(&slash, &["line 2, column", "`a/b` is not a plugin's name", "routes/a.wasm"]).await;
    refused(&line("routes/a.wasm", "a", ""), &["line 2, column", "1 to 64"]).await;
    let scoped = line("routes/_middleware.wasm", "a", "x");
    refused(&scoped, &["`routes/_middleware.wasm` is not a route"]).await;
}

#[tokio::test]
async fn a_plugin_is_of_one_site() {
    let mut builder = host();
    for site in ["a.test", "b.test"] {
        builder = builder
            .file(&format!("{site}/lithe.toml"), CONFIG)
            .component(&format!("{site}/{LIVE}"), SWAP_V1)
            .component(&format!("{site}/{RESULTS}"), SWAP_V1);
    }
    let host = builder.start().await;
    let mut client = host.connect_with("/live", &[("host", "a.test")]).await;
    assert_eq!(client.ask("1").await, "v1:1");
    for (site, count) in [("a.test", "1"), ("b.test", "0")] {
        let request = http::Request::get("/results/1?count").header("host", site).body("");
        let answer = host.send(request.expect("it is a request")).await;
        assert_eq!(answer.text(), count, "{site}");
    }
    host.command_in("b.test", "deploy", &["poll", SWAP_V2]).await.succeeded();
    assert_eq!(client.ask("2").await, "v1:2");
}

/// Two routes that a command makes of one source.
fn built(component: &str, more: &str) -> Builder {
    let line = |file: &str| {
        format!(
            "\"routes/{file}.wasm\" = {{ source = \"guests/poll\", kind = \"hooks\", \
             command = \"cp poll.wasm $LITHE_OUTPUT; echo made >> .lithe/made\"{more} }}\n"
        )
    };
    let config = format!("[build]\n{}{}", line("live"), line("results"));
    host().command("build").config(&config).file("guests/poll/poll.wasm", bytes(component))
}

#[tokio::test]
async fn routes_of_one_source_that_share_nothing_are_warned_about() {
    let build = built(SWAP_V1, "").end().await;
    for words in [
        "warning: `routes/live.wasm` and `routes/results.wasm` are built from `guests/poll`",
        "share no memory",
        "\"routes/live.wasm\" = { source = \"guests/poll\", kind = \"hooks\", command = \"cp poll.wasm",
        "plugin = \"poll\" }`",
    ] {
        assert!(build.succeeded().contains(words), "{words}: {build:?}");
    }
    assert_eq!(build.stderr.matches("warning").count(), 1, "{build:?}");
    let pool = built(BENCH_HELLO, "").end().await;
    assert!(!pool.succeeded().contains("warning"), "there is nothing to share: {pool:?}");
    let shared = built(SWAP_V1, ", plugin = \"poll\"");
    let folder = shared.site_folder();
    let made = folder.join("guests/poll/.lithe/made");
    let host = shared.command("dev").start().await;
    assert!(!host.log().contains("warning"), "{}", host.log());
    assert_eq!(std::fs::read_to_string(made).expect("it is there"), "made\n", "it is built once");
    let mut client = host.connect("/live").await;
    assert_eq!(client.ask("1").await, "v1:1");
    assert_eq!(host.get("/results?count").await.text(), "1");
    host.site.write("guests/poll/poll.wasm", bytes(SWAP_V2));
    host.wait_for_log(&["replaced poll", "1 socket moved"]).await;
    assert_eq!(client.ask("count").await, "1");
}
