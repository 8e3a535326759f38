//! Measures Lithe under load. Not a test: the figures depend on the machine, and are to be compared with
//! others of the same run.

#![forbid(unsafe_code)]

mod host;
mod swap;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(about = "Measures Lithe under load", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// New versions take over while sockets and requests go on: what is lost, and how long it takes
    Swap(swap::Options),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Swap(options) => swap::run(&options).await,
    }
}
