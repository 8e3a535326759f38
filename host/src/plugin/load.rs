//! From a file to a plugin: read, check, compile or take from the cache, link.

mod inspect;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::Handle;
use wasmtime::component::Component;

use super::cache::{Cache, Digest};
use super::{Instances, Plugin};
use crate::capability::Context;
use crate::capability::sockets::Sockets;
use crate::config::{self, Limits};
use crate::runtime::{
    Failure, Kind, NamedRoute, PerConnection, Pool, Runtime, Scoped, Template, Unfit,
};

pub use inspect::{Fit, Grant, Report};

/// Routes that one component may name.
const MAX_ROUTES: usize = 1_000;

/// The longest pattern that a component may name, in bytes.
const MAX_PATTERN: usize = 1024;

/// Loads components; one for the process.
#[derive(Clone)]
pub struct Loader {
    runtime: Arc<Runtime>,
    cache: Cache,
    threads: Handle,
}

/// What a site says of a plugin.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The site's name.
    pub site: Arc<str>,
    pub limits: Limits,
    /// Whether the site allows upgrades.
    pub websocket: bool,
    /// What the site says of this one.
    pub plugin: config::Plugin,
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
    #[error("is not WebAssembly: it does not begin with `\\0asm`")]
    NotWasm,
    #[error(
        "is a core module, not a component: build it for `wasm32-wasip2`, or wrap it by \
         `wasm-tools component new`"
    )]
    CoreModule,
    #[error("is truncated or malformed: {0}")]
    Malformed(String),
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
    pub fn new(runtime: Arc<Runtime>, cache: Cache, threads: Handle) -> Self {
        Self { runtime, cache, threads }
    }

    /// Loads one component. Compiles on the calling thread, for seconds if it is large and not in
    /// the cache: `on_compile` is told before. Must be called where blocking is allowed.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(
        &self,
        file: &Path,
        name: &str,
        role: Role,
        settings: &Settings,
        on_compile: impl FnOnce(),
    ) -> Result<Plugin, LoadError> {
        let bytes = std::fs::read(file)?;
        let digest = Digest::of(&bytes);
        let component = self.component(&bytes, &digest, on_compile)?;
        let kind = Kind::of(&self.runtime, &component)?;
        let context = Arc::new(Context {
            site: settings.site.clone(),
            plugin: name.into(),
            sockets: Sockets::new(&settings.limits),
            limits: settings.limits.clone(),
            sessions: kind.has_sessions(),
            upgrades: settings.websocket && kind.has_sessions(),
            settings: settings.plugin.clone(),
        });
        let template = Template::new(self.runtime.clone(), &component, context.clone())
            .map_err(|error| LoadError::Link(format!("{error:#}")))?;
        check_role(role, kind, template.names_routes())?;
        let routes = match role {
            Role::Plugin => self.routes_of(&template)?,
            _ => Vec::new(),
        };
        let template = Arc::new(template);
        let instances = match kind {
            Kind::Route | Kind::Middleware | Kind::ErrorHandler => {
                Instances::Pool(Pool::new(template))
            }
            Kind::Hooks => {
                let own = &settings.plugin;
                Instances::Shared(Scoped::new(&template, &own.scope, own.replicas))
            }
            Kind::Session => Instances::PerConnection(PerConnection::new(template)),
        };
        Ok(Plugin { digest, kind, routes, context, instances })
    }

    fn routes_of(&self, template: &Template) -> Result<Vec<NamedRoute>, LoadError> {
        let ask = async { template.instantiate(None).await?.routes().await };
        let routes = self.threads.block_on(ask).map_err(LoadError::Routes)?;
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
        let component = Component::new(engine, bytes)
            .map_err(|error| LoadError::Malformed(format!("{error:#}")))?;
        if let Err(error) = self.cache.store(engine, digest, &component) {
            tracing::warn!("the next start compiles again: {error:#}");
        }
        Ok(component)
    }

    /// Where compiled components are kept when nothing else is said: the user's cache folder.
    pub fn default_cache_folder() -> PathBuf {
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
        let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
        base.unwrap_or_else(std::env::temp_dir).join("lithe")
    }
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
