//! A cold start: from a component's bytes, with its compiled form in the cache, to the first
//! answer. In this process, without a network.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use http::Uri;
use lithe_host::internals::capability::event::Request;
use lithe_host::internals::config;
use lithe_host::internals::plugin::{
    Account, Cache, Compiling, Loader, PluginIdentity, Role, Settings, Source,
};
use lithe_host::internals::runtime::Runtime;
use lithe_tests::artifacts::{BENCH_ECHO, BENCH_HELLO, CACHE};
use lithe_tests::percentile;

/// At most, in the middle.
const GOAL: Duration = Duration::from_millis(1);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Cold starts of each component
    #[arg(long, default_value_t = 500)]
    times: usize,
}

/// One cold start.
struct Start {
    /// The component's digest, the cached form mapped and checked, and its imports linked.
    load: Duration,
    /// An instance made, and its first answer.
    answer: Duration,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    ensure!(options.times > 0, "at least one start is needed");
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let engine = Runtime::new().map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let cache = Cache::open(Path::new(CACHE).to_owned())?;
    let bounds = config::Compile::default();
    let loader = Loader::new(Arc::new(engine), cache, Compiling::Here, bounds);
    println!(
        "Cold starts in one process, {} of each; ms\n\n\
         | component | to its first answer: median | 99 % | of which loading | under {} ms |\n\
         |---|---|---|---|---|",
        options.times,
        GOAL.as_millis()
    );
    for (name, file) in [("a route", BENCH_HELLO), ("hooks", BENCH_ECHO)] {
        let bytes = std::fs::read(file)?;
        // The first is compiled, if it never was, and its files are read from the disk.
        start(&loader, &threads, &bytes)?;
        let starts = (0..options.times).map(|_| start(&loader, &threads, &bytes));
        let starts = starts.collect::<anyhow::Result<Vec<_>>>()?;
        let mut all: Vec<_> = starts.iter().map(|start| start.load + start.answer).collect();
        let mut loads: Vec<_> = starts.iter().map(|start| start.load).collect();
        let median = percentile(50, &mut all);
        println!(
            "| {name} | {} | {} | {} | {} |",
            millis(median),
            millis(percentile(99, &mut all)),
            millis(percentile(50, &mut loads)),
            if median < GOAL { "yes" } else { "**no**" },
        );
    }
    Ok(())
}

/// Loads the component as if it had never been there, and asks it once.
fn start(
    loader: &Loader,
    threads: &tokio::runtime::Runtime,
    bytes: &[u8],
) -> anyhow::Result<Start> {
    let settings = Settings {
        site: "cold".into(),
        limits: config::Limits::default(),
        account: Account::new("cold".into()),
        websocket: true,
        plugin: config::PluginConfig::default(),
        grants: Default::default(),
        identity: PluginIdentity::default(),
        share: None,
    };
    let request = Arc::new(Request::get(Uri::from_static("/")));
    let begun = Instant::now();
    let source = Source::Given(bytes.to_vec().into());
    let plugin = threads.block_on(async {
        let seen = loader.look(&source).await?;
        loader.load(&source, seen, "cold.wasm", Role::Route, &settings, || {}).await
    })?;
    let load = begun.elapsed();
    let handler = plugin.handler().context("it answers requests")?;
    let handled = threads.block_on(handler.handle(request));
    let answer = begun.elapsed() - load;
    let handled = handled.map_err(|failure| anyhow::anyhow!("the guest: {failure}"))?;
    ensure!(handled.session.is_none(), "an answer to GET begins no session");
    Ok(Start { load, answer })
}

fn millis(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64() * 1e3)
}
