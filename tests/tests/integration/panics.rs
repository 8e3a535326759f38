//! A process that panics fails the test that runs it, although nobody who asks the process notices.

use std::process::Command;

use lithe_tests::Process;
use lithe_tests::artifacts::TRAP_HTTP;

use crate::host;

/// What the panic hook of a host logs.
const LOGGED: &str = "2026-11-28T01:23:45.678901Z ERROR panic: the host panicked: no place='host/core/src/site/manager/mod.rs:1:1'";

/// What the default hook prints of a process that does not log yet.
const PRINTED: &str = "thread 'main' (7) panicked at host/core/src/log/mod.rs:1:1:";

/// A shell command that prints this, and then runs something.
fn panicking(says: &str, then: &str) -> Process {
    Process::start(Command::new("sh").args(["-c", &format!("echo \"{says}\" >&2; {then}")]))
}

#[tokio::test]
#[should_panic(expected = "the process has panicked")]
async fn a_panic_fails_the_test_at_the_end_of_the_process() {
    panicking(LOGGED, "exit 0").exit().await;
}

#[tokio::test]
#[should_panic(expected = "the process has panicked")]
async fn a_panic_before_the_log_fails_the_test() {
    panicking(PRINTED, "exit 0").exit().await;
}

#[tokio::test]
#[should_panic(expected = "the process has panicked")]
async fn a_panic_fails_a_test_that_leaves_the_process_running() {
    let process = panicking(LOGGED, "exec sleep 60");
    process.logs(&["the host panicked"]).await;
}

#[tokio::test]
async fn a_panic_of_a_guest_is_the_guests() {
    let host = host().route("http", TRAP_HTTP).start().await;
    assert_eq!(host.get("/http?how=panic").await.status, 500);
    host.wait_for_log(&["panicked at"]).await;
}
