//! `lithe serve`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

use super::ServeOptions;
use super::progress::Progress;
use crate::pipeline::Tenant;
use crate::plugin::{Cache, Loader};
use crate::runtime::Runtime;
use crate::server::Server;
use crate::site::Site;

pub fn run(options: &ServeOptions) -> anyhow::Result<()> {
    let site = Site::open(&options.site)?;
    block_on(async {
        let serving = Serving::start(&site, options).await?;
        serving.announce()?;
        serving.until_stopped().await
    })
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
    runtime.block_on(command)
}

/// Each socket is a file to the system; its soft limit is often 1,024.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!("cannot raise the limit of open files from {:?}: {error}", limit.current);
    }
}

/// A site, loaded, and its listener.
pub struct Serving {
    pub loader: Loader,
    pub server: Arc<Server>,
    listener: TcpListener,
    address: SocketAddr,
}

impl Serving {
    /// Takes the port, then loads the site.
    ///
    /// # Errors
    /// The address cannot be listened on, or the site cannot be loaded.
    pub async fn start(site: &Site, options: &ServeOptions) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(&options.listen).await.with_context(|| {
            format!("cannot listen on `{}`: choose another address by `--listen`", options.listen)
        })?;
        let address = listener.local_addr().context("the listener has no address")?;
        let loader = loader(options.cache.clone())?;
        let tenant = load(site, &loader, None).await?;
        let server = Server::new(tenant, site.config.server.clone());
        Ok(Self { loader, server, listener, address })
    }

    /// Prints the line that says it is ready.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn announce(&self) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "listening on http://{}", self.address)?;
        out.flush().context("cannot write to standard output")
    }

    /// Serves until SIGINT or SIGTERM, and until what is open then is closed.
    ///
    /// # Errors
    /// Signals cannot be waited for.
    pub async fn until_stopped(self) -> anyhow::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
        let stopping = async {
            let name = tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
            };
            tracing::info!("{name}: stopping");
        };
        self.server.run(self.listener, stopping).await;
        Ok(())
    }
}

/// What loads components, with their compiled form kept in this folder or the user's.
///
/// # Errors
/// The engine cannot be set up, or the folder cannot be made.
pub fn loader(cache: Option<PathBuf>) -> anyhow::Result<Loader> {
    let runtime = Runtime::new().map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let folder = cache.unwrap_or_else(Loader::default_cache_folder);
    Ok(Loader::new(Arc::new(runtime), Cache::open(folder)?, Handle::current()))
}

/// Loads a site away from the threads that serve.
///
/// # Errors
/// The site is not right.
pub async fn load(
    site: &Site,
    loader: &Loader,
    before: Option<Arc<Tenant>>,
) -> anyhow::Result<Arc<Tenant>> {
    let (site, loader) = (site.clone(), loader.clone());
    let loading = tokio::task::spawn_blocking(move || {
        let progress = Progress::start();
        let on_compile = |file: &str| {
            tracing::debug!("compiling `{file}`: it is not in the cache");
            progress.step(format!("compiling {file}"));
        };
        site.load(&loader, before.as_deref(), &on_compile)
    });
    Ok(Arc::new(loading.await.context("loading the site was broken off")??))
}
