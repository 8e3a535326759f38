//! Many tenants on one host: how long it takes to start, what each takes of memory, and how long
//! the first answer of one takes.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use lithe_tests::Site;
use lithe_tests::artifacts::BENCH_ECHO;

use crate::host;
use crate::load::connections::Connections;
use crate::load::echo::Exchange;
use crate::server::{Resident, Server, free_address};

/// Tenants that are woken, and sockets of each.
const AWAKE: usize = 100;
const SOCKETS: usize = 100;

/// A message's payload, in bytes.
const MESSAGE: usize = 32;

/// After the start, until the memory is looked at.
const SETTLE: Duration = Duration::from_secs(3);

/// After which an instance that nothing needs is gone: `limits.idle_after` is 10 s.
const HIBERNATION: Duration = Duration::from_secs(13);

/// What is measured between two looks is an instance that came back.
const STATELESS: &str = "[plugin.\"routes/index.wasm\"]\nstateless = true\n";

/// For 1,000 tenants.
const START_GOAL: Duration = Duration::from_secs(10);
const ANSWER_GOAL: Duration = Duration::from_millis(5);
const MEMORY_GOAL: f64 = 1024.0 * 1024.0;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Each with a component of its own
    #[arg(long, default_value_t = 1_000)]
    tenants: usize,
    /// Where compiled components are kept from one run to the next; by default nowhere
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    /// A host that has been built, in place of one that is built now
    #[arg(long, value_name = "BIN")]
    host: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    ensure!(options.tenants >= 2, "at least two tenants are needed");
    let program = options.host.clone().map_or_else(host::build, Ok)?;
    let kept = Site::default();
    let cache = options.cache.clone().unwrap_or_else(|| kept.folder().join("cache"));
    let component = std::fs::read(BENCH_ECHO)?;
    println!(
        "{} tenants, each with a component of its own of {} KiB\n\n| | | goal | met |\n|---|---|---|---|",
        options.tenants,
        component.len() / 1024
    );

    // What the host takes without them is not theirs. The first start may compile, and keep memory.
    let one = Running::start(&program, write_tenants(&component, 1), &cache, 1)?.stop();
    let single = Running::start(&program, one, &cache, 1)?;
    thread::sleep(SETTLE);
    let base = single.server.resident()?;
    drop(single);
    row("resident with one tenant, which is not counted below", mib(base.all as f64), None);

    let before = files_in(&cache);
    let sites = write_tenants(&component, options.tenants);
    let first = Running::start(&program, sites, &cache, options.tenants)?;
    let compiled = (files_in(&cache) - before) / 2;
    row(&format!("first start, {compiled} to compile"), seconds(first.took), None);
    let sites = first.stop();

    let host = Running::start(&program, sites, &cache, options.tenants)?;
    let goal = START_GOAL.mul_f64(options.tenants as f64 / 1e3);
    let met = Some((seconds(goal), host.took < goal));
    row("start with a warm cache", seconds(host.took), met);
    thread::sleep(SETTLE);
    let idle = host.server.resident()?;
    let each = |of: fn(&Resident) -> u64| {
        of(&idle).saturating_sub(of(&base)) as f64 / (options.tenants - 1) as f64
    };
    let all = each(|resident| resident.all);
    row("resident for each idle tenant", kib(all), Some((mib(MEMORY_GOAL), all < MEMORY_GOAL)));
    row("of it anonymous", kib(each(|resident| resident.anonymous)), None);
    row("of it mapped from files", kib(each(|resident| resident.mapped)), None);

    let woken = AWAKE.min(options.tenants);
    let weigh = || {
        let site = host.sites.folder().join(name(0));
        Ok::<_, anyhow::Error>(host::account(&program, &site)?.used)
    };
    let site = weigh()?;
    answers(&host, woken, &idle)?;
    let awake = weigh()?;
    sockets(&host, woken, || Ok(weigh()?.saturating_sub(awake) as f64))?;
    row("by the account: a site without an instance", kib(site as f64), None);
    row("by the account: its instance", kib(awake.saturating_sub(site) as f64), None);
    Ok(())
}

/// The first answers of some, each on a connection of its own.
fn answers(host: &Running, woken: usize, idle: &Resident) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for number in spread_out(woken, host.tenants) {
        let (status, time) = ask(host.server.address, &name(number), "/")?;
        // The component's own answer to a request that is not an upgrade.
        ensure!(status == 426, "a tenant answers {status}");
        times.push(time);
    }
    let awake = host.server.resident()?;
    times.sort_unstable();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    for (what, time) in [("median", median), ("worst", worst)] {
        let met = Some((millis(ANSWER_GOAL), time < ANSWER_GOAL));
        row(&format!("first answer of a cold tenant, {what} of {woken}"), millis(time), met);
    }
    let mut times = Vec::new();
    for number in spread_out(woken, host.tenants) {
        times.push(ask(host.server.address, &name(number), "/")?.1);
    }
    times.sort_unstable();
    row("second answer, median", millis(times[times.len() / 2]), None);
    let more = awake.all.saturating_sub(idle.all) as f64 / woken as f64;
    row("resident for each tenant that is awake, besides", kib(more), None);
    Ok(())
}

/// Sockets of some, idle; and whether each is still answered.
fn sockets(
    host: &Running,
    woken: usize,
    weigh: impl Fn() -> anyhow::Result<f64>,
) -> anyhow::Result<()> {
    thread::sleep(HIBERNATION);
    let before = host.server.resident()?;
    let exchange = Exchange::of_frames(1, MESSAGE);
    let mut tenants = Vec::new();
    for number in spread_out(woken, host.tenants) {
        let opened = Connections::upgraded_at(host.server.address, &name(number), "/", SOCKETS);
        let mut connections = opened.with_context(|| format!("sockets of {}", name(number)))?;
        exchange.times(&mut connections, 1)?;
        tenants.push(connections);
    }
    // Their tenants' instances are gone then, and the sockets still there.
    thread::sleep(HIBERNATION);
    let sockets = (woken * SOCKETS) as f64;
    let used = host.server.resident()?.all.saturating_sub(before.all) as f64;
    row(
        &format!("resident for each of {woken} x {SOCKETS} idle sockets"),
        kib(used / sockets),
        None,
    );
    for connections in &mut tenants {
        exchange.times(connections, 1)?;
    }
    let own = weigh()?;
    row("by the account: each of its sockets", kib(own / SOCKETS as f64), None);
    let rss = host.server.resident()?.all as f64;
    row("resident in all, when each socket has been answered again", mib(rss), None);
    Ok(())
}

/// A host that serves tenants.
struct Running {
    server: Server,
    sites: Site,
    tenants: usize,
    /// From its start until it served each.
    took: Duration,
}

impl Running {
    fn start(program: &Path, sites: Site, cache: &Path, tenants: usize) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = host::serve(program, &sites.folder(), cache, address);
        let log = sites.folder().with_extension("log");
        command.stderr(File::create(&log).context("cannot write a log")?);
        let started = Instant::now();
        let server = Server::that_says(&mut command, address, host::READY)?;
        // Nobody is woken for a path that there is not; a host that is not served is 421.
        for number in 0..tenants {
            let (status, _) = ask(address, &name(number), "/nothing")?;
            ensure!(status == 404, "{} is answered {status}", name(number));
        }
        Ok(Self { server, sites, tenants, took: started.elapsed() })
    }

    /// Stops the host, and keeps the sites.
    fn stop(self) -> Site {
        drop(self.server);
        self.sites
    }
}

/// So many numbers below another, far apart.
fn spread_out(count: usize, below: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |number| number * below / count)
}

/// A folder of tenants, which answer for their folders' names.
fn write_tenants(component: &[u8], count: usize) -> Site {
    let sites = Site::default();
    for number in 0..count {
        let own = distinct(component, &name(number));
        sites.write(format!("{}/routes/index.wasm", name(number)), own);
        sites.write(format!("{}/lithe.toml", name(number)), STATELESS);
    }
    sites
}

fn name(number: usize) -> String {
    format!("tenant-{number}")
}

/// The same component with a custom section that says this (component-model binary format): to a
/// host it is another one.
fn distinct(component: &[u8], note: &str) -> Vec<u8> {
    const CUSTOM: u8 = 0;
    const NAME: &[u8] = b"note";
    let content = [&[NAME.len() as u8], NAME, note.as_bytes()].concat();
    // One byte of a length holds up to 127.
    [component, &[CUSTOM, content.len() as u8], &content].concat()
}

/// A request on a connection of its own: the status, and how long it took from before the
/// connection.
fn ask(address: SocketAddr, host: &str, path: &str) -> anyhow::Result<(u16, Duration)> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let started = Instant::now();
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let time = started.elapsed();
    let status = answer.get(9..12).and_then(|status| std::str::from_utf8(status).ok());
    Ok((status.context("an answer has a status")?.parse()?, time))
}

fn files_in(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

fn row(what: &str, measured: String, goal: Option<(String, bool)>) {
    let (goal, met) = match goal {
        Some((goal, true)) => (format!("under {goal}"), "yes"),
        Some((goal, false)) => (format!("under {goal}"), "**no**"),
        None => (String::new(), ""),
    };
    println!("| {what} | {measured} | {goal} | {met} |");
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn kib(bytes: f64) -> String {
    format!("{:.1} KiB", bytes / 1024.0)
}

fn mib(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / 1024.0 / 1024.0)
}
