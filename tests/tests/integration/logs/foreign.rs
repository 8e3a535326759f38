//! Text that is not the host's forges no line, reaches no terminal as it is, and is cut.

use http::Request;
use lithe_tests::TestHost;
use lithe_tests::artifacts::SPEAKS;

use crate::host;

/// What would clear a terminal, colour it, overwrite a line, and look like a line of the host's.
const FORGED: &str = "a\u{1b}[31mred\u{1b}[2J\rINFO\0\u{7}\u{8}\u{9b}31m\u{85}\u{202e}\u{2028}\u{2029}\n\
                      2026-01-01T00:00:00.000000Z  INFO swap: forged site=\"other\"\r\nforged too";

/// A line longer than any that may be there: a text of 8 KiB, the rest of the line, and a field or
/// two.
const LONGEST: usize = 12 * 1024;

/// What is in the log, in which the text must have done no harm.
fn is_harmless(log: &str) {
    for line in log.lines() {
        let harmful = |c: char| {
            c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert!(!line.contains(harmful), "{line:?}");
        let forged = line.starts_with("2026-01-01T00") || line.starts_with("forged");
        assert!(!forged, "{line:?}");
        assert!(line.len() <= LONGEST, "{} bytes: {line:.200}", line.len());
    }
}

/// The id of a request that says this text.
async fn says(host: &TestHost, how: &str, text: &str) -> String {
    let request = Request::post(format!("/speaks?how={how}")).body(text.to_owned());
    let response = host.send(request.expect("it is a request")).await;
    response.header("x-request-id").expect("it has one").to_owned()
}

#[tokio::test]
async fn a_guests_text_forges_no_line() {
    let host = host().route("speaks", SPEAKS).start().await;
    for (how, words) in [
        ("print", "INFO guest: "),
        ("debug", "INFO guest: "),
        ("error", "WARN guest: "),
        ("panic", "request failed"),
        ("header-name", "request failed"),
    ] {
        let id = says(&host, how, FORGED).await;
        host.wait_for_log(&[words, &id]).await;
    }
    let mut socket = host.connect("/speaks").await;
    socket.send(&format!("fail:{FORGED}")).await;
    assert_eq!(socket.closed().await.0, 1011);
    host.wait_for_log(&["session failed", r"\u{1b}[31mred"]).await;
    is_harmless(&host.log());
}

#[tokio::test]
async fn a_backtrace_stays_readable_and_is_not_taken_for_lines_of_the_host() {
    let component = std::fs::read(SPEAKS).expect("it is built");
    let host = host().file("routes/speaks.wasm", component).start().await;
    let id = says(&host, "named-panic", "").await;
    host.wait_for_log(&["request failed", &id, "failure=the guest trapped"]).await;
    let name = "a_function_whose_name_a_test_replaces_by_something_else";
    let line = host.wait_for_log(&["    | ", name]).await;
    assert!(line.starts_with("    | "), "{line}");
}

#[tokio::test]
async fn a_functions_name_forges_no_line() {
    let name = b"a_function_whose_name_a_test_replaces_by_something_else";
    let mut forged = b"\x1b[2J\n2026-01-01T00:00:00.000000Z  INFO swap: forged \x07".to_vec();
    forged.resize(name.len(), b'x');
    let mut component = std::fs::read(SPEAKS).expect("it is built");
    let places: Vec<usize> =
        (0..component.len() - name.len()).filter(|at| component[*at..].starts_with(name)).collect();
    assert!(!places.is_empty(), "the component has the names of its functions");
    for at in places {
        component[at..at + name.len()].copy_from_slice(&forged);
    }
    let host = host().file("routes/speaks.wasm", component).start().await;
    let id = says(&host, "named-panic", "").await;
    host.wait_for_log(&["request failed", &id]).await;
    host.wait_for_log(&["INFO swap: forged"]).await;
    is_harmless(&host.log());
}

#[tokio::test]
async fn long_texts_are_cut() {
    let host = host().route("speaks", SPEAKS).start().await;
    for (how, size) in [("header-name", 3_000_000), ("error", 50_000), ("panic", 50_000)] {
        let response = host.get(&format!("/speaks?how={how}&size={size}")).await;
        let id = response.header("x-request-id").expect("it has one");
        host.wait_for_log(&["access: ", id]).await;
    }
    host.wait_for_log(&["request failed", "bytes more)"]).await;
    let mut socket = host.connect("/speaks").await;
    socket.send(&format!("fail:{}", "é".repeat(100_000))).await;
    assert_eq!(socket.closed().await.0, 1011);
    host.wait_for_log(&["session failed", "bytes more)"]).await;
    let path = format!("/{}", "p".repeat(7_000));
    let id = host.get(&path).await.header("x-request-id").expect("it has one").to_owned();
    let line = host.wait_for_log(&["access: ", &id, "bytes more)"]).await;
    assert!(line.len() < 2_000, "{line}");
    is_harmless(&host.log());
}

#[tokio::test]
async fn what_a_component_says_of_its_health_forges_no_line_in_the_log_or_at_a_terminal() {
    // No variable has a NUL.
    let text = FORGED.chars().filter(|c| *c != '\0').map(|c| format!("\\U{:08x}", u32::from(c)));
    let text = format!("\"{}\"", text.collect::<String>());
    let config = format!("[plugin.\"routes/speaks.wasm\"]\nenvironment = {{ HEALTH = {text} }}\n");
    let mut component = std::fs::read(SPEAKS).expect("it is built");
    let host = host().config(&config).route("speaks", SPEAKS).start().await;
    // Another version: a custom section more.
    component.extend([0, 2, 1, b'x']);
    host.site.write("new.wasm", component);
    let new = host.site.folder().join("new.wasm");
    let new = new.to_str().expect("its path is text");
    let deployed = host.command("deploy", &["routes/speaks.wasm", new]).await;
    deployed.says(&["health", r"\u{1b}[31mred"]);
    is_harmless(&deployed.stderr);
    host.wait_for_log(&["nothing was deployed", r"\u{1b}[31mred"]).await;
    is_harmless(&host.log());
}
