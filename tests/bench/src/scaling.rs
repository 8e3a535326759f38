//! More cores: a server on one core with its load on another, against one on all cores under
//! several loads.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use lithe_tests::Site;

use crate::compare::{Spread, named};
use crate::cores;
use crate::host;
use crate::load::{Load, Measured};
use crate::peer::Lithe;
use crate::server::Server;

/// What both cores are to do, of what one does.
const GOAL: f64 = 1.6;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Measurements of each, in turn
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Of one measurement
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
    /// A host that has been built, in place of one that is built now
    #[arg(long, value_name = "BIN")]
    host: Option<PathBuf>,
}

/// A load, and the instances that share it, where they are more than one.
struct Case {
    load: &'static str,
    replicas: usize,
}

const CASES: [Case; 5] = [
    Case { load: "echo", replicas: 1 },
    Case { load: "echo", replicas: 2 },
    Case { load: "echo-deep", replicas: 1 },
    Case { load: "echo-deep", replicas: 2 },
    Case { load: "http", replicas: 1 },
];

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    ensure!(options.rounds > 0, "at least one round is needed");
    let cores = thread::available_parallelism()?.get();
    ensure!(cores > 1, "there is one core only");
    let lithe = Lithe::new(options.host.clone().map_or_else(host::build, Ok)?);
    let time = Duration::try_from_secs_f64(options.seconds)?;
    println!(
        "A server on one core and its load on another, against a server and {cores} loads that share \
         {cores} cores\n\n\
         | load | instances | one core | {cores} cores | ratio (least to most) | {GOAL} | \
         for a CPU second | busy: one, {cores} cores |\n|---|---|---|---|---|---|---|---|"
    );
    for case in &CASES {
        let load = named(case.load)?;
        let one = lithe.start_for(case.site())?;
        let all = lithe.start_freely_for(case.site())?;
        let rounds = (0..options.rounds).map(|_| {
            let one = on_one(&load, &one, time).context("one core")?;
            let all = on_all(&load, &all, cores, time).context("all cores")?;
            Ok((one, all))
        });
        let rounds = rounds.collect::<anyhow::Result<Vec<_>>>()?;
        println!("{}", case.row(&load, &rounds));
    }
    Ok(())
}

/// As it is measured elsewhere.
fn on_one(load: &Load, server: &Server, time: Duration) -> anyhow::Result<Measured> {
    let measured = thread::scope(|scope| {
        let own = scope.spawn(|| {
            cores::take_the_loads()?;
            load.put_on(server, load.path(), time)
        });
        own.join()
    });
    measured.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A load for each core, which the system places as it likes.
fn on_all(load: &Load, server: &Server, cores: usize, time: Duration) -> anyhow::Result<Measured> {
    thread::scope(|scope| {
        let put = || load.put_on(server, load.path(), time);
        let loads: Vec<_> = (0..cores).map(|_| scope.spawn(put)).collect();
        let mut all = Measured { amount: 0.0, busy: 0.0 };
        for load in loads {
            let measured = load.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            all.amount += measured.amount;
            // Each has seen the whole server.
            all.busy += measured.busy / cores as f64;
        }
        Ok(all)
    })
}

impl Case {
    fn site(&self) -> Site {
        let site = Lithe::site();
        let replicas = self.replicas;
        let config = format!("[plugin.\"routes/bench/echo.wasm\"]\nreplicas = {replicas}\n");
        site.write("lithe.toml", config);
        site
    }

    fn row(&self, load: &Load, rounds: &[(Measured, Measured)]) -> String {
        let of = |value: fn(&Measured, &Measured) -> f64| {
            Spread::of(rounds.iter().map(|(one, all)| value(one, all)))
        };
        let Spread { least, median, most } = of(|one, all| all.amount / one.amount);
        let efficiency = of(|one, all| all.amount / all.busy / (one.amount / one.busy)).median;
        let instances = match load {
            Load::Http { .. } => "a pool".to_owned(),
            _ => self.replicas.to_string(),
        };
        format!(
            "| {load} | {instances} | {:.0} k/s | {:.0} k/s | **{median:.2}** ({least:.2} to {most:.2}) \
             | {} | {efficiency:.2} | {:.0} %, {:.0} % |",
            of(|one, _| one.amount).median / 1e3,
            of(|_, all| all.amount).median / 1e3,
            if median >= GOAL { "yes" } else { "**no**" },
            of(|one, _| one.busy).median * 100.0,
            of(|_, all| all.busy).median * 100.0,
        )
    }
}
