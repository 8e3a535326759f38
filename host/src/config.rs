//! `lithe.toml`: what a site may set, with defaults and units.
//!
//! Every key is optional. A key that is not known, or has the wrong type, is an error that names
//! the file, the line and the column, and what would be right.

mod build;
mod limits;
mod plugin;
mod server;
mod swap;
mod tenants;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bytesize::ByteSize;
use serde::Deserialize;

pub use build::{Build, Engine, GuestKind};
pub use limits::{Deflate, Limits, OutboundPolicy};
pub use plugin::{Folder, Plugin, Scope, SecretSource};
pub use server::{Admin, Server};
pub use swap::Swap;
pub use tenants::{Host, Tenants};

/// The file's name inside a site.
pub const FILE_NAME: &str = "lithe.toml";

/// Shared instances of one plugin.
const MAX_REPLICAS: usize = 64;

/// A site's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The name in log lines. Default: the folder's name.
    pub name: Option<String>,
    /// The hosts that it answers for, such as `["example.com", "*.example.com"]`: the second is every
    /// host below the first. Default: all, where one site is served; its folder's name among several. A
    /// request for another host is answered 421.
    pub hosts: Vec<Host>,
    /// Whether requests may become WebSockets. Default: true. Where false, `ws.upgrade` answers 501.
    pub websocket: bool,
    /// Compression of WebSocket messages.
    pub deflate: Deflate,
    /// Whether paths match in upper and lower case as written. Default: true.
    pub case_sensitive: bool,
    /// What guests and clients of this site may use.
    pub limits: Limits,
    /// The listener's own bounds, which hold before a request is known.
    pub server: Server,
    /// How new versions of components take over.
    pub swap: Swap,
    /// The listener for those who deploy.
    pub admin: Admin,
    /// What holds for each of several sites; in the `lithe.toml` beside their folders.
    pub tenants: Tenants,
    /// What holds for one component only, by its file, such as `[plugin."routes/chat.wasm"]`.
    pub plugin: BTreeMap<String, Plugin>,
    /// Components that `lithe build` makes: the file inside the site, and what it is built from.
    pub build: BTreeMap<PathBuf, Build>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: None,
            hosts: Vec::new(),
            websocket: true,
            deflate: Deflate::default(),
            case_sensitive: true,
            limits: Limits::default(),
            server: Server::default(),
            swap: Swap::default(),
            admin: Admin::default(),
            tenants: Tenants::default(),
            plugin: BTreeMap::new(),
            build: BTreeMap::new(),
        }
    }
}

/// A size as what memory is counted in; one that no memory has is all there is.
pub fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}

impl Config {
    /// Reads the site's `lithe.toml`; a site without one has the defaults.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or has an unknown key or a value of the wrong type or
    /// out of range: the message names the file, the line and the column.
    pub fn load(site: &Path) -> anyhow::Result<Self> {
        let path = site.join(FILE_NAME);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read `{}`", path.display()));
            }
        };
        Self::parse(&text).with_context(|| format!("`{}` is not right", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let config: Self = toml::from_str(text)?;
        let limits = &config.limits;
        anyhow::ensure!(
            limits.outbound >= limits.message,
            "`limits.outbound` ({}) must be at least `limits.message` ({}): \
             a message that may be sent must fit the queue",
            limits.outbound,
            limits.message,
        );
        for (name, zero) in [
            ("limits.instances", limits.instances == 0),
            ("limits.queue", limits.queue == 0),
            ("limits.sockets", limits.sockets == 0),
            ("limits.connections", limits.connections == 0),
            ("server.client_connections", config.server.client_connections == 0),
            ("limits.event_cpu", limits.event_cpu.is_zero()),
            ("limits.request_cpu", limits.request_cpu.is_zero()),
            ("limits.request_time", limits.request_time.is_zero()),
            ("server.connections", config.server.connections == 0),
            ("server.header_time", config.server.header_time.is_zero()),
        ] {
            anyhow::ensure!(!zero, "`{name}` must be more than zero");
        }
        let bits = config.deflate.window_bits;
        anyhow::ensure!(
            (9..=15).contains(&bits),
            "`deflate.window_bits` is {bits}: it is from 9 to 15"
        );
        let share = config.swap.max_failures;
        anyhow::ensure!(
            (0.0..=1.0).contains(&share),
            "`swap.max_failures` is {share}: it is a share, from 0 to 1"
        );
        let share = config.tenants.cpu_share;
        anyhow::ensure!(
            share > 0.0 && share <= 1.0,
            "`tenants.cpu_share` is {share}: it is a share, over 0 and up to 1"
        );
        if let Some(address) = config.admin.listen {
            anyhow::ensure!(
                address.ip().is_loopback(),
                "`admin.listen` is `{address}`: it must be a loopback address such as \
                 `127.0.0.1:4001`, for what it hears is not encrypted; from elsewhere, use a tunnel"
            );
        }
        for (file, plugin) in &config.plugin {
            anyhow::ensure!(
                plugin.health.as_ref().is_none_or(|path| path.starts_with('/')),
                "`health` of `{file}` is no path: it begins with `/`"
            );
            let replicas = plugin.replicas;
            anyhow::ensure!(
                (1..=MAX_REPLICAS).contains(&replicas),
                "`replicas` of `{file}` is {replicas}: it is from 1 to {MAX_REPLICAS}"
            );
            anyhow::ensure!(
                replicas == 1 || plugin.scope == Scope::Plugin,
                "`{file}` has both `replicas` and a `scope`: only the scope `plugin` has replicas"
            );
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_empty_file_has_the_defaults() {
        let config = Config::parse("").unwrap();
        assert!(config.websocket);
        assert_eq!(config.limits.memory, ByteSize::mib(64));
        assert_eq!(config.limits.event_cpu, Duration::from_millis(100));
    }

    #[test]
    fn reads_sizes_times_and_builds() {
        let config = Config::parse(
            "[limits]\nmemory = \"8 MiB\"\nbody = 1024\nevent_cpu = \"20ms\"\n\
             [build]\n\"routes/a.wasm\" = \"guests/a\"\n\
             \"routes/b.wasm\" = { source = \"guests/b\", kind = \"hooks\", engine = \"full\" }\n",
        )
        .unwrap();
        assert_eq!(config.limits.memory, ByteSize::mib(8));
        assert_eq!(config.limits.body, ByteSize::b(1024));
        assert_eq!(config.limits.event_cpu, Duration::from_millis(20));
        let (a, b) =
            (&config.build[Path::new("routes/a.wasm")], &config.build[Path::new("routes/b.wasm")]);
        assert_eq!((a.source.as_path(), a.kind), (Path::new("guests/a"), GuestKind::Route));
        assert_eq!((b.source.as_path(), b.kind), (Path::new("guests/b"), GuestKind::Hooks));
        assert_eq!((a.engine, b.engine), (Engine::Small, Engine::Full));
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
        let plugin = &config.unwrap().plugin["routes/a.wasm"];
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

    #[test]
    fn a_queue_smaller_than_a_message_is_refused() {
        let error = Config::parse("[limits]\noutbound = \"1 KiB\"\n").unwrap_err().to_string();
        assert!(error.contains("`limits.outbound` (1.0 KiB)"), "{error}");
    }
}
