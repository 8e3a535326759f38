//! Ours and a peer in turn, under the same load: so that what else the machine does affects both.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum as _};

use crate::cores;
use crate::host;
use crate::load::{LOADS, Load, Measured};
use crate::peer::{Lithe, Peer};
use crate::plot;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Compare with these; by default with all
    peers: Vec<Peer>,
    /// Only these loads: echo, echo-deep, echo-large, fan-out, http, http-fresh, idle
    #[arg(long, value_delimiter = ',')]
    loads: Vec<String>,
    /// Measurements of each, in turn
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Of one measurement
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
    /// A host that has been built, in place of one that is built now
    #[arg(long)]
    host: Option<PathBuf>,
    /// A build of the host to compare with, besides
    #[arg(long)]
    other: Option<PathBuf>,
    /// Where to draw the ratios, as SVG
    #[arg(long)]
    plot: Option<PathBuf>,
}

/// Rounds under one load.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub load: Load,
    pub peer: Peer,
    rounds: Vec<(Measured, Measured)>,
}

/// Of the rounds: the one in the middle, and the outermost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub least: f64,
    pub median: f64,
    pub most: f64,
}

impl Spread {
    /// # Panics
    /// No rounds were measured.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_unstable_by(f64::total_cmp);
        let (least, most) = (values[0], values[values.len() - 1]);
        Self { least, median: values[values.len() / 2], most }
    }
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    ensure!(options.rounds > 0, "at least one round is needed");
    let loads = chosen(&options.loads)?;
    let mut peers = match &*options.peers {
        [] => Peer::value_variants().to_vec(),
        some => some.to_vec(),
    };
    if options.other.is_none() {
        peers.retain(|peer| *peer != Peer::Other);
    }
    let program = options.host.clone().map_or_else(host::build, Ok)?;
    let lithe = Lithe { program, other: options.other.clone() };
    cores::take_the_loads()?;
    println!(
        "| load | against | Lithe | peer | ratio (least to most) | for a CPU second | busy: Lithe, peer |\n\
         |---|---|---|---|---|---|---|"
    );
    let mut comparisons = Vec::new();
    for load in loads {
        for peer in peers.iter().filter(|peer| peer.bears(&load)) {
            match compare(options, &lithe, load, *peer) {
                Ok(comparison) => {
                    println!("{}", comparison.row());
                    comparisons.push(comparison);
                }
                Err(error) => eprintln!("{load}, {}: {error:#}", peer.name()),
            }
        }
    }
    ensure!(!comparisons.is_empty(), "nothing could be compared");
    if let Some(file) = &options.plot {
        std::fs::write(file, plot::ratios(&comparisons)).context("cannot write the plot")?;
    }
    Ok(())
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<Load>> {
    if names.is_empty() {
        return Ok(LOADS.iter().map(|(_, load)| *load).collect());
    }
    names.iter().map(|name| named(name)).collect()
}

/// The load of that name.
///
/// # Errors
/// No load has this name.
pub(crate) fn named(name: &str) -> anyhow::Result<Load> {
    let found = LOADS.iter().find(|(own, _)| *own == name);
    let names = LOADS.map(|(name, _)| name).join(", ");
    Ok(found.with_context(|| format!("there is no load `{name}`, only {names}"))?.1)
}

fn compare(options: &Options, lithe: &Lithe, load: Load, peer: Peer) -> anyhow::Result<Comparison> {
    let time = Duration::try_from_secs_f64(options.seconds)?;
    // Memory that is given back and taken again says nothing: a new process each time.
    let rounds = if load.is_cost() { 1 } else { options.rounds };
    let ours = lithe.start()?;
    let theirs = peer.start(lithe, &load)?;
    let mut comparison = Comparison { load, peer, rounds: Vec::new() };
    let measure_ours = || load.put_on(&ours, load.path(), time).context("Lithe");
    let measure_theirs = || load.put_on(&theirs, peer.path(&load), time);
    for round in 0..rounds {
        // Each goes first in every other round.
        comparison.rounds.push(if round % 2 == 0 {
            let our = measure_ours()?;
            (our, measure_theirs()?)
        } else {
            let their = measure_theirs()?;
            (measure_ours()?, their)
        });
    }
    Ok(comparison)
}

impl Comparison {
    /// How much more Lithe does, or less it costs, than the peer.
    pub(crate) fn ratio(&self) -> Spread {
        self.spread(|our, their| match self.load.is_cost() {
            true => their.amount / our.amount,
            false => our.amount / their.amount,
        })
    }

    fn spread(&self, of: impl Fn(Measured, Measured) -> f64) -> Spread {
        Spread::of(self.rounds.iter().map(|(our, their)| of(*our, *their)))
    }

    fn row(&self) -> String {
        let Self { load, peer, .. } = self;
        let ours = self.spread(|our, _| our.amount).median;
        let theirs = self.spread(|_, their| their.amount).median;
        let Spread { least, median, most } = self.ratio();
        let name = peer.name();
        if load.is_cost() {
            let kib = |bytes: f64| format!("{:.1} KiB", bytes / 1024.0);
            return format!(
                "| {load} | {name} | {} | {} | {median:.2} | | |",
                kib(ours),
                kib(theirs)
            );
        }
        // What else runs on the core costs both time, and neither CPU time.
        let efficiency =
            self.spread(|our, their| our.amount / our.busy / (their.amount / their.busy)).median;
        let busy =
            (self.spread(|our, _| our.busy).median, self.spread(|_, their| their.busy).median);
        format!(
            "| {load} | {name} | {:.0} k/s | {:.0} k/s | **{median:.2}** ({least:.2} to {most:.2}) \
             | {efficiency:.2} | {:.0} %, {:.0} % |",
            ours / 1e3,
            theirs / 1e3,
            busy.0 * 100.0,
            busy.1 * 100.0,
        )
    }
}
