//! Going back, by command and automatically.

use lithe_tests::artifacts::{
    MIDDLEWARE_MISBEHAVE, SWAP_EVENTS_TRAP, SWAP_SESSION_V1, SWAP_V1, SWAP_V2, SWAP_V3,
};
use lithe_tests::{TestHost, eventually};

use super::{PLUGIN, deploy, status, v1};
use crate::host;

#[tokio::test]
async fn goes_back_to_the_version_before_and_its_sockets_stay_open() {
    let host = v1().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("1").await, "v1:1");
    host.command("rollback", &[PLUGIN]).await.says(&["`routes/swap.wasm` has no previous version"]);
    deploy(&host, SWAP_V2).await;
    assert_eq!(client.ask("2").await, "v2:2");
    let said = host.command("rollback", &[PLUGIN]).await;
    assert!(said.succeeded().contains("1 socket moved"), "{said:?}");
    assert_eq!(client.ask("3").await, "v1:3");
    assert_eq!(client.ask("count").await, "3");
    let kept = std::fs::read(host.site.folder().join(PLUGIN)).expect("it is there");
    assert_eq!(kept, std::fs::read(SWAP_V1).expect("it is there"), "the next start serves v1");
}

#[tokio::test]
async fn goes_back_to_any_of_the_versions_kept_also_after_a_restart() {
    let mut host = v1().await;
    for component in [SWAP_V2, SWAP_V3, SWAP_SESSION_V1] {
        deploy(&host, component).await;
    }
    let kept = status(&host).await;
    let before = kept["plugins"][0]["before"].as_array().expect("a list").clone();
    assert_eq!(before.len(), 3, "{kept}");
    let first = before[2].as_str().expect("a digest");
    host.command("rollback", &[PLUGIN, "--to", "zz"])
        .await
        .says(&["no version `zz`", &first[..12]]);
    host.command("rollback", &["routes/other.wasm"]).await.says(&["has no `routes/other.wasm`"]);

    host.signal(lithe_tests::Signal::TERM);
    assert_eq!(host.exit().await.code(), Some(0));
    let again = crate::host().folder(host.site.folder()).start().await;
    assert_eq!(again.get("/swap").await.text(), "v1", "the last one deployed");
    host.command("rollback", &[PLUGIN, "--to", &first[..12]]).await.succeeded();
    let mut client = again.connect("/swap").await;
    assert_eq!(client.ask("1").await, "v1:1");
    // The oldest is forgotten.
    deploy(&host, SWAP_V2).await;
    let kept = status(&host).await;
    assert_eq!(kept["plugins"][0]["before"].as_array().expect("a list").len(), 3, "{kept}");
}

#[tokio::test]
async fn goes_back_although_the_cached_artifact_is_damaged() {
    let cache = tempfile::tempdir().expect("a folder can be made");
    // Nothing keeps the previous version in memory, so going back reads the cache.
    let site = host().config("[swap]\nwatch_time = \"0s\"\n").route("swap", SWAP_V1);
    let host = site.cache(cache.path()).start().await;
    deploy(&host, SWAP_V2).await;
    host.wait_for_log(&["drained"]).await;
    let entries = std::fs::read_dir(cache.path()).expect("it is there");
    for path in entries.map(|entry| entry.expect("it can be read").path()) {
        if path.extension().is_some_and(|extension| extension == "cwasm") {
            // Another file in its place: what is mapped already stays as it is.
            std::fs::remove_file(&path).expect("it can be removed");
            std::fs::write(&path, b"damaged").expect("it can be written");
        }
    }
    host.command("rollback", &[PLUGIN]).await.succeeded();
    host.wait_for_log(&["compiling again", "is damaged"]).await;
    assert_eq!(host.get("/swap").await.text(), "v1");
}

#[tokio::test]
async fn a_kept_version_that_is_damaged_is_not_gone_back_to() {
    let host = v1().await;
    deploy(&host, SWAP_V2).await;
    let before = status(&host).await["plugins"][0]["before"][0].as_str().expect("one").to_owned();
    let path = host.site.folder().join(format!(".lithe/versions/{before}.wasm"));
    std::fs::write(&path, b"damaged").expect("it is there");
    host.command("rollback", &[PLUGIN]).await.says(&["is damaged: deploy it again"]);
    assert_eq!(host.get("/swap").await.text(), "v2");
}

#[tokio::test]
async fn a_version_that_fails_too_often_goes_by_itself() {
    let host = host()
        .route("swap", SWAP_V1)
        .config("[swap]\nmin_calls = 3\nmax_failures = 0.5\n")
        .start()
        .await;
    let mut client = host.connect("/swap").await;
    for number in 0..4 {
        assert_eq!(client.ask(&number.to_string()).await, format!("v1:{number}"));
    }
    deploy(&host, SWAP_EVENTS_TRAP).await;
    // Each request costs it an instance with its memory. What the previous version had is kept.
    for _ in 0..4 {
        assert_eq!(host.get("/swap").await.status, 500);
    }
    host.wait_for_log(&["`swap.max_failures`", "the previous version comes back"]).await;
    eventually("the version before", async || {
        (host.get("/swap").await.text() == "v1").then_some(())
    })
    .await;
    assert_eq!(client.ask("back").await, "v1:back");
    assert_eq!(client.ask("count").await, "5");
    // The file follows the switch, and nobody is told when.
    let component = std::fs::read(SWAP_V1).expect("it is there");
    eventually("the file of the version before", async || {
        let kept = std::fs::read(host.site.folder().join(PLUGIN)).expect("it is there");
        (kept == component).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_version_that_fails_now_and_then_stays() {
    let host = host().route("swap", SWAP_V1).config("[swap]\nmin_calls = 3\n").start().await;
    deploy(&host, SWAP_V2).await;
    for _ in 0..30 {
        assert_eq!(host.get("/swap").await.text(), "v2");
    }
    for _ in 0..3 {
        assert_eq!(host.get("/swap?trap").await.status, 500);
        assert_eq!(host.get("/swap").await.text(), "v2");
    }
    assert!(!host.log().contains("comes back"), "{}", host.log());
}

#[tokio::test]
async fn what_a_swap_asks_of_a_version_on_trial_does_not_count() {
    let config = "[swap]\nmin_calls = 1\nmax_failures = 0.2\n";
    let host = host().route("swap", SWAP_V1).config(config).start().await;
    deploy(&host, SWAP_V2).await;
    let mut client = host.connect("/swap").await;
    for options in [&["--dry-run"][..], &["--dry-run"], &["--dry-run"], &["--dry-run"], &[]] {
        assert_eq!(client.ask("save:trap").await, "v2:save:trap");
        let refused = host.command("deploy", &[options, &[PLUGIN, SWAP_V3]].concat()).await;
        refused.says(&["cannot save its memory"]);
    }
    assert_eq!(counts(&host).await, [0, 0, 0]);
    assert_eq!(client.ask("1").await, "v2:1");
    assert!(!host.log().contains("comes back"), "{}", host.log());
    // The trial goes on.
    for _ in 0..9 {
        assert_eq!(host.get("/swap?trap").await.status, 500);
    }
    host.wait_for_log(&["`swap.max_failures`", "the previous version comes back"]).await;
}

/// What the version that serves has come to.
async fn counts(host: &TestHost) -> [u64; 3] {
    let plugin = status(host).await["plugins"][0].clone();
    ["traps", "limits", "errors"].map(|name| plugin[name].as_u64().expect("a number"))
}

#[tokio::test]
async fn traps_limits_and_errors_are_counted_apart() {
    let limits = "[limits]\nrequest_time = \"300ms\"\n";
    let host = host().config(limits).route("swap", SWAP_V1).start().await;
    let mut client = host.connect("/swap").await;
    client.send("fail").await;
    assert_eq!(client.closed().await.0, 1011);
    for _ in 0..2 {
        assert_eq!(host.get("/swap?error").await.status, 500);
    }
    assert_eq!(host.get("/swap?trap").await.status, 500);
    assert_eq!(host.get("/swap?sleep=10000").await.status, 504);
    assert_eq!(host.get("/swap").await.text(), "v1");
    assert_eq!(counts(&host).await, [1, 1, 3]);
    let shown = host.command("status", &[]).await.stdout;
    let head = shown.lines().find(|line| line.starts_with("COMPONENT")).expect("a head");
    let names = ["TRAPS", "LIMITS", "ERRORS"].map(|name| head.find(name).expect(name));
    assert!(names.is_sorted(), "{head}");
}

#[tokio::test]
async fn a_version_that_mostly_answers_errors_goes_by_itself() {
    let host = v1().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("1").await, "v1:1");
    deploy(&host, SWAP_V2).await;
    for _ in 0..19 {
        assert_eq!(host.get("/swap?error").await.status, 500);
    }
    assert_eq!(client.ask("2").await, "v2:2", "a handful brings nothing back");
    for _ in 0..10 {
        host.get("/swap?error").await;
    }
    host.wait_for_log(&["`swap.max_errors`", "traps=0", "the previous version comes back"]).await;
    eventually("the version before", async || {
        (host.get("/swap").await.text() == "v1").then_some(())
    })
    .await;
    assert_eq!(client.ask("count").await, "2");
}

#[tokio::test]
async fn sessions_that_fail_count_as_errors() {
    let host = v1().await;
    let mut clients = Vec::new();
    for _ in 0..25 {
        clients.push(host.connect("/swap").await);
    }
    deploy(&host, SWAP_V2).await;
    for client in &mut clients {
        client.send("fail").await;
    }
    host.wait_for_log(&["`swap.max_errors`", "the previous version comes back"]).await;
}

#[tokio::test]
async fn a_version_that_makes_no_more_errors_than_the_one_before_stays() {
    let host = v1().await;
    for _ in 0..30 {
        assert_eq!(host.get("/swap?error").await.status, 500);
    }
    deploy(&host, SWAP_V2).await;
    for _ in 0..30 {
        assert_eq!(host.get("/swap?error").await.status, 500);
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(host.get("/swap").await.text(), "v2");
    assert!(!host.log().contains("comes back"), "{}", host.log());
}

#[tokio::test]
async fn an_error_is_charged_to_the_innermost_that_makes_one() {
    let around = "middleware/01_misbehave.wasm";
    let host = host().component(around, MIDDLEWARE_MISBEHAVE).route("swap", SWAP_V1).start().await;
    for (path, expected) in
        [("/swap?error", (0, 1)), ("/swap?trap", (0, 1)), ("/swap?mw=fail", (1, 1))]
    {
        assert_eq!(host.get(path).await.status, 500, "{path}");
        let status = status(&host).await;
        let errors = |file: &str| {
            let plugins = status["plugins"].as_array().expect("a list");
            let own = plugins.iter().find(|own| own["plugin"] == file).expect("it is there");
            own["errors"].as_u64().expect("a number")
        };
        assert_eq!((errors(around), errors(PLUGIN)), expected, "{path}");
    }
}
