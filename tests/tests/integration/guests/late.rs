//! What a component runs before it serves has bounds, and only its own site waits for it.

use std::time::Duration;

use lithe_tests::artifacts::LATE;
use lithe_tests::{Builder, eventually};

use crate::host;

fn environment(variable: &str, how: &str) -> String {
    format!("[plugin.\"plugins/late.wasm\"]\nenvironment = {{ {variable} = \"{how}\" }}\n")
}

fn late(settings: &str) -> Builder {
    host().component("plugins/late.wasm", LATE).config(settings)
}

#[tokio::test]
async fn what_runs_at_load_has_the_limits_of_a_request() {
    // A loop takes longer by the wall where others use the machine.
    let time = "[limits]\nrequest_time = \"300ms\"\n";
    let cpu = "[limits]\nrequest_time = \"10m\"\nrequest_cpu = \"200ms\"\n";
    for (limits, variable, how, words) in [
        (time, "ROUTES", "sleep", ["does not say its routes", "`limits.request_time`"]),
        (cpu, "ROUTES", "loop", ["does not say its routes", "`limits.request_cpu`"]),
        (cpu, "START", "loop", ["does not say its routes", "200ms of CPU time"]),
    ] {
        let refusal = late(&(limits.to_owned() + &environment(variable, how))).end().await;
        refusal.says(&words);
    }
}

/// The bound that no site can raise.
#[tokio::test]
async fn what_runs_at_load_ends_in_half_a_minute_whatever_the_site_says() {
    let long = "[limits]\nrequest_time = \"1h\"\nrequest_cpu = \"1h\"\n";
    let mut all = host().component("good/plugins/late.wasm", LATE);
    let kinds = [("ROUTES", "sleep"), ("ROUTES", "loop"), ("START", "sleep"), ("START", "loop")];
    for (variable, how) in kinds {
        let site = format!("{variable}-{how}").to_lowercase();
        all = all
            .component(&format!("{site}/plugins/late.wasm"), LATE)
            .file(&format!("{site}/lithe.toml"), long.to_owned() + &environment(variable, how));
    }
    let host = all.start().await;
    for _ in 0..4 {
        // Twice as long as the bound: longer than one of these waits.
        let refused =
            || host.log().matches("does not say its routes: the guest took longer").count();
        let waiting = eventually("a part of the time", async || {
            tokio::time::sleep(Duration::from_secs(1)).await;
            (refused() == kinds.len()).then_some(())
        });
        if tokio::time::timeout(Duration::from_secs(18), waiting).await.is_ok() {
            return;
        }
    }
    panic!("they are still being loaded");
}

#[tokio::test]
async fn a_version_that_is_never_well_holds_up_nothing_but_its_own_change() {
    let mut host = late("").start().await;
    assert_eq!(host.get("/").await.text(), "late");
    host.site.write("lithe.toml", environment("HEALTH", "sleep"));
    host.wait_for_log(&["loaded, checking its health"]).await;
    assert_eq!(host.get("/").await.text(), "late");
    let status = host.command("status", &[]).await;
    assert!(status.stdout.contains("plugins/late.wasm"), "{status:?}");
    host.signal(lithe_tests::Signal::TERM);
    assert_eq!(host.exit().await.code(), Some(0));
}
