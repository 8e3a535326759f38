//! Two tenants on one core: the latency of one, alone and beside the other, which burns all it can.
//!
//! Alone and beside follow each other in each round, and each round has a host of its own: so what
//! else the machine does hits both, and nothing is left of the round before.

mod misbehaviour;
pub(crate) mod neighbour;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use clap::{Args, ValueEnum as _};
use lithe_tests::Site;

use crate::compare::Spread;
use crate::cores;
use crate::host;
use misbehaviour::Misbehaviour;
use neighbour::{Measured, Neighbour};

/// Before anything is counted.
const WARM_UP: Duration = Duration::from_secs(1);

/// From the beginning of what the other does to the measurement.
const ONSET: Duration = Duration::from_millis(500);

/// A host that waits for its core for more of the time than this, alone or beside, waits for what
/// does not belong to the measurement; then the round is run again.
const DISTURBED: f64 = 0.3;

/// Tries for each round, over all rounds.
const TRIES: usize = 3;

/// How many times slower the neighbour may become.
const GOAL: f64 = 2.0;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only these; by default all
    misbehaviours: Vec<Misbehaviour>,
    /// Rounds of each, alone and beside
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Of one measurement
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Messages that the neighbour gets in a second
    #[arg(long, default_value_t = 1_000)]
    messages: u32,
    /// Requests that it gets in a second
    #[arg(long, default_value_t = 500)]
    requests: u32,
    /// Sockets of the tenant that has many
    #[arg(long, default_value_t = 10_000)]
    sockets: usize,
    /// A host that has been built, in place of one that is built now
    #[arg(long, value_name = "BIN")]
    host: Option<PathBuf>,
}

/// One round.
#[derive(Clone, Copy, Debug)]
struct Pair {
    alone: Measured,
    beside: Measured,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    ensure!(options.rounds > 0, "at least one round is needed");
    ensure!(options.messages > 0 && options.requests > 0, "the neighbour needs some load");
    let chosen = match &*options.misbehaviours {
        [] => Misbehaviour::value_variants(),
        some => some,
    };
    let program = options.host.clone().map_or_else(host::build, Ok)?;
    cores::take_the_loads()?;
    let _awake = cores::keep_the_servers_awake()?;
    println!(
        "{} messages a second on {} sockets, {} requests a second on {} connections; \
         p99 in ms, alone and beside; {} rounds of {} s\n",
        options.messages,
        neighbour::SOCKETS,
        options.requests,
        neighbour::CONNECTIONS,
        options.rounds,
        options.seconds
    );
    println!(
        "| beside | echo | ratio (least to most) | HTTP | ratio (least to most) | within {GOAL} | host busy | \
         rounds disturbed |\n|---|---|---|---|---|---|---|---|"
    );
    let (mut missed, mut unclear) = (Vec::new(), Vec::new());
    for misbehaviour in chosen {
        let rounds = rounds(options, &program, *misbehaviour);
        match report(*misbehaviour, &rounds.with_context(|| format!("beside {misbehaviour}"))?) {
            Verdict::Met => {}
            Verdict::Missed => missed.push(misbehaviour.to_string()),
            Verdict::Unclear => unclear.push(misbehaviour.to_string()),
        }
    }
    println!();
    if missed.is_empty() && unclear.is_empty() {
        println!("The neighbour's p99 stayed within {GOAL} times of what it was alone.");
    }
    if !missed.is_empty() {
        println!("Not within {GOAL} times: {}.", missed.join("; "));
    }
    if !unclear.is_empty() {
        println!("The machine was too busy to say: {}.", unclear.join("; "));
    }
    Ok(())
}

/// As many rounds as asked for, undisturbed if there are enough.
fn rounds(
    options: &Options,
    program: &Path,
    misbehaviour: Misbehaviour,
) -> anyhow::Result<Vec<Pair>> {
    let (mut rounds, mut disturbed) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds * TRIES {
        let pair = round(options, program, misbehaviour)?;
        match pair.is_disturbed() {
            true => disturbed.push(pair),
            false => rounds.push(pair),
        }
        if rounds.len() == options.rounds {
            break;
        }
    }
    rounds.extend(disturbed.into_iter().take(options.rounds - rounds.len()));
    Ok(rounds)
}

fn round(options: &Options, program: &Path, misbehaviour: Misbehaviour) -> anyhow::Result<Pair> {
    let sites = Site::default();
    neighbour::write_site(&sites);
    misbehaviour::write_site(&sites, "greedy");
    let server = neighbour::serve(program, sites)?;

    let mut neighbour = Neighbour::meet(&server, options.messages, options.requests)?;
    neighbour.measure(&server, WARM_UP)?;
    let time = Duration::try_from_secs_f64(options.seconds)?;
    let alone = neighbour.measure(&server, time)?;
    let acting = thread::scope(|scope| {
        let beginning = scope.spawn(|| misbehaviour.begin(server.address, options.sockets));
        while !beginning.is_finished() {
            neighbour.measure(&server, WARM_UP)?;
        }
        beginning.join().unwrap_or_else(|_| Err(anyhow!("the clients have panicked")))
    })?;
    neighbour.measure(&server, ONSET)?;
    let beside = neighbour.measure(&server, time)?;
    // What it is in the middle of ends with the host.
    acting.stop();
    drop(server);
    acting.end()?;
    Ok(Pair { alone, beside })
}

impl Pair {
    /// Beside the other, the host's own threads wait for each other as they are meant to.
    fn is_disturbed(&self) -> bool {
        self.alone.delayed > DISTURBED
    }
}

/// Whether the goal is met.
enum Verdict {
    Met,
    Missed,
    /// Half of the rounds or more were disturbed.
    Unclear,
}

/// Prints a row.
fn report(misbehaviour: Misbehaviour, rounds: &[Pair]) -> Verdict {
    let spread = |of: &dyn Fn(&Pair) -> f64| Spread::of(rounds.iter().map(of));
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let mut is_met = true;
    let mut cells = |p99: fn(&Measured) -> Duration| {
        let alone = spread(&|pair| millis(p99(&pair.alone))).median;
        let beside = spread(&|pair| millis(p99(&pair.beside))).median;
        let Spread { least, median: ratio, most } =
            spread(&|pair| millis(p99(&pair.beside)) / millis(p99(&pair.alone)));
        is_met &= most <= GOAL;
        format!("{alone:.2}, {beside:.2} | **{ratio:.2}** ({least:.2} to {most:.2})")
    };
    let (echo, http) = (cells(|measured| measured.echo), cells(|measured| measured.http));
    let busy = spread(&|pair| pair.beside.busy * 100.0).median;
    let disturbed = rounds.iter().filter(|pair| pair.is_disturbed()).count();
    let (verdict, word) = match is_met {
        _ if disturbed * 2 >= rounds.len() => (Verdict::Unclear, "unclear"),
        true => (Verdict::Met, "yes"),
        false => (Verdict::Missed, "no"),
    };
    println!("| {misbehaviour} | {echo} | {http} | {word} | {busy:.0} % | {disturbed} |");
    verdict
}
