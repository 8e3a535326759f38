//! `lithe serve`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use super::progress::Progress;
use super::signals::{self, Endings};
use super::{CacheOptions, ServeOptions};
use crate::admin;
use crate::plugin::{Cache, Loader};
use crate::runtime::Runtime;
use crate::site::{self, Report, Root, Sites, Watcher};

pub fn run(options: &ServeOptions) -> anyhow::Result<()> {
    let root = Root::open(&options.site)?;
    block_on(async {
        signals::look_on_hangup()?;
        // Watched before it is loaded, so that no change falls between.
        let watcher = match root.has_many() {
            true => Watcher::sites(root.folder()),
            false => Watcher::new(root.folder(), &[]),
        };
        let serving = Serving::start(root, options).await?;
        serving.announce();
        let following = tokio::spawn(follow(watcher, serving.sites.clone()));
        let stopped = serving.until_stopped(Endings::listen).await;
        following.abort();
        stopped
    })
}

/// Serves what changes in the folder. Whatever fails is said, and what is served goes on.
async fn follow(mut watcher: Watcher, sites: Arc<Sites>) {
    while let Some(changed) = watcher.next().await {
        let say = |site: &str, updated: anyhow::Result<Report>| {
            // The log has what was replaced.
            if let Err(error) = updated {
                tracing::error!(
                    target: "swap", site, "{error:#}; the version before is still being served"
                );
            }
        };
        sites.update(&changed, say).await;
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
    let ended = runtime.block_on(command);
    // A thread may be waiting for a disk.
    runtime.shutdown_timeout(THREADS_TIME);
    ended
}

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

/// Sites, loaded, and their listeners.
pub struct Serving {
    pub sites: Arc<Sites>,
    listener: TcpListener,
    address: SocketAddr,
    admin: admin::Listeners,
}

impl Serving {
    /// Takes the port, then loads the sites.
    ///
    /// # Errors
    /// An address cannot be listened on, or no site can be loaded.
    pub async fn start(root: Root, options: &ServeOptions) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(&options.listen).await.with_context(|| {
            format!("cannot listen on `{}`: choose another address by `--listen`", options.listen)
        })?;
        let address = listener.local_addr().context("the listener has no address")?;
        let admin = admin::Listeners::open(&root).await?;
        let loader = loader(&options.cache, root.has_many())?;
        let sites = Sites::open(root, loader, progress()).await?;
        Ok(Self { sites, listener, address, admin })
    }

    /// Prints the line that says it is ready. Who started the host may have stopped listening.
    pub fn announce(&self) {
        if let Some(address) = self.admin.address() {
            tracing::info!("deploys are taken on http://{address}");
        }
        let mut out = std::io::stdout().lock();
        let said = writeln!(out, "listening on http://{}", self.address).and_then(|()| out.flush());
        if let Err(error) = said {
            tracing::warn!("cannot write to standard output: {error}");
        }
    }

    /// Serves until one of these signals, and until what is open then is closed. A second signal ends the
    /// process at once.
    ///
    /// # Errors
    /// Signals cannot be waited for.
    pub async fn until_stopped(
        self,
        endings: impl Fn() -> anyhow::Result<Endings>,
    ) -> anyhow::Result<()> {
        let (mut first, mut second) = (endings()?, endings()?);
        let stopping = async move {
            let name = first.next().await.name;
            tracing::info!("{name}: stopping");
        };
        let mut admin = tokio::spawn(self.admin.serve(self.sites.clone()));
        let stopped = async {
            let server = self.sites.server();
            server.run(self.listener, stopping).await;
            // A deploy that has begun is told that it came too late.
            let shutdown_time = server.settings().shutdown_time;
            let _ = tokio::time::timeout(shutdown_time, &mut admin).await;
        };
        let ending = async {
            second.next().await;
            second.next().await
        };
        let ending = tokio::select! {
            () = stopped => return Ok(()),
            ending = ending => ending,
        };
        tracing::warn!("{}: ending now", ending.name);
        // Its socket goes with it.
        admin.abort();
        let _ = admin.await;
        std::process::exit(ending.code)
    }
}

/// What loads components, with their compiled form kept in this folder or the user's.
///
/// # Errors
/// The engine cannot be set up, or the folder that is named cannot be used.
pub fn loader(named: &CacheOptions, for_many_sites: bool) -> anyhow::Result<Loader> {
    let runtime = match for_many_sites {
        true => Runtime::for_many_sites(),
        false => Runtime::new(),
    };
    let runtime = runtime.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let cache = match named.folder() {
        Some(folder) => Cache::open(folder.to_owned())?,
        None => Cache::of_user(),
    };
    Loader::new(Arc::new(runtime), cache.with_max(named.cache_size), Handle::current())
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
