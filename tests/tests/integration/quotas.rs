//! What a site, and a client, may use in total; and what happens with each limit that is exceeded.

use lithe_tests::artifacts::{BENCH_ECHO, HOSTILE_HOOKS, SWAP_V1, TRAP_HTTP};
use lithe_tests::{Raw, TestHost, eventually};
use serde_json::Value;

use crate::host;

async fn with(limits: &str) -> TestHost {
    let config = format!("[limits]\n{limits}");
    host().config(&config).route("http", TRAP_HTTP).route("echo", BENCH_ECHO).start().await
}

/// How often the site's limits were exceeded.
async fn exceeded(host: &TestHost) -> Value {
    let status = host.command("status", &["--json"]).await;
    status.succeeded();
    let status: Value = serde_json::from_str(&status.stdout).expect("it is JSON");
    status["exceeded"].clone()
}

/// A connection over which a request was made, and which stays open.
async fn kept(host: &TestHost) -> (Raw, u16) {
    let mut raw = host.raw().await;
    raw.write("GET /http HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let status = raw.response().await.status;
    (raw, status)
}

#[tokio::test]
async fn requests_over_the_rate_are_429_until_the_next_second() {
    let host = with("requests_per_second = 3\n").await;
    let refused = eventually("one too many", async || {
        let response = host.get("/http").await;
        (response.status != 200).then_some(response)
    })
    .await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(refused.text().contains("`limits.requests_per_second`"), "{refused:?}");
    eventually("the next second", async || (host.get("/http").await.status == 200).then_some(()))
        .await;
    let counted = exceeded(&host).await["limits.requests_per_second"].as_u64();
    assert!(counted >= Some(1), "{counted:?}");
    host.wait_for_log(&["`limits.requests_per_second` was exceeded", "site=\"site\""]).await;
}

#[tokio::test]
async fn handshakes_over_the_rate_are_429_and_open_sockets_go_on() {
    let host = with("requests_per_second = 3\n").await;
    let mut open = host.connect("/echo").await;
    eventually("one too many", async || {
        (host.handshake("/echo", &[]).await.status == 429).then_some(())
    })
    .await;
    for number in 0..20 {
        let text = number.to_string();
        assert_eq!(open.ask(&text).await, text);
    }
}

#[tokio::test]
async fn without_a_rate_none_is_refused() {
    let host = with("").await;
    for _ in 0..200 {
        assert_eq!(host.get("/http").await.status, 200);
    }
    assert_eq!(exceeded(&host).await, serde_json::json!({}));
}

#[tokio::test]
async fn connections_over_those_of_the_site_are_503_and_closed() {
    let host = with("connections = 2\n").await;
    let (one, status) = kept(&host).await;
    assert_eq!(status, 200);
    let mut socket = host.connect("/echo").await;
    let (mut third, status) = kept(&host).await;
    assert_eq!(status, 503);
    assert_eq!(third.rest().await, "", "it is closed");
    assert_eq!(socket.ask("still there").await, "still there");

    drop(one);
    eventually("room for another", async || {
        let (raw, status) = kept(&host).await;
        (status == 200).then_some(raw)
    })
    .await;
    assert!(exceeded(&host).await["limits.connections"].as_u64() >= Some(1));
}

#[tokio::test]
async fn a_session_counts_until_it_is_over() {
    let host = with("connections = 1\n").await;
    let mut socket = host.connect("/echo").await;
    let refused = host.get("/http").await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(refused.text().contains("`limits.connections`"), "{refused:?}");
    socket.close(1000, "").await;
    socket.closed().await;
    eventually("room for another", async || (host.get("/http").await.status == 200).then_some(()))
        .await;
}

#[tokio::test]
async fn connections_of_sites_are_counted_apart() {
    let host = host()
        .component("a.test/routes/http.wasm", TRAP_HTTP)
        .file("a.test/lithe.toml", "[limits]\nconnections = 1\n")
        .component("b.test/routes/http.wasm", TRAP_HTTP)
        .start()
        .await;
    let ask = async |raw: &mut Raw, site: &str| {
        raw.write(format!("GET /http HTTP/1.1\r\nhost: {site}\r\n\r\n")).await;
        raw.response().await.status
    };
    let mut one = host.raw().await;
    let mut other = host.raw().await;
    assert_eq!(ask(&mut one, "a.test").await, 200);
    assert_eq!(ask(&mut other, "b.test").await, 200);
    assert_eq!(ask(&mut other, "b.test").await, 200);
    // A connection counts for the site that it asked last.
    assert_eq!(ask(&mut one, "b.test").await, 200);
    assert_eq!(ask(&mut other, "a.test").await, 200);
    assert_eq!(ask(&mut one, "a.test").await, 503);
}

#[tokio::test]
async fn connections_over_those_of_a_client_are_closed() {
    let host =
        host().config("[server]\nclient_connections = 2\n").route("http", TRAP_HTTP).start().await;
    let (one, _) = kept(&host).await;
    let (mut two, _) = kept(&host).await;
    let mut third = host.raw().await;
    assert_eq!(third.rest().await, "", "no byte comes before its end");
    host.wait_for_log(&["`server.client_connections` was exceeded", "127.0.0.1"]).await;
    two.write("GET /http HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(two.response().await.status, 200);

    drop(one);
    eventually("room for another", async || {
        let mut raw = host.raw().await;
        raw.is_answered("GET /http HTTP/1.1\r\nhost: localhost\r\n\r\n").await.then_some(())
    })
    .await;
}

#[tokio::test]
async fn lines_over_the_limit_are_left_out_of_the_log() {
    let host = with("log_per_second = 1000\n").await;
    for _ in 0..20 {
        assert_eq!(host.get("/http?how=log").await.status, 200);
    }
    host.wait_for_log(&["`limits.log_per_second` was exceeded", "site=\"site\""]).await;
    let left_out = exceeded(&host).await["limits.log_per_second"].as_u64().expect("a number");
    // Two lines of the guest's for each request, and that of the request itself.
    let charged = |line: &&str| line.contains("site=\"site\"") && !line.contains("limits: ");
    let logged = eventually("all that was logged", async || {
        let logged = host.log().lines().filter(charged).count() as u64;
        (logged + left_out == 60).then_some(logged)
    })
    .await;
    assert!(logged > 0, "each second has room for several");
}

#[tokio::test]
async fn each_limit_is_counted_where_it_is_exceeded() {
    let limits = "uri = 50\nheaders = \"1 KiB\"\nbody = 10\nmessage = 20\nrequest_cpu = \"500ms\"\n\
                  memory = \"4 MiB\"\nsockets = 3\nattachment = 8\ntopics = 1\n";
    let host = host()
        .config(&format!("[limits]\n{limits}"))
        .route("http", TRAP_HTTP)
        .route("hooks", HOSTILE_HOOKS)
        .route("swap", SWAP_V1)
        .start()
        .await;
    let request = http::Request::post("/http");
    for (request, status) in [
        (request.body("x".repeat(11)), 413),
        (http::Request::get(format!("/http?{}", "x".repeat(50))).body(String::new()), 414),
        (http::Request::get("/http").header("x", "y".repeat(1024)).body(String::new()), 431),
        (http::Request::get("/hooks?how=loop").body(String::new()), 504),
        (http::Request::get("/hooks?how=memory").body(String::new()), 500),
    ] {
        assert_eq!(host.send(request.expect("it is a request")).await.status, status);
    }
    let [mut one, mut two, mut three] =
        [host.connect("/swap").await, host.connect("/swap").await, host.connect("/swap").await];
    assert_eq!(host.handshake("/swap", &[]).await.status, 503);
    assert_eq!(one.ask("subscribe:one").await, "v1:subscribe:one");
    one.send("subscribe:two").await;
    assert_eq!(one.closed().await.0, 1011, "the guest has had an error");
    assert_eq!(two.ask("attach:12345678").await, "v1:attach:12345678");
    two.send("attach:123456789").await;
    assert_eq!(two.closed().await.0, 1011, "the guest has had an error");
    assert_eq!(three.ask(&"x".repeat(17)).await, format!("v1:{}", "x".repeat(17)));
    three.send(&"x".repeat(21)).await;
    assert_eq!(three.closed().await.0, 1009);
    let counted = exceeded(&host).await;
    for limit in [
        "uri",
        "headers",
        "body",
        "request_cpu",
        "memory",
        "sockets",
        "topics",
        "attachment",
        "message",
    ] {
        assert_eq!(counted[format!("limits.{limit}")], 1, "{limit} in {counted}");
    }
    let shown = host.command("status", &[]).await;
    shown.succeeded();
    assert!(shown.stdout.contains("limits.request_cpu"), "{shown:?}");
}
