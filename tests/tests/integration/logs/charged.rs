//! `limits.log_per_second` bounds all that a site's guests and clients have the host say.

use std::time::Instant;

use lithe_tests::artifacts::{BENCH_HELLO, SPEAKS};

use crate::host;

const LIMIT: usize = 8 * 1024;

#[tokio::test]
async fn whatever_guests_and_clients_cause_is_bounded() {
    is_bounded("", &format!("[limits]\nlog_per_second = {LIMIT}\n")).await;
}

#[tokio::test]
async fn a_site_allows_itself_no_more_log_than_the_operator_does() {
    is_bounded(&format!("[tenants.limits]\nlog_per_second = {LIMIT}\n"), "").await;
}

/// What of a site is in the log is within the limit, with these settings of the host and of the
/// site.
async fn is_bounded(tenants: &str, own: &str) {
    let host = host()
        .config(tenants)
        .component("a.test/routes/speaks.wasm", SPEAKS)
        .file("a.test/lithe.toml", own)
        .component("b.test/routes/hello.wasm", BENCH_HELLO)
        .start()
        .await;
    let ask = async |site: &str, path: &str| {
        let request = http::Request::get(path).header("host", site).body("");
        host.send(request.expect("it is a request")).await
    };
    let began = Instant::now();
    for how in ["panic", "header-name&size=5000", "error&size=5000", "print&size=5000", "nothing"] {
        for _ in 0..20 {
            ask("a.test", &format!("/speaks?how={how}")).await;
        }
    }
    host.wait_for_log(&["`limits.log_per_second` was exceeded", "site=\"a.test\""]).await;
    // The neighbour is not charged, and its line comes after all the others.
    let response = ask("b.test", "/hello").await;
    let id = response.header("x-request-id").expect("it has one");
    host.wait_for_log(&["access: ", "site=\"b.test\"", id]).await;
    let seconds = began.elapsed().as_secs() as usize + 2;
    let log = host.log();
    // A line and those that continue it.
    let charged: usize = log
        .replace("\n    | ", "     | ")
        .lines()
        .filter(|line| line.contains("site=\"a.test\""))
        .filter(|line| !line.contains("limits: ") && !line.contains("swap: "))
        .map(|line| line.len() + 1)
        .sum();
    assert!(charged > 0, "{log}");
    assert!(charged <= seconds * LIMIT, "{charged} bytes in {seconds} s");
}
