//! `lithe.toml`: what a site may set, with defaults and units.
//!
//! Every key is optional. A key that is not known, or has the wrong type, is an error that names
//! the file, the line and the column, and what would be right.

mod build;
mod caps;
mod compile;
#[cfg(test)]
mod docs;
mod host;
mod limit;
mod limits;
mod plugin;
mod ranges;
mod server;
mod swap;
mod tenants;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bytesize::ByteSize;
use serde::Deserialize;

use crate::files::{self, FileError};
use ranges::{label, list};

pub use build::{Build, Engine, GuestKind};
pub use caps::{Caps, Lowered, SiteKey};
pub use compile::Compile;
pub use host::HostBounds;
pub use limit::Limit;
pub use limits::{Deflate, Limits, MAX_UPKEEP_TIME, OutboundPolicy};
pub use plugin::{FolderGrant, PluginConfig, Scope, SecretSource, TopicScope};
pub use server::{Admin, ProxyHeader, ServerConfig};
pub use swap::SwapConfig;
pub use tenants::{Host, TenantSite, TenantToken, Tenants};

/// The file's name inside a site.
pub const FILE_NAME: &str = "lithe.toml";

/// The largest file that is read.
const MAX_FILE: ByteSize = ByteSize::mib(1);

/// The most folders that the components of a site are granted together. Each is a file descriptor
/// of the host.
const MAX_FOLDERS: usize = 64;

/// The most secrets of the components of a site together. The host keeps each, and looks for it in
/// each line of the site's log.
const MAX_SECRETS: usize = 256;

/// The tables that belong to a host, in the `lithe.toml` beside the folders of its sites.
const HOST_TABLES: [&str; 5] = ["host", "server", "admin", "compile", "tenants"];

/// What a host may do, for all sites that it serves.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostConfig {
    /// What the host may use for all sites together.
    pub host: HostBounds,
    /// The listener's own bounds, which hold before a request is known.
    pub server: ServerConfig,
    /// The listener for deploys.
    pub admin: Admin,
    /// How components are compiled.
    pub compile: Compile,
    /// Settings for a host of several sites.
    pub tenants: Tenants,
}

/// A site's settings.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SiteConfig {
    /// The name in log lines. Default: the folder's name. Among several sites the log says `NAME
    /// (./FOLDER)`, so that no site has the name of another.
    #[serde(deserialize_with = "label::<64, _>")]
    pub name: Option<String>,
    /// The hosts that the site answers for, such as `["example.com", "*.example.com"]`. The second
    /// stands for every host below the first. Default: every host, if the site is the only one; the
    /// name of its folder, if it is one of several. A request for another host is answered 421.
    #[serde(deserialize_with = "list::<1_000, _, _>")]
    pub hosts: Vec<Host>,
    /// Whether requests may become WebSockets. Default: true. If false, `ws.upgrade` answers 501.
    pub websocket: bool,
    /// Compression of WebSocket messages.
    pub deflate: Deflate,
    /// Whether upper and lower case differ in paths. Default: true.
    pub case_sensitive: bool,
    /// What guests and clients of this site may use.
    pub limits: Limits,
    /// How new versions of components take over.
    pub swap: SwapConfig,
    /// Settings of one component, by its file, such as `[plugin."routes/chat.wasm"]`, or by the
    /// name of the plugin that several files share (`plugin` in `[build]`).
    pub plugin: BTreeMap<String, PluginConfig>,
    /// The components that `lithe build` makes: each one's file in the site, and its source.
    pub build: BTreeMap<PathBuf, Build>,
}

/// The `lithe.toml` of a host's only site: both kinds of settings in one file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "OnlySite")]
pub struct Config {
    pub host: HostConfig,
    pub site: SiteConfig,
}

/// The keys of both.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OnlySite {
    #[serde(deserialize_with = "label::<64, _>")]
    name: Option<String>,
    #[serde(deserialize_with = "list::<1_000, _, _>")]
    hosts: Vec<Host>,
    websocket: bool,
    deflate: Deflate,
    case_sensitive: bool,
    limits: Limits,
    swap: SwapConfig,
    plugin: BTreeMap<String, PluginConfig>,
    build: BTreeMap<PathBuf, Build>,
    host: HostBounds,
    server: ServerConfig,
    admin: Admin,
    compile: Compile,
    tenants: Tenants,
}

impl Default for SiteConfig {
    fn default() -> Self {
        Self {
            name: None,
            hosts: Vec::new(),
            websocket: true,
            deflate: Deflate::default(),
            case_sensitive: true,
            limits: Limits::default(),
            swap: SwapConfig::default(),
            plugin: BTreeMap::new(),
            build: BTreeMap::new(),
        }
    }
}

impl Default for OnlySite {
    fn default() -> Self {
        let (host, site) = (HostConfig::default(), SiteConfig::default());
        Self {
            name: site.name,
            hosts: site.hosts,
            websocket: site.websocket,
            deflate: site.deflate,
            case_sensitive: site.case_sensitive,
            limits: site.limits,
            swap: site.swap,
            plugin: site.plugin,
            build: site.build,
            host: host.host,
            server: host.server,
            admin: host.admin,
            compile: host.compile,
            tenants: host.tenants,
        }
    }
}

impl From<OnlySite> for Config {
    fn from(own: OnlySite) -> Self {
        let host = HostConfig {
            host: own.host,
            server: own.server,
            admin: own.admin,
            compile: own.compile,
            tenants: own.tenants,
        };
        let site = SiteConfig {
            name: own.name,
            hosts: own.hosts,
            websocket: own.websocket,
            deflate: own.deflate,
            case_sensitive: own.case_sensitive,
            limits: own.limits,
            swap: own.swap,
            plugin: own.plugin,
            build: own.build,
        };
        Self { host, site }
    }
}

/// A size as a number of bytes in memory. A size that no memory has becomes the largest number.
pub fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}

impl Config {
    /// Reads the `lithe.toml` of a host's only site. Without the file, each setting has its
    /// default.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or has an unknown key or a value of the wrong type or
    /// out of range. The message names the file, the line, the column and the key.
    pub fn load(site: &files::Folder) -> anyhow::Result<Self> {
        load(site, Self::parse)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut config: Self = toml::from_str(text).map_err(with_key)?;
        config.host.validate()?;
        config.site.settle()?;
        Ok(config)
    }
}

impl HostConfig {
    /// Reads the `lithe.toml` beside the folders of several sites. Without the file, each setting
    /// has its default.
    ///
    /// # Errors
    /// As [`Config::load`]; or the file has settings that belong to a site.
    pub fn load(root: &files::Folder) -> anyhow::Result<Self> {
        load(root, Self::parse)
    }

    /// Whether a folder's `lithe.toml` could be the one beside the folders of several sites: it has
    /// no settings of a site, as far as it can be read.
    pub fn has_only_its_tables(root: &files::Folder) -> bool {
        let text = root.read_text(FILE_NAME, MAX_FILE).unwrap_or_default();
        keys(&text).all(|key| HOST_TABLES.contains(&&*key))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        if let Some(key) = keys(text).find(|key| !HOST_TABLES.contains(&&**key)) {
            anyhow::bail!(
                "`{key}` does not belong here: this file is for all sites below its folder, and has only \
                 `[host]`, `[server]`, `[admin]`, `[compile]` and `[tenants]`. The settings of a site belong in its own \
                 `{FILE_NAME}`"
            );
        }
        let config: Self = toml::from_str(text).map_err(with_key)?;
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> anyhow::Result<()> {
        self.admin.validate()?;
        self.tenants.validate()?;
        anyhow::ensure!(
            self.tenants.tokens.is_empty() || self.admin.listen.is_some(),
            "`[tenants.tokens]` needs `admin.listen`, such as `listen = \"127.0.0.1:4001\"` in `[admin]`: tokens \
             are shown there"
        );
        Ok(())
    }

    /// Tells the operator which tables of the changed file differ, and so take effect at the next
    /// start. None if all are the same.
    pub fn waits_for_restart(&self, new: &Self) -> Option<String> {
        let changed = [
            self.host != new.host,
            self.server != new.server,
            self.admin != new.admin,
            self.compile != new.compile,
            !self.tenants.has_shares_of(&new.tenants),
        ];
        let tables = HOST_TABLES.into_iter().zip(changed);
        let tables: Vec<_> =
            tables.filter(|(_, is_changed)| *is_changed).map(|(table, _)| table).collect();
        let text = || {
            let tables = tables.join("], [");
            format!("the host has to be restarted for changes in its `{FILE_NAME}`: [{tables}]")
        };
        (!tables.is_empty()).then(text)
    }
}

impl SiteConfig {
    /// Reads the `lithe.toml` of one of several sites, and holds it to the operator's caps. Without
    /// the file, each setting has its default. Returns what was lowered, too.
    ///
    /// # Errors
    /// As [`Config::load`]; or the file has settings that belong to the host, or are over a cap.
    pub fn load(site: &files::Folder, caps: &Caps) -> anyhow::Result<(Self, Vec<Lowered>)> {
        load(site, |text| Self::parse(text, caps))
    }

    fn parse(text: &str, caps: &Caps) -> anyhow::Result<(Self, Vec<Lowered>)> {
        if let Some(key) = keys(text).find(|key| HOST_TABLES.contains(&&**key)) {
            anyhow::bail!(
                "`[{key}]` belongs to the host, which serves several sites: put it into the `{FILE_NAME}` \
                 beside their folders"
            );
        }
        let mut config: Self = toml::from_str(text).map_err(with_key)?;
        let lowered = caps.hold(&mut config, text)?;
        config.settle()?;
        Ok((config, lowered))
    }

    /// The text of a site's `lithe.toml`. Empty if the file does not exist.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn text(site: &files::Folder) -> anyhow::Result<String> {
        load(site, |text| Ok(text.to_owned()))
    }

    /// The plugin that a component's file belongs to: the one that `[build]` names, or else one of
    /// its own, with the file's name.
    pub fn plugin_of<'s>(&'s self, file: &'s str) -> &'s str {
        let build = self.build.get(Path::new(file));
        build.and_then(|build| build.plugin.as_deref()).unwrap_or(file)
    }

    /// Completes the settings, and checks what the ranges cannot express.
    fn settle(&mut self) -> anyhow::Result<()> {
        for plugin in self.plugin.values_mut() {
            plugin.settle(&self.limits);
        }
        self.limits.validate()?;
        build::validate(&self.build)?;
        for (file, plugin) in &self.plugin {
            let name = self.plugin_of(file);
            anyhow::ensure!(
                name == file,
                "`{file}` belongs to the plugin `{name}`: put its settings into `[plugin.{name}]`"
            );
            plugin.validate(file, &self.limits)?;
        }
        let folders = self.plugin.values().map(|plugin| plugin.folders.len()).sum();
        let secrets = self.plugin.values().map(|plugin| plugin.secrets.len()).sum();
        at_most(folders, MAX_FOLDERS, "folders")?;
        at_most(secrets, MAX_SECRETS, "secrets")
    }
}

fn load<T>(
    folder: &files::Folder,
    parse: impl FnOnce(&str) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let shown = || folder.path().join(FILE_NAME).display().to_string();
    let text = match folder.read_text(FILE_NAME, MAX_FILE) {
        Ok(text) => text,
        Err(FileError::Missing) => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", shown())),
    };
    parse(&text).with_context(|| format!("`{}` is invalid", shown()))
}

/// The top-level keys. Empty if the text is not TOML.
fn keys(text: &str) -> impl Iterator<Item = String> {
    toml::from_str::<toml::Table>(text).unwrap_or_default().into_iter().map(|(key, _)| key)
}

fn at_most(count: usize, max: usize, what: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        count <= max,
        "the components have {count} `{what}` together, and may have at most {max}"
    );
    Ok(())
}

/// The parser's message shows the place in the file; this adds the whole key, such as
/// `limits.memory`.
fn with_key(error: toml::de::Error) -> anyhow::Error {
    let mut without_place = error.clone();
    // Without the input, the message names the key.
    without_place.set_input(None);
    let named = without_place.to_string();
    let key = named.strip_prefix(error.message()).unwrap_or_default();
    anyhow::anyhow!("{}{}", error.to_string().trim_end(), key.trim_end())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_empty_file_has_the_defaults() {
        let config = Config::parse("").unwrap();
        assert!(config.site.websocket);
        assert_eq!(config.site.limits.memory, ByteSize::mib(64));
        assert_eq!(config.site.limits.event_cpu, Duration::from_secs(1));
    }

    #[test]
    fn settings_of_a_host_and_of_one_of_its_sites_are_in_different_files() {
        let parse =
            |text: &str| SiteConfig::parse(text, &Caps::default()).map(|(config, _)| config);
        let host = "[server]\nconnections = 7\n[tenants]\ncpu_share = 0.5\n";
        assert_eq!(HostConfig::parse(host).unwrap().server.connections, 7);
        let site = "name = \"a\"\n[limits]\nqueue = 7\n";
        assert_eq!(parse(site).unwrap().limits.queue, 7);
        // A table with nothing in it is misplaced, too.
        for table in HOST_TABLES {
            let error = parse(&format!("[{table}]\n")).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`[{table}]` belongs to the host")), "{error}");
        }
        for key in ["name = \"a\"", "[limits]", "[sever]"] {
            let error = HostConfig::parse(&format!("{key}\n")).unwrap_err().to_string();
            assert!(error.contains("does not belong here"), "{error}");
        }
        let both = Config::parse(&format!("{site}{host}")).unwrap();
        assert_eq!(both.host, HostConfig::parse(host).unwrap());
        assert_eq!(both.site, parse(site).unwrap());
    }

    #[test]
    fn reads_sizes_times_and_builds() {
        let config = Config::parse(
            "[limits]\nmemory = \"8 MiB\"\nbody = 1024\nevent_cpu = \"20ms\"\n\
             [build]\n\"routes/a.wasm\" = \"guests/a\"\n\
             \"routes/b.wasm\" = { source = \"guests/b\", kind = \"hooks\", engine = \"full\" }\n",
        )
        .unwrap();
        assert_eq!(config.site.limits.memory, ByteSize::mib(8));
        assert_eq!(config.site.limits.body, ByteSize::b(1024));
        assert_eq!(config.site.limits.event_cpu, Duration::from_millis(20));
        let (a, b) = (
            &config.site.build[Path::new("routes/a.wasm")],
            &config.site.build[Path::new("routes/b.wasm")],
        );
        assert_eq!((a.source.as_path(), a.kind), (Path::new("guests/a"), GuestKind::Route));
        assert_eq!((b.source.as_path(), b.kind), (Path::new("guests/b"), GuestKind::Hooks));
        assert_eq!((a.engine, b.engine), (Engine::Small, Engine::Full));
    }

    #[test]
    fn a_site_has_so_many_folders_and_secrets() {
        let granted = |plugins: usize, each: usize, key: &str, value: &str| {
            let each: Vec<String> = (0..each).map(|n| format!("\"/{n}\" = {value}")).collect();
            let table =
                |n| format!("[plugin.\"routes/{n}.wasm\"]\n{key} = {{ {} }}\n", each.join(", "));
            Config::parse(&(0..plugins).map(table).collect::<String>())
        };
        let folders = |plugins, each| granted(plugins, each, "folders", "{ path = \"d\" }");
        assert!(folders(4, 16).is_ok());
        for (plugins, each, words) in [(1, 17, "at most 16"), (5, 13, "may have at most 64")] {
            let error = format!("{:#}", folders(plugins, each).unwrap_err());
            assert!(error.contains("folders") && error.contains(words), "{error}");
        }
        let secrets = |plugins, each| granted(plugins, each, "secrets", "{ file = \"s\" }");
        assert!(secrets(2, 128).is_ok());
        let error = format!("{:#}", secrets(2, 129).unwrap_err());
        assert!(error.contains("258 `secrets` together") && error.contains("256"), "{error}");
    }

    #[test]
    fn a_build_that_is_none_is_told_what_is_one() {
        for (wrong, expected) in [
            ("3", "the source's folder, or a table"),
            ("{ source = \"a\", kind = \"hook\" }", "unknown variant `hook`"),
            ("{ kind = \"hooks\" }", "missing field `source`"),
            ("{ source = \"a\", sorce = \"b\" }", "unknown field `sorce`"),
        ] {
            let error = Config::parse(&format!("[build]\n\"routes/a.wasm\" = {wrong}\n"));
            let error = error.unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("line 2"), "{error}");
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_what_is_known() {
        let error = Config::parse("[limits]\nmemroy = \"8 MiB\"\n").unwrap_err().to_string();
        assert!(error.contains("line 2, column 1"), "{error}");
        assert!(error.contains("unknown field `memroy`"), "{error}");
        assert!(error.contains("`memory`"), "{error}");
    }

    #[test]
    fn a_wrong_type_is_named_with_its_place_and_what_would_be_right() {
        let error = Config::parse("websocket = \"yes\"\n").unwrap_err().to_string();
        assert!(error.contains("line 1, column 13"), "{error}");
        assert!(error.contains("expected a boolean"), "{error}");
    }

    #[test]
    fn a_plugin_has_a_scope_replicas_and_answers() {
        let config = Config::parse(
            "[plugin.\"routes/a.wasm\"]\nscope = \"param:id\"\nauto_response = { ping = \"pong\" }\n",
        );
        let plugin = &config.unwrap().site.plugin["routes/a.wasm"];
        assert_eq!(plugin.scope, Scope::Param("id".into()));
        assert_eq!(plugin.auto_response["ping"], "pong");
        for (wrong, expected) in [
            ("scope = \"param:\"", "expected `plugin`, `param:NAME` or `connection`"),
            ("replicas = 0", "it is from 1 to 64"),
            ("replicas = 2\nscope = \"connection\"", "only the scope `plugin` has replicas"),
        ] {
            let error = Config::parse(&format!("[plugin.\"routes/a.wasm\"]\n{wrong}\n"));
            let error = error.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    /// The keys of a section, as the error about one that is not known lists them.
    fn keys(section: &str) -> Vec<String> {
        let error = refused(&format!("{section}\nnone = 1\n"));
        let listed = error.split_once("expected ").expect("it lists them").1;
        listed.lines().next().unwrap().split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    fn refused(text: &str) -> String {
        Config::parse(text).expect_err(text).to_string()
    }

    const SECTIONS: [&str; 8] = [
        "[limits]",
        "[server]",
        "[swap]",
        "[admin]",
        "[tenants]",
        "[tenants.limits]",
        "[tenants.sites.a]",
        "[plugin.\"a.wasm\"]",
    ];

    #[test]
    fn no_number_time_or_size_is_without_a_range() {
        for section in SECTIONS {
            let keys = keys(section);
            assert!(keys.len() > 1, "{section}: {keys:?}");
            for key in keys {
                for value in [
                    "9223372036854775807",
                    "18446744073709551615",
                    "-1",
                    "\"18446744073709551615s\"",
                    "\"1000000years\"",
                    "\"1e9s\"",
                    "\"-1s\"",
                    "\"99999 GiB\"",
                    "\"16 EiB\"",
                    "\"99999999999999999999999999 EiB\"",
                    "1e-300",
                    "1e300",
                    "nan",
                    "-inf",
                    "inf",
                ] {
                    let text = format!("{section}\n{key} = {value}\n");
                    // Paths and names may be called so.
                    let is_text = value.starts_with('"');
                    match Config::parse(&text) {
                        Ok(_) => assert!(
                            is_text && ["token_file", "audit"].contains(&&*key)
                                || ["max_failures", "max_errors"].contains(&&*key)
                                    && value == "1e-300",
                            "{text}"
                        ),
                        Err(error) => {
                            let error = error.to_string();
                            assert!(error.contains("line 2"), "{text}: {error}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_value_out_of_its_range_is_named_with_its_key_its_place_and_the_range() {
        for (text, expected) in [
            (
                "[limits]\nping_interval = \"18446744073709551615s\"\n",
                &[
                    "line 2, column 17",
                    "`limits.ping_interval`",
                    "is out of range: it is from 0s to 365d",
                ][..],
            ),
            (
                "[server]\nconnections = 9223372036854775807\n",
                &[
                    "line 2, column 15",
                    "`server.connections`",
                    "9223372036854775807 is out of range: it is from 1 to 10000000",
                ],
            ),
            ("[limits]\nmemory = 0\n", &["`limits.memory`", "it is from 64.0 KiB to 4.0 GiB"]),
            ("[limits]\ninstances = -1\n", &["`limits.instances`", "it is from 1 to"]),
            ("[limits]\nevent_cpu = \"1ns\"\n", &["`limits.event_cpu`", "it is from 1ms to"]),
            (
                "[limits]\nevent_cpu = 5\n",
                &["`limits.event_cpu`", "expected a time such as \"100ms\""],
            ),
            ("[deflate]\nwindow_bits = 300\n", &["`deflate.window_bits`", "it is from 9 to 15"]),
            (
                "[tenants]\ncpu_share = 1e-300\n",
                &["`tenants.cpu_share`", "it is from 0.001 to 1.0"],
            ),
            ("name = \"\"\n", &["`name`", "expected 1 to 64 bytes"]),
            ("name = \"a\\u001b[2J\"\n", &["`name`", "without control characters"]),
            ("name = \" a\"\n", &["`name`", "without blanks around it"]),
            ("[plugin.\"a\"]\nhealth = \"/a b\"\n", &["`plugin.a.health`", "such as \"/health\""]),
            ("[plugin.\"a\"]\nhealth = \"health\"\n", &["`plugin.a.health`"]),
            (
                "[plugin.\"a\"]\nenvironment = { \"A=B\" = \"\" }\n",
                &["`plugin.a.environment`", "no `=`"],
            ),
            ("[plugin.\"a\"]\nsecrets = { \"\" = { host = \"A\" } }\n", &["`plugin.a.secrets`"]),
        ] {
            let error = refused(text);
            for word in expected {
                assert!(error.contains(word), "no `{word}` in: {error}");
            }
        }
    }

    #[test]
    fn what_is_in_its_range_is_taken() {
        let config = Config::parse(
            "name = \"Ein Café\"\n[limits]\nping_interval = \"365d\"\npong_time = \"0s\"\nqueue = 1\n\
             sockets = 10000000\n[swap]\nkeep = 0\nmax_failures = 0\n[tenants]\ncpu_share = 1\n\
             [plugin.\"a\"]\nhealth = \"/health?deep\"\nstateless = true\n",
        );
        let config = config.unwrap();
        assert_eq!(config.site.limits.ping_interval, Duration::from_secs(365 * 24 * 60 * 60));
        assert_eq!((config.site.limits.queue, config.site.limits.sockets), (1, 10_000_000));
        assert!(config.site.plugin["a"].stateless);
    }

    #[test]
    fn a_file_that_is_nested_deeply_or_large_is_refused() {
        let deep = 100_000;
        for text in [
            format!("a = {}{}\n", "[".repeat(deep), "]".repeat(deep)),
            format!("a = {}1{}\n", "{ a = ".repeat(deep), " }".repeat(deep)),
            format!("{}a = 1\n", "a.".repeat(deep)),
            format!("[{}a]\n", "a.".repeat(deep)),
            format!("a = {}\n", "[".repeat(deep)),
        ] {
            assert!(Config::parse(&text).is_err());
        }
        let site = tempfile::tempdir().unwrap();
        let load = |bytes: usize| {
            std::fs::write(site.path().join(FILE_NAME), "#".repeat(bytes)).unwrap();
            Config::load(&files::Folder::open(site.path()).unwrap())
        };
        let most = MAX_FILE.as_u64() as usize;
        assert!(load(most).is_ok());
        let error = format!("{:#}", load(most + 1).unwrap_err());
        assert!(error.contains("at most 1.0 MiB"), "{error}");
    }

    #[test]
    fn a_queue_smaller_than_a_message_is_refused() {
        let error = Config::parse("[limits]\noutbound = \"1 KiB\"\n").unwrap_err().to_string();
        assert!(error.contains("`limits.outbound` (1.0 KiB)"), "{error}");
    }
}
