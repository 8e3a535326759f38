//! The audit: who has asked for which change, and what came of it.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use lithe_tests::artifacts::{SWAP_V1, SWAP_V3};
use lithe_tests::{Signal, TestHost, eventually};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{ACME, OPERATOR, PLUGIN, SETTINGS, ZETA, admin, ask, bytes, get, printed, with_tokens};
use crate::host;

const FILE: &str = ".lithe/audit.log";

/// The lines in the file.
fn lines(host: &TestHost) -> Vec<Value> {
    let text = std::fs::read_to_string(host.site.folder().join(FILE)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

/// Some fields of each line.
fn told(lines: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let fields = ["by", "site", "change", "result"];
    lines.iter().map(|line| fields.map(|field| text(&line[field])).join(" ")).collect()
}

#[tokio::test]
async fn each_change_has_a_line_with_who_what_from_where_and_what_came_of_it() {
    let host = with_tokens(SETTINGS).start().await;
    let admin = admin(&host).await;
    let put = format!("/sites/acme/plugins/{PLUGIN}");
    assert_eq!(ask(&admin, ACME, "PUT", &put, &bytes(SWAP_V3)).await.status, 200);
    assert_eq!(ask(&admin, OPERATOR, "PUT", &put, b"hello").await.status, 422);
    host.command_in("acme", "rollback", &[PLUGIN]).await.succeeded();
    assert_eq!(ask(&admin, ZETA, "POST", "/sites/zeta/promote", b"").await.status, 409);
    assert_eq!(ask(&admin, ZETA, "POST", "/sites/acme/drop", b"").await.status, 403);
    assert_eq!(ask(&admin, OPERATOR, "POST", "/sites/nobody/drop", b"").await.status, 404);
    // What changes nothing, or comes from a stranger, has no line.
    let dry = format!("{put}?dry_run=true");
    assert_eq!(ask(&admin, ACME, "PUT", &dry, &bytes(SWAP_V3)).await.status, 200);
    assert_eq!(ask(&admin, "a-token-of-a-stranger", "PUT", &put, b"").await.status, 401);
    assert_eq!(ask(&admin, OPERATOR, "GET", "/sites/acme/status", b"").await.status, 200);
    let lines = lines(&host);
    let expected = [
        "acme-ci acme deploy ok",
        "operator acme deploy refused",
        "control acme rollback ok",
        "zeta-ci zeta promote refused",
        // Of its own site: the other one does not see who tries.
        "zeta-ci zeta drop refused",
        "operator nobody drop refused",
    ];
    assert_eq!(told(&lines), expected);
    let status = host.command_in("acme", "status", &["--json"]).await;
    let status: Value = serde_json::from_str(printed(&status)).expect("it is JSON");
    let plugin = &status["plugins"][0];
    let component = |digest: &Value| json!([{ "plugin": PLUGIN, "digest": digest }]);
    assert_eq!(lines[0]["components"], component(&plugin["before"][0]), "{lines:?}");
    assert_eq!(lines[2]["components"], component(&plugin["version"]), "{lines:?}");
    assert!(lines[0]["from"].as_str().is_some_and(|from| from.starts_with("127.0.0.1:")));
    assert_eq!(lines[2]["from"], Value::Null);
    let why = lines[4]["why"].as_str().expect("it says why");
    let tried = "`/sites/acme/drop` was asked for: the token `zeta-ci` is only for the site `zeta`";
    assert!(why.starts_with(tried) && !why.contains("begin the path"), "{why}");
    let user = std::fs::metadata(host.site.folder()).expect("it is there").uid();
    assert_eq!(lines[2]["uid"], user);
    let why = lines[1]["why"].as_str().expect("it says why");
    assert!(why.contains("is not WebAssembly"), "{why}");
    assert!(lines[0]["time"].as_str().is_some_and(|time| time.ends_with('Z')));
    host.wait_for_log(&["audit: ", "deploy of `acme` by acme-ci, from 127.0.0.1:", " ok"]).await;
    let file = host.site.folder().join(FILE).metadata().expect("it is there");
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_line_shows_a_part_of_a_long_path_that_a_sites_token_may_not_ask_for() {
    let host = with_tokens(SETTINGS).start().await;
    let admin = admin(&host).await;
    let path = format!("/sites/acme/rollback/%0a{}", "x".repeat(4_000));
    assert_eq!(ask(&admin, ZETA, "POST", &path, b"").await.status, 403);
    let lines = lines(&host);
    let why = lines[0]["why"].as_str().expect("it says why");
    assert!(why.starts_with("`/sites/acme/rollback/%0axxx") && why.len() < 600, "{why}");
    assert!(why.contains("bytes more)` was asked for: the token `zeta-ci`"), "{why}");
}

#[tokio::test]
async fn asking_for_the_audit_changes_nothing_however_its_path_ends() {
    let host = with_tokens(SETTINGS).start().await;
    let admin = admin(&host).await;
    let canary = format!("/sites/acme/plugins/{PLUGIN}?share=100%25");
    assert_eq!(ask(&admin, ACME, "PUT", &canary, &bytes(SWAP_V3)).await.status, 200);
    for (token, path) in [(ACME, "/sites/acme/audit/"), (OPERATOR, "/audit/")] {
        let audit = ask(&admin, token, "GET", path, b"").await;
        assert_eq!(audit.status, 200, "{path}: {audit:?}");
        assert_eq!(audit.json()["lines"].as_array().map(Vec::len), Some(1), "{path}: {audit:?}");
    }
    assert_eq!(get(&host, "acme").await, "v3", "the canary is still served");
}

#[tokio::test]
async fn lithe_audit_prints_the_lines_that_one_may_see() {
    let host = with_tokens(SETTINGS).start().await;
    let admin = admin(&host).await;
    for (token, site) in [(ACME, "acme"), (ZETA, "zeta")] {
        let put = format!("/sites/{site}/plugins/{PLUGIN}");
        assert_eq!(ask(&admin, token, "PUT", &put, &bytes(SWAP_V3)).await.status, 200);
    }
    let read = |text: &str| -> Vec<Value> {
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let all = host.command_in("", "audit", &["--json"]).await;
    let expected = ["acme-ci acme deploy ok", "zeta-ci zeta deploy ok"];
    assert_eq!(told(&read(printed(&all))), expected);
    let one = host.command_in("zeta", "audit", &["--json", "--since", "1h"]).await;
    assert_eq!(told(&read(printed(&one))), expected[1..]);
    let none = host.command_in("zeta", "audit", &["--json", "--since", "2999-01-01"]).await;
    assert_eq!(printed(&none), "");
    let table = host.command_in("acme", "audit", &[]).await;
    let table = printed(&table);
    assert!(table.starts_with("TIME") && table.contains("acme-ci"), "{table}");
    assert!(!table.contains("zeta"), "{table}");
    host.command_in("acme", "audit", &["--since", "soon"]).await.says(&["`soon` is not a time"]);

    let file = host.site.folder().join("secrets/acme").display().to_string();
    let there = ["--json", "--admin", &*admin, "--token-file", &*file];
    let own = host.command_in("acme", "audit", &there).await;
    assert_eq!(told(&read(printed(&own))), expected[..1]);
    host.command_in("zeta", "audit", &there).await.says(&["the token `acme-ci` is only for"]);
    for path in ["/audit", "/sites/zeta/audit"] {
        assert_eq!(ask(&admin, ACME, "GET", path, b"").await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn without_its_line_no_change_is_made() {
    let settings = SETTINGS.replace("[admin]", "[admin]\naudit = \"secrets/full\"");
    let host = with_tokens(&settings).link("secrets/full", "/dev/full").start().await;
    let admin = admin(&host).await;
    let put = format!("/sites/acme/plugins/{PLUGIN}");
    let refused = ask(&admin, ACME, "PUT", &put, &bytes(SWAP_V3)).await;
    assert_eq!((refused.status, get(&host, "acme").await.as_str()), (503, "v1"));
    let text = refused.text();
    assert!(text.contains("its line cannot be written") && text.contains("secrets/full"), "{text}");
    host.command_in("acme", "deploy", &[PLUGIN, SWAP_V3]).await.says(&["nothing is changed"]);
    // It only says what would change.
    host.command_in("acme", "deploy", &[PLUGIN, SWAP_V3, "--dry-run"]).await.succeeded();
    // As soon as it can be written, changes are made.
    host.site.remove("secrets/full");
    assert_eq!(ask(&admin, ACME, "PUT", &put, &bytes(SWAP_V3)).await.status, 200);
    assert_eq!(get(&host, "acme").await, "v3");
}

#[tokio::test]
async fn the_audit_lies_in_no_sites_folder() {
    let settings = SETTINGS.replace("[admin]", "[admin]\naudit = \"link/audit.log\"");
    let host = with_tokens(&settings).link("link", "zeta").start().await;
    let refused = host.command_in("acme", "deploy", &[PLUGIN, SWAP_V3]).await;
    refused.says(&["its line cannot be written", "leads through the site's folder"]);
    assert!(!host.site.folder().join("zeta/audit.log").exists());
}

#[tokio::test]
async fn the_audit_is_not_among_the_public_files_of_the_only_site() {
    let site = host().route("swap", SWAP_V1).public("index.html", "hello");
    let host = site.config("admin.audit = \"public/audit.log\"\n").start().await;
    let refused = host.command("deploy", &[PLUGIN, SWAP_V3]).await;
    refused.says(&["its line cannot be written", "public", "everybody can read"]);
    assert!(!host.site.folder().join("public/audit.log").exists());
    assert_eq!(host.get("/swap").await.text(), "v1");
}

/// Sends a request with the operator's token.
async fn begin(admin: &str, method: &str, path: &str, body: &[u8]) -> TcpStream {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {OPERATOR}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(admin).await.expect("it listens");
    stream.write_all(&[head.as_bytes(), body].concat()).await.expect("it is taken");
    stream
}

#[tokio::test]
async fn a_refusal_has_its_line_although_its_client_has_left() {
    let host = with_tokens(SETTINGS).start().await;
    drop(begin(&admin(&host).await, "POST", "/sites/acme/promote", b"").await);
    eventually("its line", async || (lines(&host).len() == 1).then_some(())).await;
    assert_eq!(told(&lines(&host)), ["operator acme promote refused"]);
}

#[tokio::test]
async fn a_change_has_its_line_although_its_client_has_left_and_the_host_stops() {
    let mut host = with_tokens(SETTINGS).start().await;
    let admin = admin(&host).await;
    // The change waits for the instance.
    let mut client = host.connect_with("/swap", &[("host", "acme")]).await;
    client.send("sleep:2000").await;
    let put = format!("/sites/acme/plugins/{PLUGIN}");
    let deploying = begin(&admin, "PUT", &put, &bytes(SWAP_V3)).await;
    host.wait_for_log(&["taking over", "acme"]).await;
    drop(deploying);
    host.signal(Signal::TERM);
    host.exit().await;
    let told = told(&lines(&host));
    assert!(told.len() == 1 && told[0].starts_with("operator acme deploy "), "{told:?}");
}

#[tokio::test]
async fn what_is_hostile_in_a_line_is_escaped_and_a_line_is_one_line() {
    let host = with_tokens(SETTINGS).start().await;
    let admin = admin(&host).await;
    let name =
        "/sites/acme/plugins/routes/%0a%1b%5b31m%e2%80%ae%7b%22by%22%3a%22operator%22%7d.wasm";
    let refused = ask(&admin, ACME, "PUT", name, &bytes(SWAP_V1)).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let long = format!("/sites/acme/rollback/routes/{}.wasm", "x".repeat(10_000));
    assert_eq!(ask(&admin, ACME, "POST", &long, b"").await.status, 404);
    let text = std::fs::read_to_string(host.site.folder().join(FILE)).expect("it is there");
    assert!(text.lines().all(|line| line.len() < 32 * 1024), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    assert_eq!(
        told(&lines(&host)),
        ["acme-ci acme deploy refused", "acme-ci acme rollback refused"]
    );
    let shown = host.command_in("acme", "audit", &[]).await;
    let shown = printed(&shown);
    assert!(shown.lines().count() == 3 && !shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
}

#[tokio::test]
async fn a_full_file_gets_a_number_and_the_oldest_goes() {
    let old = json!({
        "time": "2026-01-31T12:00:00.000Z", "by": "operator", "site": "acme", "change": "drop", "result": "ok",
    });
    let line = format!("{old}\n");
    let full = line.repeat(8 * 1024 * 1024 / line.len() + 1);
    let builder = with_tokens(SETTINGS).file(FILE, full).file(".lithe/audit.log.4", line);
    let host = builder.file(".lithe/audit.log.3", "").start().await;
    // One begins to write to it, and the other finds it full.
    for component in [SWAP_V3, SWAP_V1] {
        host.command_in("acme", "deploy", &[PLUGIN, component]).await.succeeded();
    }
    let size = |name: &str| {
        let file = host.site.folder().join(".lithe").join(name).metadata();
        file.map_or(None, |file| Some(file.len()))
    };
    assert!(size("audit.log").is_some_and(|size| size < 10_000), "{:?}", size("audit.log"));
    assert!(size("audit.log.1").is_some_and(|size| size > 8_000_000));
    assert_eq!(
        (size("audit.log.3"), size("audit.log.4"), size("audit.log.5")),
        (None, Some(0), None)
    );
    let all = host.command_in("", "audit", &["--json"]).await;
    let left_out = "older lines are left out";
    assert!(all.stderr.contains(left_out), "{}", all.stderr);
    let table = host.command_in("", "audit", &[]).await;
    assert!(printed(&table).contains(left_out));
    let all = printed(&all);
    assert_eq!(all.lines().count(), 10_000, "the newest");
    assert!(all.lines().last().is_some_and(|line| line.contains("\"control\"")));
    let mode = host.site.folder().join(FILE).metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
