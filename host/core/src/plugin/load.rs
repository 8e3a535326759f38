//! Turns a file into a plugin: read, check, compile or take from the cache, link.
//!
//! Each step has a bound, and all end when nobody waits for the plugin any longer.

mod inspect;
mod link;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use bytesize::ByteSize;
use parking_lot::Mutex;
use wasmtime::component::Component;

use super::artifact;
use super::aside::{Aside, AsideError};
use super::compile::{CompileError, Compiler, Compiling, Effort, History};
use super::handler::Handler;
use super::source::Source;
use super::{Cache, Digest, Instances, PluginIdentity, PluginVersion};
use crate::capability::account::{Account, Held, Over};
use crate::capability::grants::Grants;
use crate::config::{self, Limits};
use crate::descriptors::{self, Descriptor};
use crate::files::FileError;
use crate::lease::Leases;
use crate::runtime::{Failure, NamedRoute, Runtime, Share, Unfit, at_load};

pub use inspect::{Fit, Grant, Inspection};
use link::link;

/// How many routes one component may name. The routes of all components have bounds together
/// (`router::Totals`).
const MAX_ROUTES: usize = 1_000;

/// The longest pattern, and the longest method, that a component may name, in bytes.
const MAX_PATTERN: usize = 1024;

/// Loads components. A process has one loader, and each of several sites has a clone of it.
#[derive(Clone)]
pub struct Loader {
    runtime: Arc<Runtime>,
    cache: Cache,
    compiler: Arc<Compiler>,
    max_component: ByteSize,
    aside: Aside,
    /// The components in memory, by the digest of their files. Each is in memory once, however many
    /// plugins use it.
    loaded: Arc<Mutex<HashMap<Digest, Weak<Loaded>>>>,
    history: History,
}

/// What any version takes, in bytes, and which part of its compiled code the rest is: as components
/// of 250 KiB and of 20 MiB show.
const VERSION: usize = 128 * 1024;
const CODE: usize = 20;

/// A component in memory. The system keeps a file open for it.
pub(crate) struct Loaded {
    component: Component,
    _descriptor: Descriptor,
}

impl Loaded {
    fn new(component: Component) -> Result<Arc<Self>, LoadError> {
        let descriptor = descriptors::try_one_for_component();
        let _descriptor = descriptor.ok_or(LoadError::Descriptors)?;
        Ok(Arc::new(Self { component, _descriptor }))
    }

    /// What a version of it takes in memory, in bytes: what the runtime knows about it. The code
    /// itself is mapped from the cache's file, and the system may drop it at any time.
    fn weight(&self) -> usize {
        let image = self.component.image_range();
        let code = image.end.addr().saturating_sub(image.start.addr());
        VERSION.saturating_add(code / CODE)
    }
}

/// A component's file that has been read and hashed.
#[derive(Clone, Copy, Debug)]
pub struct HashedFile {
    pub digest: Digest,
    /// The file's length in bytes.
    pub size: u64,
}

/// The site's settings for a plugin.
#[derive(Clone)]
pub struct Settings {
    /// The site's name.
    pub site: Arc<str>,
    pub limits: Limits,
    /// What the site has used of its limits.
    pub account: Arc<Account>,
    /// Whether the site allows upgrades.
    pub websocket: bool,
    /// The settings for this plugin.
    pub plugin: config::PluginConfig,
    /// What it may reach.
    pub grants: Grants,
    /// The identity of the plugin, from its previous version.
    pub identity: PluginIdentity,
    /// The site's share of the machine, if it has neighbours.
    pub share: Option<Arc<Share>>,
}

/// What a component's place in the site makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// In `routes/`: one route, which the file names.
    Route,
    /// In `plugins/`: the routes that the component names.
    Plugin,
    /// In `middleware/`, or `_middleware` below `routes/`.
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
         imports, and which of that the host has)"
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
    #[error(
        "cannot be loaded beside the site's other versions: {0}. Raise `{limit}`, or remove components",
        limit = .0.limit
    )]
    Memory(Over),
    #[error(transparent)]
    Aside(#[from] AsideError),
}

impl Loader {
    /// A loader that compiles as `compiling` says, within these bounds.
    pub fn new(
        runtime: Arc<Runtime>,
        cache: Cache,
        compiling: Compiling,
        bounds: config::Compile,
    ) -> Self {
        let max_component = bounds.component;
        let compiler = Arc::new(Compiler::new(compiling, bounds));
        Self {
            runtime,
            cache,
            compiler,
            max_component,
            aside: Aside::new(),
            loaded: Arc::default(),
            history: History::default(),
        }
    }

    /// The loader of one of several sites, which is charged for the work.
    pub fn for_site(&self, share: Arc<Share>) -> Self {
        let aside = self.aside.for_site(share);
        Self { history: History::default(), aside, ..self.clone() }
    }

    /// See [`Aside::run`].
    ///
    /// # Errors
    /// It panics, or the host is ending.
    pub async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AsideError> {
        self.aside.run(work).await
    }

    /// See [`Aside::run_for_long`].
    ///
    /// # Errors
    /// As [`Loader::aside`].
    pub async fn aside_for_long<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AsideError> {
        self.aside.run_for_long(work).await
    }

    /// The largest component: `compile.component`.
    pub fn max_component(&self) -> ByteSize {
        self.max_component
    }

    /// Reads and hashes a component's file.
    ///
    /// # Errors
    /// It cannot be read, is too large, or does not begin like a component.
    pub async fn look(&self, source: &Source) -> Result<HashedFile, LoadError> {
        let (source, max) = (source.clone(), self.max_component);
        self.aside(move || {
            let bytes = read(&source, max)?;
            Ok(HashedFile { digest: Digest::of(&bytes), size: bytes.len() as u64 })
        })
        .await?
    }

    /// Makes a plugin from a file that [`Loader::look`] has read. If the cache does not have it, it
    /// is compiled, and `on_compile` is called before.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub async fn load(
        &self,
        source: &Source,
        seen: HashedFile,
        name: &str,
        role: Role,
        settings: &Settings,
        on_compile: impl FnOnce(),
    ) -> Result<PluginVersion, LoadError> {
        let loaded = self.component(source, seen, on_compile).await?;
        let (runtime, own, plugin) = (self.runtime.clone(), settings.clone(), name.into());
        let component = loaded.component.clone();
        // How long this takes depends on the component, within the bounds on its compiled form.
        let linked = self.aside(move || link(runtime, &component, plugin, role, &own)).await?;
        let (context, instances) = linked?;
        let routes = match (role, &instances) {
            (Role::Plugin, Instances::Handler(handler)) => routes_of(handler, settings).await?,
            _ => Vec::new(),
        };
        let mut charge = context.account.memory().charge(Held::Versions);
        charge.try_set(loaded.weight()).map_err(LoadError::Memory)?;
        Ok(PluginVersion {
            digest: seen.digest,
            routes,
            context,
            identity: settings.identity.clone(),
            share: settings.share.clone(),
            instances,
            leases: Leases::default(),
            began_empty: OnceLock::new(),
            _loaded: loaded,
            _charge: charge,
        })
    }

    async fn component(
        &self,
        source: &Source,
        HashedFile { digest, size }: HashedFile,
        on_compile: impl FnOnce(),
    ) -> Result<Arc<Loaded>, LoadError> {
        let effort = self.compiler.effort(size);
        if let Some(component) = self.cached(digest, effort).await? {
            return Ok(component);
        }
        on_compile();
        let slot = self.compiler.slot(size, self.history.clone()).await;
        // Another site may have had the same component compiled by now.
        if let Some(component) = self.cached(digest, effort).await? {
            return Ok(component);
        }
        // The bytes are read only now, so that a site that waits for the compiler holds no memory.
        let (source, max) = (source.clone(), self.max_component);
        let bytes = self.aside(move || {
            let bytes = read(&source, max)?;
            match Digest::of(&bytes) == digest {
                true => Ok(bytes),
                false => Err(LoadError::Changed),
            }
        });
        let bytes = bytes.await??;
        let compiled = self.compiler.compile(&self.runtime.engine, bytes, effort, slot).await?;
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

    /// Loads what the compiler has made, and writes it into the cache.
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

    /// Registers a component that is in memory. Another task may have loaded it in the meantime.
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
    match are_too_many(&routes) {
        true => Err(LoadError::TooManyRoutes),
        false => Ok(routes),
    }
}

fn are_too_many(routes: &[NamedRoute]) -> bool {
    let is_long = |text: &str| text.len() > MAX_PATTERN;
    let is_too_long = |(method, pattern): &NamedRoute| {
        is_long(pattern) || method.as_ref().is_some_and(|method| is_long(method))
    };
    routes.len() > MAX_ROUTES || routes.iter().any(is_too_long)
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

/// Core modules and components differ in the layer field after the version (component-model binary
/// format, preamble).
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_names_so_many_routes_of_such_lengths() {
        let route = |method: usize, pattern: usize| (Some("M".repeat(method)), "p".repeat(pattern));
        assert!(!are_too_many(&vec![route(MAX_PATTERN, MAX_PATTERN); MAX_ROUTES]));
        assert!(are_too_many(&vec![route(1, 1); MAX_ROUTES + 1]));
        assert!(are_too_many(&[route(MAX_PATTERN + 1, 1)]));
        assert!(are_too_many(&[route(1, MAX_PATTERN + 1)]));
    }
}
