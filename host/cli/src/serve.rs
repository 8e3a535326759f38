//! `lithe serve`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use lithe_host::internals::config;
use lithe_host::internals::log;
use lithe_host::internals::plugin::{Cache, Compiling, Loader, Program};
use lithe_host::internals::runtime::Runtime;
use lithe_host::internals::site::{self, Root};
use lithe_host::{Builder, CannotListen, Host};

use crate::progress::Progress;
use crate::signals::{self, Endings};
use crate::{CacheOptions, ServeOptions};

pub(crate) fn run(options: &ServeOptions) -> anyhow::Result<()> {
    let root = Root::open(&options.site)?;
    block_on(async {
        signals::look_on_hangup()?;
        serve(root, host(options)?, Endings::listen, |_| {}).await
    })
}

/// A builder of the host that the options describe.
///
/// # Errors
/// The cache's folder cannot be used, or the system does not say where this program is.
pub(crate) fn host(options: &ServeOptions) -> anyhow::Result<Builder> {
    Ok(Host::builder()
        .listen(&options.listen)
        .opened_cache(cache(&options.cache)?)
        .compiling(Compiling::Child(program()?))
        .progress(progress()))
}

/// Serves until a signal comes, and then until everything is closed. A second signal ends the
/// process at once. The port is open from the beginning: until a site is loaded, the host answers
/// for it. `then` is called when everything is loaded.
///
/// # Errors
/// The host cannot listen on an address, the only site or each of several cannot be loaded, or the
/// process cannot wait for signals.
pub(crate) async fn serve(
    root: Root,
    host: Builder,
    endings: impl Fn() -> anyhow::Result<Endings>,
    then: impl FnOnce(&mut Host),
) -> anyhow::Result<()> {
    let (mut first, mut second) = (endings()?, endings()?);
    let stopping = async move {
        let name = first.next().await.name;
        tracing::info!("{name}: stopping");
    };
    let ending = async move {
        second.next().await;
        second.next().await
    };
    let ending = tokio::select! {
        served = until_stopped(root, host, stopping, then) => return served,
        ending = ending => ending,
    };
    tracing::warn!("{}: ending now", ending.name);
    log::flush(FLUSH_TIME);
    std::process::exit(ending.code)
}

async fn until_stopped(
    root: Root,
    host: Builder,
    stopping: impl Future<Output = ()>,
    then: impl FnOnce(&mut Host),
) -> anyhow::Result<()> {
    let started = host.start_at(root).await;
    let mut host = started.map_err(|error| match error.is::<CannotListen>() {
        true => error.context("choose another address by `--listen`"),
        false => error,
    })?;
    let mut stopping = std::pin::pin!(stopping);
    tokio::select! {
        ready = host.ready() => {
            ready?;
            announce(host.addr(), host.admin_addr());
            then(&mut host);
            stopping.await;
        }
        () = &mut stopping => {}
    }
    host.shutdown().await;
    Ok(())
}

/// Prints that the host is ready. It does not matter whether anybody reads that.
fn announce(address: SocketAddr, admin: Option<SocketAddr>) {
    if let Some(address) = admin {
        tracing::info!("deploys are taken on http://{address}");
    }
    let line = format!("listening on http://{address}\n");
    let print = move || {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    };
    // On a thread of its own, because standard output may be full.
    if let Err(error) = std::thread::Builder::new().spawn(print) {
        tracing::warn!("cannot print the address to standard output: {error}");
    }
}

/// Runs a command's async part, on as many threads as there are cores.
///
/// # Errors
/// The threads cannot be started, or the command fails.
pub(crate) fn block_on(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the threads")?;
    let ended = runtime.block_on(async {
        signals::settle()?;
        command.await
    });
    // A thread may be waiting for a disk.
    runtime.shutdown_timeout(THREADS_TIME);
    ended
}

/// How long a process that ends at once waits for its log to be written.
const FLUSH_TIME: Duration = Duration::from_secs(1);

/// How long the end of the process waits for threads whose work nobody waits for.
const THREADS_TIME: Duration = Duration::from_secs(1);

/// Each socket is a file to the system; its soft limit is often 1,024.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!("cannot raise the limit of open files from {:?}: {error}", limit.current);
    }
}

/// The loader for the components of a folder that is not served.
///
/// # Errors
/// The engine cannot be set up, or the cache's folder cannot be used.
pub(crate) fn loader(options: &CacheOptions, root: &Root) -> anyhow::Result<Loader> {
    lithe_host::internals::host::loader(root, cache(options)?, Compiling::Child(program()?))
}

/// The loader for a component that is in no site.
///
/// # Errors
/// As [`loader`].
pub(crate) fn loader_of_one(options: &CacheOptions) -> anyhow::Result<Loader> {
    let runtime = Runtime::new().map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let bounds = config::Compile::default();
    Ok(Loader::new(Arc::new(runtime), cache(options)?, Compiling::Child(program()?), bounds))
}

/// The folder of compiled components: the one that the options name, or the user's.
fn cache(options: &CacheOptions) -> anyhow::Result<Cache> {
    let cache = match options.folder() {
        Some(folder) => Cache::open(folder.to_owned())?,
        None => Cache::of_user(),
    };
    Ok(cache.with_max(options.cache_size))
}

/// This program, which compiles components in processes of their own.
///
/// # Errors
/// The system does not say where it is.
pub(crate) fn program() -> anyhow::Result<Program> {
    Program::own().context("the system does not say where this program is")
}

/// Shows what is being compiled.
pub(crate) fn progress() -> site::ProgressReports {
    Arc::new(|| {
        let progress = Progress::start();
        Box::new(move |file| {
            tracing::debug!("compiling `{file}`: it is not in the cache");
            progress.step(format!("compiling {file}"));
        })
    })
}
