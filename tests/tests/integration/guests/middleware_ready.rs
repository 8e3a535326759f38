//! The SDK's ready-made middleware around real routes and upgrades.

use http::Request;
use lithe_tests::artifacts::{ECHO, MIDDLEWARE_READY, TRAP_HTTP};
use lithe_tests::{Response, TestHost};

use crate::host;

const OURS: &str = "https://ours.example";
const EVIL: &str = "https://evil.example";

async fn start() -> TestHost {
    let site = host().component("middleware/ready.wasm", MIDDLEWARE_READY);
    site.route("http", TRAP_HTTP).route("echo", ECHO).start().await
}

async fn ask(host: &TestHost, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    host.send(request.body("").expect("the request is right")).await
}

#[tokio::test]
async fn cors_answers_a_preflight_where_no_route_takes_options() {
    let host = start().await;
    let preflight = async |path: &str, origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "x-a"),
        ];
        ask(&host, "OPTIONS", path, &headers).await
    };
    let allowed = preflight("/http?mw=cors", OURS).await;
    assert_eq!((allowed.status, &*allowed.body), (204, &b""[..]));
    for (name, value) in [
        ("access-control-allow-origin", OURS),
        ("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE"),
        ("access-control-allow-headers", "x-a"),
        ("access-control-allow-credentials", "true"),
        ("access-control-max-age", "60"),
        ("vary", "origin"),
    ] {
        assert_eq!(allowed.header(name), Some(value), "{name}");
    }
    let refused = preflight("/http?mw=cors", EVIL).await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (204, None));
    let any = preflight("/http?mw=any", EVIL).await;
    assert_eq!(any.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn cors_marks_answers_failures_and_what_is_not_there() {
    let host = start().await;
    for (path, status) in [
        ("/http?mw=cors", 200),
        ("/http?mw=cors&how=fail", 500),
        ("/http?mw=cors&how=panic", 500),
        ("/nowhere?mw=cors", 404),
    ] {
        let ours = ask(&host, "GET", path, &[("origin", OURS)]).await;
        assert_eq!(ours.status, status, "{path}");
        assert_eq!(ours.header("access-control-allow-origin"), Some(OURS), "{path}");
        assert_eq!(ours.header("access-control-expose-headers"), Some("x-request-id"), "{path}");
        let evil = ask(&host, "GET", path, &[("origin", EVIL)]).await;
        assert_eq!(evil.header("access-control-allow-origin"), None, "{path}");
        assert_eq!(evil.header("vary"), Some("origin"), "{path}");
    }
    assert_eq!(ask(&host, "GET", "/http?mw=cors", &[]).await.header("vary"), None);
}

#[tokio::test]
async fn bearer_auth_guards_requests_and_upgrades() {
    let host = start().await;
    let right = ("authorization", "Bearer secret");
    assert_eq!(ask(&host, "GET", "/http?mw=bearer", &[right]).await.status, 200);
    assert_eq!(host.handshake("/echo?mw=bearer", &[right]).await.status, 101);
    for wrong in ["Bearer guess", "Bearer", "Basic secret", ""] {
        let wrong = [("authorization", wrong)];
        let refused = [
            ask(&host, "GET", "/http?mw=bearer", &wrong).await,
            ask(&host, "GET", "/nowhere?mw=bearer", &wrong).await,
            host.handshake("/echo?mw=bearer", &wrong).await,
        ];
        for refused in refused {
            let challenge = refused.header("www-authenticate");
            assert_eq!((refused.status, challenge), (401, Some("Bearer")), "{wrong:?}");
        }
    }
}

#[tokio::test]
async fn basic_auth_tells_the_handler_who_it_is() {
    let host = start().await;
    // `ada:secret`, and `ada:guess`.
    let (right, wrong) = ("Basic YWRhOnNlY3JldA==", "Basic YWRhOmd1ZXNz");
    let path = "/http?mw=basic&how=about";
    let welcome = ask(&host, "GET", path, &[("authorization", right)]).await;
    assert_eq!(welcome.json()["user"], "ada");
    let refused = ask(&host, "GET", path, &[("authorization", wrong)]).await;
    let challenge = refused.header("www-authenticate");
    assert_eq!(
        (refused.status, challenge),
        (401, Some("Basic realm=\"staff\", charset=\"UTF-8\""))
    );
}

#[tokio::test]
async fn same_origin_keeps_other_sites_pages_from_opening_sockets() {
    let host = start().await;
    let own = format!("http://{}", host.address);
    let authority = host.address.to_string();
    let upgrade = async |origin: &str| {
        let headers = [("host", authority.as_str()), ("origin", origin)];
        host.handshake("/echo?mw=origin", &headers).await.status
    };
    assert_eq!([upgrade(&own).await, upgrade(OURS).await, upgrade("").await], [101, 101, 101]);
    assert_eq!([upgrade(EVIL).await, upgrade("null").await], [403, 403]);
    let plain = ask(&host, "GET", "/http?mw=origin", &[("origin", EVIL)]).await;
    assert_eq!(plain.status, 200);
}

#[tokio::test]
async fn request_id_takes_over_the_proxys() {
    let host = start().await;
    let path = "/http?mw=id&how=about";
    let given = ask(&host, "GET", path, &[("x-request-id", "abc-123")]).await;
    assert_eq!(given.header("x-request-id"), Some("abc-123"));
    assert_eq!(given.json()["request-id"], "abc-123");
    let fresh = ask(&host, "GET", path, &[]).await;
    let id = fresh.json()["id"].as_str().map(str::to_owned);
    assert_eq!(fresh.header("x-request-id"), id.as_deref(), "the host's own");
    let ids: Vec<_> = given.headers.get_all("x-request-id").iter().collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

#[tokio::test]
async fn timing_says_how_long_everything_behind_it_took() {
    let host = start().await;
    let answer = ask(&host, "GET", "/http?mw=timing&how=sleep&ms=50", &[]).await;
    let timing = answer.header("server-timing").expect("it is timed");
    let took: f64 = timing.strip_prefix("total;dur=").expect("its form").parse().expect("a number");
    assert!((50.0..20_000.0).contains(&took), "{timing}");
    let upgrade = host.handshake("/echo?mw=timing", &[]).await;
    assert!(upgrade.status == 101 && upgrade.header("server-timing").is_some(), "{upgrade:?}");
}
