//! What a component reaches without a grant, and with one.

use lithe_tests::artifacts::{REACH, TRAP_HTTP};
use lithe_tests::{Builder, TestHost};
use serde_json::json;

use crate::host;

/// A site with something to take, and this granted.
fn site(granted: &str) -> Builder {
    host()
        .route("reach", REACH)
        .config(&format!("[plugin.\"routes/reach.wasm\"]\n{granted}\n"))
        .file("data/notes.txt", "of the site")
        .file("data/deep/more.txt", "deeper")
        .file("secrets/token", "hunter22-hunter22\n")
        .file("private.txt", "not granted")
        .environment("HOST_SECRET", "of-the-host")
}

async fn reached(host: &TestHost, query: &str) -> (u16, String) {
    let answer = host.get(&format!("/reach?{query}")).await;
    (answer.status, answer.text().to_owned())
}

async fn is_refused(host: &TestHost, query: &str) {
    let (status, text) = reached(host, query).await;
    assert_eq!(status, 403, "{query}: {text}");
}

#[tokio::test]
async fn without_a_grant_there_is_nothing() {
    let host = site("").start().await;
    let environment = host.get("/reach?env").await.json();
    assert_eq!(environment, json!({ "env": [], "args": [] }));
    for path in ["/", ".", "/etc/passwd", "data/notes.txt", "/data", "..", "/proc/self/environ"] {
        is_refused(&host, &format!("read={path}")).await;
        is_refused(&host, &format!("list={path}")).await;
    }
    is_refused(&host, "write=x").await;
    is_refused(&host, "write=/tmp/x").await;
    is_refused(&host, &format!("connect={}", host.address)).await;
    is_refused(&host, "connect=localhost:80").await;
    is_refused(&host, "listen").await;
    is_refused(&host, "udp").await;
}

#[tokio::test]
async fn variables_and_secrets_are_granted_by_name_and_secrets_stay_out_of_the_log() {
    let granted = "environment = { MODE = \"test\" }\n\
                   secrets = { TOKEN = { file = \"secrets/token\" }, KEY = { host = \"HOST_SECRET\" } }";
    let host = site(granted).start().await;
    let answer = host.get("/reach?env").await.json();
    let mut variables: Vec<(String, String)> =
        serde_json::from_value(answer["env"].clone()).expect("pairs");
    variables.sort();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected =
        [pair("KEY", "of-the-host"), pair("MODE", "test"), pair("TOKEN", "hunter22-hunter22")];
    assert_eq!(variables, expected);
    for name in ["TOKEN", "KEY"] {
        assert_eq!(reached(&host, &format!("print={name}")).await.0, 200);
    }
    host.wait_for_log(&["it is (secret)"]).await;
    let log = host.log();
    assert!(!log.contains("hunter22") && !log.contains("of-the-host"), "{log}");
}

#[tokio::test]
async fn a_folder_is_granted_to_read_or_to_write_and_nothing_around_it() {
    let granted = "folders = { \"/data\" = { path = \"data\" }, \
                   \"/rw\" = { path = \"scratch\", write = true } }";
    let host = site(granted).file("scratch/old.txt", "old").start().await;
    assert_eq!(reached(&host, "read=/data/notes.txt").await, (200, "of the site".into()));
    assert_eq!(reached(&host, "list=/data").await, (200, "deep notes.txt".into()));
    assert_eq!(reached(&host, "read=/data/deep/more.txt").await, (200, "deeper".into()));
    is_refused(&host, "write=/data/new.txt").await;
    is_refused(&host, "remove=/data/notes.txt").await;
    assert_eq!(reached(&host, "write=/rw/new.txt").await, (200, "written".into()));
    assert_eq!(reached(&host, "remove=/rw/old.txt").await, (200, "removed".into()));
    let written = std::fs::read_to_string(host.site.folder().join("scratch/new.txt"));
    assert_eq!(written.expect("it is there"), "written");

    std::os::unix::fs::symlink(host.site.folder(), host.site.folder().join("scratch/up"))
        .expect("a link can be made");
    for path in ["/data/../private.txt", "/data/../../etc/passwd", "/rw/up/private.txt", "/"] {
        is_refused(&host, &format!("read={path}")).await;
    }
    is_refused(&host, "write=/rw/up/private.txt").await;
}

#[tokio::test]
async fn what_cannot_be_granted_is_refused_by_name() {
    for (granted, words) in [
        ("folders = { \"/data\" = { path = \"/etc\" } }", &["`/data`", "not inside the site"][..]),
        ("folders = { \"/data\" = { path = \"none\" } }", &["`none` does not exist"]),
        ("secrets = { TOKEN = { file = \"none\" } }", &["`TOKEN`", "`none` does not exist"]),
        ("secrets = { TOKEN = { host = \"NOT_SET\" } }", &["`TOKEN`", "`NOT_SET`"]),
        ("secrets = { TOKEN = \"value\" }", &["line 2"]),
        ("folders = { \"/data\" = \"data\" }", &["line 2"]),
    ] {
        site(granted).end().await.says(words);
    }
}

#[tokio::test]
async fn a_changed_secret_reaches_new_instances() {
    let host = site("secrets = { TOKEN = { file = \"secrets/token\" } }").start().await;
    host.site.write("secrets/token", "another-secret");
    host.wait_for_log(&["reloaded routes/reach.wasm"]).await;
    assert!(host.get("/reach?env").await.text().contains("another-secret"));
    assert!(!host.log().contains("another-secret"), "{}", host.log());
}

#[tokio::test]
async fn of_the_hosts_environment_a_site_among_others_reads_what_all_may() {
    let granted = |name: &str| {
        format!("[plugin.\"routes/reach.wasm\"]\nsecrets = {{ KEY = {{ host = \"{name}\" }} }}\n")
    };
    let host = host()
        .file("lithe.toml", "[tenants]\nenvironment = [\"SHARED\"]\n")
        .component("a.test/routes/reach.wasm", REACH)
        .file("a.test/lithe.toml", granted("SHARED"))
        .component("b.test/routes/reach.wasm", REACH)
        .file("b.test/lithe.toml", granted("PRIVATE"))
        .component("c.test/routes/trap.wasm", TRAP_HTTP)
        .environment("SHARED", "shared-secret")
        .environment("PRIVATE", "private-secret")
        .start()
        .await;
    host.wait_for_log(&["b.test", "the host's `PRIVATE` is not for this site"]).await;
    let get = http::Request::get("/reach?env").header("host", "a.test").body("");
    let answer = host.send(get.expect("it is a request")).await;
    assert!(answer.text().contains("shared-secret"), "{answer:?}");
    assert!(!answer.text().contains("private-secret"), "{answer:?}");
}
