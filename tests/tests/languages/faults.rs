//! What fails in a guest becomes an answer or the end of one session, and the log alone has the
//! words.

use lithe_tests::TestHost;

use crate::{PROGRAM, built};

const SITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/languages/site");

/// A host that serves one of the faulty guests.
async fn faulty(language: &str) -> TestHost {
    let component = built(SITE).join(format!("routes/{language}.wasm"));
    let component = component.to_str().expect("the path is UTF-8");
    TestHost::builder(PROGRAM).route(language, component).start().await
}

/// A failure before the 101 is a 500 that says nothing, or the status that it carries; the log has
/// the guest's words and where they came from, and the next request is answered.
async fn a_failing_handler_is_answered(language: &str, ways: &[&str], stack: &[&str]) {
    let host = faulty(language).await;
    for how in ways {
        let response = host.get(&format!("/{language}?how={how}")).await;
        let answer = (response.status, response.text());
        assert_eq!(answer, (500, "Internal Server Error"), "{how}");
        let fine = host.get(&format!("/{language}")).await;
        assert_eq!((fine.status, fine.text()), (200, "fine"), "after {how}");
    }
    host.wait_for_log(&["as told"]).await;
    for word in stack {
        host.wait_for_log(&[word]).await;
    }
    let teapot = host.get(&format!("/{language}?how=teapot")).await;
    assert_eq!((teapot.status, teapot.text()), (418, "short and stout"));
}

/// A failure after the 101 closes that socket with 1011, and no other socket unless it shares the
/// memory.
async fn a_failing_session_closes_with_1011(language: &str, ways: &[&str]) {
    let host = faulty(language).await;
    let mut other = host.connect(&format!("/{language}")).await;
    assert_eq!(other.ask("hello").await, "hello");
    for how in ways {
        let mut client = host.connect(&format!("/{language}")).await;
        assert_eq!(client.ask("hello").await, "hello", "before {how}");
        client.send(how).await;
        assert_eq!(client.closed().await, (1011, String::new()), "{how}");
        host.wait_for_log(&["session failed"]).await;
        assert_eq!(other.ask("still here").await, "still here", "after {how}");
    }
    host.wait_for_log(&["as told"]).await;
}

async fn what_is_printed_reaches_the_log(language: &str) {
    let host = faulty(language).await;
    host.get(&format!("/{language}?how=print")).await;
    let plugin = format!("plugin=\"routes/{language}.wasm\"");
    host.wait_for_log(&["printed without an end", &plugin]).await;
}

/// A streamed response, begun by the handler and sent by `open`; and a timer.
async fn streams_and_timers_are_there(language: &str) {
    let host = faulty(language).await;
    let response = host.get(&format!("/{language}?how=stream")).await;
    assert_eq!((response.status, response.text()), (203, "one, two"));
    assert_eq!(response.header("content-type"), Some("text/plain"));
    let mut client = host.connect(&format!("/{language}")).await;
    client.send("sleep").await;
    assert_eq!(client.ask("meanwhile").await, "meanwhile");
    assert_eq!(client.text().await, "slept");
}

/// An error handler answers, or lets the error go on.
async fn an_error_handler_answers(language: &str) {
    let folder = built(SITE).join("routes");
    let file = |name: String| folder.join(name).to_str().expect("the path is UTF-8").to_owned();
    let host = TestHost::builder(PROGRAM)
        .route("index", &file(format!("{language}.wasm")))
        .route("_error", &file(format!("{language}/_error.wasm")))
        .start()
        .await;
    let nowhere = host.get("/nowhere").await;
    assert_eq!((nowhere.status, nowhere.text()), (404, "404 at /nowhere: not found"));
    let failed = host.get("/?how=fail").await;
    assert_eq!((failed.status, failed.text()), (500, "500 at /: Internal Server Error"));
    let teapot = host.get("/?how=teapot").await;
    assert_eq!((teapot.status, teapot.text()), (418, "short and stout"));
}

macro_rules! faults {
    ($module:ident $language:literal: $ways:expr, $sessions:expr, $stack:expr) => {
        mod $module {
            #[tokio::test]
            async fn a_failing_handler_is_answered() {
                super::a_failing_handler_is_answered($language, &$ways, &$stack).await;
            }

            #[tokio::test]
            async fn a_failing_session_closes_with_1011() {
                super::a_failing_session_closes_with_1011($language, &$sessions).await;
            }

            #[tokio::test]
            async fn what_is_printed_reaches_the_log() {
                super::what_is_printed_reaches_the_log($language).await;
            }

            #[tokio::test]
            async fn streams_and_timers_are_there() {
                super::streams_and_timers_are_there($language).await;
            }
        }
    };
}

faults!(c "c": ["fail"], ["fail"], ["misbehave"]);
faults!(zig "zig": ["fail"], ["fail"], ["the guest trapped"]);
faults!(go "go": ["fail", "error"], ["fail", "error"], ["panic: as told", "main.misbehave"]);
faults!(py "py": ["fail", "exit"], ["fail"], ["RuntimeError: as told", "in misbehave", "Traceback"]);
faults!(js "js": ["fail", "reject"], ["fail", "reject"], ["Error: as told", "at misbehave (index.ts:4)"]);
faults!(js_full "js-full": ["fail", "reject"], ["fail", "reject"], ["Error: as told", "misbehave@index.ts:4"]);

/// What the small engine lacks is there, and works as in the full one.
async fn the_webs_apis_are_there(language: &str) {
    let host = faulty(language).await;
    let mut client = host.connect(&format!("/{language}")).await;
    assert_eq!(client.ask("sleep").await, "slept");
    assert_eq!(client.ask("cancelled").await, "cancelled");
    client.send("bytes").await;
    assert_eq!(client.binary().await, "é🦀".as_bytes());
    // A sleep holds nobody up: messages during it are answered before it is over.
    client.send("sleep").await;
    assert_eq!(client.ask("meanwhile").await, "meanwhile");
    assert_eq!(client.text().await, "slept");
    let path = format!("/{language}?how=random");
    let (one, other) = (host.get(&path).await, faulty(language).await.get(&path).await);
    assert_eq!((one.status, other.status), (200, 200));
    assert_ne!(one.text(), other.text(), "each instance has random numbers of its own");
    let web: Vec<serde_json::Value> =
        serde_json::from_str(host.get(&format!("/{language}?how=web")).await.text())
            .expect("it is a list");
    let expected = serde_json::json!([
        "https://h.example/b?x=1#f",
        "a=1+2",
        "two",
        "1, 2",
        "chunk",
        "posted",
        "a9993e364706816aba3e25717850c26c9cd0d89d",
        "6afa9046",
        true,
        "why",
        "told",
        "production",
        "Lithe gives a component no network: `fetch` has nothing to ask",
    ]);
    assert_eq!(serde_json::Value::from(web), expected);
    let piecewise = host.get(&format!("/{language}?how=piecewise")).await;
    assert_eq!((piecewise.status, piecewise.text()), (203, "piece 1, piece 2, piece 3, "));
}

#[tokio::test]
async fn the_small_engine_has_the_webs_apis() {
    the_webs_apis_are_there("js").await;
}

#[tokio::test]
async fn the_full_engine_has_the_webs_apis() {
    the_webs_apis_are_there("js-full").await;
}

/// A function that calls itself without an end fails as any other, and the memory stays.
async fn deep_calls_are_an_exception(language: &str, ways: &[&str], words: &[&str]) {
    let host = faulty(language).await;
    let get = async |how: &str| host.get(&format!("/{language}?how={how}")).await;
    for (before, how) in ways.iter().enumerate() {
        assert_eq!(get("count").await.text(), (before + 1).to_string(), "before {how}");
        assert_eq!(get(how).await.status, 500, "{how}");
    }
    assert_eq!(get("count").await.text(), (ways.len() + 1).to_string());
    for word in words {
        host.wait_for_log(&[word]).await;
    }
}

#[tokio::test]
async fn deep_calls_are_an_exception_in_the_full_engine() {
    let ways =
        ["call", "map", "construct", "text", "json", "sort", "replace", "generator", "source"];
    deep_calls_are_an_exception("js-full", &ways, &["InternalError: too much recursion"]).await;
}

#[tokio::test]
async fn deep_calls_are_an_exception_in_python() {
    let ways =
        ["call", "map", "sort", "replace", "construct", "text", "attribute", "parse", "source"];
    let words = [
        "RecursionError: maximum recursion depth exceeded",
        "RecursionError: the JSON has more than 500 levels",
    ];
    deep_calls_are_an_exception("py", &ways, &words).await;
}

/// The small engine has no such exception: the instance ends, and the log says what that costs.
#[tokio::test]
async fn the_small_engine_goes_deep_and_says_what_its_end_costs() {
    let host = faulty("js").await;
    assert_eq!(host.get("/js?how=deep").await.text(), "1500");
    assert_eq!(host.get("/js?how=call").await.status, 500);
    host.wait_for_log(&["call stack exhausted"]).await;
    host.wait_for_log(&["what the instance had in memory is lost with it"]).await;
    assert_eq!(host.get("/js?how=deep").await.text(), "1500");
}

#[tokio::test]
async fn error_handlers_answer() {
    for language in ["c", "go", "py", "js"] {
        an_error_handler_answers(language).await;
    }
}

#[tokio::test]
async fn c_knows_what_a_socket_hears() {
    let host = faulty("c").await;
    let mut client = host.connect("/c").await;
    assert_eq!(client.ask("topics").await, "chess");
    assert_eq!(client.text().await, "news");
}

/// A site whose one component is made from C, in a folder of its own.
fn c_site(main: &str) -> tempfile::TempDir {
    let site = tempfile::tempdir().expect("a temporary folder can be made");
    let write = |file: &str, text: &str| {
        std::fs::write(site.path().join(file), text).expect("it can be written");
    };
    let source = "[build]\n\"plugins/app.wasm\" = { source = \"guest\", kind = \"hooks\" }\n";
    write("lithe.toml", source);
    std::fs::create_dir(site.path().join("guest")).expect("it is new");
    write("guest/main.c", main);
    let built = std::process::Command::new(PROGRAM).arg("build").arg(site.path()).output();
    let built = built.expect("the program can be run");
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success() && !said.contains("warning"), "{said}");
    site
}

#[tokio::test]
async fn a_socket_in_c_whose_route_has_no_hooks_is_failed() {
    let page = "static lithe_outcome *page(lithe_event *event) { return lithe_respond_text(200, lithe_str(\"a page\")); }\n";
    let before = c_site(&format!(
        "#include \"lithe.h\"\n{page}static void echo(lithe_socket socket, lithe_message message) {{ lithe_send(socket, message); }}\n\
         static const lithe_hooks hooks = {{.message = echo}};\n\
         void lithe_on_app(lithe_app *app) {{ lithe_get(app, \"/x\", page); lithe_ws(app, \"/x\", &hooks); }}\n"
    ));
    let after = c_site(&format!(
        "#include \"lithe.h\"\n{page}static lithe_outcome *enter(lithe_event *event) {{ return lithe_upgrade(event, NULL); }}\n\
         void lithe_on_app(lithe_app *app) {{ lithe_get(app, \"/x\", page); lithe_get(app, \"/none\", enter); }}\n"
    ));
    let file = |site: &tempfile::TempDir| {
        site.path().join("plugins/app.wasm").to_str().expect("the path is UTF-8").to_owned()
    };
    let host =
        TestHost::builder(PROGRAM).component("plugins/app.wasm", &file(&before)).start().await;
    let mut client = host.connect("/x").await;
    assert_eq!(client.ask("hello").await, "hello");
    host.command("deploy", &["plugins/app.wasm", &file(&after), "--yes"]).await.succeeded();
    assert_eq!(host.get("/x").await.text(), "a page");
    client.send("is anybody there?").await;
    assert_eq!(client.closed().await.0, 1011);
    let mut client = host.connect("/none").await;
    client.send("is anybody there?").await;
    assert_eq!(client.closed().await.0, 1011);
    host.wait_for_log(&["no hooks of this version hear this socket"]).await;
}

#[tokio::test]
async fn python_says_what_a_component_does_not_have() {
    let host = faulty("py").await;
    for (how, words) in [
        ("fetch", "Lithe gives a component no network"),
        ("import", "No module named 'wave' in the component: import it at the top of a module"),
    ] {
        assert_eq!(host.get(&format!("/py?how={how}")).await.status, 500);
        host.wait_for_log(&[words]).await;
    }
}

#[tokio::test]
async fn go_collects_while_the_host_answers() {
    let component = built(SITE).join("routes/go.wasm");
    let component = component.to_str().expect("the path is UTF-8");
    let host = TestHost::builder(PROGRAM)
        .route("go", component)
        .config("[limits]\nevent_cpu = \"10s\"\n")
        .start()
        .await;
    let mut client = host.connect("/go").await;
    assert_eq!(client.ask("collect").await, "collected");
    // Larger than all that was asked for before.
    let long = "x".repeat(700_000);
    assert_eq!(client.ask(&long).await, long);
}
