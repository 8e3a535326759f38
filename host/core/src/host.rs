//! A host inside of a program: the `lithe` command runs it, and other servers can embed it.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::admin;
use crate::clock;
use crate::plugin::{Cache, Compiling, Loader, Program};
use crate::runtime::Runtime;
use crate::site::{
    Given, NotServed, ProgressReports, Report, Root, SiteManager, Sites, Status, Terms, Watcher,
};

/// How long a host that ends waits for the threads of busy sites.
const THREADS_TIME: Duration = Duration::from_secs(1);

/// Builds a [`Host`].
pub struct Builder {
    site: PathBuf,
    listen: String,
    /// None stands for the user's cache.
    cache: Option<Cache>,
    compiling: Compiling,
    progress: ProgressReports,
    follows_changes: bool,
}

/// A running host. Dropping it ends it at once; [`Host::shutdown`] ends it gracefully.
pub struct Host {
    addr: SocketAddr,
    admin_addr: Option<SocketAddr>,
    sites: Arc<Sites>,
    stop: CancellationToken,
    serving: AbortOnDropHandle<()>,
    admin: AbortOnDropHandle<()>,
    loading: Option<AbortOnDropHandle<anyhow::Result<()>>>,
    /// Taken when everything is loaded.
    watcher: Option<Watcher>,
    /// The task that serves changes in the folder.
    following: Option<AbortOnDropHandle<()>>,
}

/// The host cannot listen on its address.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{address}`")]
pub struct CannotListen {
    address: String,
    source: io::Error,
}

impl Host {
    /// A builder of a host that serves the working folder at `127.0.0.1:4000`.
    pub fn builder() -> Builder {
        Builder {
            site: PathBuf::from("."),
            listen: "127.0.0.1:4000".to_owned(),
            cache: None,
            compiling: Compiling::Here,
            progress: Arc::new(|| Box::new(|_| {})),
            follows_changes: true,
        }
    }

    /// The address where the host listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address where other programs can deploy, if `admin.listen` in `lithe.toml` sets one.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_addr
    }

    /// Waits until the site is served. If the host has several sites, this waits for a few seconds.
    /// Sites that take longer are served when they are ready. Invalid sites are left out, and the
    /// log says why.
    ///
    /// # Errors
    /// The only site, or each of several, is invalid.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        let Some(loading) = &mut self.loading else { return Ok(()) };
        let loaded = loading.await;
        self.loading = None;
        if let Err(error) = loaded.context("loading was interrupted").flatten() {
            // They need the caller's runtime, which may end next.
            self.sites.end_background(THREADS_TIME).await;
            return Err(error);
        }
        if let Some(watcher) = self.watcher.take() {
            self.follow(self.sites.clone().follow(watcher));
        }
        Ok(())
    }

    /// Runs this future, which serves changes, until the host ends.
    #[doc(hidden)]
    pub fn follow(&mut self, following: impl Future<Output = ()> + Send + 'static) {
        self.following = Some(AbortOnDropHandle::new(tokio::spawn(following)));
    }

    /// Deploys these components to the only site, all or none, and writes them into its folder.
    /// Sockets stay open. Each component is named by its file in the site, such as
    /// `routes/chat.wasm`.
    ///
    /// # Errors
    /// The host has several sites ([`Host::site`] gives each), or a component cannot be served: see
    /// [`DeployError`](crate::DeployError). The host keeps serving what it served.
    pub async fn deploy(&self, components: Given) -> anyhow::Result<Report> {
        Ok(self.sites.only()?.deploy(components, None, Terms::default()).await?)
    }

    /// The status of the only site.
    ///
    /// # Errors
    /// The host has several sites ([`Host::site`] gives each), or the site is not served yet.
    pub fn status(&self) -> Result<Status, NotServed> {
        Ok(self.sites.only()?.status())
    }

    /// The site whose folder has this name. It can deploy, roll back and split the traffic, too.
    ///
    /// # Errors
    /// No site has this name, or the host does not serve it.
    pub fn site(&self, name: &str) -> Result<Arc<SiteManager>, NotServed> {
        self.sites.get(name)
    }

    /// Stops gracefully: requests finish, and sockets close with 1001. What is still open after
    /// `server.shutdown_time` is dropped.
    pub async fn shutdown(self) {
        let time = self.sites.server().settings().shutdown_time;
        let deadline = clock::after(Instant::now().into_std(), time).into();
        self.stop.cancel();
        // These tasks have no result. A task that has panicked has ended, too.
        let _ = self.serving.await;
        drop(self.following);
        // A deploy that has begun is answered that the host is stopping.
        let _ = timeout_at(deadline, self.admin).await;
        self.sites.end_background(THREADS_TIME).await;
    }

    /// The host's sites.
    #[doc(hidden)]
    pub fn sites(&self) -> &Arc<Sites> {
        &self.sites
    }
}

impl Builder {
    /// Sets the folder: a site, or a folder with one site in each folder. Default: the working
    /// folder.
    #[must_use]
    pub fn site(mut self, folder: impl Into<PathBuf>) -> Self {
        self.site = folder.into();
        self
    }

    /// Sets the address to listen on, such as `0.0.0.0:80`. Port 0 takes a free port: see
    /// [`Host::addr`]. Default: `127.0.0.1:4000`.
    #[must_use]
    pub fn listen(mut self, address: impl ToString) -> Self {
        self.listen = address.to_string();
        self
    }

    /// Keeps compiled components in this folder, which only this user may write to. Default:
    /// `lithe` in the user's cache folder.
    ///
    /// # Errors
    /// The folder cannot be made, or others may write to it.
    pub fn cache(mut self, folder: &Path) -> anyhow::Result<Self> {
        self.cache = Some(Cache::open(folder.to_owned())?);
        Ok(self)
    }

    /// Sets whether the host serves changes in the folder. Default: true.
    #[must_use]
    pub fn follow_changes(mut self, follows: bool) -> Self {
        self.follows_changes = follows;
        self
    }

    /// Compiles in child processes, with bounds on memory and time (`[compile]` in `lithe.toml`).
    /// `lithe` is the file of a `lithe` command of the same version. By default components are
    /// compiled in this process, where a hostile component can take all of its memory.
    #[must_use]
    pub fn compile_with(self, lithe: impl Into<PathBuf>) -> Self {
        self.compiling(Compiling::Child(Program::at(lithe.into())))
    }

    /// Sets how components are compiled.
    #[doc(hidden)]
    #[must_use]
    pub fn compiling(mut self, compiling: Compiling) -> Self {
        self.compiling = compiling;
        self
    }

    /// Sets what reports each component that is compiled.
    #[doc(hidden)]
    #[must_use]
    pub fn progress(mut self, progress: ProgressReports) -> Self {
        self.progress = progress;
        self
    }

    /// Sets the folder of compiled components, which is open already.
    #[doc(hidden)]
    #[must_use]
    pub fn opened_cache(mut self, cache: Cache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Listens, and begins to load. The port is open from now on: until a site is ready
    /// ([`Host::ready`]), the host answers 503 for it.
    ///
    /// # Errors
    /// The folder's settings are invalid, the host cannot listen on an address ([`CannotListen`]),
    /// or the engine cannot be set up.
    pub async fn start(self) -> anyhow::Result<Host> {
        let root = Root::open(&self.site)?;
        self.start_at(root).await
    }

    /// Starts with a folder that has been read.
    ///
    /// # Errors
    /// As [`Builder::start`].
    #[doc(hidden)]
    pub async fn start_at(self, root: Root) -> anyhow::Result<Host> {
        // Watched before it is loaded, so that no change is missed in between.
        let watcher = self.follows_changes.then(|| root.watch());
        let listener = TcpListener::bind(&self.listen).await;
        let listener = listener.map_err(|source| CannotListen { address: self.listen, source })?;
        let addr = listener.local_addr().context("the listener has no address")?;
        let admin = admin::Listeners::open(&root).await?;
        let admin_addr = admin.address();
        let cache = self.cache.unwrap_or_else(Cache::of_user);
        let loader = loader(&root, cache, self.compiling)?;
        let sites = Sites::new(&root, loader, self.progress)?;
        let stop = CancellationToken::new();
        let (server, stopping) = (sites.server().clone(), stop.clone());
        let serving = tokio::spawn(async move {
            server.run(listener, stopping.cancelled()).await;
        });
        let admin = tokio::spawn(admin.serve(sites.clone()));
        let own = sites.clone();
        let loading = tokio::spawn(async move { own.load(root).await });
        Ok(Host {
            addr,
            admin_addr,
            sites,
            stop,
            serving: AbortOnDropHandle::new(serving),
            admin: AbortOnDropHandle::new(admin),
            loading: Some(AbortOnDropHandle::new(loading)),
            watcher,
            following: None,
        })
    }
}

/// Makes the loader of a folder's components.
///
/// # Errors
/// The engine cannot be set up.
pub fn loader(root: &Root, cache: Cache, compiling: Compiling) -> anyhow::Result<Loader> {
    let runtime = match root.has_many() {
        true => Runtime::for_many_sites(),
        false if compiling.is_in_a_hurry() => Runtime::for_unoptimised(),
        false => Runtime::new(),
    };
    let runtime = runtime.map_err(|error| anyhow!("{error:?}"))?;
    Ok(Loader::new(Arc::new(runtime), cache, compiling, root.config().compile.clone()))
}
