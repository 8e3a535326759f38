//! From a file to a plugin: read, check, compile or take from the cache, link.
//!
//! Each step has a bound, and all end when nobody waits for the plugin any more.

mod inspect;

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use bytesize::ByteSize;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};
use wasmtime::component::Component;

use super::artifact;
use super::compile::{CompileError, Compiler, Compiling, History};
use super::source::Source;
use super::{Cache, Digest, Instances, PluginIdentity, PluginVersion};
use crate::capability::account::Account;
use crate::capability::filesystem::Threads;
use crate::capability::grants::Grants;
use crate::capability::{self, Calls, VersionId};
use crate::config::{self, Limits};
use crate::descriptors::{self, Descriptor};
use crate::files::FileError;
use crate::runtime::{
    Failure, InstanceSet, Kind, NamedRoute, PerConnection, Pool, Runtime, Share, Template, Unfit,
    at_load,
};

pub use inspect::{Fit, Grant, Report};

/// Routes that one component may name. Those of all components have bounds together (`router::Totals`).
const MAX_ROUTES: usize = 1_000;

/// Sessions have instances as their scope says, which outlive a call.
const FRESH_WITH_SESSIONS: &str = "has `fresh`, and sessions: of a component with `hooks`, \
    `scope = \"connection\"` gives each connection an instance of its own, and one with `session` has that \
    always";

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
        let (kind, template) = linked?;
        let (digest, context) = (seen.digest, template.context().clone());
        let routes = match role {
            Role::Plugin => routes_of(&template).await?,
            _ => Vec::new(),
        };
        let identity = settings.identity.clone();
        let instances = match kind {
            Kind::Route | Kind::Middleware | Kind::ErrorHandler => {
                Instances::Pool(Pool::new(template.clone()))
            }
            Kind::Hooks => {
                let own = &settings.plugin;
                let current = &identity.current;
                Instances::Shared(InstanceSet::new(&template, current, &own.scope, own.replicas))
            }
            Kind::Session => Instances::PerConnection(PerConnection::new(template.clone())),
        };
        Ok(PluginVersion {
            digest,
            kind,
            routes,
            context,
            identity,
            template,
            instances,
            _loaded: loaded,
        })
    }

    async fn component(
        &self,
        source: &Source,
        Seen { digest, size }: Seen,
        on_compile: impl FnOnce(),
    ) -> Result<Arc<Loaded>, LoadError> {
        if let Some(component) = self.cached(digest).await? {
            return Ok(component);
        }
        on_compile();
        let slot = self.compiler.slot(size, self.history.clone()).await;
        // Another site may have had the same component compiled in the time.
        if let Some(component) = self.cached(digest).await? {
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
        self.keep(digest, compiled).await
    }

    async fn cached(&self, digest: Digest) -> Result<Option<Arc<Loaded>>, LoadError> {
        if let Some(loaded) = self.loaded.lock().get(&digest).and_then(Weak::upgrade) {
            return Ok(Some(loaded));
        }
        let (cache, engine) = (self.cache.clone(), self.runtime.engine.clone());
        let component = self.aside(move || cache.load(&engine, &digest)).await?;
        component.map(|component| self.note(digest, component)).transpose()
    }

    /// Takes what the compiler has made, and writes it into the cache.
    async fn keep(&self, digest: Digest, compiled: Vec<u8>) -> Result<Arc<Loaded>, LoadError> {
        let (cache, engine) = (self.cache.clone(), self.runtime.engine.clone());
        let taken = self.aside(move || {
            let component = artifact::take(&engine, &compiled)
                .map_err(|error| CompileError::Unsupported(format!("{error:#}")))?;
            if let Err(error) = cache.store(&engine, &digest, &compiled) {
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

/// Sees what a component is, and links what it imports.
fn link(
    runtime: Arc<Runtime>,
    component: &Component,
    plugin: Arc<str>,
    role: Role,
    settings: &Settings,
) -> Result<(Kind, Arc<Template>), LoadError> {
    let kind = Kind::of(&runtime, component)?;
    check_imports(&runtime, component)?;
    let context = Arc::new(capability::Context {
        site: settings.site.clone(),
        plugin,
        version: VersionId::next(),
        calls: Calls::default(),
        account: settings.account.clone(),
        sockets: settings.identity.sockets.clone(),
        limits: settings.limits.clone(),
        sessions: kind.has_sessions(),
        upgrades: settings.websocket && kind.has_sessions(),
        settings: settings.plugin.clone(),
        grants: settings.grants.clone(),
        threads: settings.share.clone().map(|share| share as Arc<dyn Threads>),
    });
    let template = Template::new(runtime, component, context, settings.share.clone())
        .map_err(|error| LoadError::Link(format!("{error:#}")))?;
    check_role(role, kind, template.names_routes())?;
    if settings.plugin.fresh && kind.has_sessions() {
        return Err(LoadError::Misplaced(FRESH_WITH_SESSIONS));
    }
    Ok((kind, Arc::new(template)))
}

/// Everything that a component imports must be there; what it may do with it is [`Grants`]'.
fn check_imports(runtime: &Runtime, component: &Component) -> Result<(), LoadError> {
    let component_type = component.component_type();
    let mut imports = component_type.imports(&runtime.engine);
    match imports.find(|(name, _)| Grant::of(name) == Grant::Denied) {
        Some((name, _)) => Err(LoadError::Import(name.to_owned())),
        None => Ok(()),
    }
}

/// The routes that a component names.
async fn routes_of(template: &Arc<Template>) -> Result<Vec<NamedRoute>, LoadError> {
    let own = template.clone();
    let ask = async move { own.instantiate(None).await?.routes().await };
    let routes = at_load(template, ask).await.map_err(LoadError::Routes)?;
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

fn check_role(role: Role, kind: Kind, names_routes: bool) -> Result<(), LoadError> {
    let misplaced = match role {
        Role::Route if !kind.is_route() => {
            "is not a route: it does not export `handler`; middleware is `_middleware.wasm` or lies in \
             `middleware/`, an error handler is `_error.wasm`"
        }
        Role::Route if names_routes => "names its routes itself: move it into `plugins/`",
        Role::Plugin if !kind.is_route() => {
            "is not a route: it does not export `handler`; middleware belongs in `middleware/`"
        }
        Role::Plugin if !names_routes => {
            "does not name its routes: export `routes`, or move it into `routes/` under the name of \
             its route"
        }
        Role::Middleware if kind != Kind::Middleware => {
            "is not middleware: it does not export `lithe:plugin/middleware@0.1.0`; a route belongs in \
             `routes/` under another name"
        }
        Role::ErrorHandler if kind != Kind::ErrorHandler => {
            "is not an error handler: it does not export `lithe:plugin/error-handler@0.1.0`; a route belongs \
             into `routes/` under another name"
        }
        _ => return Ok(()),
    };
    Err(LoadError::Misplaced(misplaced))
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
