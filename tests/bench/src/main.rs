//! Measures Lithe under load. Not a test: the figures depend on the machine, and are to be compared
//! with others of the same run.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "its input is its own, and a measurement that fails has no result"
)]

mod bare;
mod burst;
mod chart;
mod cold;
mod compare;
mod cores;
mod density;
mod fairness;
mod files;
mod growth;
mod host;
mod instructions;
mod load;
mod peer;
mod plot;
mod scaling;
mod server;
mod swap;

use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;

#[derive(Debug, Parser)]
#[command(about = "Measures Lithe under load", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The same loads for Lithe and for others, in turn: the ratios
    Compare(compare::Options),
    /// What it costs as work grows: sockets, memory, offered load, routes
    Growth(growth::Options),
    /// Both cores against one
    Cores(scaling::Options),
    /// A component that is in the cache: until its first answer
    Cold(cold::Options),
    /// Instructions for each message, counted by valgrind's callgrind
    Instructions(instructions::Options),
    /// Downloads what is compared with, by npm and cargo, into the target folder
    Fetch,
    /// New versions take over while sockets and requests go on: what is lost, and how long it takes
    Swap(swap::Options),
    /// Many tenants on one host: how long it takes to start, and what each takes of memory
    Density(density::Options),
    /// A well-behaved tenant's latency beside one that misbehaves
    Fairness(fairness::Options),
    /// Memory that the host holds for a tenant in bursts, and what remains of it
    Burst(burst::Options),
    /// Serves with the libraries alone, to be compared with
    #[command(hide = true)]
    Bare(bare::Options),
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    files::allow()?;
    match cli.command {
        Command::Compare(options) => compare::run(&options),
        Command::Growth(options) => growth::run(&options),
        Command::Cores(options) => scaling::run(&options),
        Command::Cold(options) => cold::run(&options),
        Command::Instructions(options) => instructions::run(&options),
        Command::Fetch => peer::fetch(),
        Command::Swap(options) => Runtime::new()?.block_on(swap::run(&options)),
        Command::Density(options) => density::run(&options),
        Command::Fairness(options) => fairness::run(&options),
        Command::Burst(options) => burst::run(&options),
        Command::Bare(options) => bare::run(options),
    }
}
