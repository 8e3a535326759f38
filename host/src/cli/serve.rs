//! `lithe serve`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::progress::Progress;
use super::signals::{self, Endings};
use super::{CacheOptions, ServeOptions};
use crate::admin;
use crate::config;
use crate::log;
use crate::plugin::{Cache, Compiling, Loader, Program};
use crate::runtime::Runtime;
use crate::server::Server;
use crate::site::{self, Root, Sites, Watcher};

pub fn run(options: &ServeOptions) -> anyhow::Result<()> {
    let root = Root::open(&options.site)?;
    block_on(async {
        signals::look_on_hangup()?;
        // Watched before it is loaded, so that no change falls between.
        let watcher = match &root {
            Root::One(site) => Watcher::new(&site.root, &[]),
            Root::Many { root, .. } => Watcher::names(root),
        };
        serve(root, options, Endings::listen, |sites| sites.follow(watcher)).await
    })
}

/// Serves until one of these signals, and until what is open then is closed; a second one ends the process at
/// once. The port is open from the beginning; a site that is being loaded is answered for. `follow` serves what
/// changes.
///
/// # Errors
/// An address cannot be listened on, the only site or each of several cannot be loaded, or signals cannot
/// be waited for.
pub async fn serve<F>(
    root: Root,
    options: &ServeOptions,
    endings: impl Fn() -> anyhow::Result<Endings>,
    follow: impl FnOnce(Arc<Sites>) -> F,
) -> anyhow::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (mut first, mut second) = (endings()?, endings()?);
    let stopping = async move {
        let name = first.next().await.name;
        tracing::info!("{name}: stopping");
    };
    let ending = async move {
        second.next().await;
        second.next().await
    };
    let served = until_stopped(root, options, stopping, follow);
    let ending = tokio::select! {
        served = served => return served,
        ending = ending => ending,
    };
    tracing::warn!("{}: ending now", ending.name);
    log::flush(FLUSH_TIME);
    std::process::exit(ending.code)
}

async fn until_stopped<F>(
    root: Root,
    options: &ServeOptions,
    stopping: impl Future<Output = ()>,
    follow: impl FnOnce(Arc<Sites>) -> F,
) -> anyhow::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(&options.listen).await.with_context(|| {
        format!("cannot listen on `{}`: choose another address by `--listen`", options.listen)
    })?;
    let address = listener.local_addr().context("the listener has no address")?;
    let admin = admin::Listeners::open(&root).await?;
    let admin_address = admin.address();
    let loader = loader(&options.cache, &root)?;
    let sites = Sites::new(&root, loader, progress())?;
    let server = sites.server().clone();
    let mut serving = std::pin::pin!(server.run(listener, stopping));
    let admin = AbortOnDropHandle::new(tokio::spawn(admin.serve(sites.clone())));
    let time_is_up = AbortOnDropHandle::new(tokio::spawn(time_is_up(server.clone())));
    let own = sites.clone();
    let loading = AbortOnDropHandle::new(tokio::spawn(async move { own.load(root).await }));
    let own = sites.clone();
    let served = async {
        tokio::select! {
            () = &mut serving => {}
            loaded = loading => {
                loaded.context("loading was broken off")??;
                announce(address, admin_address);
                let _following = AbortOnDropHandle::new(tokio::spawn(follow(own)));
                serving.await;
            }
        }
        // A deploy that has begun is told that it came too late.
        tokio::select! {
            _ = admin => {}
            _ = time_is_up => {}
        }
        Ok(())
    };
    let served = served.await;
    // Before the threads that they need.
    sites.end_background(THREADS_TIME).await;
    served
}

/// Done when `server.shutdown_time` has passed since the host was told to stop.
async fn time_is_up(server: Arc<Server>) {
    server.stopping().await;
    tokio::time::sleep(server.settings().shutdown_time).await;
}

/// Prints the line that says that what can be served is. A reader who has left, or who does not read, changes
/// nothing.
fn announce(address: SocketAddr, admin: Option<SocketAddr>) {
    if let Some(address) = admin {
        tracing::info!("deploys are taken on http://{address}");
    }
    let line = format!("listening on http://{address}\n");
    let print = move || {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    };
    // A thread of its own, for standard output may be full.
    if let Err(error) = std::thread::Builder::new().spawn(print) {
        tracing::warn!("cannot print the address to standard output: {error}");
    }
}

/// Runs a command's async part, on as many threads as there are cores.
///
/// # Errors
/// The threads cannot be started, or the command fails.
pub fn block_on(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
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

/// How long threads that still work for nobody may hold the end of the process up.
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

/// What loads components, with their compiled form kept in this folder or the user's, as the operator's
/// settings say.
///
/// # Errors
/// The engine cannot be set up, or the folder that is named cannot be used.
pub fn loader(cache: &CacheOptions, root: &Root) -> anyhow::Result<Loader> {
    let runtime = match root.has_many() {
        true => Runtime::for_many_sites(),
        false => Runtime::new(),
    };
    open_loader(runtime, cache, root.config().compile.clone())
}

/// The same for a component that is in no site.
///
/// # Errors
/// As [`loader`].
pub fn loader_of_one(cache: &CacheOptions) -> anyhow::Result<Loader> {
    open_loader(Runtime::new(), cache, config::Compile::default())
}

fn open_loader<E: std::fmt::Debug>(
    runtime: Result<Runtime, E>,
    named: &CacheOptions,
    bounds: config::Compile,
) -> anyhow::Result<Loader> {
    let runtime = runtime.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let cache = match named.folder() {
        Some(folder) => Cache::open(folder.to_owned())?,
        None => Cache::of_user(),
    };
    let program = Program::own().context("the system does not say where this program is")?;
    let cache = cache.with_max(named.cache_size);
    Ok(Loader::new(Arc::new(runtime), cache, Compiling::Child(program), bounds))
}

/// Shows what is compiled.
pub fn progress() -> site::Progress {
    Arc::new(|| {
        let progress = Progress::start();
        Box::new(move |file| {
            tracing::debug!("compiling `{file}`: it is not in the cache");
            progress.step(format!("compiling {file}"));
        })
    })
}
