//! Compiling is bounded in memory and in time, whatever the component.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lithe_host::internals::config;
use lithe_host::internals::plugin::{
    Account, Cache, CompileError, Compiling, LoadError, Loader, PluginIdentity, Role, Settings,
    Source,
};
use lithe_host::internals::runtime::Runtime;
use lithe_tests::artifacts::{BENCH_HELLO, ERROR_JSON};
use lithe_tests::{Signal, Task, eventually};

use crate::fuzzed::changed;
use crate::host;
use crate::many_sockets::Random;
use lithe_tests::components::{large_to_compile, slow_to_compile, tower};

#[tokio::test]
async fn nested_components_are_counted_before_they_are_compiled() {
    for levels in [12, 24, 30] {
        let refusal = host().file("routes/bomb.wasm", tower(levels)).end().await;
        refusal.says(&["`routes/bomb.wasm`", "more than 1000 instances of components"]);
    }
}

#[tokio::test]
async fn a_component_that_takes_too_long_is_refused_by_the_name_of_the_bound() {
    let refusal = host()
        .file("routes/slow.wasm", slow_to_compile(2))
        .config("[compile]\ntime = \"1s\"\n")
        .end()
        .await;
    refusal.says(&["`routes/slow.wasm`", "takes longer than 1s", "`compile.time`"]);
}

#[tokio::test]
async fn a_component_that_takes_too_much_memory_is_refused_by_the_name_of_the_bound() {
    let refusal = host()
        .file("routes/large.wasm", large_to_compile())
        .config("[compile]\nmemory = \"64 MiB\"\n")
        .end()
        .await;
    refusal.says(&["`routes/large.wasm`", "more than 64.0 MiB of memory", "`compile.memory`"]);
}

#[tokio::test]
async fn a_component_that_is_too_large_is_refused_by_the_name_of_the_bound() {
    let refusal = host()
        .route("hello", BENCH_HELLO)
        .config("[compile]\ncomponent = \"10 KiB\"\n")
        .end()
        .await;
    refusal.says(&["`routes/hello.wasm`", "may have at most 10.0 KiB", "`compile.component`"]);
}

/// Only the host's own settings bound how its sites' components are compiled.
#[tokio::test]
async fn no_site_raises_the_bounds() {
    let host = host()
        .file("lithe.toml", "[compile]\ntime = \"1s\"\n")
        .file("slow.test/routes/slow.wasm", slow_to_compile(4))
        .file("evil.test/routes/slow.wasm", slow_to_compile(4))
        .file("evil.test/lithe.toml", "[compile]\ntime = \"1h\"\n")
        .component("good.test/routes/hello.wasm", BENCH_HELLO)
        .start()
        .await;
    host.wait_for_log(&["slow.test", "takes longer than 1s", "`compile.time`"]).await;
    host.wait_for_log(&["evil.test", "`[compile]` belongs to the host"]).await;
}

/// A host that compiles for minutes, and the process that does.
#[cfg(target_os = "linux")]
async fn compiling(number: u8) -> (lithe_tests::TestHost, u32) {
    let host = host().route("hello", BENCH_HELLO).start().await;
    host.site.write("routes/slow.wasm", slow_to_compile(number));
    let child =
        eventually("the compiler runs", async || Task::children_of(host.process_id()).pop());
    let child = child.await;
    (host, child)
}

#[cfg(target_os = "linux")]
fn is_there(process: u32) -> bool {
    Task::process(process).is_some_and(|process| !process.has_ended)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn compilers_step_back_for_what_is_served() {
    let niceness = |process: u32| Some(Task::process(process)?.niceness);
    let (host, child) = compiling(8).await;
    let served = niceness(host.process_id()).expect("the host runs");
    eventually("it steps back", async || (niceness(child)? == (served + 10).min(19)).then_some(()))
        .await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_compiler_ends_with_the_host_however_that_ends() {
    for (number, signal) in [(5, Signal::TERM), (6, Signal::KILL)] {
        let (mut host, child) = compiling(number).await;
        assert!(is_there(child));
        host.signal(signal);
        host.exit().await;
        eventually("the compiler has ended", async || (!is_there(child)).then_some(())).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_compiler_that_is_killed_is_an_error_and_no_more() {
    let (host, child) = compiling(7).await;
    let child = rustix::process::Pid::from_raw(child as i32).expect("it is not zero");
    rustix::process::kill_process(child, Signal::KILL).expect("it is ours");
    host.wait_for_log(&["`routes/slow.wasm`", "the compiler ended by signal: 9"]).await;
    assert_eq!(host.get("/hello").await.status, 200);
}

/// The error names what is wrong with a component, and nothing else happens.
#[test]
fn changed_components_are_refused_or_loaded_and_break_nothing() {
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let threads = threads.expect("the system has what a runtime needs");
    let cache = tempfile::tempdir().expect("a temporary folder can be made");
    let cache = Cache::open(cache.path().join("cache")).expect("it can be made");
    let runtime = Arc::new(Runtime::new().expect("the system has the addresses"));
    let loader = Loader::new(runtime, cache, Compiling::Here, config::Compile::default());
    let settings = Settings {
        site: "changed".into(),
        limits: config::Limits::default(),
        account: Account::new("changed".into()),
        websocket: true,
        plugin: config::PluginConfig::default(),
        grants: Default::default(),
        identity: PluginIdentity::default(),
        share: None,
    };
    let real = |file: &str| std::fs::read(Path::new(file)).expect("it has been built");
    let seeds = [(tower(5), 1_900), (real(BENCH_HELLO), 60), (real(ERROR_JSON), 40)];
    let (mut loaded, mut refused) = (0, 0);
    for (seed, times) in seeds {
        for number in 0..times {
            let bytes = changed(&seed, &mut Random::new(number));
            let source = Source::Given(bytes.into());
            let begun = Instant::now();
            let result = threads.block_on(async {
                let seen = loader.look(&source).await?;
                loader.load(&source, seen, "x.wasm", Role::Route, &settings, || {}).await
            });
            assert!(begun.elapsed() < Duration::from_secs(60), "number {number}");
            match result {
                Ok(_) => loaded += 1,
                // A panic would be this.
                Err(LoadError::Aside(error)) => panic!("number {number}: {error:?}"),
                Err(LoadError::Compile(CompileError::Compiler(error))) => {
                    panic!("number {number}: {error}")
                }
                Err(_) => refused += 1,
            }
        }
    }
    println!("{loaded} loaded, {refused} refused");
    assert!(loaded + refused == 2_000 && refused > 1_000);
}
