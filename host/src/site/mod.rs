//! A site: a folder with `lithe.toml`, `routes/` and `public/`, read into what the pipeline serves.

mod build;
#[path = "build/guest.rs"]
pub mod guest;
mod scan;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use http::Method;

use crate::config::{self, Config};
use crate::pipeline::{Public, Tenant};
use crate::plugin::{Digest, Loader, Plugin, Settings};
use crate::router::{Pattern, Router, ScopeKind, Scopes};
use scan::{Found, Place};

pub use build::{BuildError, build, build_changed};
pub use watch::Watcher;

/// A site on disk.
#[derive(Clone, Debug)]
pub struct Site {
    pub root: PathBuf,
    pub config: Config,
    pub name: Arc<str>,
}

impl Site {
    /// Reads the site's settings.
    ///
    /// # Errors
    /// The folder does not exist, or its `lithe.toml` is not right.
    pub fn open(root: &Path) -> anyhow::Result<Self> {
        let shown = root.display();
        let root = root
            .canonicalize()
            .with_context(|| format!("there is no site at `{shown}`: name a folder that exists"))?;
        if !root.is_dir() {
            bail!("`{shown}` is not a folder: name the folder that has `routes/`");
        }
        let config = Config::load(&root)?;
        let folder = root.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = config.name.clone().or(folder).unwrap_or_else(|| "site".to_owned());
        Ok(Self { root, config, name: name.into() })
    }

    /// Loads every route's component; one that `before` has with the same content and settings is
    /// kept, with its instances and sockets. Blocks while components are compiled; `on_compile` is
    /// told of each before.
    ///
    /// # Errors
    /// A file below `routes/` is no route, is no component that fits, or conflicts with another: the
    /// message names the files and what would be right.
    pub fn load(
        &self,
        loader: &Loader,
        before: Option<&Tenant>,
        on_compile: &dyn Fn(&str),
    ) -> anyhow::Result<Tenant> {
        let case_sensitive = self.config.case_sensitive;
        let mut tenant = Tenant {
            name: self.name.clone(),
            limits: self.config.limits.clone(),
            deflate: self.config.deflate,
            body_time: self.config.server.body_time,
            trusted_proxies: self.config.server.trusted_proxies.clone(),
            router: Router::new(case_sensitive),
            global: Vec::new(),
            middleware: Scopes::new(case_sensitive),
            errors: Scopes::new(case_sensitive),
            public: Public::new(&self.root.join("public")),
            plugins: Vec::new(),
        };
        let components = scan::components(&self.root)?;
        let named = |file: &String| components.iter().any(|found| found.file == *file);
        if let Some(file) = self.config.plugin.keys().find(|file| !named(file)) {
            bail!("`{}` has settings for `{file}`, which is no component of it", config::FILE_NAME);
        }
        for found in components {
            let file = &found.file;
            let settings = Settings {
                site: self.name.clone(),
                limits: self.config.limits.clone(),
                websocket: self.config.websocket,
                plugin: self.config.plugin.get(file).cloned().unwrap_or_default(),
            };
            let plugin = match before.and_then(|before| unchanged(before, &self.root, file)) {
                Some(plugin) if same_settings(&plugin, &settings) => plugin,
                _ => {
                    let path = self.root.join(file);
                    let compiling = || on_compile(file);
                    let loaded = loader.load(&path, file, found.role(), &settings, compiling);
                    Arc::new(loaded.with_context(|| format!("`{file}`"))?)
                }
            };
            add(&mut tenant, found, plugin)?;
        }
        Ok(tenant)
    }
}

/// Adds a component where its place says.
fn add(tenant: &mut Tenant, found: Found, plugin: Arc<Plugin>) -> anyhow::Result<()> {
    tenant.plugins.push(plugin.clone());
    match found.place {
        Place::Global => tenant.global.push(plugin),
        Place::Scoped(scope) => {
            let scopes = match scope.kind {
                ScopeKind::Middleware => &mut tenant.middleware,
                ScopeKind::Error => &mut tenant.errors,
            };
            scopes.insert(scope.method, &scope.pattern, plugin);
        }
        Place::Route(route) => add_route(tenant, &plugin, route.method, route.pattern)?,
        Place::Plugin => {
            for (method, pattern) in plugin.routes() {
                let file = &found.file;
                let parsed = Pattern::parse(pattern)
                    .with_context(|| format!("`{file}` names the route `{pattern}`"))?;
                let method = method.as_deref().map(|name| name.to_ascii_uppercase().parse());
                let method = method.transpose().with_context(|| {
                    format!("`{file}` names a method for `{pattern}` that is none")
                })?;
                add_route(tenant, &plugin, method, parsed)?;
            }
        }
    }
    Ok(())
}

fn add_route(
    tenant: &mut Tenant,
    plugin: &Arc<Plugin>,
    method: Option<Method>,
    pattern: Pattern,
) -> anyhow::Result<()> {
    tenant.router.insert(method, pattern, plugin.clone()).map_err(|(conflict, other)| {
        let (file, other) = (&plugin.context().plugin, &other.context().plugin);
        anyhow::anyhow!("`{file}` and `{other}`: {conflict}")
    })
}

/// The plugin that was loaded from this file, if the file still has the same content.
fn unchanged(before: &Tenant, root: &Path, file: &str) -> Option<Arc<Plugin>> {
    let plugin = before.plugins.iter().find(|plugin| *plugin.context().plugin == *file)?;
    let bytes = std::fs::read(root.join(file)).ok()?;
    (Digest::of(&bytes) == *plugin.digest()).then(|| plugin.clone())
}

fn same_settings(plugin: &Plugin, settings: &Settings) -> bool {
    let context = plugin.context();
    let upgrades = settings.websocket && plugin.kind().has_sessions();
    *context.site == *settings.site
        && context.limits == settings.limits
        && context.settings == settings.plugin
        && context.upgrades == upgrades
}
