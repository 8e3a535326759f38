//! What guests print, and how a request is found in the log; what the log does where it cannot be
//! written, and with text that is not the host's.

mod charged;
mod foreign;
mod secrets;
mod stderr;

use http::Request;
use lithe_tests::artifacts::{SWAP_V1, TRAP_HTTP};

use crate::host;

#[tokio::test]
async fn what_a_guest_prints_names_site_plugin_and_request() {
    let host = host().route("rooms/[id]", TRAP_HTTP).start().await;
    let response = host.get("/rooms/1?how=log").await;
    let request = format!("request={}", response.header("x-request-id").unwrap());
    for (level, text) in [("INFO", "a line on stdout"), ("WARN", "a line on stderr")] {
        let line = host.wait_for_log(&[text]).await;
        for word in [level, "site=\"site\"", "plugin=\"routes/rooms/[id].wasm\"", &request] {
            assert!(line.contains(word), "no `{word}` in `{line}`");
        }
    }
}

#[tokio::test]
async fn what_a_guest_prints_at_once_is_one_event() {
    let host = host().route("swap", SWAP_V1).start().await;
    assert_eq!(host.get("/swap?trap").await.status, 500);
    // The message of a panic: its second line stands behind a mark, and has the fields.
    let last = host.wait_for_log(&["| as told", "plugin=\"routes/swap.wasm\""]).await;
    assert!(last.trim_start().starts_with('|'), "{last}");
}

#[tokio::test]
async fn the_name_in_lithe_toml_is_the_sites() {
    let host = host().config("name = \"named\"\n").route("http", TRAP_HTTP).start().await;
    host.get("/http?how=log").await;
    host.wait_for_log(&["a line on stdout", "site=\"named\""]).await;
}

#[tokio::test]
async fn each_response_has_the_id_that_the_guest_sees() {
    let host = host().route("http", TRAP_HTTP).start().await;
    let response = host.get("/http?how=about").await;
    assert_eq!(response.json()["id"], response.header("x-request-id").unwrap());
    let other = host.get("/http?how=about").await;
    assert_ne!(response.header("x-request-id"), other.header("x-request-id"));
    for path in ["/nowhere", "/%zz", "/http?how=panic"] {
        assert!(host.get(path).await.header("x-request-id").is_some(), "{path}");
    }
}

#[tokio::test]
async fn a_client_does_not_choose_the_id() {
    let host = host().route("http", TRAP_HTTP).start().await;
    let request = Request::get("/http").header("x-request-id", "mine").body("").unwrap();
    assert_ne!(host.send(request).await.header("x-request-id"), Some("mine"));
}
