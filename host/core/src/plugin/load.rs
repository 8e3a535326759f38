//! From a file to a plugin: read, check, compile or take from the cache, link.
//!
//! Each step has a bound, and all end when nobody waits for the plugin any more.

mod inspect;
mod link;

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use bytesize::ByteSize;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};
use wasmtime::component::Component;

use super::artifact;
use super::compile::{CompileError, Compiler, Compiling, Effort, History};
use super::handler::Handler;
use super::source::Source;
use super::{Cache, Digest, Instances, PluginIdentity, PluginVersion};
use crate::capability::account::Account;
use crate::capability::filesystem::Threads as _;
use crate::capability::grants::Grants;
use crate::config::{self, Limits};
use crate::descriptors::{self, Descriptor};
use crate::files::FileError;
use crate::lease::Leases;
use crate::runtime::{Failure, NamedRoute, Runtime, Share, Unfit, at_load};

pub use inspect::{Fit, Grant, Report};
use link::link;

/// Routes that one component may name. Those of all components have bounds together (`router::Totals`).
const MAX_ROUTES: usize = 1_000;

/// The longest pattern, and the longest method, that a component may name, in bytes.
const MAX_PATTERN: usize = 1024;

/// Loads components: one for the process, and a clone of it for each of several sites.
#[derive(Clone)]
pub struct Loader {
    runtime: Arc<Runtime>,
    cache: Cache,
    compiler: Arc<Compiler>,
    max_component: ByteSize,
    /// What is read and written for sites at once, on threads that may block.
    aside: Arc<Semaphore>,
    /// Components that are in memory, by what they were compiled from: each is there once, however many
    /// plugins are made of it.
    loaded: Arc<Mutex<HashMap<Digest, Weak<Loaded>>>>,
    history: History,
    of_site: Option<OfSite>,
}

/// What holds for one of several sites.
#[derive(Clone)]
struct OfSite {
    share: Arc<Share>,
    aside: Arc<Semaphore>,
}

/// A component in memory. The system keeps a file open for it.
pub struct Loaded {
    component: Component,
    _descriptor: Descriptor,
}

impl Loaded {
    fn new(component: Component) -> Result<Arc<Self>, LoadError> {
        let descriptor = descriptors::try_one_for_component();
        let _descriptor = descriptor.ok_or(LoadError::Descriptors)?;
        Ok(Arc::new(Self { component, _descriptor }))
    }
}

/// A component that was looked at.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub digest: Digest,
    /// Bytes of the file.
    pub size: u64,
}

/// Files of sites that are read and hashed at the same time. Each takes milliseconds, for it has a bound
/// and waits for nobody. Of each of several sites it is one.
const MAX_ASIDE: usize = 32;

/// What a site says of a plugin.
#[derive(Clone)]
pub struct Settings {
    /// The site's name.
    pub site: Arc<str>,
    pub limits: Limits,
    /// What the site has used of them.
    pub account: Arc<Account>,
    /// Whether the site allows upgrades.
    pub websocket: bool,
    /// What the site says of this one.
    pub plugin: config::PluginConfig,
    /// What it may reach.
    pub grants: Grants,
    /// Of the version before.
    pub identity: PluginIdentity,
    /// The site's share of the machine, where it has neighbours.
    pub share: Option<Arc<Share>>,
}

/// What a component is wanted for, by its place in the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `routes/`: one route, which the file names.
    Route,
    /// `plugins/`: the routes that the component names.
    Plugin,
    /// `middleware/`, or `_middleware` below `routes/`.
    Middleware,
    /// `_error` below `routes/`.
    ErrorHandler,
}

/// Why a file is not a plugin. The message names the file's fault; the caller names the file.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot be read")]
    Read(#[from] FileError),
    #[error("has {size}, and may have at most {max} (`compile.component`)")]
    TooLarge { size: ByteSize, max: ByteSize },
    #[error("was changed while it was being loaded")]
    Changed,
    #[error(
        "imports `{0}`, which this host does not have: build it without (`lithe inspect` lists what it \
         imports, and what there is)"
    )]
    Import(String),
    #[error("is not WebAssembly: it does not begin with `\\0asm`")]
    NotWasm,
    #[error(
        "is a core module, not a component: build it for `wasm32-wasip2`, or wrap it by \
         `wasm-tools component new`"
    )]
    CoreModule,
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error("fits nowhere")]
    Unfit(#[from] Unfit),
    #[error("{0}")]
    Misplaced(&'static str),
    #[error("does not say its routes: {0}")]
    Routes(Failure),
    #[error("names more than {MAX_ROUTES} routes, or one of more than {MAX_PATTERN} bytes")]
    TooManyRoutes,
    #[error("cannot be linked: {0}")]
    Link(String),
    #[error(
        "cannot be loaded: the host keeps a file open for each component, and has as many as its limit of open \
         files allows: raise that (`ulimit -n`), or remove components"
    )]
    Descriptors,
    #[error(transparent)]
    Aside(#[from] AsideError),
}

/// Blocking work came to nothing: it panicked, or the host is at its end.
#[derive(Debug, thiserror::Error)]
#[error("loading was broken off")]
pub struct AsideError;

impl Loader {
    /// Compiles as `compiling` says, within these bounds.
    pub fn new(
        runtime: Arc<Runtime>,
        cache: Cache,
        compiling: Compiling,
        bounds: config::Compile,
    ) -> Self {
        let max_component = bounds.component;
        let compiler = Arc::new(Compiler::new(compiling, bounds));
        let aside = Arc::new(Semaphore::new(MAX_ASIDE));
        Self {
            runtime,
            cache,
            compiler,
            max_component,
            aside,
            loaded: Arc::default(),
            history: History::default(),
            of_site: None,
        }
    }

    /// The loader of one of several sites, which is charged for what it does.
    pub fn for_site(&self, share: Arc<Share>) -> Self {
        let aside = Arc::new(Semaphore::new(1));
        let of_site = Some(OfSite { share, aside });
        Self { history: History::default(), of_site, ..self.clone() }
    }

    /// Does something that blocks, and that has a bound of its own, on a thread that may. It ends also when
    /// nobody waits for it any more.
    ///
    /// # Errors
    /// It panics, or the host is at its end.
    pub async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AsideError> {
        self.on_thread(work, |share, work| share.spawn_charged(work)).await
    }

    /// The same for what may take seconds: of a site that has used more than its share, it gives way to others.
    ///
    /// # Errors
    /// As [`Loader::aside`].
    pub async fn aside_for_long<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AsideError> {
        self.on_thread(work, |share, work| share.spawn_blocking(work)).await
    }

    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        spawn: impl FnOnce(&Share, Box<dyn FnOnce() + Send>),
    ) -> Result<T, AsideError> {
        // They are closed nowhere.
        let own = match &self.of_site {
            Some(of_site) => of_site.aside.clone().acquire_owned().await.ok(),
            None => None,
        };
        let one = self.aside.clone().acquire_owned().await.ok();
        let (done, result) = oneshot::channel();
        let work = move || {
            let _permits = (own, one);
            // It ends also when nobody waits for it any more.
            let _ = done.send(work());
        };
        match &self.of_site {
            Some(of_site) => spawn(&of_site.share, Box::new(work)),
            None => drop(tokio::task::spawn_blocking(work)),
        }
        result.await.map_err(|_| AsideError)
    }

    /// The largest component, `compile.component`.
    pub fn max_component(&self) -> ByteSize {
        self.max_component
    }

    /// Reads a component, to see which one it is.
    ///
    /// # Errors
    /// It cannot be read, is too large, or does not begin as a component does.
    pub async fn look(&self, source: &Source) -> Result<Seen, LoadError> {
        let (source, max) = (source.clone(), self.max_component);
        self.aside(move || {
            let bytes = read(&source, max)?;
            Ok(Seen { digest: Digest::of(&bytes), size: bytes.len() as u64 })
        })
        .await?
    }

    /// Makes a plugin of a component that was looked at. Where it is not in the cache it is compiled, which
    /// `on_compile` is told before.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub async fn load(
        &self,
        source: &Source,
        seen: Seen,
        name: &str,
        role: Role,
        settings: &Settings,
        on_compile: impl FnOnce(),
    ) -> Result<PluginVersion, LoadError> {
        let loaded = self.component(source, seen, on_compile).await?;
        let (runtime, own, plugin) = (self.runtime.clone(), settings.clone(), name.into());
        let component = loaded.component.clone();
        // How long that takes is the component's to say, within what was compiled in time.
        let linked = self.aside(move || link(runtime, &component, plugin, role, &own)).await?;
        let (context, instances) = linked?;
        let routes = match (role, &instances) {
            (Role::Plugin, Instances::Handler(handler)) => routes_of(handler, settings).await?,
            _ => Vec::new(),
        };
        Ok(PluginVersion {
            digest: seen.digest,
            routes,
            context,
            identity: settings.identity.clone(),
            share: settings.share.clone(),
            instances,
            leases: Leases::default(),
            _loaded: loaded,
        })
    }

    async fn component(
        &self,
        source: &Source,
        Seen { digest, size }: Seen,
        on_compile: impl FnOnce(),
    ) -> Result<Arc<Loaded>, LoadError> {
        let effort = self.compiler.effort(size);
        if let Some(component) = self.cached(digest, effort).await? {
            return Ok(component);
        }
        on_compile();
        let slot = self.compiler.slot(size, self.history.clone()).await;
        // Another site may have had the same component compiled in the time.
        if let Some(component) = self.cached(digest, effort).await? {
            return Ok(component);
        }
        // Only now are the bytes kept: those who wait for the compiler hold no memory.
        let (source, max) = (source.clone(), self.max_component);
        let bytes = self.aside(move || {
            let bytes = read(&source, max)?;
            match Digest::of(&bytes) == digest {
                true => Ok(bytes),
                false => Err(LoadError::Changed),
            }
        });
        let bytes = bytes.await??;
        let compiled = self.compiler.compile(&self.runtime.engine, bytes, slot).await?;
        self.keep(digest, effort, compiled).await
    }

    async fn cached(
        &self,
        digest: Digest,
        effort: Effort,
    ) -> Result<Option<Arc<Loaded>>, LoadError> {
        if let Some(loaded) = self.loaded.lock().get(&digest).and_then(Weak::upgrade) {
            return Ok(Some(loaded));
        }
        let (cache, engine) = (self.cache.clone(), self.runtime.engine.clone());
        let component = self.aside(move || cache.load(&engine, &digest, effort)).await?;
        component.map(|component| self.note(digest, component)).transpose()
    }

    /// Takes what the compiler has made, and writes it into the cache.
    async fn keep(
        &self,
        digest: Digest,
        effort: Effort,
        compiled: Vec<u8>,
    ) -> Result<Arc<Loaded>, LoadError> {
        let (cache, engine) = (self.cache.clone(), self.runtime.engine.clone());
        let taken = self.aside(move || {
            let component = artifact::take(&engine, &compiled)
                .map_err(|error| CompileError::Unsupported(format!("{error:#}")))?;
            if let Err(error) = cache.store(&engine, &digest, effort, &compiled) {
                tracing::warn!("the next start compiles again: {error:#}");
            }
            Ok::<_, CompileError>(component)
        });
        self.note(digest, taken.await??)
    }

    /// Notes that a component is in memory. Another task may have loaded it in the time.
    fn note(&self, digest: Digest, component: Component) -> Result<Arc<Loaded>, LoadError> {
        let mut all = self.loaded.lock();
        if let Some(loaded) = all.get(&digest).and_then(Weak::upgrade) {
            return Ok(loaded);
        }
        let loaded = Loaded::new(component)?;
        all.retain(|_, loaded| loaded.strong_count() > 0);
        all.insert(digest, Arc::downgrade(&loaded));
        Ok(loaded)
    }
}

/// The routes that a component names.
async fn routes_of(
    handler: &Arc<Handler>,
    settings: &Settings,
) -> Result<Vec<NamedRoute>, LoadError> {
    let own = handler.clone();
    let asked = at_load(settings.share.as_ref(), async move { own.ask_routes().await });
    let routes = asked.await.map_err(LoadError::Routes)?;
    let too_long = routes.iter().any(|(method, pattern)| {
        pattern.len() > MAX_PATTERN || method.as_ref().is_some_and(|own| own.len() > MAX_PATTERN)
    });
    if routes.len() > MAX_ROUTES || too_long {
        return Err(LoadError::TooManyRoutes);
    }
    Ok(routes)
}

fn read(source: &Source, max: ByteSize) -> Result<Bytes, LoadError> {
    let bytes = source.read(max).map_err(not_read)?;
    check_header(&bytes)?;
    Ok(bytes)
}

fn not_read(error: FileError) -> LoadError {
    match error {
        FileError::TooLarge { size, max } => LoadError::TooLarge { size, max },
        error => LoadError::Read(error),
    }
}

/// Core modules and components differ in the layer field that follows the version (component-model
/// binary format, preamble).
fn check_header(bytes: &[u8]) -> Result<(), LoadError> {
    match bytes.get(..8) {
        Some([0, b'a', b's', b'm', _, _, 0, 0]) => Err(LoadError::CoreModule),
        Some([0, b'a', b's', b'm', ..]) => Ok(()),
        None if bytes.starts_with(b"\0asm") => {
            Err(CompileError::Malformed("the file ends in its header".to_owned()).into())
        }
        _ => Err(LoadError::NotWasm),
    }
}
