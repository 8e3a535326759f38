//! `[tenants.limits]` and `[tenants.sites]`.

use std::fmt::Write as _;

use http::Request;
use lithe_tests::artifacts::{SWAP_V1, SWAP_V3};
use lithe_tests::{TestHost, eventually};

use super::{PLUGIN, get, printed, sites};

/// Whether the site takes a body of so many bytes. The guest itself answers 405.
async fn takes(host: &TestHost, site: &str, size: usize) -> bool {
    let request = Request::post("/swap").header("host", site).body("x".repeat(size));
    match host.send(request.expect("it is a request")).await.status {
        405 => true,
        413 => false,
        other => panic!("{other}"),
    }
}

async fn status(host: &TestHost, site: &str) -> serde_json::Value {
    let status = host.command_in(site, "status", &["--json"]).await;
    serde_json::from_str(printed(&status)).expect("it is JSON")
}

#[tokio::test]
async fn a_site_over_a_cap_is_refused_and_a_default_over_it_is_lowered() {
    let host = sites()
        .file("lithe.toml", "[tenants.limits]\nmemory = \"32 MiB\"\nbody = 10\n")
        .file("acme/lithe.toml", "[limits]\nmemory = \"64 MiB\"\n")
        .start()
        .await;
    let refused = ["the site is not served", "acme/lithe.toml", ": `limits.memory` is 64 MiB"];
    let said = host.wait_for_log(&refused).await;
    assert!(said.contains("the host allows this site at most 32 MiB"), "{said}");
    let answered = Request::get("/swap").header("host", "acme").body("").expect("a request");
    assert_eq!(host.send(answered).await.status, 503);
    assert_eq!((takes(&host, "zeta", 10).await, takes(&host, "zeta", 11).await), (true, false));
    let lowered = status(&host, "zeta").await["lowered"].clone();
    let expected = serde_json::json!([
        { "setting": "limits.memory", "from": "64 MiB", "to": "32 MiB", "waits": false },
        { "setting": "limits.body", "from": "1 MiB", "to": "10 B", "waits": false },
    ]);
    assert_eq!(lowered, expected);
    let shown = host.command_in("zeta", "status", &[]).await;
    let shown = printed(&shown);
    for words in ["lowered to what the host allows:", "limits.body    1 MiB       10 B     now"] {
        assert!(shown.contains(words), "{shown}");
    }
    // The site follows, and is served.
    host.site.configure("acme", "[limits]\nmemory = \"16 MiB\"\n");
    host.wait_for_log(&["the site is served", "acme"]).await;
    assert_eq!(status(&host, "acme").await["lowered"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_site_has_caps_of_its_own_and_those_of_all_for_the_rest() {
    let rules = "[tenants.limits]\nbody = 10\ntimers = 5\n\
                 [tenants.sites.acme]\nlimits = { body = 20 }\ncpu_share = 0.5\npool_share = 0.5\n";
    let host = sites().file("lithe.toml", rules).start().await;
    assert_eq!((takes(&host, "acme", 20).await, takes(&host, "acme", 21).await), (true, false));
    assert_eq!((takes(&host, "zeta", 10).await, takes(&host, "zeta", 11).await), (true, false));
    let lowered = status(&host, "acme").await["lowered"].to_string();
    assert!(lowered.contains("limits.timers"), "{lowered}");
}

#[tokio::test]
async fn a_site_over_a_new_cap_is_told_once_for_all_changes_of_the_hosts_file() {
    let own = "[limits]\nbody = 100\n";
    let host = sites().file("lithe.toml", "").file("acme/lithe.toml", own).start().await;
    // Each is below the one before: a site that is refused is only lowered.
    for timers in (5..8).rev() {
        let caps = format!("[tenants.limits]\nbody = 10\ntimers = {timers}\n");
        host.site.write("lithe.toml", caps);
        for site in ["zeta", "acme"] {
            eventually("the new cap", async || {
                let lowered = status(&host, site).await["lowered"].to_string();
                lowered.contains(&format!("\"to\":\"{timers}\"")).then_some(())
            })
            .await;
        }
    }
    // A new reason is told, and each reason comes after the one before.
    host.site.write("lithe.toml", "[tenants.limits]\nbody = 11\n");
    host.wait_for_log(&["ERROR", "the host allows this site at most 11 B"]).await;
    let log = host.log();
    let told = log.lines().filter(|line| line.contains("ERROR") && line.contains("at most 10 B"));
    assert_eq!(told.count(), 1, "{log}");
}

#[tokio::test]
async fn a_changed_cap_holds_for_what_is_served_as_far_as_nothing_is_lost() {
    let own = "[limits]\nmemory = \"64 MiB\"\nbody = 100\n";
    let host = sites().file("lithe.toml", "").file("acme/lithe.toml", own).start().await;
    let mut socket = host.connect_with("/swap", &[("host", "acme")]).await;
    assert_eq!(socket.ask("1").await, "v1:1");
    assert!(takes(&host, "acme", 100).await);

    host.site.write("lithe.toml", "[tenants.limits]\nmemory = \"32 MiB\"\nbody = 10\n");
    host.wait_for_log(&["ERROR", "acme/lithe.toml", "is invalid: line", "`limits.body` is 100 B"])
        .await;
    host.wait_for_log(&["| line ", "`limits.memory` is 64 MiB", "previous version is still being"])
        .await;
    // What needs no new version holds at once.
    assert_eq!((takes(&host, "acme", 10).await, takes(&host, "acme", 11).await), (true, false));
    // The rest would end what is in memory of a version without `state`. So it waits.
    assert_eq!(socket.ask("2").await, "v1:2");
    let lowered = status(&host, "acme").await["lowered"].clone();
    let expected = serde_json::json!([
        { "setting": "limits.memory", "from": "64 MiB", "to": "32 MiB", "waits": true },
        { "setting": "limits.body", "from": "100 B", "to": "10 B", "waits": false },
    ]);
    assert_eq!(lowered, expected);
    // A neighbour within its caps has them at once, by a new version.
    eventually("the neighbour's caps", async || {
        let status = status(&host, "zeta").await;
        (status["lowered"][0]["waits"] == false).then_some(())
    })
    .await;

    let deployed = host.command_in("acme", "deploy", &[PLUGIN, SWAP_V3]).await;
    assert!(deployed.succeeded().contains("replaced routes/swap.wasm"), "{deployed:?}");
    assert_eq!(socket.ask("3").await, "v3:3");
    assert_eq!(status(&host, "acme").await["lowered"][0]["waits"], false);

    host.site.write("lithe.toml", "");
    eventually("the site's own limits", async || takes(&host, "acme", 100).await.then_some(()))
        .await;
    assert_eq!(status(&host, "acme").await["lowered"], serde_json::Value::Null);
    assert_eq!(socket.ask("4").await, "v3:4");
}

#[tokio::test]
async fn with_more_values_than_a_new_cap_allows_a_dry_run_is_refused_as_the_deploy_is() {
    let (file, folder) = ("routes/rooms/[id].wasm", "acme/routes/rooms/[id].wasm");
    let own = format!("[plugin.\"{file}\"]\nscope = \"param:id\"\n");
    let builder = sites().file("lithe.toml", "").file("acme/lithe.toml", own);
    let host = builder.component(folder, SWAP_V1).start().await;
    let mut one = host.connect_with("/rooms/one", &[("host", "acme")]).await;
    let mut two = host.connect_with("/rooms/two", &[("host", "acme")]).await;
    assert_eq!((one.ask("1").await, two.ask("1").await), ("v1:1".into(), "v1:1".into()));
    host.site.write("lithe.toml", "[tenants.limits]\ninstances = 1\n");
    host.wait_for_log(&["ERROR", "acme", "`limits.instances`", "previous version is still"]).await;
    for dry_run in [&["--dry-run"][..], &[]] {
        let refused =
            host.command_in("acme", "deploy", &[dry_run, &[file, SWAP_V3]].concat()).await;
        refused.says(&[file, "cannot take over", "`limits.instances`"]);
    }
    assert_eq!((one.ask("count").await, two.ask("count").await), ("1".into(), "1".into()));
}

#[tokio::test]
async fn a_cap_on_the_size_of_folders_waits_for_no_version() {
    let host = sites().file("lithe.toml", "").start().await;
    host.site.write("lithe.toml", "[tenants.limits]\nfolder_size = \"1 MiB\"\n");
    let lowered = eventually("the cap", async || {
        let lowered = status(&host, "acme").await["lowered"].clone();
        (!lowered.is_null()).then_some(lowered)
    })
    .await;
    let expected = serde_json::json!([
        { "setting": "limits.folder_size", "from": "256 MiB", "to": "1 MiB", "waits": false },
    ]);
    assert_eq!(lowered, expected);
}

#[tokio::test]
async fn a_canary_does_not_keep_a_site_from_its_caps() {
    let host = sites().file("acme/lithe.toml", "[limits]\nbody = 100\n").start().await;
    let canary = ["routes/swap.wasm", SWAP_V3, "--header", "x-canary: yes"];
    host.command_in("acme", "deploy", &canary).await.succeeded();
    let takes = async |canary: &str, size: usize| {
        let request = Request::post("/swap").header("host", "acme").header("x-canary", canary);
        let request = request.body("x".repeat(size)).expect("it is a request");
        host.send(request).await.status == 405
    };
    assert_eq!((takes("yes", 100).await, takes("no", 100).await), (true, true));
    host.site.write("lithe.toml", "[tenants.limits]\nbody = 10\n");
    eventually("the cap", async || (!takes("yes", 100).await).then_some(())).await;
    assert_eq!((takes("no", 100).await, takes("no", 10).await), (false, true));
    assert!(takes("yes", 10).await);
    host.command_in("acme", "promote", &[]).await.succeeded();
    assert_eq!((get(&host, "acme").await.as_str(), takes("no", 100).await), ("v3", false));
}

#[tokio::test]
async fn settings_for_a_site_without_a_folder_are_a_warning() {
    let rules = "[tenants.sites.\"acmé\"]\nhosts = [\"acme.example\"]\n\
                 [tenants.sites.\"a\\u202eb\\n\"]\ncpu_share = 0.5\n\
                 [tenants.sites.acme]\ncpu_share = 0.5\n";
    let host = sites().file("lithe.toml", rules).start().await;
    let said = host.wait_for_log(&["WARN", "no folder", "`[tenants.sites.\"acmé\"]`"]).await;
    assert!(!said.contains("sites.\"acme\"") && !said.contains('\u{202e}'), "{said}");
    // Its name is that folder's, and nobody else's.
    host.site.copy("acmé/routes/swap.wasm", SWAP_V1.as_ref());
    eventually("the site", async || (get(&host, "acme.example").await == "v1").then_some(())).await;
}

#[tokio::test]
async fn a_table_of_very_many_sites_is_read_and_one_line_says_that_they_do_not_exist() {
    let mut rules = String::new();
    for number in 0..20_000 {
        let _ = writeln!(rules, "[tenants.sites.s{number}]\nhosts = [\"h{number}.test\"]");
    }
    assert!(rules.len() < 1024 * 1024, "a larger file is refused by its size");
    let host = sites().file("lithe.toml", rules).start().await;
    let said = host.wait_for_log(&["WARN", "no folder", "and 19992 more"]).await;
    assert!(said.len() < 2_000, "{said}");
    assert_eq!(get(&host, "acme").await, "v1");
}

#[tokio::test]
async fn what_the_operator_must_not_say_is_refused_at_the_start_with_what_is_right() {
    let twice =
        "[tenants.sites.acme]\nhosts = [\"x.test\"]\n[tenants.sites.zeta]\nhosts = [\"X.test\"]\n";
    for (rules, says) in [
        (twice, vec!["`x.test`", "`[tenants.sites.\"acme\"]`", "`[tenants.sites.\"zeta\"]`"]),
        (
            "[tenants.hosts]\n\"x.test\" = \"acme\"\n",
            vec![
                "line 1",
                "another place",
                "`[tenants.sites.\"acme\"]` with `hosts = [\"x.test\"]`",
            ],
        ),
        (
            "[tenants]\nlog_per_second = \"64 KiB\"\n",
            vec!["line 2", "`log_per_second = \"64 KiB\"` in `[tenants.limits]`"],
        ),
        ("[tenants.limits]\nmemory = 1\n", vec!["line 2", "out of range"]),
        ("[tenants.limits]\nmemry = 1\n", vec!["line 2", "unknown field `memry`"]),
        ("[tenants.sites.acme]\nshare = 1\n", vec!["line 2", "unknown field `share`"]),
    ] {
        sites().file("lithe.toml", rules).end().await.says(&says);
    }
    let only = crate::host().route("swap", SWAP_V1).config("[tenants.limits]\nbody = 1\n");
    only.end().await.says(&["`[tenants.limits]` is for a host of several sites"]);
}
