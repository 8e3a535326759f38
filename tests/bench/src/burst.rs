//! Bursts that make the host hold much memory for one tenant, beside a well-behaved one: how much it
//! holds, what remains of it 30 s later, and what the neighbour notices.
//!
//! Each burst has a host of its own.

use std::fmt;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};
use lithe_host::internals::runtime::step_back;
use lithe_tests::artifacts::{BENCH_ECHO, SESSIONS};
use lithe_tests::{Frame, Site};

use crate::cores;
use crate::fairness::neighbour::{self, Neighbour};
use crate::host;
use crate::load::connections::{Connections, handshake};

/// The tenant whose clients cause the bursts.
const FOLDER: &str = "greedy";
const HOST: &str = "greedy.test";

/// Of the neighbour.
const MESSAGES: u32 = 1_000;
const REQUESTS: u32 = 500;

/// Of one measurement of the neighbour.
const TIME: Duration = Duration::from_secs(2);

/// Before anything is measured, and after a burst has begun.
const SETTLE: Duration = Duration::from_secs(1);

/// After the clients have gone, until the memory is looked at.
const REST: Duration = Duration::from_secs(30);

/// How much more may be left then.
const GOAL_LEFT: f64 = 1.2;

/// How many times slower the neighbour may become.
const GOAL_P99: f64 = 2.0;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only these; by default all
    bursts: Vec<Burst>,
    /// A host that has been built, in place of one that is built now
    #[arg(long, value_name = "BIN")]
    host: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Burst {
    /// Subscribers that read nothing, and four messages of 256 KiB for all of them
    FanOut,
    /// Clients that ask for 1 MiB each, and read nothing
    Readers,
    /// Requests with bodies that never end
    Bodies,
    /// Answers of 16 MiB that nobody reads
    Answers,
    /// Sockets with compression
    Windows,
    /// An instance for each socket
    Instances,
}

impl fmt::Display for Burst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FanOut => "3,000 sockets that read nothing, 4 messages of 256 KiB for all",
            Self::Readers => "500 sockets that read nothing, 1 MiB for each",
            Self::Bodies => "400 bodies of 1 MiB that do not end",
            Self::Answers => "60 answers of 16 MiB that nobody reads",
            Self::Windows => "1,000 sockets with compression",
            Self::Instances => "200 instances, one for each socket",
        })
    }
}

impl Burst {
    /// Makes the host hold memory for as long as what this returns lives.
    fn begin(self, address: SocketAddr) -> anyhow::Result<Vec<TcpStream>> {
        match self {
            Self::FanOut => {
                let sockets = Connections::upgraded_at(address, HOST, "/hooks", 3_000)?;
                let deaf = say(sockets, b"subscribe:news")?;
                thread::sleep(SETTLE);
                let mut speaker = Connections::upgraded_at(address, HOST, "/hooks", 1)?.streams;
                let message = [&b"others:news:"[..], &vec![b'x'; 256 * KIB]].concat();
                for _ in 0..4 {
                    speaker = say_on(speaker, &message)?;
                }
                Ok(deaf.into_iter().chain(speaker).collect())
            }
            Self::Readers => {
                let sockets = Connections::upgraded_at(address, HOST, "/hooks", 500)?;
                say(sockets, b"burst:16:65536")
            }
            Self::Bodies => {
                let head = format!(
                    "POST /publish?topic=a HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: {MIB}\r\n\r\n"
                );
                let body = [head.as_bytes(), &vec![b'x'; MIB - 1]].concat();
                blocking(Connections::open(address, 400)?)?
                    .into_iter()
                    .map(|mut stream| {
                        // The host may refuse it: then it reads no more.
                        let _ = stream.write_all(&body);
                        Ok(stream)
                    })
                    .collect()
            }
            Self::Answers => {
                let request =
                    format!("GET /answer?bytes={} HTTP/1.1\r\nhost: {HOST}\r\n\r\n", 16 * MIB);
                let streams = blocking(Connections::open(address, 60)?)?;
                for mut stream in &streams {
                    stream.write_all(request.as_bytes())?;
                }
                Ok(streams)
            }
            Self::Windows => {
                let offer = "sec-websocket-extensions: permessage-deflate\r\n\r\n";
                let handshake = handshake(HOST, "/hooks").trim_end().to_owned() + "\r\n" + offer;
                say(Connections::upgraded_by(address, &handshake, 1_000)?, &vec![b'x'; 512])
            }
            Self::Instances => say(Connections::upgraded_at(address, HOST, "/own", 200)?, b"hello"),
        }
    }
}

/// Says this on each, and does not wait for answers.
fn say(connections: Connections, message: &[u8]) -> anyhow::Result<Vec<TcpStream>> {
    say_on(blocking(connections)?, message)
}

fn say_on(streams: Vec<TcpStream>, message: &[u8]) -> anyhow::Result<Vec<TcpStream>> {
    let frame = Frame::text(message).masked();
    for mut stream in &streams {
        stream.write_all(&frame)?;
    }
    Ok(streams)
}

fn blocking(connections: Connections) -> anyhow::Result<Vec<TcpStream>> {
    let streams = connections.streams;
    for stream in &streams {
        stream.set_nonblocking(false)?;
        stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    }
    Ok(streams)
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let chosen = match &*options.bursts {
        [] => Burst::value_variants(),
        some => some,
    };
    let program = options.host.clone().map_or_else(host::build, Ok)?;
    cores::take_the_loads()?;
    let _awake = cores::keep_the_servers_awake()?;
    println!(
        "resident memory in MiB; the neighbour's p99 in ms, alone and during the burst ({MESSAGES} messages and \
         {REQUESTS} requests a second)\n\n\
         | burst | before | most | by the account | after 30 s | left | echo | HTTP | met |\n\
         |---|---|---|---|---|---|---|---|---|"
    );
    for burst in chosen {
        measure(*burst, &program).with_context(|| burst.to_string())?;
    }
    Ok(())
}

fn measure(burst: Burst, program: &Path) -> anyhow::Result<()> {
    let sites = Site::default();
    neighbour::write_site(&sites);
    sites.copy(&format!("{FOLDER}/plugins/sessions.wasm"), Path::new(SESSIONS));
    sites.copy(&format!("{FOLDER}/routes/own.wasm"), Path::new(BENCH_ECHO));
    sites.write(
        format!("{FOLDER}/lithe.toml"),
        format!(
            "hosts = [\"{HOST}\"]\n[deflate]\nenabled = true\n[limits]\nresponse = \"32 MiB\"\n\
             [plugin.\"routes/own.wasm\"]\nscope = \"connection\"\n"
        ),
    );
    let folder = sites.folder();
    let server = neighbour::serve(program, sites)?;
    let address = server.address;

    // One of each that stays, so that the memory before has what the first of them costs.
    let _one = Connections::upgraded_at(address, HOST, "/hooks", 1)?;
    let mut neighbour = Neighbour::meet(&server, MESSAGES, REQUESTS)?;
    neighbour.measure(&server, SETTLE)?;
    let alone = neighbour.measure(&server, TIME)?;
    let before = server.memory()?;
    let (most, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let (during, account, held) = thread::scope(|scope| {
        let watch = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                most.fetch_max(server.memory()?, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
            anyhow::Ok(())
        });
        let measured = (|| {
            let beginning = scope.spawn(|| {
                // Behind those that measure.
                step_back()?;
                burst.begin(address)
            });
            let mut during = neighbour.measure(&server, TIME)?;
            while !beginning.is_finished() {
                during = during.worse(neighbour.measure(&server, TIME)?);
            }
            let held =
                beginning.join().unwrap_or_else(|_| Err(anyhow!("the clients have panicked")))?;
            during = during.worse(neighbour.measure(&server, TIME)?);
            anyhow::Ok((during, host::account(program, &folder.join(FOLDER))?.highest, held))
        })();
        is_over.store(true, Ordering::Relaxed);
        watch.join().unwrap_or_else(|_| Err(anyhow!("the watch has panicked")))?;
        measured
    })?;
    drop(held);
    thread::sleep(REST);
    let after = server.memory()?;
    let left = after as f64 / before as f64;
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let slower =
        |alone: Duration, during: Duration| during.as_secs_f64() / alone.as_secs_f64().max(1e-6);
    let (echo, http) = (slower(alone.echo, during.echo), slower(alone.http, during.http));
    let is_met = left <= GOAL_LEFT && echo <= GOAL_P99 && http <= GOAL_P99;
    println!(
        "| {burst} | {} | {} | {} | {} | **{left:.2}** | {:.2}, {:.2} (**{echo:.2}**) | {:.2}, {:.2} (**{http:.2}**) | {} |",
        mib(before),
        mib(most.into_inner()),
        mib(account),
        mib(after),
        millis(alone.echo),
        millis(during.echo),
        millis(alone.http),
        millis(during.http),
        if is_met { "yes" } else { "**no**" },
    );
    Ok(())
}

fn mib(bytes: u64) -> String {
    format!("{:.0}", bytes as f64 / MIB as f64)
}
