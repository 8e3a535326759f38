//! Memory moves to the new version, or the previous version goes on.

use lithe_tests::artifacts::{LOUNGE, LOUNGE_TWO, SWAP_BARE, SWAP_V1, SWAP_V2, SWAP_V3};
use lithe_tests::{TestHost, eventually};

use super::{PLUGIN, deploy, status, v1};
use crate::host;

#[tokio::test]
async fn what_is_saved_is_restored() {
    let host = v1().await;
    let mut client = host.connect("/swap").await;
    for number in 0..5 {
        assert_eq!(client.ask(&number.to_string()).await, format!("v1:{number}"));
    }
    deploy(&host, SWAP_V2).await;
    assert_eq!(client.ask("count").await, "5");
    assert_eq!(client.ask("6").await, "v2:6");
    deploy(&host, SWAP_V3).await;
    assert_eq!(host.get("/swap?count").await.text(), "6");
}

/// Deploys a version that does not take over. Everything stays as it was.
async fn goes_on(host: &TestHost, component: &str, words: &[&str]) {
    let before = host.get("/swap?count").await.text().to_owned();
    let mut client = host.connect("/swap").await;
    host.command("deploy", &[PLUGIN, component]).await.says(words);
    assert_eq!(host.get("/swap").await.text(), "v1");
    assert_eq!(client.ask("still").await, "v1:still");
    let after: u32 = client.ask("count").await.parse().expect("a number");
    assert_eq!(after, before.parse::<u32>().expect("a number") + 1);
}

#[tokio::test]
async fn a_version_that_cannot_restore_does_not_take_over() {
    let host = v1().await;
    let mut client = host.connect("/swap").await;
    for (fault, words) in [
        ("refuse", &["cannot take over", "`restore` answered", "refused as told"][..]),
        ("restore-trap", &["cannot take over", "the guest trapped"]),
    ] {
        assert_eq!(client.ask(&format!("save:{fault}")).await, format!("v1:save:{fault}"));
        goes_on(&host, SWAP_V2, words).await;
    }
    assert_eq!(client.ask("x").await, "v1:x");
}

#[tokio::test]
async fn more_than_the_limit_is_not_handed_over() {
    let host = v1().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("save:1048576").await, "v1:save:1048576");
    goes_on(&host, SWAP_V2, &["`limits.state` allows 1048576"]).await;
    assert_eq!(client.ask("save:1000000").await, "v1:save:1000000");
    deploy(&host, SWAP_V2).await;
    assert_eq!(client.ask("x").await, "v2:x");
}

#[tokio::test]
async fn what_was_too_much_is_handed_over_once_the_limit_is_raised() {
    let host = v1().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("save:1048576").await, "v1:save:1048576");
    goes_on(&host, SWAP_V2, &["`limits.state` allows 1048576"]).await;
    host.site.write("lithe.toml", "[limits]\nstate = \"2 MiB\"\n");
    deploy(&host, SWAP_V2).await;
    assert_eq!(client.ask("x").await, "v2:x");
}

#[tokio::test]
async fn a_version_that_traps_while_it_saves_loses_its_memory_and_goes_on() {
    let host = v1().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("save:trap").await, "v1:save:trap");
    let deployed = host.command("deploy", &[PLUGIN, SWAP_V2]).await;
    let lost = "`routes/swap.wasm` that serves cannot save its memory, and its memory is lost";
    deployed.says(&[lost, "the guest trapped"]);
    let why = status(&host).await["plugins"][0]["lost_memory"].clone();
    assert!(why.as_str().is_some_and(|why| why.contains("the guest trapped")), "{why}");
    let shown = host.command("status", &[]).await;
    let said = "routes/swap.wasm has lost what it had in memory, because `save` has failed";
    assert!(shown.stdout.contains(said), "{shown:?}");
    assert_eq!(client.ask("count").await, "0");
    for option in ["--dry-run", "--keep-memory"] {
        assert_eq!(client.ask("save:trap").await, "v1:save:trap");
        host.command("deploy", &[option, PLUGIN, SWAP_V2]).await.says(&[lost, "the guest trapped"]);
        assert_eq!(client.ask("count").await, "0");
    }
    assert_eq!(client.ask("1").await, "v1:1");
    deploy(&host, SWAP_V2).await;
    assert_eq!(client.ask("count").await, "1");
    assert!(status(&host).await["plugins"][0]["lost_memory"].is_null());
}

#[tokio::test]
async fn a_version_that_fails_to_save_loses_nothing_and_goes_on() {
    let host = v1().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("save:fail").await, "v1:save:fail");
    let words =
        ["`routes/swap.wasm`", "cannot save its memory", "`save` answered: not now, as told"];
    goes_on(&host, SWAP_V2, &words).await;
    let reason = "`save` answered: not now, as told";
    let plugin = status(&host).await["plugins"][0].clone();
    assert_eq!(plugin["cannot_save"], reason, "{plugin}");
    let shown = host.command("status", &[]).await;
    let said = "routes/swap.wasm could not save its memory, and keeps it: `save` answered: not now";
    assert!(shown.stdout.contains(said), "{shown:?}");
    assert!(shown.stdout.contains(" stuck ") && !shown.stdout.contains(" moves "), "{shown:?}");

    // The folder asks for the change: the log answers.
    assert_eq!(client.ask("save:never").await, "v1:save:never");
    host.site.copy(PLUGIN, SWAP_V2.as_ref());
    host.wait_for_log(&["ERROR", "routes/swap.wasm", "`save` answered: never, as told"]).await;
    assert_eq!(client.ask("save:0").await, "v1:save:0");
    let count: u32 = client.ask("count").await.parse().expect("a number");
    deploy(&host, SWAP_V3).await;
    assert_eq!(client.ask("count").await, count.to_string());
    assert!(status(&host).await["plugins"][0]["cannot_save"].is_null());
}

#[tokio::test]
async fn a_dry_run_tries_the_handover_and_disturbs_nothing() {
    let host = v1().await;
    let mut client = host.connect("/swap?resumed").await;
    assert_eq!(client.ask("subscribe:restored").await, "v1:subscribe:restored");
    let dry_run = async |component| host.command("deploy", &["--dry-run", PLUGIN, component]).await;
    for _ in 0..2 {
        let said = dry_run(SWAP_V2).await;
        assert!(said.succeeded().contains("1 socket moving"), "{said:?}");
    }
    for (fault, component, words) in [
        ("fail", SWAP_V2, &["cannot save its memory", "`save` answered: not now, as told"][..]),
        ("refuse", SWAP_V2, &["cannot take over", "`restore` answered: refused as told"]),
        ("restore-trap", SWAP_V2, &["cannot take over", "the guest trapped"]),
        ("1048576", SWAP_V2, &["cannot save its memory", "`limits.state` allows 1048576"]),
    ] {
        assert_eq!(client.ask(&format!("save:{fault}")).await, format!("v1:save:{fault}"));
        dry_run(component).await.says(words);
    }
    assert_eq!(client.ask("save:publish").await, "v1:save:publish");
    dry_run(SWAP_V2).await.succeeded();
    // Nothing has changed, and what the trial instance has published has reached nobody.
    assert_eq!(client.ask("count").await, "6");
    assert_eq!(client.ask("save:publish").await, "v1:save:publish");
    deploy(&host, SWAP_V2).await;
    assert_eq!(client.text().await, "restored");
    assert_eq!(client.text().await, "resumed:v2");
    assert_eq!(client.ask("count").await, "7");
}

#[tokio::test]
async fn a_dry_run_tries_each_instance_of_a_plugin() {
    let file = "routes/swap/[id].wasm";
    let config = format!("[plugin.\"{file}\"]\nscope = \"param:id\"\n");
    let host = host().config(&config).route("swap/[id]", SWAP_V1).start().await;
    let mut one = host.connect("/swap/one").await;
    let mut two = host.connect("/swap/two").await;
    assert_eq!(one.ask("1").await, "v1:1");
    assert_eq!(two.ask("save:never").await, "v1:save:never");
    let dry_run = async || host.command("deploy", &["--dry-run", file, SWAP_V2]).await;
    dry_run().await.says(&[file, "cannot save its memory", "never, as told"]);
    assert_eq!(two.ask("save:0").await, "v1:save:0");
    let said = dry_run().await;
    assert!(said.succeeded().contains("2 sockets moving"), "{said:?}");
    host.command("deploy", &[file, SWAP_V2]).await.succeeded();
    assert_eq!((one.ask("count").await, two.ask("count").await), ("1".into(), "2".into()));
}

#[tokio::test]
async fn a_dry_run_of_an_instance_that_is_busy_ends() {
    let host = v1().await;
    let mut client = host.connect("/swap").await;
    client.send("sleep:8000").await;
    let refused = host.command("deploy", &["--dry-run", PLUGIN, SWAP_V2]).await;
    refused.says(&["has been handling one event for 5s: try again"]);
    assert_eq!(client.text().await, "v1:sleep:8000");
    assert_eq!(client.ask("count").await, "1");
}

#[tokio::test]
async fn going_back_within_the_watch_time_goes_on_with_what_was_handed_over() {
    let host = v1().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("1").await, "v1:1");
    deploy(&host, SWAP_V2).await;
    assert_eq!(client.ask("2").await, "v2:2");
    assert_eq!(client.ask("save:never").await, "v2:save:never");
    let failed = "its instance was lost, or could not save it: `save` answered: never, as told";
    let said = host.command("rollback", &["--dry-run", PLUGIN]).await;
    let memory = "the memory that was handed over at the last swap, and what came after";
    let would = format!("routes/swap.wasm would go on with {memory} would be lost: {failed}");
    assert!(said.succeeded().contains(&would), "{said:?}");
    let refused = host.command("rollback", &["--keep-memory", PLUGIN]).await;
    refused.says(&["cannot save its memory", "never, as told"]);
    assert_eq!(client.ask("count").await, "3");
    let said = host.command("rollback", &[PLUGIN]).await;
    let lost = format!("routes/swap.wasm goes on with {memory} is lost: {failed}");
    assert!(said.succeeded().contains(&lost), "{said:?}");
    assert_eq!(client.ask("count").await, "1", "what it had handed over is still there");
    let shown = host.command("status", &[]).await;
    let said = format!("routes/swap.wasm has gone on with {memory} is lost");
    assert!(shown.stdout.contains(&said), "{shown:?}");
    assert!(!shown.stdout.contains("empty memory"), "{shown:?}");
}

#[tokio::test]
async fn going_back_from_a_version_whose_instance_was_lost_says_that_what_came_after_is_lost() {
    let host = v1().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("1").await, "v1:1");
    deploy(&host, SWAP_V2).await;
    assert_eq!(client.ask("save:trap").await, "v2:save:trap");
    let said = host.command("rollback", &["--dry-run", PLUGIN]).await;
    let lost = "the memory of the version that serves is lost: the guest trapped";
    assert!(said.succeeded().contains(lost), "{said:?}");
    let said = host.command("rollback", &[PLUGIN]).await;
    let after = "goes on with the memory that was handed over at the last swap, and what came after \
                 is lost: its instance was lost, or could not save it";
    assert!(said.succeeded().contains(after), "{said:?}");
    assert_eq!(client.ask("count").await, "1");
}

#[tokio::test]
async fn going_back_after_the_watch_time_says_that_memory_is_empty_because_saving_fails() {
    let host = host().route("swap", SWAP_V1).config("[swap]\nwatch_time = \"0s\"\n").start().await;
    deploy(&host, SWAP_V2).await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("save:never").await, "v2:save:never");
    let said = host.command("rollback", &[PLUGIN]).await;
    let lost = "routes/swap.wasm begins with empty memory: `save` or `restore` has failed";
    assert!(said.succeeded().contains(lost), "{said:?}");
    assert_eq!(client.ask("count").await, "0");
}

#[tokio::test]
async fn nothing_is_handed_over_to_a_version_that_takes_nothing() {
    let host = v1().await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("1").await, "v1:1");
    deploy(&host, SWAP_BARE).await;
    assert_eq!(client.ask("2").await, "bare:2");
    deploy(&host, SWAP_V2).await;
    assert_eq!(client.ask("count").await, "0");
}

#[tokio::test]
async fn what_hibernates_is_kept_for_the_next_instance_and_the_next_version() {
    let host = host()
        .route("swap", lithe_tests::artifacts::SWAP_V1)
        .config("[limits]\nidle_after = \"100ms\"\n")
        .start()
        .await;
    let mut client = host.connect("/swap").await;
    assert_eq!(client.ask("1").await, "v1:1");
    let hibernations = async |wanted: usize| {
        let what = format!("{wanted} hibernations");
        let count = || host.log().matches("hibernating").count();
        eventually(&what, async || (count() >= wanted).then_some(())).await;
    };
    hibernations(1).await;
    assert_eq!(client.ask("count").await, "1");
    hibernations(2).await;
    deploy(&host, SWAP_V2).await;
    assert_eq!(client.ask("count").await, "1");
}

#[tokio::test]
async fn members_and_messages_of_the_lounge_survive_a_version_that_prints_differently() {
    let host = host().route("lounge", LOUNGE).start().await;
    let mut ann = host.connect("/lounge?name=ann").await;
    let before: serde_json::Value = {
        ann.send("hello").await;
        eventually("the message", async || {
            let lounge = host.get("/lounge").await.json();
            lounge.to_string().contains("hello").then_some(lounge)
        })
        .await
    };
    let deployed = host.command("deploy", &["routes/lounge.wasm", LOUNGE_TWO]).await;
    assert!(deployed.succeeded().contains("1 socket moved"), "{deployed:?}");
    let after = host.get("/lounge").await.json();
    assert_eq!(after["members"], before["members"]);
    assert_eq!(after.to_string().matches("hello").count(), 1, "{after}");
}
