//! A site: a folder with `lithe.toml`, `routes/` and `public/`, read into what the pipeline serves,
//! and updated when something is deployed.

mod manager;
mod neighbours;
mod report;
mod scan;
mod sites;
mod staged;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::Method;

use crate::capability::account::HostMemory;
use crate::capability::grants::{self, Grants, SecretsRoom};
use crate::config::{self, Config, HostConfig, Lowered, Scope, SiteConfig};
use crate::descriptors;
use crate::files::{FileError, Folder, Writable};
use crate::lease::Lease;
use crate::log;
use crate::pipeline::{Public, SitePlugin, SiteSnapshot};
use crate::plugin::{
    Account, Handler, HashedFile, Instances, Loader, PluginIdentity, PluginVersion, Role, Settings,
    Share, Source,
};
use lithe_router::{Pattern, Router, Scopes, Totals};
use scan::{ComponentFile, Place};

pub use manager::{DeployError, ProgressReports, SiteManager, Terms};
pub use report::{
    CanaryStatus, Change, DrainingStatus, LoweredStatus, MemoryStatus, Report, Serving, Status,
};
pub use scan::{components, role_of};
pub(crate) use sites::identities;
pub use sites::{NotServed, Root, Sites, find};
pub use staged::{MAX_DEPLOY, clean, recover};
pub use watch::{Watcher, tell_all};

/// How to load a site.
pub struct Loading<'l> {
    /// Loads the components.
    pub loader: &'l Loader,
    /// The current snapshot. Whatever has the same content and settings is kept, with its instances
    /// and sockets.
    pub before: Option<&'l SiteSnapshot>,
    /// Called before a component is compiled.
    pub on_compile: &'l (dyn Fn(&str) + Send + Sync),
}

/// Components, by their files, that the site's folder does not have, or not yet.
pub type Given = BTreeMap<String, Bytes>;

/// A site on disk.
#[derive(Clone, Debug)]
pub struct SiteDir {
    /// The folder's path.
    pub root: PathBuf,
    /// Everything of the site is opened beneath it.
    pub folder: Folder,
    /// The site's own settings.
    pub config: SiteConfig,
    /// The settings of the host that serves it.
    pub host: Arc<HostConfig>,
    /// The name in the log.
    pub name: Arc<str>,
    /// What the operator's caps have lowered in the settings.
    pub lowered: Vec<Lowered>,
    /// What the site has used of its limits.
    pub account: Arc<Account>,
    tenancy: Tenancy,
    /// The folders that its settings let guests write to: nothing of the site is read there.
    _writable: Vec<Arc<Writable>>,
}

/// Whether a site has the host for itself.
#[derive(Clone, Debug)]
enum Tenancy {
    Alone,
    /// It is one of several.
    Among {
        /// Its share of the machine.
        share: Arc<Share>,
        /// The settings of the host as they are now.
        host: Rules,
    },
}

/// The settings of a host of several sites, which the operator may change while it runs.
pub(crate) type Rules = tokio::sync::watch::Receiver<Arc<HostConfig>>;

impl SiteDir {
    /// Opens a host's only site.
    ///
    /// # Errors
    /// The folder does not exist, or its `lithe.toml` is invalid.
    pub fn open(root: &Path) -> anyhow::Result<Self> {
        let (root, folder) = locate(root)?;
        Self::only(root, folder)
    }

    fn only(root: PathBuf, folder: Folder) -> anyhow::Result<Self> {
        let Config { host, site: config } = Config::load(&folder)?;
        if let Err(error) = host.tenants.validate_alone() {
            // In a folder of sites these settings are right, and the folder is the wrong one.
            find(&root)?;
            return Err(error);
        }
        let own = root.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = config.name.clone().or(own).unwrap_or_else(|| "site".to_owned());
        let name: Arc<str> = name.into();
        let memory = HostMemory::new(host.host.memory()?);
        let (host, account) = (Arc::new(host), Account::alone(name.clone(), memory));
        let (tenancy, _writable) = (Tenancy::Alone, writable(&folder, &config)?);
        let lowered = Vec::new();
        Ok(Self { root, folder, config, host, name, lowered, account, tenancy, _writable })
    }

    /// Opens one of several sites. If it does not set `hosts`, its folder's name is its host.
    /// `account` gives the account for its name.
    fn among(
        root: &Path,
        rules: &Rules,
        share: &Arc<Share>,
        account: impl FnOnce(Arc<str>) -> Arc<Account>,
    ) -> anyhow::Result<Self> {
        let (root, folder) = locate(root)?;
        let own = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let host = rules.borrow().clone();
        let (mut config, lowered) = SiteConfig::load(&folder, &host.tenants.caps_of(&own))?;
        config.hosts = neighbours::hosts_of(&own, &config, &host.tenants)?;
        let name = neighbours::log_name(&own, config.name.as_deref());
        let account = account(name.clone());
        let tenancy = Tenancy::Among { share: share.clone(), host: rules.clone() };
        let _writable = writable(&folder, &config)?;
        Ok(Self { root, folder, config, host, name, lowered, account, tenancy, _writable })
    }

    /// The site as it is, under caps that the operator has changed. None if they are the same. A
    /// setting that is over its cap is lowered, even one that the site wrote.
    fn under_new_caps(&self) -> Option<Self> {
        let Tenancy::Among { host: rules, .. } = &self.tenancy else { return None };
        let (host, folder) = (rules.borrow().clone(), self.folder_name());
        let caps = host.tenants.caps_of(&folder);
        if caps == self.host.tenants.caps_of(&folder) {
            return None;
        }
        let mut site = Self { host, ..self.clone() };
        for lowered in caps.lower(&mut site.config) {
            // The first value is the site's own.
            match site.lowered.iter_mut().find(|before| before.setting == lowered.setting) {
                Some(before) => before.to = lowered.to,
                None => site.lowered.push(lowered),
            }
        }
        Some(site)
    }

    /// Reads the settings again.
    ///
    /// # Errors
    /// As [`SiteDir::open`].
    pub fn reopen(&self) -> anyhow::Result<Self> {
        match &self.tenancy {
            Tenancy::Alone => Ok(Self { account: self.account.clone(), ..Self::open(&self.root)? }),
            // A second account would take a part of the host's memory from all sites.
            Tenancy::Among { share, host } => {
                Self::among(&self.root, host, share, |_| self.account.clone())
            }
        }
    }

    /// Warns if the only site's file has other settings of the host: they take effect at the next
    /// start.
    fn warn_of_restart(&self, before: &Self) {
        let mut now = HostConfig::clone(&self.host);
        // These two belong to the site, too.
        let (server, old) = (&mut now.server, &before.host.server);
        server.body_time = old.body_time;
        server.trusted_proxies.clone_from(&old.trusted_proxies);
        server.proxy_header = old.proxy_header;
        if let Some(text) = before.host.waits_for_restart(&now) {
            tracing::warn!(site = &*self.name, "{text}");
        }
    }

    /// From now on, lines about the site are charged to it. An event may name it by either name.
    fn enter_log(&self) {
        self.account.set_limits(&self.config.limits);
        [&self.name, &self.folder_name()]
            .into_iter()
            .for_each(|name| log::register(name, &self.account));
    }

    /// The name of its folder.
    fn folder_name(&self) -> Arc<str> {
        self.root.file_name().unwrap_or_default().to_string_lossy().into()
    }

    /// What it may use of the machine, if it has neighbours.
    fn share(&self) -> Option<Arc<Share>> {
        match &self.tenancy {
            Tenancy::Alone => None,
            Tenancy::Among { share, .. } => Some(share.clone()),
        }
    }

    /// Loads every component in the folder.
    ///
    /// # Errors
    /// A file below `routes/` is not a route, is not a component that fits, or conflicts with
    /// another. The message names the files and what would be right.
    pub async fn load(&self, loading: &Loading<'_>) -> anyhow::Result<SiteSnapshot> {
        let folder = self.folder.clone();
        let components = loading.loader.aside(move || scan::components(&folder)).await??;
        let of = |found: &ComponentFile, name: &str| self.config.plugin_of(&found.file) == name;
        let is_there = |name: &String| components.iter().any(|found| of(found, name));
        if let Some(name) = self.config.plugin.keys().find(|name| !is_there(name)) {
            let all: BTreeSet<_> =
                components.iter().map(|found| self.config.plugin_of(&found.file)).collect();
            bail!(
                "`{}` has settings for `{name}`, which is not a component of the site: it has {}",
                config::FILE_NAME,
                some_of(all.into_iter())
            );
        }
        self.assemble(components, loading, |file| Some(self.source(file))).await
    }

    /// Where to read a component of the folder.
    pub fn source(&self, file: &str) -> Source {
        Source::File { folder: self.folder.clone(), path: file.to_owned() }
    }

    /// Loads what is given, and keeps everything else.
    ///
    /// # Errors
    /// As [`SiteDir::load`]; or what is given is not a component's path.
    pub async fn load_given(
        &self,
        given: &Given,
        loading: &Loading<'_>,
    ) -> anyhow::Result<SiteSnapshot> {
        let before = loading.before.iter().flat_map(|before| &before.plugins);
        let before = before.flat_map(|plugin| &plugin.files);
        let files: BTreeSet<String> = before.chain(given.keys()).cloned().collect();
        // In the order of a scan, because middleware runs in the order of its names.
        let all = move || scan::all(files.iter().map(String::as_str));
        let components = loading.loader.aside(all).await??;
        self.assemble(components, loading, |file| given.get(file).cloned().map(Source::Given)).await
    }

    /// Takes a component that is given for one file of a plugin, or for the plugin by its name, for
    /// all files of the plugin.
    ///
    /// # Errors
    /// Different components are given for files of the same plugin.
    fn spread(&self, given: Given) -> anyhow::Result<Given> {
        let mut spread = Given::new();
        for (name, bytes) in given {
            let plugin = self.config.plugin_of(&name).to_owned();
            let shared = self.config.build.iter();
            let shared = shared.filter(|(_, build)| build.plugin.as_ref() == Some(&plugin));
            let mut files: Vec<String> =
                shared.filter_map(|(file, _)| file.to_str().map(str::to_owned)).collect();
            if files.is_empty() {
                files.push(name);
            }
            for file in files {
                let other = spread.insert(file, bytes.clone());
                anyhow::ensure!(
                    other.is_none_or(|other| other == bytes),
                    "the files of the plugin `{plugin}` are one component: give one for all"
                );
            }
        }
        Ok(spread)
    }

    /// The site's `public/`. An existing one is kept: it is read again separately.
    async fn public(&self, loading: &Loading<'_>) -> anyhow::Result<Public> {
        if let Some(before) = loading.before {
            return Ok(before.public.clone());
        }
        let (name, root) = (self.name.clone(), self.root.clone());
        let opened = loading.loader.aside(move || Public::open(name, root)).await?;
        opened.context("cannot read `public/`")
    }

    /// `source` says where to read a component. If it does not know the component, the component
    /// stays as it was.
    async fn assemble(
        &self,
        components: Vec<ComponentFile>,
        loading: &Loading<'_>,
        source: impl Fn(&str) -> Option<Source>,
    ) -> anyhow::Result<SiteSnapshot> {
        self.enter_log();
        let max = descriptors::components_of_site();
        if matches!(self.tenancy, Tenancy::Among { .. }) && components.len() > max {
            bail!(
                "the site has {} components, and one of several sites may have {max}, by the host's limit of open \
                 files: raise that (`ulimit -n`), or remove components",
                components.len()
            );
        }
        let components = self.planned(components)?;
        // Before any component runs, so that secrets in its output are hidden.
        let granted = self.grants(&components, loading.loader).await?;
        let case_sensitive = self.config.case_sensitive;
        let snapshot = SiteSnapshot {
            name: self.name.clone(),
            limits: self.config.limits.clone(),
            account: self.account.clone(),
            share: self.share(),
            deflate: self.config.deflate,
            body_time: self.host.server.body_time,
            trusted_proxies: self.host.server.trusted_proxies.clone(),
            proxy_header: self.host.server.proxy_header,
            router: Router::new(case_sensitive),
            global: Vec::new(),
            middleware: Scopes::new(case_sensitive),
            errors: Scopes::new(case_sensitive),
            public: self.public(loading).await?,
            plugins: Vec::new(),
        };
        let mut assembly = Assembly { snapshot, totals: Totals::default() };
        for (planned, grants) in components.into_iter().zip(granted) {
            // Boxed: it is large, and so would be everything that waits for it.
            let version = Box::pin(self.version(&planned, grants, &source, loading)).await?;
            let requires_state = self.requires_state(&planned.name);
            // Parsing its routes may take a while.
            let add = move || assembly.add(planned, version, requires_state).map(|()| assembly);
            assembly = loading.loader.aside(add).await??;
        }
        Ok(assembly.snapshot)
    }

    /// The plugins that these components are, each where its first file is.
    fn planned(&self, components: Vec<ComponentFile>) -> anyhow::Result<Vec<Planned>> {
        let mut plugins: Vec<Planned> = Vec::new();
        for found in components {
            let name = self.config.plugin_of(&found.file);
            if name == found.file {
                plugins.push(Planned { name: name.to_owned(), files: vec![found] });
                continue;
            }
            if !matches!(found.place, Place::Route(_)) {
                bail!("`{}` is not a route: only routes share a plugin, as `{name}`", found.file);
            }
            match plugins.iter_mut().find(|own| own.name == name) {
                Some(own) => own.files.push(found),
                None => plugins.push(Planned { name: name.to_owned(), files: vec![found] }),
            }
        }
        Ok(plugins)
    }

    /// Whether the memory of this plugin has to move.
    fn requires_state(&self, plugin: &str) -> bool {
        self.config.plugin.get(plugin).is_some_and(|own| own.require_state)
    }

    /// The plugin's version: the current one if nothing of it has changed. All files whose source
    /// is known are one component.
    async fn version(
        &self,
        planned: &Planned,
        grants: Grants,
        source: &impl Fn(&str) -> Option<Source>,
        loading: &Loading<'_>,
    ) -> anyhow::Result<Arc<PluginVersion>> {
        let (name, loader) = (&planned.name, loading.loader);
        let before = loading.before.and_then(|before| before.plugin(name));
        let mut read: Option<(&str, Source, HashedFile)> = None;
        for found in &planned.files {
            let file = &*found.file;
            let Some(source) = source(file) else { continue };
            let seen = loader.look(&source).await.with_context(|| format!("`{file}`"))?;
            match &read {
                None => read = Some((file, source, seen)),
                Some((_, _, first)) if first.digest == seen.digest => {}
                Some((first, ..)) => bail!(
                    "`{first}` and `{file}` are of the plugin `{name}`, and not the same component: build both, or \
                     name one of them in `lithe deploy`, which writes all"
                ),
            }
        }
        let Some((_, source, seen)) = read else {
            return before.cloned().with_context(|| format!("`{name}` does not exist"));
        };
        let settings = Settings {
            site: self.name.clone(),
            limits: self.config.limits.clone(),
            account: self.account.clone(),
            websocket: self.config.websocket,
            grants,
            plugin: self.config.plugin.get(name).cloned().unwrap_or_default(),
            identity: before
                .map_or_else(PluginIdentity::default, |before| before.identity().clone()),
            share: self.share(),
        };
        if let Some(before) = before
            && *before.digest() == seen.digest
            && same_settings(before, &settings)
        {
            return self.checked(before.clone());
        }
        let compiling = || (loading.on_compile)(name);
        let loaded = loader.load(&source, seen, name, planned.role(), &settings, compiling).await;
        self.checked(Arc::new(loaded.with_context(|| format!("`{name}`"))?))
    }

    /// Checks that a version exports `state` if its plugin's memory has to move.
    fn checked(&self, version: Arc<PluginVersion>) -> anyhow::Result<Arc<PluginVersion>> {
        if self.requires_state(&version.context().plugin) {
            version.check_state()?;
        }
        Ok(version)
    }

    /// Resolves what each of these components may reach. From now on, the log shows none of their
    /// secrets.
    async fn grants(&self, plugins: &[Planned], loader: &Loader) -> anyhow::Result<Vec<Grants>> {
        let names: Vec<String> = plugins.iter().map(|planned| planned.name.clone()).collect();
        let site = self.clone();
        let resolve = move || {
            let mut room = SecretsRoom::default();
            let granted = names.iter().map(|name| site.grants_of(name, &mut room));
            let granted = granted.collect::<anyhow::Result<Vec<Grants>>>()?;
            let secrets: Vec<_> = granted.iter().map(|own| own.hidden().clone()).collect();
            site.account.hide(&secrets)?;
            anyhow::Ok(granted)
        };
        loader.aside(resolve).await?
    }

    fn grants_of(&self, plugin: &str, room: &mut SecretsRoom) -> anyhow::Result<Grants> {
        let may_read = |variable: &str| match &self.tenancy {
            Tenancy::Alone => true,
            Tenancy::Among { .. } => {
                self.host.tenants.environment.iter().any(|own| own == variable)
            }
        };
        let own = self.config.plugin.get(plugin).cloned().unwrap_or_default();
        Grants::resolve(&own, &self.folder, &self.account, room, may_read)
            .with_context(|| format!("`{plugin}` in `{}`", config::FILE_NAME))
    }
}

/// Lists names for a message: a few of them.
fn some_of<'n>(names: impl Iterator<Item = &'n str>) -> String {
    /// How many are shown.
    const SHOWN: usize = 8;
    let mut names = names;
    let shown: Vec<_> = names.by_ref().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = names.count();
    let rest = if more > 0 { format!(", and {more} more") } else { String::new() };
    shown.join(", ") + &rest
}

/// Opens the site's folder. Returns its path, too.
fn locate(root: &Path) -> anyhow::Result<(PathBuf, Folder)> {
    let shown = root.display();
    let root = absolute(root)
        .with_context(|| format!("there is no site at `{shown}`: name a folder that exists"))?;
    if !root.is_dir() {
        bail!("`{shown}` is not a folder: name the folder that has `routes/`");
    }
    let folder = Folder::open(&root).with_context(|| format!("cannot open `{shown}`"))?;
    Ok((root, folder))
}

/// The folders that a site's settings let guests write to. The settings themselves must not lie
/// there.
fn writable(site: &Folder, config: &SiteConfig) -> anyhow::Result<Vec<Arc<Writable>>> {
    let shown = || site.path().join(config::FILE_NAME).display().to_string();
    let writable = grants::writable(site, &config.plugin);
    let writable = writable.with_context(|| format!("`{}` is invalid", shown()))?;
    match site.kind(config::FILE_NAME) {
        Err(error @ FileError::Writable(_)) => {
            Err(error).with_context(|| format!("cannot read `{}`", shown()))
        }
        _ => Ok(writable),
    }
}

/// The absolute path. Links in it stay, because they may lead to another folder tomorrow.
fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    path.metadata()?;
    match path.file_name() {
        Some(_) => std::path::absolute(path),
        // The path is `.` or `..`, which could not be the site's name.
        None => path.canonicalize(),
    }
}

/// A site that is being assembled.
struct Assembly {
    snapshot: SiteSnapshot,
    /// Counts all patterns that are in it.
    totals: Totals,
}

/// A plugin of a site, and the files that it is in: one, but for a plugin that routes share.
struct Planned {
    name: String,
    files: Vec<ComponentFile>,
}

impl Planned {
    /// What its component must be.
    fn role(&self) -> Role {
        self.files.first().map_or(Role::Route, ComponentFile::role)
    }
}

impl Assembly {
    /// Adds a plugin at the places of its files.
    fn add(
        &mut self,
        planned: Planned,
        version: Arc<PluginVersion>,
        requires_state: bool,
    ) -> anyhow::Result<()> {
        check_scope(&planned, &version)?;
        let files = planned.files.iter().map(|found| found.file.clone()).collect();
        let plugin = SitePlugin { version: Lease::of(&version), files, requires_state };
        self.snapshot.plugins.push(plugin);
        planned.files.into_iter().try_for_each(|found| self.add_file(found, &version))
    }

    fn add_file(&mut self, found: ComponentFile, plugin: &PluginVersion) -> anyhow::Result<()> {
        let file = &found.file;
        match (found.place, plugin.instances()) {
            (Place::Global, Instances::Middleware(own)) => self.snapshot.global.push(own.clone()),
            (Place::Scoped(scope), Instances::Middleware(own)) => {
                self.count(file, scope.method.as_ref(), &scope.pattern)?;
                self.snapshot.middleware.insert(scope.method, &scope.pattern, own.clone());
            }
            (Place::Scoped(scope), Instances::ErrorHandler(own)) => {
                self.count(file, scope.method.as_ref(), &scope.pattern)?;
                self.snapshot.errors.insert(scope.method, &scope.pattern, own.clone());
            }
            (Place::Route(route), Instances::Handler(own)) => {
                self.add_route(file, own, route.method, route.pattern)?;
            }
            (Place::Plugin, Instances::Handler(own)) => {
                for (method, pattern) in plugin.routes() {
                    let parsed = Pattern::parse(pattern)
                        .with_context(|| format!("`{file}` names the route `{pattern}`"))?;
                    let method = method.as_deref().map(|name| name.to_ascii_uppercase().parse());
                    let method = method.transpose().with_context(|| {
                        format!("`{file}` names a method for `{pattern}` that does not exist")
                    })?;
                    self.add_route(file, own, method, parsed)?;
                }
            }
            // The loader has already compared the two.
            _ => bail!("`{file}` is not what its place asks for"),
        }
        Ok(())
    }

    fn add_route(
        &mut self,
        file: &str,
        handler: &Arc<Handler>,
        method: Option<Method>,
        pattern: Pattern,
    ) -> anyhow::Result<()> {
        self.count(file, method.as_ref(), &pattern)?;
        let inserted = self.snapshot.router.insert(method, pattern, handler.clone());
        inserted.map_err(|(conflict, other)| {
            anyhow::anyhow!("`{file}` and `{}`: {conflict}", other.context().plugin)
        })
    }

    fn count(
        &mut self,
        file: &str,
        method: Option<&Method>,
        pattern: &Pattern,
    ) -> anyhow::Result<()> {
        self.totals.add(method, pattern).with_context(|| format!("`{file}`"))
    }
}

/// Checks that a route has the parameter that the scope names. Otherwise all requests would have
/// the same instance.
fn check_scope(planned: &Planned, version: &PluginVersion) -> anyhow::Result<()> {
    let (Scope::Param(name), Instances::Handler(_)) =
        (&version.context().settings.scope, version.instances())
    else {
        return Ok(());
    };
    let mut params = BTreeSet::new();
    let mut note = |pattern: &Pattern| params.extend(pattern.params().map(str::to_owned));
    for found in &planned.files {
        if let Place::Route(route) = &found.place {
            note(&route.pattern);
        }
    }
    // A pattern that is none is refused where it is added.
    let named = version.routes().iter().filter_map(|(_, text)| Pattern::parse(text).ok());
    named.for_each(|pattern| note(&pattern));
    if params.contains(name) {
        return Ok(());
    }
    let plugin = &planned.name;
    let advice = match params.is_empty() {
        true => format!("name a file such as `[{name}].wasm`, or remove the scope"),
        false => format!("they have {}", some_of(params.iter().map(String::as_str))),
    };
    bail!(
        "`{plugin}` has `scope = \"param:{name}\"` in `{}`, and none of its routes has the parameter `{name}`: {advice}",
        config::FILE_NAME
    )
}

/// Whether a version with these settings would be as this one.
fn same_settings(plugin: &PluginVersion, settings: &Settings) -> bool {
    let context = plugin.context();
    let upgrades = settings.websocket && context.sessions;
    *context.site == *settings.site
        && context.limits.of_instances() == settings.limits.of_instances()
        && context.settings.of_versions() == settings.plugin.of_versions()
        && context.grants == settings.grants
        && context.upgrades == upgrades
}
