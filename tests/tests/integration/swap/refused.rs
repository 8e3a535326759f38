//! Whatever is wrong with a new version, the previous version goes on.

use lithe_tests::artifacts::{
    MIDDLEWARE_LOG, MIDDLEWARE_MISBEHAVE, SWAP_EVENTS_TRAP, SWAP_HEALTH_HANGS, SWAP_HEALTH_TRAPS,
    SWAP_START_TRAPS, SWAP_UNHEALTHY, SWAP_V1, SWAP_V2,
};
use lithe_tests::{Signal, TestHost, eventually};

use super::{PLUGIN, v1};
use crate::host;

/// Deploys this file, which is refused.
async fn refuses(host: &TestHost, file: &str, words: &[&str]) {
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("1").await, "v1:1");
    host.command("deploy", &[PLUGIN, file]).await.says(words);
    host.wait_for_log(&["nothing was deployed", words[0]]).await;
    assert_eq!(client.ask("2").await, "v1:2");
    assert_eq!(host.get("/swap").await.text(), "v1");
    let kept = std::fs::read(host.site.folder().join(PLUGIN)).expect("it is there");
    assert_eq!(kept, std::fs::read(SWAP_V1).expect("it is there"), "the site's file has changed");
}

#[tokio::test]
async fn a_component_that_fails_while_it_is_loaded() {
    let host = v1().await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("it can be written");
        path.to_str().expect("it is UTF-8").to_owned()
    };
    let component = std::fs::read(SWAP_V2).expect("it is there");
    let half = file("half.wasm", &component[..component.len() / 2]);
    refuses(&host, &half, &["`routes/swap.wasm`", "truncated or malformed"]).await;
    refuses(&host, &file("text.wasm", b"hello"), &["is not WebAssembly"]).await;
    refuses(&host, &file("empty.wasm", b""), &["is not WebAssembly"]).await;
    refuses(&host, &file("core.wasm", b"\0asm\x01\0\0\0"), &["core module"]).await;
    refuses(&host, MIDDLEWARE_LOG, &["is not a route"]).await;
}

#[tokio::test]
async fn a_dry_run_refuses_a_place_that_the_deploy_could_not_write() {
    let host = v1().await;
    std::fs::create_dir(host.site.folder().join("routes/a.wasm")).expect("it is new");
    for (place, why) in [
        ("routes/a.wasm", "there is a folder of this name"),
        ("routes/swap.wasm/b.wasm", "it is not a folder"),
    ] {
        let words = ["cannot write `", place, why];
        for options in
            [&[][..], &["--dry-run"], &["--dry-run", "--share", "5%"], &["--share", "5%"]]
        {
            let arguments = [options, &[place, SWAP_V2]].concat();
            host.command("deploy", &arguments).await.says(&words);
        }
    }
    let new = ["--dry-run", "routes/new/folder/c.wasm", SWAP_V2];
    host.command("deploy", &new).await.succeeded();
    assert!(!host.site.folder().join("routes/new").exists());
}

#[tokio::test]
async fn a_version_that_does_not_start_or_is_not_well() {
    let host = host()
        .route("swap", SWAP_V1)
        .config("[limits]\nrequest_time = \"5s\"\nrequest_cpu = \"1s\"\n")
        .start()
        .await;
    refuses(&host, SWAP_START_TRAPS, &["`routes/swap.wasm` does not start"]).await;
    refuses(&host, SWAP_UNHEALTHY, &["is not healthy", "`health` answered"]).await;
    refuses(&host, SWAP_HEALTH_TRAPS, &["is not healthy", "the guest trapped"]).await;
    refuses(&host, SWAP_HEALTH_HANGS, &["is not healthy", "limits.request_"]).await;
}

#[tokio::test]
async fn a_version_that_does_not_answer_at_the_health_path() {
    let config = |path: &str| format!("[plugin.\"{PLUGIN}\"]\nhealth = \"{path}\"\n");
    let host = host().route("swap", SWAP_V1).config(&config("/swap?trap")).start().await;
    refuses(&host, SWAP_V2, &["is not healthy", "the guest trapped"]).await;
    host.site.configure("", &config("/swap"));
    // The version that serves is not asked again, and so nothing says that the path is another one.
    eventually("the other path", async || {
        host.command("deploy", &[PLUGIN, SWAP_V2]).await.status.success().then_some(())
    })
    .await;
    let refused = host.command("deploy", &[PLUGIN, SWAP_EVENTS_TRAP]).await;
    refused.says(&["is not healthy", "the guest trapped"]);
    assert_eq!(host.get("/swap").await.text(), "v2");
}

#[tokio::test]
async fn a_middleware_with_a_health_path_which_only_routes_answer_at() {
    let file = "routes/_middleware.wasm";
    let site = host().route("swap", SWAP_V1).component(file, MIDDLEWARE_LOG);
    let host = site.config(&format!("[plugin.\"{file}\"]\nhealth = \"/swap\"\n")).start().await;
    let refused = host.command("deploy", &[file, MIDDLEWARE_MISBEHAVE]).await;
    refused.says(&["`routes/_middleware.wasm` has a `health`", "answers no requests"]);
    assert_eq!(host.get("/swap").await.text(), "v1");
}

#[tokio::test]
async fn of_several_components_all_take_over_or_none() {
    let host = host().route("swap", SWAP_V1).route("other", SWAP_V1).start().await;
    let mut clients = [host.connect("/swap").await, host.connect("/other").await];
    let both = |other| ["routes/swap.wasm", SWAP_V2, "routes/other.wasm", other];
    let refused = host.command("deploy", &both(SWAP_UNHEALTHY)).await;
    refused.says(&["`routes/other.wasm` is not healthy"]);
    for client in &mut clients {
        assert_eq!(client.ask("1").await, "v1:1");
    }
    // The one that saves last refuses: the other, whose memory has been handed over, goes on as
    // well.
    assert_eq!(clients[0].ask("save:refuse").await, "v1:save:refuse");
    host.command("deploy", &both(SWAP_V2)).await.says(&["`routes/swap.wasm` cannot take over"]);
    for client in &mut clients {
        assert_eq!(client.ask("2").await, "v1:2");
    }
    let deployed = host.command("deploy", &both(SWAP_V2)).await;
    assert!(deployed.succeeded().contains("routes/other.wasm"), "{deployed:?}");
    for client in &mut clients {
        assert_eq!(client.ask("3").await, "v2:3");
    }
}

#[tokio::test]
async fn names_that_are_none_are_refused() {
    let host = v1().await;
    for name in ["swap.wasm", "../swap.wasm", "routes/../../swap.wasm", "public/swap.wasm"] {
        let refused = host.command("deploy", &[name, SWAP_V2]).await;
        refused.says(&[&format!("`{name}` is not a component's path"), "`routes/chat.wasm`"]);
    }
    host.command("deploy", &[PLUGIN]).await.fails_with(2);
    host.command("deploy", &[PLUGIN, "no/such/file.wasm"]).await.says(&["`no/such/file.wasm`"]);
}

#[tokio::test]
async fn a_file_that_is_being_written_is_not_picked_up() {
    use std::io::Write as _;
    let host = v1().await;
    let component = std::fs::read(SWAP_V2).expect("it is there");
    let path = host.site.folder().join(PLUGIN);
    let mut file = std::fs::File::create(&path).expect("it can be written");
    for piece in component.chunks(component.len() / 5 + 1) {
        file.write_all(piece).expect("it can be written");
        // Longer than the quiet after which a change is looked at.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert_eq!(host.get("/swap").await.text(), "v1");
    }
    drop(file);
    host.wait_for_log(&["replaced routes/swap.wasm"]).await;
    assert_eq!(host.get("/swap").await.text(), "v2");
    assert!(!host.log().contains("still being served"), "{}", host.log());
}

#[tokio::test]
async fn a_changed_file_that_is_wrong_is_said_and_changes_nothing() {
    let host = v1().await;
    let mut client = host.connect("/swap").await;
    host.site.write(PLUGIN, "hello");
    host.wait_for_log(&["`routes/swap.wasm`", "is not WebAssembly", "still being served"]).await;
    assert_eq!(client.ask("1").await, "v1:1");
    host.site.copy(PLUGIN, SWAP_V2.as_ref());
    host.wait_for_log(&["replaced routes/swap.wasm"]).await;
    assert_eq!(client.ask("2").await, "v2:2");
}

#[tokio::test]
async fn a_host_that_stops_takes_no_deploys() {
    let mut host = v1().await;
    let mut client = host.connect("/swap").await;
    // The event holds both the swap and the end back: for longer than the command needs to begin,
    // and for less than the swap waits.
    client.send("sleep:4500").await;
    let (deployed, ()) = tokio::join!(host.command("deploy", &[PLUGIN, SWAP_V2]), async {
        host.wait_for_log(&["healthy, taking over"]).await;
        host.signal(Signal::TERM);
    });
    deployed.says(&["the host is stopping"]);
    assert_eq!(host.exit().await.code(), Some(0));
    host.command("deploy", &[PLUGIN, SWAP_V2]).await.says(&["no host serves"]);
    host.command("status", &[]).await.says(&["no host serves", "`lithe serve`"]);
}

#[tokio::test]
async fn a_swap_that_has_to_wait_for_a_long_event_is_refused() {
    let host = v1().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("1").await, "v1:1");
    client.send("sleep:8000").await;
    let refused = host.command("deploy", &[PLUGIN, SWAP_V2]).await;
    refused.says(&["`routes/swap.wasm` has been handling one event for 5s"]);
    assert_eq!(client.text().await, "v1:sleep:8000");
    assert_eq!(client.ask("2").await, "v1:2");
}
