//! From a file to a plugin: read, check, compile or take from the cache, link.

mod inspect;

use std::sync::Arc;

use anyhow::Context as _;
use tokio::runtime::Handle;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::{Cache, Digest, Instances, Lineage, Plugin};
use crate::capability::account::Account;
use crate::capability::filesystem::Threads;
use crate::capability::grants::Grants;
use crate::capability::{self, Calls, VersionId};
use crate::config::{self, Limits};
use crate::runtime::{
    Failure, Kind, NamedRoute, PerConnection, Pool, Runtime, Scoped, Share, Template, Unfit,
};

pub use inspect::{Fit, Grant, Report};

/// Routes that one component may name.
const MAX_ROUTES: usize = 1_000;

/// Sessions have instances as their scope says, which outlive a call.
const FRESH_WITH_SESSIONS: &str = "has `fresh`, and sessions: of a component with `hooks`, \
    `scope = \"connection\"` gives each connection an instance of its own, and one with `session` has that \
    always";

/// The longest pattern that a component may name, in bytes.
const MAX_PATTERN: usize = 1024;

/// Loads components; one for the process.
#[derive(Clone)]
pub struct Loader {
    runtime: Arc<Runtime>,
    cache: Cache,
    threads: Handle,
    compilers: Arc<rayon::ThreadPool>,
}

/// How much compilers step back for what is being served (see `nice(2)`).
const NICENESS: i32 = 10;

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
    pub plugin: config::Plugin,
    /// What it may reach.
    pub grants: Grants,
    /// Of the version before.
    pub lineage: Lineage,
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

/// Why a file is no plugin. The message names the file's fault; the caller names the file.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot be read")]
    Read(#[from] std::io::Error),
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
    #[error("is truncated or malformed: {0}")]
    Malformed(String),
    /// The engine's pool has fewer core instances, memories or tables for one component than it has, or
    /// smaller ones; or the compiler cannot do what it asks for.
    #[error("cannot be run by this host: {0}")]
    Unsupported(String),
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
}

impl Loader {
    /// `threads` run what a component has to be asked.
    ///
    /// # Errors
    /// The threads that compile cannot be started.
    pub fn new(runtime: Arc<Runtime>, cache: Cache, threads: Handle) -> anyhow::Result<Self> {
        let compilers = rayon::ThreadPoolBuilder::new()
            .thread_name(|number| format!("compiler-{number}"))
            .start_handler(|_| step_back())
            .build()
            .context("cannot start the threads that compile")?;
        Ok(Self { runtime, cache, threads, compilers: Arc::new(compilers) })
    }

    /// Makes a plugin of a component's bytes. Compiles on the calling thread, for seconds if it is large and not in
    /// the cache: `on_compile` is told before. Must be called where blocking is allowed.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(
        &self,
        bytes: &[u8],
        name: &str,
        role: Role,
        settings: &Settings,
        on_compile: impl FnOnce(),
    ) -> Result<Plugin, LoadError> {
        let digest = Digest::of(bytes);
        let component = self.component(bytes, &digest, on_compile)?;
        let kind = Kind::of(&self.runtime, &component)?;
        self.check_imports(&component)?;
        settings.account.hide(settings.grants.hidden());
        let context = Arc::new(capability::Context {
            site: settings.site.clone(),
            plugin: name.into(),
            version: VersionId::next(),
            calls: Calls::default(),
            account: settings.account.clone(),
            sockets: settings.lineage.sockets.clone(),
            limits: settings.limits.clone(),
            sessions: kind.has_sessions(),
            upgrades: settings.websocket && kind.has_sessions(),
            settings: settings.plugin.clone(),
            grants: settings.grants.clone(),
            threads: settings.share.clone().map(|share| share as Arc<dyn Threads>),
        });
        let template = Template::new(
            self.runtime.clone(),
            &component,
            context.clone(),
            settings.share.clone(),
        )
        .map_err(|error| LoadError::Link(format!("{error:#}")))?;
        check_role(role, kind, template.names_routes())?;
        if settings.plugin.fresh && kind.has_sessions() {
            return Err(LoadError::Misplaced(FRESH_WITH_SESSIONS));
        }
        let template = Arc::new(template);
        let routes = match role {
            Role::Plugin => self.routes_of(&template)?,
            _ => Vec::new(),
        };
        let lineage = settings.lineage.clone();
        let instances = match kind {
            Kind::Route | Kind::Middleware | Kind::ErrorHandler => {
                Instances::Pool(Pool::new(template.clone()))
            }
            Kind::Hooks => {
                let own = &settings.plugin;
                let lane = &lineage.lane;
                Instances::Shared(Scoped::new(&template, lane, &own.scope, own.replicas))
            }
            Kind::Session => Instances::PerConnection(PerConnection::new(template.clone())),
        };
        Ok(Plugin { digest, kind, routes, context, lineage, template, instances })
    }

    /// Everything that a component imports must be there; what it may do with it is [`Grants`]'.
    fn check_imports(&self, component: &Component) -> Result<(), LoadError> {
        let component_type = component.component_type();
        let mut imports = component_type.imports(&self.runtime.engine);
        match imports.find(|(name, _)| Grant::of(name) == Grant::Denied) {
            Some((name, _)) => Err(LoadError::Import(name.to_owned())),
            None => Ok(()),
        }
    }

    fn routes_of(&self, template: &Arc<Template>) -> Result<Vec<NamedRoute>, LoadError> {
        let asked = template.clone();
        let ask = async move { asked.instantiate(None).await?.routes().await };
        let routes = self.threads.block_on(template.run(ask)).map_err(LoadError::Routes)?;
        let too_long = routes.iter().any(|(_, pattern)| pattern.len() > MAX_PATTERN);
        if routes.len() > MAX_ROUTES || too_long {
            return Err(LoadError::TooManyRoutes);
        }
        Ok(routes)
    }

    fn component(
        &self,
        bytes: &[u8],
        digest: &Digest,
        on_compile: impl FnOnce(),
    ) -> Result<Component, LoadError> {
        let engine = &self.runtime.engine;
        check_header(bytes)?;
        if let Some(component) = self.cache.load(engine, digest) {
            return Ok(component);
        }
        on_compile();
        let component = self.compilers.install(|| compile(engine, bytes))?;
        if let Err(error) = self.cache.store(engine, digest, &component) {
            tracing::warn!("the next start compiles again: {error:#}");
        }
        Ok(component)
    }
}

/// On Linux this is the thread's own niceness.
fn step_back() {
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!("compiling at full priority: {error}");
    }
}

/// Compiles a component.
///
/// # Errors
/// It is malformed, or it is well-formed and more than the host can run.
fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, LoadError> {
    Component::new(engine, bytes).map_err(|error| {
        let is_valid = wasmparser::Validator::new().validate_all(bytes).is_ok();
        let error = format!("{error:#}");
        if is_valid { LoadError::Unsupported(error) } else { LoadError::Malformed(error) }
    })
}

fn check_role(role: Role, kind: Kind, names_routes: bool) -> Result<(), LoadError> {
    let misplaced = match role {
        Role::Route if !kind.is_route() => {
            "is no route: it exports no `handler`; middleware is `_middleware.wasm` or lies in \
             `middleware/`, an error handler is `_error.wasm`"
        }
        Role::Route if names_routes => "names its routes itself: move it into `plugins/`",
        Role::Plugin if !kind.is_route() => {
            "is no route: it exports no `handler`; middleware belongs into `middleware/`"
        }
        Role::Plugin if !names_routes => {
            "does not name its routes: export `routes`, or move it into `routes/` under the name of \
             its route"
        }
        Role::Middleware if kind != Kind::Middleware => {
            "is no middleware: it exports no `lithe:plugin/middleware@0.1.0`; a route belongs into \
             `routes/` under another name"
        }
        Role::ErrorHandler if kind != Kind::ErrorHandler => {
            "is no error handler: it exports no `lithe:plugin/error-handler@0.1.0`; a route belongs \
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
            Err(LoadError::Malformed("the file ends in its header".to_owned()))
        }
        _ => Err(LoadError::NotWasm),
    }
}
