//! What is measured, and how it is run: as its own documentation says.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use lithe_tests::Site;
use lithe_tests::artifacts::{BENCH_ECHO, BENCH_HELLO, BENCH_PUBLISH, CACHE, LOOP, WASI_HELLO};

use crate::cores;
use crate::host;
use crate::load::{Instances, Load};
use crate::server::{self, Server};

/// What npm downloads; only the programs in it are used.
const PACKAGES: [&str; 4] = [
    "@oven/bun-linux-x64@1.4.5",
    "@deno/linux-x64-glibc@2.9.6",
    "@cloudflare/workerd-linux-64@1.20261117.1",
    "ws@8.23.0",
];

/// The wasmtime that Lithe has inside, and what of it `wasmtime serve` needs.
const WASMTIME: [&str; 6] = [
    "wasmtime-cli",
    "--version=48.0.8",
    "--locked",
    "--no-default-features",
    "--features=run,serve,cranelift,pooling-allocator,parallel-compilation,component-model-async",
    "--quiet",
];

/// A message of more bytes is a large one.
const LARGE: usize = 4096;

/// What Lithe is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// tokio-tungstenite alone, one flush for all that was ready
    Tungstenite,
    /// hyper alone
    Hyper,
    /// Bun's own server
    Bun,
    /// Node with `ws`
    Node,
    /// Deno's own server
    Deno,
    /// workerd, the runtime of Cloudflare's Workers
    Workerd,
    /// `wasmtime serve`, with the smallest component of `wasi:http/proxy`
    Wasmtime,
    /// Lithe itself, with sessions as blocking loops
    Loop,
    /// Another build of Lithe: `--other` says which
    Other,
}

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tungstenite => "tokio-tungstenite alone",
            Self::Hyper => "hyper alone",
            Self::Bun => "Bun",
            Self::Node => "Node (ws)",
            Self::Deno => "Deno",
            Self::Workerd => "workerd",
            Self::Wasmtime => "wasmtime serve",
            Self::Loop => "Lithe, blocking loops",
            Self::Other => "another build of Lithe",
        }
    }

    /// Whether it can do what the load asks for.
    pub(crate) fn bears(self, load: &Load) -> bool {
        match self {
            Self::Tungstenite => matches!(load, Load::Echo { .. } | Load::Idle { .. }),
            Self::Loop => matches!(load, Load::Echo { .. }),
            Self::Hyper => is_pooled_http(load),
            Self::Wasmtime => matches!(load, Load::Http { .. }),
            Self::Other => true,
            Self::Bun | Self::Node | Self::Deno => !is_fresh_http(load),
            // Sockets of different requests reach each other through a durable object only.
            Self::Workerd => !is_fresh_http(load) && !matches!(load, Load::FanOut { .. }),
        }
    }

    /// Where it serves the load.
    pub(crate) fn path(self, load: &Load) -> &'static str {
        match self {
            Self::Loop => "/loop",
            Self::Wasmtime => "/",
            _ => load.path(),
        }
    }

    /// # Errors
    /// It is not there, or does not start.
    pub(crate) fn start(self, lithe: &Lithe, load: &Load) -> anyhow::Result<Server> {
        let there = |program: PathBuf| {
            ensure!(
                program.exists(),
                "{} does not exist; run `cargo run --release -p lithe-bench -- fetch`",
                self.name()
            );
            Ok(program)
        };
        let fetched = |path: &str| there(folder()?.join("node_modules").join(path));
        let script = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name);
        let mut command = match self {
            Self::Tungstenite => match load {
                Load::Echo { size, .. } if *size > LARGE => bare("echo-large")?,
                _ => bare("echo")?,
            },
            Self::Hyper => bare("hello")?,
            Self::Bun => with(fetched("@oven/bun-linux-x64/bin/bun")?, [script("bun.js")]),
            Self::Deno => {
                let mut command = Command::new(fetched("@deno/linux-x64-glibc/deno")?);
                command
                    .args(["run", "--allow-net", "--no-config", "--quiet"])
                    .arg(script("deno.js"));
                command
            }
            Self::Node => {
                let mut command = with("node".into(), [script("node.cjs"), fetched("ws")?]);
                command.env("NODE_ENV", "production");
                command
            }
            Self::Workerd => {
                let workerd = fetched("@cloudflare/workerd-linux-64/bin/workerd")?;
                return Server::start(|port| {
                    let mut command = Command::new(workerd);
                    command.arg("serve").arg(script("workerd.capnp"));
                    command.arg(format!("--socket-addr=http=127.0.0.1:{port}"));
                    command
                });
            }
            Self::Wasmtime => {
                let wasmtime = there(folder()?.join("bin/wasmtime"))?;
                return Server::start(|port| {
                    let mut command = Command::new(wasmtime);
                    // Rust's standard library imports `wasi:cli`.
                    command.args(["serve", "-Scli", &format!("--addr=127.0.0.1:{port}")]);
                    command.arg(WASI_HELLO);
                    command
                });
            }
            Self::Loop => return lithe.start(),
            Self::Other => {
                let other = lithe.other.clone().context("`--other` says which build")?;
                return Lithe::new(other).start();
            }
        };
        Server::start(|port| {
            command.arg(port.to_string());
            command
        })
    }
}

/// The host with the components for measuring.
#[derive(Debug)]
pub(crate) struct Lithe {
    pub program: PathBuf,
    /// Another build, to compare with.
    pub other: Option<PathBuf>,
}

impl Lithe {
    pub(crate) fn new(program: PathBuf) -> Self {
        Self { program, other: None }
    }

    /// # Errors
    /// It does not start.
    pub(crate) fn start(&self) -> anyhow::Result<Server> {
        self.start_under(&[])
    }

    /// Starts it as the last arguments of another command.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn start_under(&self, outer: &[String]) -> anyhow::Result<Server> {
        let site = Self::site();
        let mut words = outer.iter().map(String::as_str).chain([self.program()?]);
        let mut command = Command::new(words.next().context("there is a program")?);
        command.args(words);
        start_when_ready(site, |site, port| cores::on_the_servers(&serve(command, site, port)))
    }

    /// Starts it for another site, on the servers' core.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn start_for(&self, site: Site) -> anyhow::Result<Server> {
        let command = Command::new(&self.program);
        start_when_ready(site, |site, port| cores::on_the_servers(&serve(command, site, port)))
    }

    /// The same on all cores.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn start_freely_for(&self, site: Site) -> anyhow::Result<Server> {
        let command = Command::new(&self.program);
        start_when_ready(site, |site, port| serve(command, site, port))
    }

    fn program(&self) -> anyhow::Result<&str> {
        self.program.to_str().context("the host's path is not text")
    }

    /// The components for measuring.
    pub(crate) fn site() -> Site {
        let site = Site::default();
        let components = [
            ("bench/echo", BENCH_ECHO),
            ("bench/hello", BENCH_HELLO),
            ("bench/publish", BENCH_PUBLISH),
            ("fresh/hello", BENCH_HELLO),
            ("loop", LOOP),
        ];
        for (route, component) in components {
            site.copy(&format!("routes/{route}.wasm"), Path::new(component));
        }
        site.write("lithe.toml", "[plugin.\"routes/fresh/hello.wasm\"]\nfresh = true\n");
        site
    }
}

/// Waits until all of the site is served: the port is open before.
fn start_when_ready(
    site: Site,
    command: impl FnOnce(&Site, u16) -> Command,
) -> anyhow::Result<Server> {
    let address = server::free_address()?;
    let mut command = command(&site, address.port());
    Ok(Server::that_says(&mut command, address, host::READY)?.with(site))
}

/// The rest of a command that begins with the host.
fn serve(mut command: Command, site: &Site, port: u16) -> Command {
    command.arg("serve").arg(site.folder()).args(["--cache", CACHE]);
    command.args(["--listen", &format!("127.0.0.1:{port}")]).env("LITHE_LOG", "warn");
    command
}

/// Downloads the packages, and builds wasmtime, which takes minutes.
///
/// # Errors
/// npm or cargo are not there, or fail.
pub(crate) fn fetch() -> anyhow::Result<()> {
    let folder = folder()?;
    std::fs::create_dir_all(&folder)?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--prefix"]);
    let status = npm.arg(&folder).args(PACKAGES).status().context("cannot run npm")?;
    ensure!(status.success(), "npm has failed");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.arg("install").args(WASMTIME).arg("--root").arg(&folder);
    let status = cargo.status().context("cannot run cargo")?;
    ensure!(status.success(), "wasmtime does not build");
    Ok(())
}

/// `bench` in the target folder.
fn folder() -> anyhow::Result<PathBuf> {
    Ok(host::target()?.join("bench"))
}

fn is_fresh_http(load: &Load) -> bool {
    matches!(load, Load::Http { instances: Instances::Fresh, .. })
}

fn is_pooled_http(load: &Load) -> bool {
    matches!(load, Load::Http { instances: Instances::Pooled, .. })
}

fn bare(what: &str) -> anyhow::Result<Command> {
    Ok(with(std::env::current_exe()?, ["bare", what].map(PathBuf::from)))
}

fn with<const N: usize>(program: PathBuf, arguments: [PathBuf; N]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}
