//! One app with every feature of the contract: see `tests/guests/conformance`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Request;
use serde_json::json;

use crate::artifacts::APP;
use crate::components::tagged;
use crate::{Client, Response, TestHost, eventually};

/// The file of the site that has the app.
const ROUTE: &str = "plugins/app.wasm";

/// A host that serves an app, by this program.
pub async fn serving(program: &str, component: impl AsRef<Path>) -> TestHost {
    let component = component.as_ref().to_str().expect("the path is UTF-8");
    let builder = TestHost::builder(program).component(ROUTE, component).config(&settings(""));
    builder.file("token", "a token").start().await
}

/// What the site's `lithe.toml` says, and more variables of the app.
fn settings(environment: &str) -> String {
    format!(
        "[plugin.\"{ROUTE}\"]\nenvironment = {{ MODE = \"test\"{environment} }}\n\
         secrets = {{ TOKEN = {{ file = \"token\" }} }}\n[limits]\nidle_after = \"1s\"\n"
    )
}

async fn send(host: &TestHost, method: &str, path: &str, body: &str) -> Response {
    send_with(host, method, path, body, &[]).await
}

async fn send_with(
    host: &TestHost,
    method: &str,
    path: &str,
    body: &str,
    headers: &[(&str, &str)],
) -> Response {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    host.send(request.body(body.to_owned()).expect("the request is valid")).await
}

async fn get_with(host: &TestHost, path: &str, headers: &[(&str, &str)]) -> Response {
    send_with(host, "GET", path, "", headers).await
}

/// Asserts a status and a text.
#[track_caller]
fn is(response: &Response, status: u16, text: &str) {
    assert_eq!((response.status, response.text()), (status, text), "{response:?}");
}

/// Asserts the status of a refusal.
#[track_caller]
fn refused(response: &Response, status: u16) {
    assert_eq!(response.status, status, "{response:?}");
}

/// A socket of `/live`, and the first message on it.
async fn live(host: &TestHost) -> (Client, String) {
    let mut socket = host.connect("/live").await;
    let tally = socket.text().await;
    (socket, tally)
}

/// Another version of the same app, beside the site.
fn version(host: &TestHost, tag: u8) -> PathBuf {
    let path = host.site.folder().join(format!("version-{tag}.wasm"));
    let component = host.site.folder().join(ROUTE);
    let component = component.to_str().expect("the path is UTF-8");
    std::fs::write(&path, tagged(component, tag)).expect("the folder can be written to");
    path
}

/// # Panics
/// The host does not keep this promise.
pub async fn parameters_have_types(host: &TestHost) {
    let answer = host.get("/item/42").await;
    is(&answer, 200, "{\"id\":42}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    is(&host.get("/item/-7").await, 200, "{\"id\":-7}");
    for (wrong, shown) in [("x", "x"), ("4x", "4x"), ("%20", " "), ("1.5", "1.5")] {
        let said = format!("parameter `id` is `{shown}`: not an integer");
        is(&host.get(&format!("/item/{wrong}")).await, 400, &said);
    }
    // Python's integers have no bound. In other languages the number is refused, and never becomes
    // another one.
    let large = host.get("/item/99999999999999999999").await;
    let is_whole = (large.status, large.text()) == (200, "{\"id\":99999999999999999999}");
    let said = "parameter `id` is `99999999999999999999`: out of range";
    assert!(is_whole || (large.status, large.text()) == (400, said), "{large:?}");
}

/// # Panics
/// The host does not keep this promise.
pub async fn queries_have_types(host: &TestHost) {
    is(&host.get("/query?n=5&name=x").await, 200, "{\"n\":5,\"name\":\"x\"}");
    is(&host.get("/query?n=-1").await, 200, "{\"n\":-1,\"name\":\"\"}");
    let answer = host.get("/query?name=caf%C3%A9+%22b%22&n=1").await;
    assert_eq!(answer.json(), json!({ "n": 1, "name": "café \"b\"" }));
    for (wrong, said) in [
        ("", "`n` is missing"),
        ("?", "`n` is missing"),
        ("?name=x", "`n` is missing"),
        ("?n=", "`n` is ``: not an integer"),
        ("?n=x", "`n` is `x`: not an integer"),
        ("?n=5x", "`n` is `5x`: not an integer"),
    ] {
        let answer = host.get(&format!("/query{wrong}")).await;
        refused(&answer, 400);
        // Values of Go's library do not know that they are of a query.
        let text = answer.text().replace("query parameter or form field", "query parameter");
        assert_eq!(text, format!("query parameter {said}"), "{answer:?}");
    }
}

/// # Panics
/// The host does not keep this promise.
pub async fn cookies_are_read_and_set(host: &TestHost) {
    let answer = get_with(host, "/cookies", &[("cookie", "x=1; a=one; b=2")]).await;
    is(&answer, 200, "one");
    let other = "%61=not; a=a%20b%C3%A4";
    is(&get_with(host, "/cookies", &[("cookie", other)]).await, 200, "a bä");
    let set = "b=2; Path=/; Max-Age=60; SameSite=Lax; HttpOnly";
    assert_eq!(answer.header("set-cookie"), Some(set));
    is(&host.get("/cookies").await, 200, "");
}

/// # Panics
/// The host does not keep this promise.
pub async fn forms_have_types(host: &TestHost) {
    let form = async |body: &str| {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        send_with(host, "POST", "/form", body, &headers).await
    };
    is(&form("name=Ann+B&age=7").await, 200, "{\"age\":7,\"name\":\"Ann B\"}");
    refused(&form("name=Ann&age=old").await, 400);
    refused(&form("name=Ann").await, 400);
    let of_size = |size: usize| format!("age=7&name={}", "x".repeat(size - 11));
    assert_eq!(form(&of_size(PARSED)).await.status, 200);
    refused(&form(&of_size(PARSED + 1)).await, 413);
}

/// # Panics
/// The host does not keep this promise.
pub async fn json_bodies_are_read(host: &TestHost) {
    let answer = send(host, "POST", "/json", r#"{"other":[1,{}],"name":"\u00e9 \"x\""}"#).await;
    is(&answer, 200, "é \"x\"");
    for wrong in ["", "{", r#"{"name":"x"} x"#] {
        let answer = send(host, "POST", "/json", wrong).await;
        refused(&answer, 400);
        assert!(answer.text().starts_with("the body is not JSON"), "{wrong}: {answer:?}");
    }
    for wrong in ["[]", "{}", r#"{"name":5}"#] {
        refused(&send(host, "POST", "/json", wrong).await, 400);
    }
}

/// # Panics
/// The host does not keep this promise.
pub async fn numbers_are_finite(host: &TestHost) {
    let half = async |n| send(host, "POST", "/half", &format!("{{\"n\":{n}}}")).await;
    is(&half("5").await, 200, "{\"half\":2.5}");
    is(&half("-2.5e-1").await, 200, "{\"half\":-0.125}");
    let long = format!("{}.5", "9".repeat(400));
    for wrong in ["1e999", "-1e999", "NaN", "Infinity", "-inf", &long] {
        refused(&half(wrong).await, 400);
    }
}

/// JSON of the largest size that is read, with the most or the deepest values; and how many it has.
fn costly_json() -> Vec<(String, usize)> {
    let list = |size: usize, item: &str| {
        let count = (size - 1) / (item.len() + 1);
        (format!("[{}{item}]", format!("{item},").repeat(count - 1)), count)
    };
    let mut all: Vec<_> =
        [("1", 1), ("1e9", 1), ("\"\"", 1), ("[]", 1), ("{}", 1), ("{\"\":0}", 2)]
            .into_iter()
            .map(|(item, values)| {
                let (json, count) = list(PARSED, item);
                (json, 1 + count * values)
            })
            .collect();
    let fields: Vec<_> = (0..15_000).map(|number| format!("\"{number:x}\":0")).collect();
    all.push((format!("{{{}}}", fields.join(",")), 15_001));
    let (flat, count) = list(PARSED - 240, "1");
    all.push((format!("{}{flat}{}", "[".repeat(120), "]".repeat(120)), 121 + count));
    for (json, _) in &all {
        assert!((PARSED - 8192..=PARSED).contains(&json.len()), "{} bytes", json.len());
    }
    all
}

/// The most bytes of JSON or of a form that every SDK reads without another limit.
const PARSED: usize = 128 * 1024;

/// # Panics
/// The host does not keep this promise.
pub async fn large_json_is_refused_and_costs_no_memory(host: &TestHost) {
    send(host, "POST", "/votes/red", "").await;
    let of_size = |size: usize| format!("{{\"name\":\"{}\"}}", "x".repeat(size - 11));
    assert_eq!(send(host, "POST", "/json", &of_size(PARSED)).await.status, 200);
    let answer = send(host, "POST", "/json", &of_size(PARSED + 1)).await;
    refused(&answer, 413);
    assert!(answer.text().starts_with("the body is larger than 131072 bytes: `"), "{answer:?}");
    assert!(answer.text().ends_with("` reads it with a higher limit"), "{answer:?}");
    for (json, values) in costly_json() {
        is(&send(host, "POST", "/count", &json).await, 200, &values.to_string());
    }
    is(&host.get("/votes").await, 200, "{\"red\":1}");
}

/// # Panics
/// The host does not keep this promise.
pub async fn a_handler_may_read_more_json_or_less(host: &TestHost) {
    let text = |size: usize| format!("\"{}\"", "x".repeat(size - 2));
    is(&send(host, "POST", "/count?limit=500000", &text(500_000)).await, 200, "1");
    refused(&send(host, "POST", "/count?limit=500000", &text(500_001)).await, 413);
    let answer = send(host, "POST", "/count?limit=10", &text(11)).await;
    refused(&answer, 413);
    assert!(answer.text().starts_with("the body is larger than 10 bytes: `"), "{answer:?}");
}

/// # Panics
/// The host does not keep this promise.
pub async fn environment_and_secrets_are_read(host: &TestHost) {
    is(&host.get("/env/MODE").await, 200, "test");
    is(&host.get("/env/TOKEN").await, 200, "a token");
    refused(&host.get("/env/PATH").await, 404);
}

/// # Panics
/// The host does not keep this promise.
pub async fn middleware_leaves_values_for_handlers(host: &TestHost) {
    is(&host.get("/local").await, 200, "yes");
}

/// # Panics
/// The host does not keep this promise.
pub async fn middleware_of_groups_runs_inside_of_what_is_around(host: &TestHost) {
    let answer = host.get("/outer/inner/x").await;
    is(&answer, 200, "ok");
    let order: Vec<_> = answer.headers.get_all("x-order").iter().collect();
    assert_eq!(order, ["inner", "outer"]);
}

/// # Panics
/// The host does not keep this promise.
pub async fn a_redirect_says_where(host: &TestHost) {
    let answer = host.get("/redirect").await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/votes")));
    let answer =
        host.get("/redirect?to=/a%0D%0Ab:+%C3%A4%7F%22%3C%3E%5C%25%F0%9F%A6%80?c=%2520").await;
    let encoded = "/a%0D%0Ab:%20%C3%A4%7F%22%3C%3E%5C%%F0%9F%A6%80?c=%20";
    assert_eq!((answer.status, answer.header("location")), (303, Some(encoded)));
}

/// # Panics
/// The host does not keep this promise.
pub async fn an_exception_is_a_500_that_tells_only_the_log(host: &TestHost) {
    let answer = host.get("/throw").await;
    refused(&answer, 500);
    assert!(!answer.text().contains("secret detail"), "{answer:?}");
    host.wait_for_log(&["secret detail"]).await;
    is(&host.get("/local").await, 200, "yes");
}

/// In Rust, such a handler does not compile.
///
/// # Panics
/// The host does not keep this promise.
pub async fn a_handler_that_returns_nothing_is_a_500_that_says_so(host: &TestHost) {
    for path in ["/nothing", "/nothing/around"] {
        is(&host.get(path).await, 500, "Internal Server Error");
        let said =
            format!("a handler or a middleware of `GET {path}` has returned nothing: return");
        host.wait_for_log(&[&said]).await;
    }
    is(&host.get("/local").await, 200, "yes");
}

/// # Panics
/// The host does not keep this promise.
pub async fn error_handlers_answer_what_they_want_to(host: &TestHost) {
    let answer = host.get("/refuse").await;
    is(&answer, 418, "caught: teapot");
    assert_eq!(answer.header("x-caught"), Some("yes"));
}

/// # Panics
/// The host does not keep this promise.
pub async fn methods_are_told_apart(host: &TestHost) {
    is(&host.get("/other-method").await, 200, "ok");
    is(&send(host, "HEAD", "/other-method", "").await, 200, "");
    let answer = send(host, "POST", "/other-method", "").await;
    refused(&answer, 405);
    assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
    refused(&host.get("/nowhere").await, 404);
}

/// # Panics
/// The host does not keep this promise.
pub async fn bearer_tokens_are_asked_for(host: &TestHost) {
    let who = async |value| get_with(host, "/admin/who", &[("authorization", value)]).await;
    is(&who("Bearer secret").await, 200, "in");
    is(&who("bearer secret").await, 200, "in");
    for wrong in ["Bearer secre", "Bearer secrets", "Bearer", "Basic c2VjcmV0", "secret"] {
        refused(&who(wrong).await, 401);
    }
    let answer = host.get("/admin/who").await;
    refused(&answer, 401);
    assert!(answer.header("www-authenticate").is_some_and(|asks| asks.starts_with("Bearer")));
}

/// # Panics
/// The host does not keep this promise.
pub async fn names_and_passwords_are_asked_for(host: &TestHost) {
    let who = async |value| get_with(host, "/basic/who", &[("authorization", value)]).await;
    is(&who("Basic YW5uOnB3").await, 200, "in");
    for wrong in ["Basic YW5uOnB4", "Basic YW5u", "Basic ???", "Basic", "Bearer YW5uOnB3"] {
        refused(&who(wrong).await, 401);
    }
    let answer = host.get("/basic/who").await;
    refused(&answer, 401);
    let asks = answer.header("www-authenticate").expect("a browser asks its user");
    assert!(asks.starts_with("Basic realm=\""), "{asks}");
}

/// # Panics
/// The host does not keep this promise.
pub async fn secrets_of_the_site_guard_routes(host: &TestHost) {
    let ask = async |path, value| get_with(host, path, &[("authorization", value)]).await;
    is(&ask("/vault/who", "Bearer a token").await, 200, "in");
    for wrong in ["Bearer secret", "Bearer", "Bearer "] {
        refused(&ask("/vault/who", wrong).await, 401);
    }
    // The password of `ann` is `a token`. That of `bob` is not granted, so nobody is `bob`.
    is(&ask("/safe/who", "Basic YW5uOmEgdG9rZW4=").await, 200, "in");
    for wrong in ["Basic YW5uOg==", "Basic Ym9iOg==", "Basic Ym9iOihudWxsKQ=="] {
        refused(&ask("/safe/who", wrong).await, 401);
    }
}

/// # Panics
/// The host does not keep this promise.
pub async fn scripts_of_another_site_are_let_in_by_cors(host: &TestHost) {
    let origin = ("origin", "https://app.example");
    let answer = send_with(host, "PUT", "/cors/x", "", &[origin]).await;
    is(&answer, 200, "ok");
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(answer.header("vary"), Some("origin"));
    let asks = [
        origin,
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "x-a"),
    ];
    let answer = send_with(host, "OPTIONS", "/cors/x", "", &asks).await;
    is(&answer, 204, "");
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("PUT"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("x-a"));
    let other = [("origin", "https://other.example")];
    let answer = send_with(host, "PUT", "/cors/x", "", &other).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

/// # Panics
/// The host does not keep this promise.
pub async fn upgrades_from_other_sites_are_refused(host: &TestHost) {
    let own = format!("http://{}", host.address);
    let mut socket = host.connect_with("/origin/live", &[("origin", &own)]).await;
    socket.text().await;
    assert_eq!(socket.ask("hello").await, "echo:hello");
    let answer = host.handshake("/origin/live", &[("origin", "https://evil.example")]).await;
    refused(&answer, 403);
}

/// # Panics
/// The host does not keep this promise.
pub async fn requests_are_traced(host: &TestHost) {
    let answer = get_with(host, "/traced/x", &[("x-request-id", "of-the-proxy")]).await;
    is(&answer, 200, "ok");
    assert_eq!(answer.header("x-request-id"), Some("of-the-proxy"));
    let timing = answer.header("server-timing").expect("it says how long it took");
    let took = timing.strip_prefix("total;dur=").expect("it is the total");
    assert!(took.parse::<f64>().is_ok_and(|milliseconds| milliseconds >= 0.0), "{timing}");
    let answer = get_with(host, "/traced/x", &[("x-request-id", "not well formed")]).await;
    assert!(answer.header("x-request-id").is_some_and(|id| id != "not well formed"));
}

/// # Panics
/// The host does not keep this promise.
pub async fn events_are_streamed(host: &TestHost) {
    let answer = host.get("/events").await;
    is(&answer, 200, "data: 1\n\ndata: 2\n\ndata: 3\n\n");
    let content = answer.header("content-type").expect("it says what it is");
    assert!(content.starts_with("text/event-stream"), "{content}");
}

/// # Panics
/// The host does not keep this promise.
pub async fn bodies_are_streamed(host: &TestHost) {
    let answer = host.get("/stream").await;
    is(&answer, 200, "abc");
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));
}

/// # Panics
/// The host does not keep this promise.
pub async fn sockets_share_the_memory_of_routes(host: &TestHost) {
    is(&host.get("/votes").await, 200, "{}");
    let (mut ann, tally) = live(host).await;
    assert_eq!(tally, "{}");
    let answer = send(host, "POST", "/votes/red", "").await;
    is(&answer, 200, "{\"red\":1}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(ann.text().await, "{\"red\":1}");
    send(host, "POST", "/votes/blue", "").await;
    assert_eq!(ann.text().await, "{\"blue\":1,\"red\":1}");
    is(&host.get("/votes").await, 200, "{\"blue\":1,\"red\":1}");
}

/// # Panics
/// The host does not keep this promise.
pub async fn topics_reach_their_members(host: &TestHost) {
    let (mut ann, _) = live(host).await;
    let (mut bob, _) = live(host).await;
    assert_eq!(ann.ask("who").await, "2");
    assert_eq!(ann.ask("topics").await, "votes");
    assert_eq!(ann.ask("say:hello").await, "1");
    assert_eq!(bob.text().await, "hello");
    bob.close(1000, "").await;
    bob.closed().await;
    eventually("only one member", async || (ann.ask("who").await == "1").then_some(())).await;
}

/// # Panics
/// The host does not keep this promise.
pub async fn messages_come_in_order_and_as_they_are(host: &TestHost) {
    let (mut ann, _) = live(host).await;
    for number in 0..200 {
        ann.send(&number.to_string()).await;
    }
    for number in 0..200 {
        assert_eq!(ann.text().await, format!("echo:{number}"));
    }
    ann.send_binary(vec![0, 255, 128]).await;
    assert_eq!(ann.binary().await, vec![0, 255, 128]);
    assert_eq!(ann.ask("").await, "echo:");
    let long = "é".repeat(20_000);
    assert_eq!(ann.ask(&long).await, format!("echo:{long}"));
    assert_eq!(ann.ask("buffered").await, "0");
}

/// # Panics
/// The host does not keep this promise.
pub async fn attachments_have_types(host: &TestHost) {
    let (mut ann, _) = live(host).await;
    assert_eq!(ann.ask("name?").await, "");
    assert_eq!(ann.ask("name:Ann \"é\"").await, "ok");
    assert_eq!(ann.ask("name?").await, "Ann \"é\"");
    let (mut bob, _) = live(host).await;
    assert_eq!(bob.ask("name?").await, "");
}

/// # Panics
/// The host does not keep this promise.
pub async fn timers_go_off(host: &TestHost) {
    let (mut ann, _) = live(host).await;
    assert_eq!(ann.ask("tick").await, "tock");
    ann.send("count").await;
    for number in ["1", "2", "3"] {
        assert_eq!(ann.text().await, number);
    }
    // The clock has stopped, so the next message is the answer to this one.
    assert_eq!(ann.ask("tick").await, "tock");
}

/// # Panics
/// The host does not keep this promise.
pub async fn a_session_ends_as_it_says(host: &TestHost) {
    let (mut ann, _) = live(host).await;
    ann.send("close").await;
    assert_eq!(ann.closed().await, (4001, "bye".to_owned()));
    let (mut bob, _) = live(host).await;
    let (mut eve, _) = live(host).await;
    bob.send("fail").await;
    assert_eq!(bob.closed().await.0, 1011);
    assert_eq!(eve.ask("still here").await, "echo:still here");
}

/// # Panics
/// The host does not keep this promise.
pub async fn each_route_has_hooks_of_its_own(host: &TestHost) {
    let mut ann = host.connect("/rooms/caf%C3%A9").await;
    let mut bob = host.connect("/rooms/café").await;
    let mut eve = host.connect("/rooms/other").await;
    assert_eq!(ann.text().await, "room café");
    assert_eq!(bob.text().await, "room café");
    assert_eq!(eve.text().await, "room other");
    assert_eq!(ann.ask("hello").await, "hello");
    assert_eq!(bob.text().await, "hello");
    assert_eq!(eve.ask("alone").await, "alone");
    let offers = [("sec-websocket-protocol", "other, chat")];
    assert_eq!(host.connect_with("/rooms/1", &offers).await.protocol(), Some("chat"));
    let offers = [("sec-websocket-protocol", "other")];
    let answer = host.handshake("/rooms/1", &offers).await;
    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, None));
}

/// # Panics
/// The host does not keep this promise.
pub async fn plain_requests_to_sockets_are_told_to_upgrade(host: &TestHost) {
    let answer = host.get("/live").await;
    refused(&answer, 426);
    assert_eq!(answer.header("upgrade"), Some("websocket"));
}

/// # Panics
/// The host does not keep this promise.
pub async fn idle_time_and_swaps_lose_no_vote(host: &TestHost) {
    let (mut ann, _) = live(host).await;
    let (mut bob, _) = live(host).await;
    let (mut eve, _) = live(host).await;
    let mut room = host.connect("/rooms/1").await;
    assert_eq!(room.text().await, "room 1");
    assert_eq!(ann.ask("name:Ann").await, "ok");
    for swap in 1..=3u8 {
        send(host, "POST", "/votes/red", "").await;
        let tally = format!("{{\"red\":{swap}}}");
        for socket in [&mut ann, &mut bob, &mut eve] {
            assert_eq!(socket.text().await, tally);
        }
        // Longer than `idle_after`.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        is(&host.get("/votes").await, 200, &tally);
        let component = version(host, swap);
        let component = component.to_str().expect("the path is UTF-8");
        host.command("deploy", &[ROUTE, component]).await.succeeded();
        for socket in [&mut ann, &mut bob, &mut eve] {
            assert_eq!(socket.text().await, "resumed");
        }
        is(&host.get("/votes").await, 200, &tally);
    }
    assert_eq!(ann.ask("name?").await, "Ann");
    assert_eq!(ann.ask("topics").await, "votes");
    assert_eq!(room.ask("still here").await, "still here");
}

/// # Panics
/// The host does not keep this promise.
pub async fn a_save_that_fails_loses_nothing(host: &TestHost) {
    let (mut ann, _) = live(host).await;
    send(host, "POST", "/votes/red", "").await;
    assert_eq!(ann.text().await, "{\"red\":1}");
    is(&send(host, "POST", "/saving/fails", "").await, 200, "ok");
    let component = version(host, 1);
    let component = component.to_str().expect("the path is UTF-8");
    for dry_run in [&["--dry-run"][..], &[]] {
        let arguments = [dry_run, &[ROUTE, component]].concat();
        let deployed = host.command("deploy", &arguments).await;
        deployed.says(&[ROUTE, "cannot save its memory", "cannot save, as told"]);
        is(&host.get("/votes").await, 200, "{\"red\":1}");
    }
    host.wait_for_log(&["stays in memory", "cannot save, as told"]).await;
    assert_eq!(ann.ask("hello").await, "echo:hello");
    is(&host.get("/votes").await, 200, "{\"red\":1}");
    is(&send(host, "POST", "/saving/works", "").await, 200, "ok");
    host.command("deploy", &[ROUTE, component]).await.succeeded();
    assert_eq!(ann.text().await, "resumed");
    is(&host.get("/votes").await, 200, "{\"red\":1}");
}

/// # Panics
/// The host does not keep this promise.
pub async fn a_socket_whose_route_is_gone_is_failed(host: &TestHost) {
    let before = host.site.folder().join("before.wasm");
    std::fs::copy(host.site.folder().join(ROUTE), &before).expect("the folder can be written to");
    // An app with other routes, and without `state`.
    host.command("deploy", &[ROUTE, APP]).await.succeeded();
    let mut ann = host.connect("/app/hooks/1").await;
    let before = before.to_str().expect("the path is UTF-8");
    let deployed = host.command("deploy", &[ROUTE, before]).await;
    assert!(deployed.succeeded().contains("1 socket moved"), "{deployed:?}");
    assert_eq!(ann.closed().await.0, 1011);
    host.wait_for_log(&["no hooks of this version hear this socket"]).await;
}

/// # Panics
/// The host does not keep this promise.
pub async fn a_version_that_is_not_well_serves_nothing(host: &TestHost) {
    let (mut ann, _) = live(host).await;
    send(host, "POST", "/votes/red", "").await;
    assert_eq!(ann.text().await, "{\"red\":1}");
    host.site.write("lithe.toml", settings(", SICK = \"today\""));
    host.wait_for_log(&["sick: today"]).await;
    is(&host.get("/votes").await, 200, "{\"red\":1}");
    assert_eq!(ann.ask("hello").await, "echo:hello");
}
