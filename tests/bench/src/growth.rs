//! What it costs as work grows: on the server's core, with the load on another.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};
use lithe_tests::Site;
use lithe_tests::artifacts::BENCH_HELLO;

use crate::chart::{self, Chart, Line};
use crate::compare::Spread;
use crate::cores;
use crate::files;
use crate::host;
use crate::load::connections::Connections;
use crate::load::steady::Steady;
use crate::load::{Instances, Load, Measured, frame};
use crate::peer::Lithe;

const SOCKETS: [usize; 5] = [1, 10, 100, 1_000, 10_000];
const IDLE: [usize; 6] = [1_000, 5_000, 10_000, 19_000, 25_000, 50_000];
const ROUTES: [usize; 4] = [1, 10, 100, 1_000];

/// Of what it can do, in percent.
const OFFERED: [u32; 10] = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100];

/// Percentiles of the answer times.
const PERCENTILES: [usize; 3] = [50, 90, 99];

/// Among which what is offered is divided, and a message's payload, in bytes.
const OFFERED_TO: usize = 50;
const MESSAGE: usize = 32;

/// Of requests.
const CONNECTIONS: usize = 50;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only these curves
    #[arg(long, value_delimiter = ',')]
    curves: Vec<Curve>,
    /// Measurements of each point; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Of one measurement
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
    /// A host that has been built, in place of one that is built now
    #[arg(long, value_name = "BIN")]
    host: Option<PathBuf>,
    /// A folder in which to draw the curves, as `growth.svg`
    #[arg(long, value_name = "FOLDER")]
    plot: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Curve {
    /// Messages a second by the number of sockets
    Sockets,
    /// Memory of an idle socket by their number
    Memory,
    /// Answer times by the load that is offered
    Latency,
    /// Requests a second by the number of routes
    Routes,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    ensure!(options.rounds > 0, "at least one round is needed");
    let curves = match &*options.curves {
        [] => Curve::value_variants(),
        some => some,
    };
    let lithe = Lithe::new(options.host.clone().map_or_else(host::build, Ok)?);
    cores::take_the_loads()?;
    let time = Duration::try_from_secs_f64(options.seconds)?;
    let mut charts = Vec::new();
    for curve in curves {
        let chart = match curve {
            Curve::Sockets => sockets(options, &lithe, time),
            Curve::Memory => memory(&lithe),
            Curve::Latency => latency(options, &lithe, time),
            Curve::Routes => routes(options, &lithe, time),
        };
        charts.push(chart.with_context(|| format!("{curve:?}"))?);
    }
    if let Some(folder) = &options.plot {
        std::fs::write(folder.join("growth.svg"), chart::document(&charts))
            .context("cannot write the plot")?;
    }
    Ok(())
}

/// Echo, one message on its way on each socket.
fn sockets(options: &Options, lithe: &Lithe, time: Duration) -> anyhow::Result<Chart> {
    head("sockets", "messages a second (least to most)");
    let server = lithe.start()?;
    let amounts = in_turn(options, &SOCKETS, |sockets| {
        let load = Load::Echo { sockets: *sockets, depth: 1, size: MESSAGE };
        load.put_on(&server, load.path(), time)
    })?;
    let points = SOCKETS.iter().zip(amounts).map(|(sockets, amount)| {
        row(sockets, &thousands(amount));
        (*sockets as f64, amount.median / 1e3)
    });
    let points = points.collect();
    Ok(Chart {
        title: "Thousand echoes a second, by sockets",
        is_logarithmic: true,
        lines: vec![Line { name: String::new(), points }],
    })
}

/// Sockets that have said something once, on a new server for each number of them.
fn memory(lithe: &Lithe) -> anyhow::Result<Chart> {
    head("idle sockets", "resident memory of each, KiB");
    let mut points = Vec::new();
    for sockets in IDLE {
        let allowed = files::connections();
        if sockets as u64 > allowed {
            row(sockets, &format!("the system allows a process {allowed} connections"));
            continue;
        }
        let load = Load::Idle { sockets };
        let server = lithe.start()?;
        let kib = load.put_on(&server, load.path(), Duration::ZERO)?.amount / 1024.0;
        row(sockets, &format!("{kib:.2}"));
        points.push((sockets as f64, kib));
    }
    Ok(Chart {
        title: "KiB of an idle socket, by their number",
        is_logarithmic: true,
        lines: vec![Line { name: String::new(), points }],
    })
}

/// Messages at a steady rate, on sockets that take turns.
fn latency(options: &Options, lithe: &Lithe, time: Duration) -> anyhow::Result<Chart> {
    let server = lithe.start()?;
    let load = Load::Echo { sockets: OFFERED_TO, depth: 1, size: MESSAGE };
    let rounds = (0..options.rounds).map(|_| Ok(load.put_on(&server, load.path(), time)?.amount));
    let most = Spread::of(rounds.collect::<anyhow::Result<Vec<_>>>()?.into_iter()).median;
    println!("\n100 % are {:.0} k messages a second, what {load} comes to.", most / 1e3);
    head("offered, %", &PERCENTILES.map(|of| format!("{of} %, µs")).join(" | "));
    let mut lines = PERCENTILES.map(|of| Line { name: format!("{of} %"), points: Vec::new() });
    for percent in OFFERED {
        let period = Duration::from_secs_f64(100.0 / f64::from(percent) / most);
        let mut rounds = Vec::new();
        for _ in 0..options.rounds {
            let sockets = Connections::upgraded(server.address, load.path(), OFFERED_TO)?;
            let question = frame::text(MESSAGE);
            let mut steady = Steady::new(sockets, question, frame::answered(MESSAGE));
            let mut times = steady.run(period, time)?;
            ensure!(!times.is_empty(), "nothing was asked in {time:?}");
            times.sort_unstable();
            rounds.push(PERCENTILES.map(|of| times[(times.len() - 1) * of / 100]));
        }
        let mut cells = String::new();
        for (at, line) in lines.iter_mut().enumerate() {
            let micros = rounds.iter().map(|round| round[at].as_secs_f64() * 1e6);
            let median = Spread::of(micros).median;
            let _ = write!(cells, "{}{median:.0}", if at > 0 { " | " } else { "" });
            line.points.push((f64::from(percent), median));
        }
        row(percent, &cells);
    }
    Ok(Chart {
        title: "Answer times in µs, by percent of the most that it can do",
        is_logarithmic: false,
        lines: lines.into(),
    })
}

/// GET of one of many routes, each with a component.
fn routes(options: &Options, lithe: &Lithe, time: Duration) -> anyhow::Result<Chart> {
    head("routes", "requests a second (least to most)");
    let load = Load::Http { connections: CONNECTIONS, instances: Instances::Pooled };
    let servers = ROUTES.map(|routes| {
        let site = Site::default();
        for number in 0..routes {
            site.copy(&format!("routes/route-{number}.wasm"), Path::new(BENCH_HELLO));
        }
        Ok((routes, lithe.start_for(site)?))
    });
    let servers = servers.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let amounts = in_turn(options, &servers, |(routes, server)| {
        load.put_on(server, &format!("/route-{}", routes / 2), time)
    })?;
    let points = ROUTES.iter().zip(amounts).map(|(routes, amount)| {
        row(routes, &thousands(amount));
        (*routes as f64, amount.median / 1e3)
    });
    let points = points.collect();
    Ok(Chart {
        title: "Thousand requests a second, by routes",
        is_logarithmic: true,
        lines: vec![Line { name: String::new(), points }],
    })
}

/// Measures each once, then each again: so that what else the machine does affects all.
fn in_turn<T>(
    options: &Options,
    all: &[T],
    measure: impl Fn(&T) -> anyhow::Result<Measured>,
) -> anyhow::Result<Vec<Spread>> {
    let mut amounts = vec![Vec::new(); all.len()];
    for _ in 0..options.rounds {
        for (one, amounts) in all.iter().zip(&mut amounts) {
            amounts.push(measure(one)?.amount);
        }
    }
    Ok(amounts.into_iter().map(|amounts| Spread::of(amounts.into_iter())).collect())
}

/// Begins a table.
fn head(by: &str, what: &str) {
    println!("\n| {by} | {what} |\n|{}", "---|".repeat(2 + what.matches('|').count()));
}

fn row(by: impl std::fmt::Display, what: &str) {
    println!("| {by} | {what} |");
}

fn thousands(Spread { least, median, most }: Spread) -> String {
    format!("{:.1} k ({:.1} to {:.1})", median / 1e3, least / 1e3, most / 1e3)
}
