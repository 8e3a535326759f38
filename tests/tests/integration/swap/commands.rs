//! Deploys over the network, and what `lithe status` prints.

use http::Request;
use lithe_tests::artifacts::{SWAP_BARE, SWAP_V1, SWAP_V2, SWAP_V3};
use lithe_tests::{Response, TestHost, eventually, proc};

use super::{PLUGIN, deploy, status, v1};
use crate::host;

const TOKEN: &str = "a-token-that-is-long-enough";

const CONFIG: &str =
    "[admin]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"token\"\nbody = \"2 MiB\"\n";

/// A host that takes deploys, and where.
async fn admin() -> (TestHost, String) {
    let builder = host().route("swap", SWAP_V1).config(CONFIG);
    let host = builder.file("token", format!("{TOKEN}\n")).start().await;
    let line = host.wait_for_log(&["deploys are taken on http://"]).await;
    let address = line.split("http://").nth(1).expect("it says an address").trim().to_owned();
    (host, address)
}

async fn ask(admin: &str, request: Request<Vec<u8>>) -> Response {
    lithe_tests::request(admin.parse().expect("an address"), request).await
}

fn put(file: &str) -> http::request::Builder {
    Request::put(format!("/plugins/{file}")).header("authorization", format!("Bearer {TOKEN}"))
}

fn bytes(component: &str) -> Vec<u8> {
    std::fs::read(component).expect("it is there")
}

#[tokio::test]
async fn a_put_deploys_a_component() {
    let (host, admin) = admin().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("1").await, "v1:1");
    let deployed = put(PLUGIN).body(bytes(SWAP_V2)).expect("it is a request");
    let deployed = ask(&admin, deployed).await;
    assert_eq!(deployed.status, 200, "{deployed:?}");
    assert_eq!(deployed.json()["changes"][0]["moved"], 1);
    assert_eq!(client.ask("2").await, "v2:2");
    assert_eq!(
        bytes(SWAP_V2),
        std::fs::read(host.site.folder().join(PLUGIN)).expect("it is there")
    );

    let new = put("routes/rooms/%5Bid%5D.wasm").body(bytes(SWAP_V3)).expect("a request");
    let added = ask(&admin, new).await;
    assert_eq!(added.json()["changes"][0]["plugin"], "routes/rooms/[id].wasm", "{added:?}");
    assert_eq!(host.get("/rooms/1").await.text(), "v3");

    let wrong = put(PLUGIN).body(b"hello".to_vec()).expect("it is a request");
    let refused = ask(&admin, wrong).await;
    assert_eq!(refused.status, 422);
    let error = refused.json()["error"].as_str().expect("a text").to_owned();
    assert!(error.contains("`routes/swap.wasm`: is not WebAssembly"), "{error}");
    assert_eq!(client.ask("3").await, "v2:3");
}

#[tokio::test]
async fn a_put_can_ask_what_would_change_and_for_what_is_in_memory_to_be_kept() {
    let (host, admin) = admin().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("1").await, "v1:1");
    let put = async |terms: &str| {
        let request = put(&format!("{PLUGIN}?{terms}")).body(bytes(SWAP_BARE)).expect("a request");
        ask(&admin, request).await
    };
    let foreseen = put("dry_run=true").await.json();
    assert_eq!(foreseen["dry_run"], true, "{foreseen}");
    assert_eq!(foreseen["changes"][0]["empty_memory"], "no-state-after", "{foreseen}");
    let refused = put("keep_memory").await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("would begin with empty memory"), "{refused:?}");
    assert_eq!(client.ask("2").await, "v1:2");
    let wrong = put("dry_run=perhaps").await;
    assert_eq!((wrong.status, wrong.text().contains("`dry_run`")), (400, true));
    let twice = put("dry_run=true&dry_run=false").await;
    assert_eq!((twice.status, twice.text().contains("`dry_run` is given twice")), (400, true));
    let done = put("dry_run=false").await.json();
    assert_eq!(done["changes"][0]["empty_memory"], "no-state-after", "{done}");
    assert_eq!(client.ask("3").await, "bare:3");
}

#[tokio::test]
async fn only_the_token_opens_the_door() {
    let (host, admin) = admin().await;
    for token in [None, Some("Bearer wrong"), Some("Basic x"), Some("Bearer ")] {
        for path in ["/status", "/plugins/routes/swap.wasm", "/nothing"] {
            let mut request = Request::put(path);
            if let Some(token) = token {
                request = request.header("authorization", token);
            }
            let refused = ask(&admin, request.body(bytes(SWAP_V2)).expect("a request")).await;
            assert_eq!(refused.status, 401, "{token:?} {path}");
            assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        }
    }
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let token = format!("{scheme} {TOKEN}");
        let request = Request::get("/status").header("authorization", token);
        let answer = ask(&admin, request.body(Vec::new()).expect("a request")).await;
        assert_eq!(answer.status, 200, "{scheme}");
    }
    assert_eq!(host.get("/swap").await.text(), "v1");
    assert_eq!(host.get("/status").await.status, 404, "the site's own listener takes no deploys");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let (host, admin) = admin().await;
    let large = put(PLUGIN).body(vec![0; 2 * 1024 * 1024 + 1]).expect("it is a request");
    let refused = ask(&admin, large).await;
    assert_eq!(refused.status, 413);
    assert!(refused.text().contains("`admin.body`"), "{refused:?}");
    assert_eq!(host.get("/swap").await.text(), "v1");
}

#[tokio::test]
async fn wrong_requests_are_told_what_is_right() {
    let (_host, admin) = admin().await;
    let with = |request: http::request::Builder| {
        let request = request.header("authorization", format!("Bearer {TOKEN}"));
        request.body(Vec::new()).expect("it is a request")
    };
    let answer = ask(&admin, with(Request::get("/"))).await;
    assert_eq!((answer.status, answer.text().contains("PUT /plugins/FILE")), (404, true));
    let answer = ask(&admin, with(Request::post("/status"))).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")));
    let answer = ask(&admin, with(Request::put("/plugins/routes/swap.wasm?shar=5%25"))).await;
    assert_eq!((answer.status, answer.text().contains("`shar`")), (400, true));
    let answer = ask(&admin, with(Request::post("/deploy"))).await;
    assert_eq!((answer.status, answer.text().contains("multipart/form-data")), (400, true));
    let answer = ask(&admin, with(Request::post("/rollback/routes/swap.wasm"))).await;
    assert_eq!((answer.status, answer.text().contains("no previous version")), (404, true));
    let answer = ask(&admin, with(Request::post("/promote"))).await;
    assert_eq!(answer.status, 409);
    let status = ask(&admin, with(Request::get("/status"))).await;
    assert_eq!(status.json()["plugins"][0]["plugin"], "routes/swap.wasm");
}

#[tokio::test]
async fn an_admin_without_a_token_or_beyond_loopback_does_not_start() {
    let start = |config: &str| host().route("swap", SWAP_V1).config(config).end();
    let refused = start("[admin]\nlisten = \"127.0.0.1:0\"\n").await;
    refused.says(&["`admin.listen` needs a token", "`LITHE_ADMIN_TOKEN`"]);
    let refused = start("[admin]\nlisten = \"0.0.0.0:4001\"\n").await;
    refused.says(&["`admin.listen`", "loopback"]);
    let refused = start("[admin]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"none\"\n").await;
    refused.says(&["`admin.token_file`"]);
    let builder = host().route("swap", SWAP_V1).config(CONFIG).file("token", "short");
    builder.end().await.says(&["has 5 bytes"]);
}

#[tokio::test]
async fn two_deploys_at_once_take_turns() {
    let host = v1().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("1").await, "v1:1");
    let both = tokio::join!(
        host.command("deploy", &[PLUGIN, SWAP_V2]),
        host.command("deploy", &[PLUGIN, SWAP_V3])
    );
    both.0.succeeded();
    both.1.succeeded();
    let last = host.get("/swap").await.text().to_owned();
    assert!(["v2", "v3"].contains(&last.as_str()), "{last}");
    assert_eq!(client.ask("2").await, format!("{last}:2"));
    assert_eq!(client.ask("count").await, "2");
}

#[tokio::test]
async fn status_shows_versions_sockets_and_who_drains() {
    let host = v1().await;
    let mut pinned = host.connect("/swap?pinned").await;
    assert_eq!(pinned.ask("1").await, "v1:1");
    deploy(&host, SWAP_V2).await;
    let _new = host.connect("/swap").await;
    let status = host.command("status", &[]).await;
    status.succeeded();
    let text = &status.stdout;
    assert!(text.contains("site site"), "{text}");
    assert!(text.contains("COMPONENT") && text.contains("draining:"), "{text}");
    assert_eq!(text.matches("routes/swap.wasm").count(), 2, "{text}");
}

/// What a process holds.
#[derive(Debug)]
struct Usage {
    files: usize,
    /// Of compiled components, which are mapped from their files.
    code: usize,
    /// Resident, in bytes, without what is mapped from files.
    memory: u64,
}

fn usage(host: &TestHost) -> Usage {
    let process = format!("/proc/{}", host.process_id());
    let read = |file| std::fs::read_to_string(format!("{process}/{file}")).expect("it runs");
    let files = std::fs::read_dir(format!("{process}/fd")).expect("it runs").count();
    let code = read("maps").lines().filter(|line| line.ends_with(".cwasm")).count();
    let memory = proc::memory(host.process_id(), "status", "RssAnon").expect("it has memory");
    Usage { files, code, memory }
}

const SWAPS: usize = 200;

#[tokio::test]
async fn two_hundred_swaps_leave_nothing_behind() {
    let (host, admin) = admin().await;
    let mut client = host.connect("/swap").await;
    let components = [bytes(SWAP_V2), bytes(SWAP_V3), bytes(SWAP_BARE)];
    let mut swap = async |number: usize| {
        let body = components[number % components.len()].clone();
        let deployed = ask(&admin, put(PLUGIN).body(body).expect("a request")).await;
        assert_eq!(deployed.status, 200, "{deployed:?}");
        client.ask("x").await
    };
    // The first ones fill pools and caches.
    for number in 0..30 {
        swap(number).await;
    }
    let before = usage(&host);
    for number in 0..SWAPS {
        swap(number).await;
    }
    // Versions go when a sweep finds that nothing of them is left. Of each that stayed there would
    // be the code; the allocator keeps some memory for what comes next.
    eventually("what was open before", async || {
        let now = usage(&host);
        (now.files <= before.files + 2 && now.code <= before.code + SWAPS / 10).then_some(())
    })
    .await;
    let after = usage(&host);
    assert!(after.memory < before.memory + (64 << 20), "{before:?} has become {after:?}");
    let versions =
        std::fs::read_dir(host.site.folder().join(".lithe/versions")).expect("it is there");
    assert!(versions.count() <= 5, "the versions kept, and their order");
}

#[tokio::test]
async fn a_folder_of_sites_is_not_taken_for_a_site() {
    let settings = "[tenants.limits]\nmemory = \"32 MiB\"\n";
    let host = host().file("lithe.toml", settings).component("shop/routes/swap.wasm", SWAP_V1);
    let host = host.start().await;
    for (command, arguments) in [
        ("status", &[][..]),
        ("routes", &[]),
        ("deploy", &[PLUGIN, SWAP_V2]),
        ("build", &[]),
        ("add", &["/other", "--lang", "c"]),
    ] {
        let refused = host.command(command, arguments).await;
        refused.says(&["is a folder of sites: name one of them, such as `", "/shop`"]);
        assert!(!refused.stderr.contains("tenants"), "{command}: {refused:?}");
    }
    host.command_in("shop", "status", &[]).await.succeeded();
}

#[tokio::test]
async fn commands_reach_the_host_although_the_settings_on_disk_are_invalid() {
    let host = v1().await;
    host.site.write("lithe.toml", "[limits\n");
    host.wait_for_log(&["ERROR", "lithe.toml` is invalid"]).await;
    let shown = host.command("status", &[]).await;
    shown.succeeded();
    let refused = "the folder has a change that is refused, and what was served before goes on: ";
    let line = shown.stdout.lines().find(|line| line.starts_with(refused)).expect("it says so");
    assert!(line.contains("lithe.toml` is invalid"), "{line}");
    deploy(&host, SWAP_V2).await;
    assert_eq!(host.get("/swap").await.text(), "v2");
    host.command("rollback", &[PLUGIN]).await.succeeded();
    assert_eq!(host.get("/swap").await.text(), "v1");
}

#[tokio::test]
async fn status_shows_why_the_folder_is_refused_until_it_is_right_again() {
    let host = v1().await;
    let refused = async || status(&host).await["refused"].clone();
    assert!(refused().await.is_null());
    host.site.write("plugins/poll.wasm", "garbage");
    eventually("the refusal", async || {
        let why = refused().await;
        why.as_str().is_some_and(|why| why.contains("`plugins/poll.wasm`")).then_some(())
    })
    .await;
    // A deploy does not put the folder right.
    deploy(&host, SWAP_V2).await;
    assert!(refused().await.is_string());
    host.site.remove("plugins/poll.wasm");
    eventually("the folder is right", async || refused().await.is_null().then_some(())).await;
    assert_eq!(host.get("/swap").await.text(), "v2");
}
