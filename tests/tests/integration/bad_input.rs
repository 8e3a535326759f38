//! Whatever is wrong with a site is reported before the site is served: which file, where, and what
//! would be right.

use lithe_tests::artifacts::{BENCH_HELLO, ECHO};

use crate::host;

#[tokio::test]
async fn a_site_that_is_not_there() {
    let refusal = host().folder("/no/such/site").end().await;
    refusal.says(&["`/no/such/site`", "name a folder that exists"]);
}

#[tokio::test]
async fn a_site_that_is_a_file() {
    let refusal = host().folder("/dev/null").end().await;
    refusal.says(&["`/dev/null`", "is not a folder"]);
}

#[tokio::test]
async fn a_site_without_routes() {
    host().end().await.says(&["has no route", "`[build]`"]);
    let refusal = host().file("routes/readme.txt", "").end().await;
    refusal.says(&["has no route", "`lithe build`"]);
}

#[tokio::test]
async fn an_unknown_key() {
    let refusal =
        host().config("name = \"x\"\n[limits]\nmemroy = \"8 MiB\"\n").route("a", ECHO).end().await;
    refusal.says(&["lithe.toml", "line 3, column 1", "unknown field `memroy`", "`memory`"]);
}

#[tokio::test]
async fn a_value_of_the_wrong_type() {
    let refusal = host().config("websocket = \"yes\"\n").route("a", ECHO).end().await;
    refusal.says(&["lithe.toml", "line 1, column 13", "expected a boolean"]);
    let refusal = host().config("[limits]\nmemory = \"lots\"\n").route("a", ECHO).end().await;
    refusal.says(&["lithe.toml", "line 2, column 10"]);
    let refusal = host().config("[limits]\nevent_cpu = 5\n").route("a", ECHO).end().await;
    refusal.says(&["lithe.toml", "line 2, column 13"]);
}

#[tokio::test]
async fn toml_that_is_none() {
    let refusal = host().config("name = \n").route("a", ECHO).end().await;
    refusal.says(&["lithe.toml", "line 1, column"]);
}

#[tokio::test]
async fn values_that_contradict_each_other() {
    let refusal = host().config("[limits]\noutbound = 1\n").route("a", ECHO).end().await;
    refusal.says(&["lithe.toml", "`limits.outbound`", "`limits.message`"]);
}

#[tokio::test]
async fn a_truncated_component() {
    let whole = std::fs::read(BENCH_HELLO).expect("the component has been built");
    for length in [4, 9, 1_000, whole.len() - 1] {
        let refusal = host().file("routes/half.wasm", &whole[..length]).end().await;
        refusal.says(&["`routes/half.wasm`", "is truncated or malformed"]);
    }
}

#[tokio::test]
async fn a_core_module() {
    let refusal = host().file("routes/core.wasm", b"\0asm\x01\0\0\0").end().await;
    refusal.says(&["`routes/core.wasm`", "core module", "`wasm32-wasip2`"]);
}

#[tokio::test]
async fn a_text_file() {
    for text in ["not WebAssembly", ""] {
        let refusal = host().file("routes/text.wasm", text).end().await;
        refusal.says(&["`routes/text.wasm`", "is not WebAssembly"]);
    }
}

#[tokio::test]
async fn a_component_that_exports_no_handler() {
    let refusal = host().file("routes/empty.wasm", b"\0asm\x0d\0\x01\0").end().await;
    refusal.says(&["`routes/empty.wasm`", "lithe:plugin/handler", "exports nothing"]);
    let said = refusal.stderr.matches("exports nothing").count();
    assert_eq!(said, 1, "each cause is said once: {}", refusal.stderr);
}

#[tokio::test]
async fn two_routes_that_conflict() {
    let refusal = host().route("foo", ECHO).route("foo/index", ECHO).end().await;
    refusal.says(&["`routes/foo.wasm`", "`routes/foo/index.wasm`"]);
    let refusal = host().route("rooms/[id]", ECHO).route("rooms/[name].get", ECHO).end().await;
    refusal.says(&["`routes/rooms/[id].wasm`", "`routes/rooms/[name].get.wasm`"]);
}

#[tokio::test]
async fn a_name_that_is_no_route() {
    let refusal = host().route("rooms/[id", ECHO).end().await;
    refusal.says(&["`routes/rooms/[id.wasm`"]);
}

#[tokio::test]
async fn a_port_in_use() {
    let first = host().route("a", BENCH_HELLO).start().await;
    let refusal = host().route("a", BENCH_HELLO).listen(first.address).end().await;
    refusal.says(&[&format!("`{}`", first.address), "`--listen`"]);
    assert_eq!(first.get("/a").await.status, 200);
}

#[tokio::test]
async fn an_address_that_is_none() {
    let refusal = host().route("a", BENCH_HELLO).listen("nonsense").end().await;
    refusal.fails_with(2);
    for words in ["'nonsense'", "--listen", "write `nonsense:4000`"] {
        assert!(refusal.stderr.contains(words), "no {words} in:\n{}", refusal.stderr);
    }
}

#[tokio::test]
async fn a_guest_that_does_not_compile() {
    let manifest = "[package]\nname = \"broken\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
                    [lib]\ncrate-type = [\"cdylib\"]\n[workspace]\n";
    let refusal = host()
        .command("build")
        .config("[build]\n\"routes/broken.wasm\" = \"guests/broken\"\n")
        .file("guests/broken/Cargo.toml", manifest)
        .file("guests/broken/src/lib.rs", "fn broken( {\n")
        .environment("CARGO_NET_OFFLINE", "true")
        .end()
        .await;
    refusal.says(&[
        "src/lib.rs:1:",
        "`routes/broken.wasm`",
        "`guests/broken`",
        "the compiler's messages are above",
    ]);
}

#[tokio::test]
async fn a_guest_whose_source_is_not_there() {
    let config = "[build]\n\"routes/gone.wasm\" = \"guests/gone\"\n";
    let refusal = host().command("build").config(config).end().await;
    refusal.says(&["`routes/gone.wasm`", "`guests/gone`", "Cargo.toml"]);
}

#[tokio::test]
async fn a_size_that_is_none() {
    let refusal = host().config("[limits]\nmemory = \"64 Megs\"\n").route("a", ECHO).end().await;
    refusal.says(&[
        "line 2",
        "\"64 Megs\"",
        "expected a size such as \"64 MiB\"",
        "`limits.memory`",
    ]);
}

#[tokio::test]
async fn settings_of_a_component_that_is_not_there() {
    let config = "[plugin.\"plugins/pol.wasm\"]\nstateless = true\n";
    let mut builder = host().config(config);
    for number in 0..10 {
        builder = builder.route(&format!("a{number}"), BENCH_HELLO);
    }
    let refusal = builder.end().await;
    refusal.says(&[
        "`plugins/pol.wasm`",
        "it has `routes/a0.wasm`, ",
        "`routes/a7.wasm`, and 2 more",
    ]);
}

#[tokio::test]
async fn a_variable_that_the_host_does_not_have() {
    let config = "[plugin.\"routes/a.wasm\"]\nsecrets = { KEY = { host = \"NO_SUCH_KEY\" } }\n";
    let refusal = host().config(config).route("a", BENCH_HELLO).end().await;
    refusal.says(&["no variable `NO_SUCH_KEY`: set it where `lithe` is started"]);
    assert!(!refusal.stderr.contains("not found"), "{refusal:?}");
}

#[tokio::test]
async fn a_scope_by_a_parameter_that_no_route_has() {
    let scoped = |file: &str| format!("[plugin.\"routes/{file}\"]\nscope = \"param:id\"\n");
    for (stem, words) in [("a", "name a file such as `[id].wasm`"), ("[room]", "they have `room`")]
    {
        let config = scoped(&format!("{stem}.wasm"));
        let refusal = host().config(&config).route(stem, ECHO).end().await;
        refusal.says(&["scope = \"param:id\"", "none of its routes has the parameter `id`", words]);
    }
}

#[tokio::test]
async fn a_build_of_a_file_that_nothing_serves() {
    for (file, words) in [
        ("out/x.wasm", "is not a component's path"),
        ("routes/[id.wasm", "`routes/[id.wasm` is not a route's name: `[` in `[id` is not closed"),
        ("routes/x", "is not a component's path"),
    ] {
        let config = format!("[build]\n\"{file}\" = \"guests/x\"\n");
        let refusal = host().command("build").config(&config).end().await;
        refusal.says(&["`[build]` in `lithe.toml`", words]);
    }
}
