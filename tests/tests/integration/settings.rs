//! What `lithe.toml` may say, and what belongs in which one.

use http::Request;
use lithe_tests::artifacts::{HOSTILE_HOOKS, SWAP_V1, TRAP_HTTP};
use lithe_tests::{Frame, Signal, within};

use crate::host;

#[tokio::test]
async fn a_time_that_no_clock_can_count_is_refused_with_its_range() {
    for (section, key) in [
        ("limits", "ping_interval"),
        ("limits", "close_time"),
        ("limits", "request_time"),
        ("server", "header_time"),
        ("server", "shutdown_time"),
        ("swap", "drain_time"),
    ] {
        let config = format!("[{section}]\n{key} = \"18446744073709551615s\"\n");
        let refused = host().config(&config).route("a", TRAP_HTTP).end().await;
        refused.says(&["line 2", &format!("`{section}.{key}`"), "out of range"]);
    }
}

/// The largest of everything: nothing overflows, and all is served.
#[tokio::test]
async fn the_largest_settings_serve_and_stop() {
    let year = "\"365d\"";
    let config = format!(
        "[limits]\nping_interval = {year}\npong_time = {year}\nidle_time = {year}\nidle_after = {year}\n\
         close_time = \"1d\"\nrequest_time = \"1d\"\nrequest_cpu = \"1d\"\nevent_cpu = \"1d\"\n\
         instances = 10000000\nqueue = 10000000\nsockets = 10000000\nconnections = 10000000\n\
         message = \"1 GiB\"\noutbound = \"1 GiB\"\nbody = \"1 GiB\"\nresponse = \"1 GiB\"\n\
         memory = \"4 GiB\"\nstate = \"1 GiB\"\n\
         [server]\nconnections = 10000000\nheader_time = \"1d\"\nbody_time = \"1d\"\nwrite_time = {year}\n\
         [swap]\ndrain_time = {year}\nwatch_time = {year}\nkeep = 1000\n"
    );
    let site = host().config(&config).route("hooks", HOSTILE_HOOKS).route("http", TRAP_HTTP);
    let mut host = site.start().await;
    let mut raw = host.raw_socket("/hooks").await;
    raw.send(&[Frame::text("hello")]).await;
    assert_eq!(raw.frame().await, Some(Frame::text("hello")));
    assert_eq!(host.get("/http?how=count").await.text(), "1");
    host.site.copy("routes/http.wasm", SWAP_V1.as_ref());
    host.wait_for_log(&["replaced routes/http.wasm"]).await;
    raw.send(&[Frame::text("still"), Frame::close(1000, "")]).await;
    assert_eq!(raw.frame().await, Some(Frame::text("still")));
    host.signal(lithe_tests::Signal::TERM);
    assert!(within("the end", host.exit()).await.success());
    assert!(!host.log().contains("panicked"));
}

#[tokio::test]
async fn the_hosts_settings_reach_every_site() {
    let host = host()
        .file(
            "lithe.toml",
            "[server]\ntrusted_proxies = [\"127.0.0.0/8\"]\nbody_time = \"200ms\"\n",
        )
        .component("a.test/routes/hooks.wasm", HOSTILE_HOOKS)
        .component("b.test/routes/http.wasm", TRAP_HTTP)
        .start()
        .await;
    let headers = [("host", "a.test"), ("x-forwarded-for", "192.0.2.7")];
    let mut socket = host.connect_with("/hooks", &headers).await;
    let info: serde_json::Value = serde_json::from_str(&socket.ask("info").await).expect("JSON");
    let client = info["client_address"].as_str().expect("it is text");
    assert!(client.starts_with("192.0.2.7:"), "{client}");
    let mut raw = host.raw().await;
    raw.write("POST /http HTTP/1.1\r\nhost: b.test\r\ncontent-length: 10\r\n\r\nhalf").await;
    assert_eq!(raw.response().await.status, 408);
}

#[tokio::test]
async fn a_site_among_others_sets_nothing_of_the_hosts() {
    for section in [
        "[server]\ntrusted_proxies = [\"0.0.0.0/0\"]\n",
        "[admin]\nbody = 1\n",
        "[tenants]\ncpu_share = 1.0\n",
    ] {
        let host = host()
            .component("a.test/routes/http.wasm", TRAP_HTTP)
            .component("b.test/routes/http.wasm", TRAP_HTTP)
            .file("b.test/lithe.toml", section)
            .start()
            .await;
        let name = section.lines().next().expect("its name");
        host.wait_for_log(&["b.test", &format!("`{name}` belongs to the host"), "`lithe.toml`"])
            .await;
        let get = |name| Request::get("/http?how=count").header("host", name).body("").unwrap();
        assert_eq!(host.send(get("a.test")).await.status, 200);
        assert_eq!(host.send(get("b.test")).await.status, 503);
    }
}

#[tokio::test]
async fn the_log_says_which_settings_need_a_restart() {
    let one = host().route("trap", TRAP_HTTP).start().await;
    one.site.write("lithe.toml", "[server]\nconnections = 7\nbody_time = \"1s\"\n");
    one.wait_for_log(&["restarted", "[server]"]).await;

    let host = host()
        .component("a.test/routes/trap.wasm", TRAP_HTTP)
        .component("b.test/routes/trap.wasm", TRAP_HTTP)
        .start()
        .await;
    host.site.write("lithe.toml", "[server]\nbody_time = \"1s\"\n[tenants]\ncpu_share = 0.5\n");
    host.signal(Signal::HUP);
    host.wait_for_log(&["restarted", "[server], [tenants]"]).await;
    host.site.write("lithe.toml", "[limits]\n");
    host.signal(Signal::HUP);
    host.wait_for_log(&["the next start would fail", "`limits` does not belong here"]).await;
}
