//! Each guest has a module of its name: what the examples are there to show, and what hostile
//! guests must not be able to do.

use std::path::Path;

use lithe_tests::artifacts::{
    ADMIN, ADMIN_AUTH, BENCH_ECHO, BENCH_HELLO, BENCH_PUBLISH, CHAT, ECHO, EVENTS, HYBRID, LEGACY,
    LOOP, LOUNGE, NOTIFICATIONS, PING, PRESENCE, ROOMS,
};
use lithe_tests::{Builder, TestHost};

use crate::host;

pub(crate) mod app;
pub(crate) mod batch;
pub(crate) mod conformance;
pub(crate) mod error_json;
pub(crate) mod example_admin;
pub(crate) mod example_admin_auth;
pub(crate) mod example_bench_echo;
pub(crate) mod example_bench_hello;
pub(crate) mod example_bench_publish;
pub(crate) mod example_chat;
pub(crate) mod example_echo;
pub(crate) mod example_events;
pub(crate) mod example_hybrid;
pub(crate) mod example_legacy;
pub(crate) mod example_loop;
pub(crate) mod example_lounge;
pub(crate) mod example_notifications;
pub(crate) mod example_ping;
pub(crate) mod example_presence;
pub(crate) mod example_rooms;
pub(crate) mod faults;
pub(crate) mod files;
pub(crate) mod hostile_async;
pub(crate) mod hostile_hooks;
pub(crate) mod hostile_session;
pub(crate) mod interpreter;
pub(crate) mod late;
pub(crate) mod loops;
pub(crate) mod lounge_two;
pub(crate) mod middleware_log;
pub(crate) mod middleware_misbehave;
pub(crate) mod middleware_ready;
pub(crate) mod reach;
pub(crate) mod sessions;
pub(crate) mod speaks;
pub(crate) mod swap;
pub(crate) mod timers;
pub(crate) mod trap_http;
pub(crate) mod wasi_hello;

pub(crate) use crate::streams;

/// The examples' site, as it is in the repository.
pub(crate) fn examples() -> Builder {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut site = host().config(include_str!("../../../../examples/lithe.toml"));
    for entry in std::fs::read_dir(folder.join("public")).expect("the examples have pages") {
        let path = entry.expect("the folder can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("names are UTF-8");
        site = site.public(name, std::fs::read(&path).expect("the file can be read"));
    }
    site.route("echo", ECHO)
        .route("ping", PING)
        .route("chat", CHAT)
        .route("loop", LOOP)
        .route("bench/echo", BENCH_ECHO)
        .route("bench/hello", BENCH_HELLO)
        .route("bench/publish", BENCH_PUBLISH)
        .route("notifications", NOTIFICATIONS)
        .route("presence", PRESENCE)
        .route("lounge", LOUNGE)
        .route("hybrid", HYBRID)
        .route("events.get", EVENTS)
        .route("rooms/[id].get", ROOMS)
        .route("admin/_middleware", ADMIN_AUTH)
        .route("admin/index", ADMIN)
        .route("admin/ws", ECHO)
        .component("plugins/legacy.wasm", LEGACY)
}

#[tokio::test]
async fn the_first_page_lists_every_example() {
    let host = examples().start().await;
    let page = host.get("/").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html"));
    for path in [
        "/echo",
        "/ping",
        "/chat",
        "/loop",
        "/bench/echo",
        "/bench/hello",
        "/bench/publish",
        "/notifications",
        "/presence",
        "/lounge",
        "/hybrid",
        "/events",
        "/rooms/7",
        "/admin",
        "/legacy",
    ] {
        assert!(page.text().contains(&format!("path: {path:?}")), "{path}");
    }
    assert_eq!(host.get("/chat.html").await.status, 200);
    assert_eq!(host.get("/style.css").await.header("content-type"), Some("text/css"));
}

#[test]
fn lithe_toml_names_every_example() {
    let config = include_str!("../../../../examples/lithe.toml");
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/guests");
    for entry in std::fs::read_dir(guests).expect("there are examples") {
        let name = entry.expect("the folder can be read").file_name();
        let source = format!("= \"guests/{}\"", name.to_string_lossy());
        assert!(config.contains(&source), "no `{source}`");
    }
}

/// What the hostile hooks have counted.
async fn counted(host: &TestHost, path: &str) -> serde_json::Value {
    host.get(path).await.json()
}
