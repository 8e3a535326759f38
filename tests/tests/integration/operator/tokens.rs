//! `[tenants.tokens]`: tokens that act on one site only.

use std::collections::BTreeSet;
use std::time::Duration;

use lithe_tests::artifacts::{SWAP_V1, SWAP_V3};
use lithe_tests::{Raw, Signal, eventually, sooner_than};

use super::{
    ACME, OPERATOR, PLUGIN, SETTINGS, ZETA, admin, ask, bytes, get, printed, sites, with_tokens,
};

#[tokio::test]
async fn a_sites_token_acts_on_its_site() {
    let host = with_tokens(SETTINGS).start().await;
    let admin = admin(&host).await;
    let of_acme = async |method: &str, path: &str, body: &[u8]| {
        ask(&admin, ACME, method, &format!("/sites/acme{path}"), body).await
    };
    assert_eq!(of_acme("GET", "/status", b"").await.json()["site"], "acme");
    let put = format!("/plugins/{PLUGIN}");
    let deployed = of_acme("PUT", &put, &bytes(SWAP_V3)).await;
    assert_eq!((deployed.status, get(&host, "acme").await.as_str()), (200, "v3"));
    assert_eq!(of_acme("POST", &format!("/rollback/{PLUGIN}"), b"").await.status, 200);
    assert_eq!(get(&host, "acme").await, "v1");
    let canary = of_acme("PUT", &format!("{put}?share=100%25"), &bytes(SWAP_V3)).await;
    assert_eq!((canary.status, get(&host, "acme").await.as_str()), (200, "v3"));
    assert_eq!(of_acme("POST", "/drop?dry_run=true", b"").await.status, 200);
    assert_eq!(of_acme("POST", "/drop", b"").await.status, 200);
    assert_eq!(of_acme("PUT", &format!("{put}?share=100%25"), &bytes(SWAP_V3)).await.status, 200);
    assert_eq!(of_acme("POST", "/promote", b"").await.status, 200);
    assert_eq!(
        (get(&host, "acme").await.as_str(), get(&host, "zeta").await.as_str()),
        ("v3", "v2")
    );
}

#[tokio::test]
async fn a_sites_token_does_nothing_else_and_is_not_told_what_else_there_is() {
    let host = with_tokens(SETTINGS).start().await;
    let admin = admin(&host).await;
    let mut texts = BTreeSet::new();
    for (method, path) in [
        ("GET", "/sites"),
        ("GET", "/status"),
        ("GET", "/audit"),
        ("POST", "/deploy"),
        ("GET", "/sites/zeta/status"),
        ("GET", "/sites/zeta/audit"),
        ("GET", "/sites/nobody/status"),
        ("GET", "/sites/acme"),
        ("PUT", "/sites/zeta/plugins/routes/swap.wasm"),
        ("PUT", "/sites/zeta/plugins/routes/swap.wasm?dry_run=true"),
        ("PUT", "/sites/nobody/plugins/routes/swap.wasm"),
        ("POST", "/sites/zeta/rollback/routes/swap.wasm"),
        ("POST", "/sites/zeta/promote"),
        ("POST", "/sites/zeta/drop"),
        ("POST", "/sites/%7aeta/drop"),
        ("POST", "//sites//acme/drop"),
    ] {
        let refused = ask(&admin, ACME, method, path, &bytes(SWAP_V3)).await;
        assert_eq!(refused.status, 403, "{method} {path}: {refused:?}");
        texts.insert(refused.text().to_owned());
    }
    assert_eq!(texts.len(), 1, "it is the same whatever exists: {texts:?}");
    let text = texts.first().expect("there is one");
    assert!(text.contains("`acme-ci` is only for the site `acme`: name that site"), "{text}");
    // What is above its site is of the path, not of a folder.
    let above = ask(&admin, ACME, "GET", "/sites/acme/../zeta/status", b"").await;
    assert_eq!(above.status, 404);
    assert_eq!(
        (get(&host, "acme").await.as_str(), get(&host, "zeta").await.as_str()),
        ("v1", "v2")
    );
    let all = ask(&admin, OPERATOR, "GET", "/sites", b"").await;
    assert_eq!(all.json(), serde_json::json!(["acme", "zeta"]));
}

#[tokio::test]
async fn the_commands_work_with_a_sites_token() {
    let host = with_tokens(SETTINGS).start().await;
    let admin = admin(&host).await;
    let file = host.site.folder().join("secrets/acme").display().to_string();
    let there = ["--admin", &*admin, "--token-file", &*file];
    let run = async |site: &str, command: &str, more: &[&str]| {
        host.command_in(site, command, &[more, &there].concat()).await
    };
    let deployed = run("acme", "deploy", &[PLUGIN, SWAP_V3]).await;
    assert!(deployed.succeeded().contains("replaced routes/swap.wasm"), "{deployed:?}");
    let status = run("acme", "status", &[]).await;
    assert!(printed(&status).contains("site acme"), "{status:?}");
    run("acme", "rollback", &[PLUGIN]).await.succeeded();
    run("acme", "deploy", &[PLUGIN, SWAP_V3, "--share", "50%"]).await.succeeded();
    run("acme", "drop", &["--dry-run"]).await.succeeded();
    run("acme", "promote", &[]).await.succeeded();
    assert_eq!(get(&host, "acme").await, "v3");
    // The site's folder need not be there: its name counts.
    run("zeta", "deploy", &[PLUGIN, SWAP_V1]).await.says(&["the token `acme-ci` is only for"]);
    run("nobody/acme", "status", &[]).await.succeeded();
    let elsewhere = ["--admin", "192.0.2.1:4001", "--token-file", &*file];
    host.command_in("acme", "status", &elsewhere).await.says(&["not on this machine", "tunnel"]);
    let without = host.command_in("acme", "status", &["--admin", &admin]).await;
    without.says(&["`--token-file`", "`LITHE_ADMIN_TOKEN`"]);
}

#[tokio::test]
async fn tokens_that_are_not_right_are_refused_at_the_start_by_their_names() {
    let refused = async |files: &[(&str, &str)], says: &[&str]| {
        let mut builder = with_tokens(SETTINGS);
        for (file, content) in files {
            builder = builder.file(file, content);
        }
        builder.end().await.says(says);
    };
    let acme = "`[tenants.tokens.\"acme-ci\"]`";
    refused(&[("secrets/acme", "")], &[acme, "has 0 bytes: use at least 16"]).await;
    refused(&[("secrets/acme", " short \n")], &[acme, "has 5 bytes"]).await;
    let zeta = "`[tenants.tokens.\"zeta-ci\"]`";
    refused(&[("secrets/acme", ZETA)], &[acme, zeta, "are the same token"]).await;
    refused(&[("secrets/acme", OPERATOR)], &[acme, "the operator's token", "the same token"]).await;
    refused(&[("secrets/acme", &"x".repeat(5_000))], &[acme, "and may have at most"]).await;

    for (tokens, says) in [
        ("acme-ci = { site = \"acme\", file = \"secrets/none\" }", vec![acme, "secrets/none"]),
        ("acme-ci = { site = \"acme\", variable = \"NONE\" }", vec![acme, "`NONE`"]),
        ("acme-ci = { site = \"acme\" }", vec![acme, "either a `file` or a `variable`"]),
        ("acme-ci = { site = \"\", file = \"secrets/acme\" }", vec![acme, "`site` is empty"]),
        ("operator = { site = \"acme\", file = \"secrets/acme\" }", vec!["choose another name"]),
        ("\" x\" = { site = \"acme\", file = \"secrets/acme\" }", vec!["no blanks"]),
        ("acme-ci = { file = \"secrets/acme\" }", vec!["missing field `site`"]),
    ] {
        let settings = SETTINGS.split("acme-ci").next().expect("it begins").to_owned() + tokens;
        with_tokens(&settings).end().await.says(&says);
    }
    let settings = SETTINGS.replace("listen", "# listen");
    with_tokens(&settings).end().await.says(&["`[tenants.tokens]` needs `admin.listen`"]);
}

#[tokio::test]
async fn a_token_in_a_sites_folder_is_refused_by_whatever_link_it_is_named() {
    let settings = SETTINGS.replace("secrets/acme", "secrets/link");
    let says = ["`[tenants.tokens.\"acme-ci\"]`", "leads through the site's folder", "zeta"];
    let linked = with_tokens(&settings).file("zeta/mine", "a-token-that-zeta-chose");
    linked.link("secrets/link", "../zeta/mine").end().await.says(&says);
    let above = with_tokens(&settings.replace("secrets/link", "link/mine"));
    above.file("zeta/mine", "a-token-that-zeta-chose").link("link", "zeta").end().await.says(&says);
    // Of a link in the folder, the owner chooses where it leads.
    let known =
        with_tokens(&settings).file("known", "what-everybody-knows").link("zeta/mine", "../known");
    known.link("secrets/link", "../zeta/mine").end().await.says(&says);
    let folder = with_tokens(&settings.replace("secrets/link", "secrets/to/acme"));
    folder.link("zeta/to", "../secrets").link("secrets/to", "../zeta/to").end().await.says(&says);
    let round = with_tokens(&settings).link("secrets/link", "link");
    round.end().await.says(&["`[tenants.tokens.\"acme-ci\"]`", "cannot read"]);
    // A link elsewhere is as good as a file.
    let host = with_tokens(&settings).link("secrets/link", "acme").start().await;
    assert_eq!(ask(&admin(&host).await, ACME, "GET", "/sites/acme/status", b"").await.status, 200);
}

#[tokio::test]
async fn a_token_is_rotated_while_the_host_runs() {
    let host = with_tokens(SETTINGS).start().await;
    let admin = admin(&host).await;
    let status = async |token: &str, site: &str| {
        ask(&admin, token, "GET", &format!("/sites/{site}/status"), b"").await.status
    };
    let new = "the-next-token-for-acme";
    host.site.write("secrets/acme", new);
    eventually("the new token", async || (status(new, "acme").await == 200).then_some(())).await;
    assert_eq!((status(ACME, "acme").await, status(ZETA, "zeta").await), (401, 200));

    // What is not right is not accepted, and nothing else suffers.
    host.site.write("secrets/acme", ZETA);
    host.wait_for_log(&["ERROR", "not accepted", "\"acme-ci\"", "\"zeta-ci\"", "the same"]).await;
    eventually("nobody's", async || (status(ZETA, "zeta").await == 401).then_some(())).await;
    assert_eq!(status(OPERATOR, "zeta").await, 200);
    host.site.remove("secrets/acme");
    host.signal(Signal::HUP);
    host.wait_for_log(&["ERROR", "not accepted", "\"acme-ci\"", "cannot read"]).await;
    eventually("its own", async || (status(ZETA, "zeta").await == 200).then_some(())).await;

    // A token that is added or removed counts at once, too.
    let more = "zeta-ci = { site = \"acme\", file = \"secrets/zeta\" }\n";
    let settings = SETTINGS.split("acme-ci").next().expect("it begins").to_owned() + more;
    host.site.write("lithe.toml", settings);
    eventually("its site", async || (status(ZETA, "acme").await == 200).then_some(())).await;
    assert_eq!((status(ZETA, "zeta").await, status(new, "acme").await), (403, 401));
}

#[tokio::test]
async fn a_token_is_rotated_although_the_settings_are_invalid() {
    let host = with_tokens(SETTINGS).start().await;
    let admin = admin(&host).await;
    let status =
        async |token: &str| ask(&admin, token, "GET", "/sites/acme/status", b"").await.status;
    host.site.write("lithe.toml", "[tenants.tokens]\nacme-ci = 1\n");
    host.wait_for_log(&["WARN", "settings are invalid", "lithe.toml"]).await;
    let new = "the-next-token-for-acme";
    host.site.write("secrets/acme", new);
    eventually("the new token", async || (status(new).await == 200).then_some(())).await;
    assert_eq!((status(ACME).await, status(OPERATOR).await), (401, 200));
}

#[tokio::test]
async fn a_token_may_be_in_a_variable_and_its_site_may_come_later() {
    let later = "[admin]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"secrets/operator\"\n\
                 [tenants.tokens]\n\"später\" = { site = \"later\", variable = \"LATER\" }\n";
    let token = "a-token-for-a-site-that-comes-later";
    let builder = sites().file("lithe.toml", later).file("secrets/operator", OPERATOR);
    let host = builder.environment("LATER", token).start().await;
    host.wait_for_log(&["WARN", "no folder", "`[tenants.tokens.\"später\"]`", "\"later\""]).await;
    let admin = admin(&host).await;
    let path = "/sites/later/status";
    assert_eq!(ask(&admin, token, "GET", path, b"").await.status, 404);
    host.site.copy("later/routes/swap.wasm", SWAP_V1.as_ref());
    eventually("the site", async || {
        (ask(&admin, token, "GET", path, b"").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_sites_token_cannot_ask_for_changes_without_end() {
    let host = with_tokens(SETTINGS).start().await;
    let admin = admin(&host).await;
    let mut statuses = Vec::new();
    for _ in 0..90 {
        statuses.push(ask(&admin, ACME, "POST", "/sites/zeta/drop", b"").await.status);
    }
    assert_eq!(statuses.first(), Some(&403));
    assert!(statuses.contains(&429), "{statuses:?}");
    // Others are not held up, and what it sees costs nothing.
    assert_eq!(ask(&admin, ZETA, "POST", "/sites/zeta/drop", b"").await.status, 409);
    assert_eq!(ask(&admin, ACME, "GET", "/sites/acme/status", b"").await.status, 200);
}

#[tokio::test]
async fn what_asks_for_no_change_is_not_in_the_log() {
    let host = with_tokens(SETTINGS).start().await;
    let admin = admin(&host).await;
    assert_eq!(ask(&admin, ACME, "POST", "/sites/acme/nonsense", b"").await.status, 404);
    assert_eq!(ask(&admin, ACME, "POST", "/sites/acme/promote", b"").await.status, 409);
    host.wait_for_log(&["nothing was deployed", "no canary"]).await;
    assert!(!host.log().contains("nonsense"), "{}", host.log());
}

#[tokio::test]
async fn bodies_of_a_sites_token_keep_nobody_else_from_a_deploy() {
    let host = with_tokens(SETTINGS).start().await;
    let admin = admin(&host).await;
    let address = admin.parse().expect("an address");
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut raw = Raw::connect(address).await;
        let length = 64 << 20;
        raw.write(format!(
            "PUT /sites/acme/plugins/{PLUGIN}?dry_run=true HTTP/1.1\r\nhost: a\r\n\
             authorization: Bearer {ACME}\r\ncontent-length: {length}\r\n\r\nx"
        ))
        .await;
        slow.push(raw);
    }
    let deployed = sooner_than(Duration::from_secs(20), "the operator's deploy", async {
        ask(&admin, OPERATOR, "PUT", &format!("/sites/zeta/plugins/{PLUGIN}"), &bytes(SWAP_V3))
            .await
    });
    assert_eq!(deployed.await.status, 200);
    drop(slow);
}
