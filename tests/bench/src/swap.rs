//! A steady load of sockets and requests, without and with versions that take over.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use http::Request;
use lithe_tests::artifacts::{SWAP_V1, SWAP_V2, SWAP_V3};
use lithe_tests::{Receiver, TestHost, percentile, request};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

/// Between two messages of a socket.
const PERIOD: Duration = Duration::from_millis(100);

/// Between two requests of one of those that ask.
const HTTP_PERIOD: Duration = Duration::from_millis(40);

/// Who ask.
const HTTP_CLIENTS: u64 = 4;

/// Between two swaps, and the time after each in which a pause is looked for.
const WINDOW: Duration = Duration::from_millis(1_200);

const TOKEN: &str = "a-token-for-the-benchmark";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Sockets, each with ten messages a second
    #[arg(long, default_value_t = 1_000)]
    sockets: usize,
    /// Versions that take over
    #[arg(long, default_value_t = 50)]
    swaps: usize,
    /// A host that has been built, in place of one that is built now
    #[arg(long, value_name = "BIN")]
    host: Option<PathBuf>,
}

/// What went wrong; all zero, if nothing did.
#[derive(Debug, Default)]
struct Faults {
    lost: AtomicU64,
    /// Came twice, or after a later one.
    repeated: AtomicU64,
    dropped_sockets: AtomicU64,
    failed_requests: AtomicU64,
}

/// When a message was sent, and how long its answer took.
type Latency = (Instant, Duration);

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let program = options.host.clone().map_or_else(crate::host::build, Ok)?;
    let config = "[admin]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"token\"\n";
    let host = TestHost::builder(program).route("swap", SWAP_V1).config(config);
    let host = host.file("token", TOKEN).start().await;
    let line = host.wait_for_log(&["deploys are taken on http://"]).await;
    let admin: SocketAddr =
        line.split("http://").nth(1).context("it says where")?.trim().parse()?;

    let faults = Arc::new(Faults::default());
    let (stop, stopped) = watch::channel(false);
    let mut sockets = Vec::new();
    for number in 0..options.sockets {
        let (mut sender, receiver) = host.connect("/swap").await.split();
        let sent: Arc<std::sync::Mutex<Vec<Instant>>> = Arc::default();
        let (noted, mut stopping) = (sent.clone(), stopped.clone());
        // Spread over the period, as those of strangers are.
        let offset = PERIOD.mul_f64(number as f64 / options.sockets as f64);
        let sending = tokio::spawn(async move {
            let mut ticks = interval_at(Instant::now() + offset, PERIOD);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut number = 0;
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    _ = stopping.changed() => break,
                }
                if let Ok(mut sent) = noted.lock() {
                    sent.push(Instant::now());
                }
                sender.send(&number.to_string()).await;
                number += 1;
            }
            sender.send("end").await;
            sender
        });
        let receiving = tokio::spawn(receive(receiver, sent, faults.clone()));
        sockets.push((sending, receiving));
    }
    let requests = Arc::new(AtomicU64::new(0));
    let asking: Vec<_> = (0..HTTP_CLIENTS)
        .map(|_| tokio::spawn(ask(host.address, stopped.clone(), requests.clone(), faults.clone())))
        .collect();

    // The first second warms everything up.
    sleep(WINDOW).await;
    let mut quiet = Vec::new();
    for _ in 0..options.swaps {
        quiet.push(Instant::now());
        sleep(WINDOW).await;
    }
    let versions = [std::fs::read(SWAP_V2)?, std::fs::read(SWAP_V3)?];
    let (mut swaps, mut pauses, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..options.swaps {
        let started = Instant::now();
        let deploy = Request::put("/plugins/routes/swap.wasm")
            .header("authorization", format!("Bearer {TOKEN}"))
            .body(versions[number % 2].clone())?;
        let deployed = request(admin, deploy).await;
        ensure!(deployed.status == 200, "a swap failed: {}", deployed.text());
        let report = deployed.json();
        let moved = report["changes"][0]["moved"].as_u64().unwrap_or_default();
        ensure!(moved == options.sockets as u64, "{moved} sockets have moved: {report}");
        times.push(started.elapsed());
        pauses.push(Duration::from_micros(report["pause_us"].as_u64().unwrap_or_default()));
        swaps.push(started);
        sleep(WINDOW.saturating_sub(started.elapsed())).await;
    }
    stop.send(true)?;
    for asking in asking {
        asking.await?;
    }
    let mut latencies = Vec::new();
    for (sending, receiving) in sockets {
        let sent = sending.await;
        match receiving.await {
            Ok(own) if sent.is_ok() => latencies.extend(own),
            _ => drop(faults.dropped_sockets.fetch_add(1, Ordering::Relaxed)),
        }
    }
    report(options, &latencies, &quiet, &swaps, &pauses, &times, requests.load(Ordering::Relaxed));
    let count = |fault: &AtomicU64| fault.load(Ordering::Relaxed);
    let (lost, repeated) = (count(&faults.lost), count(&faults.repeated));
    let (dropped, failed) = (count(&faults.dropped_sockets), count(&faults.failed_requests));
    println!(
        "{lost} messages lost, {repeated} doubled or out of order, {dropped} sockets dropped, {failed} \
         requests failed"
    );
    ensure!(lost + repeated + dropped + failed == 0, "a swap was noticed");
    Ok(())
}

/// Checks that each number comes once and in order.
async fn receive(
    mut receiver: Receiver,
    sent: Arc<std::sync::Mutex<Vec<Instant>>>,
    faults: Arc<Faults>,
) -> Vec<Latency> {
    let mut latencies = Vec::new();
    let mut expected = 0;
    loop {
        let text = receiver.text().await;
        let now = Instant::now();
        let answer = text.split_once(':').map_or(&*text, |(_, answer)| answer);
        let sent_at = |number: usize| sent.lock().ok()?.get(number).copied();
        if answer == "end" {
            let sent = sent.lock().map_or(0, |sent| sent.len());
            faults.lost.fetch_add((sent - expected) as u64, Ordering::Relaxed);
            return latencies;
        }
        let Ok(number) = answer.parse::<usize>() else { continue };
        if number < expected {
            faults.repeated.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        faults.lost.fetch_add((number - expected) as u64, Ordering::Relaxed);
        expected = number + 1;
        if let Some(sent) = sent_at(number) {
            latencies.push((sent, now - sent));
        }
    }
}

async fn ask(
    address: SocketAddr,
    mut stopped: watch::Receiver<bool>,
    requests: Arc<AtomicU64>,
    faults: Arc<Faults>,
) {
    let mut ticks = interval_at(Instant::now(), HTTP_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopped.changed() => return,
        }
        let get = Request::get("/swap").body("").unwrap_or_default();
        let answer = request(address, get).await;
        requests.fetch_add(1, Ordering::Relaxed);
        if answer.status != 200 {
            faults.failed_requests.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The longest answer time of the messages sent from each of these moments on, for a window.
fn longest(latencies: &[Latency], starts: &[Instant]) -> Vec<Duration> {
    let in_window = |start: &Instant| {
        let of_window =
            latencies.iter().filter(|(sent, _)| *sent >= *start && *sent < *start + WINDOW);
        of_window.map(|(_, time)| *time).max().unwrap_or_default()
    };
    starts.iter().map(in_window).collect()
}

/// The median and the largest, in milliseconds.
fn spread(mut times: Vec<Duration>) -> (f64, f64) {
    let mut millis = |share| percentile(share, &mut times).as_secs_f64() * 1e3;
    (millis(50), millis(100))
}

fn report(
    options: &Options,
    latencies: &[Latency],
    quiet: &[Instant],
    swaps: &[Instant],
    pauses: &[Duration],
    times: &[Duration],
    requests: u64,
) {
    let rate = options.sockets as f64 / PERIOD.as_secs_f64();
    println!(
        "{} sockets, {rate:.0} messages a second, {} swaps; {} messages and {requests} requests in all\n",
        options.sockets,
        swaps.len(),
        latencies.len(),
    );
    println!("| longest answer time in {WINDOW:?}, ms | median | worst |\n|---|---|---|");
    let row = |name: &str, (median, worst): (f64, f64)| {
        println!("| {name} | {median:.1} | {worst:.1} |");
    };
    row("without a swap", spread(longest(latencies, quiet)));
    row("with a swap", spread(longest(latencies, swaps)));
    row("for which events waited for the swap itself", spread(pauses.to_vec()));
    row("from the deploy to its answer", spread(times.to_vec()));
    println!();
}
