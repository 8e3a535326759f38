//! `lithe.toml`: what a site may set, with defaults and units.
//!
//! Every key is optional. A key that is not known, or has the wrong type, is an error that names
//! the file, the line and the column, and what would be right.

mod build;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use bytesize::ByteSize;
use ipnet::IpNet;
use serde::Deserialize;

pub use build::{Build, Engine, GuestKind};

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

/// What guests and clients of a site may use. Sizes are written as `"64 MiB"` or in bytes, times as
/// `"100ms"`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Linear memory of one instance. Default: 64 MiB, enough for every guest language.
    pub memory: ByteSize,
    /// Elements of all tables of one instance. Default: 20,000.
    pub table_elements: usize,
    /// Instances of one plugin at once: calls in parallel, or blocking sessions. Default: 1,000.
    /// Over it, a request waits for `request_time` and is then answered 503.
    pub instances: usize,
    /// Requests that wait for one shared instance. Default: 1,000. Over it: 503.
    pub queue: usize,
    /// Open sockets of one plugin. Default: 50,000. Over it, an upgrade is answered 503.
    pub sockets: usize,
    /// CPU time of one session event. Default: 100 ms. Over it the instance is stopped, and the
    /// socket closes with 1011.
    #[serde(with = "humantime_serde")]
    pub event_cpu: Duration,
    /// CPU time of one request. Default: 1 s. Over it the instance is stopped: 504.
    #[serde(with = "humantime_serde")]
    pub request_cpu: Duration,
    /// Wall time of one request or event, its waits included. Default: 30 s. Over it: 504, or 1011.
    #[serde(with = "humantime_serde")]
    pub request_time: Duration,
    /// Requests of the site in a second, those that become sockets included. Default: zero, which is no
    /// bound. Over it: 429.
    pub requests_per_second: usize,
    /// Connections of the site, sockets included. Default: 60,000. Over it: 503, and the connection is
    /// closed.
    pub connections: usize,
    /// A request's path and query. Default: 8 KiB. Over it: 414.
    pub uri: ByteSize,
    /// All of a request's header names and values. Default: 32 KiB. Over it: 431.
    pub headers: ByteSize,
    /// A request's body. Default: 1 MiB. Over it: 413.
    pub body: ByteSize,
    /// The body of a guest's response. Default: 16 MiB. Over it: 500.
    pub response: ByteSize,
    /// One WebSocket message, either way. Default: 1 MiB. Over it: 1009, or an error to the guest.
    pub message: ByteSize,
    /// WebSocket messages that one socket may receive in a second. Default: zero, which is no bound: the
    /// peer of a socket whose guest is behind waits. Over it: 1008.
    pub messages_per_second: usize,
    /// What waits to be sent to one socket. Default: 4 MiB. Over it the socket closes with 1013.
    pub outbound: ByteSize,
    /// What happens over `outbound`. Default: `close`.
    pub outbound_policy: OutboundPolicy,
    /// What a guest keeps with a socket. Default: 16 KiB. Over it: an error to the guest.
    pub attachment: ByteSize,
    /// Topics that a socket hears. Default: 64. Over it: an error to the guest.
    pub topics: usize,
    /// Timers of an instance. Default: 10,000. Over it: an error to the guest.
    pub timers: usize,
    /// What the log says in a second of what the site's guests and clients do: what guests print, failures,
    /// requests. Default: 1 MiB; zero is no bound. Over it, lines are left out.
    pub log_per_second: ByteSize,
    /// What an instance hands to the next version's, by `save`. Default: 1 MiB. Over it the swap is
    /// refused, and the version before goes on.
    pub state: ByteSize,
    /// From the 101 to a running session, and from a close frame to the peer's answer. Default: 5 s.
    #[serde(with = "humantime_serde")]
    pub close_time: Duration,
    /// A socket that was silent for so long is sent a ping. Default: 30 s; zero sends none.
    #[serde(with = "humantime_serde")]
    pub ping_interval: Duration,
    /// From that ping to any sign of life. Default: 10 s. Over it the connection is dropped, and the
    /// guest sees 1006.
    #[serde(with = "humantime_serde")]
    pub pong_time: Duration,
    /// A socket over which no message went, either way, for so long is closed with 1001. Default: zero,
    /// which is never.
    #[serde(with = "humantime_serde")]
    pub idle_time: Duration,
    /// An instance that nothing needs and that had nothing to do for so long is dropped; its sockets
    /// stay open. Default: 10 s; zero keeps it.
    #[serde(with = "humantime_serde")]
    pub idle_after: Duration,
}

/// `permessage-deflate` (RFC 7692), where the client offers it. A message is bounded by
/// `limits.message` after it is inflated, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deflate {
    /// Default: false. Each socket that uses it needs memory for two windows and their tables: about
    /// 300 KiB for windows of 15 bits, less for smaller ones.
    pub enabled: bool,
    /// The largest window, either way, as a power of two from 9 to 15. Default: 12, 4 KiB.
    pub window_bits: u8,
    /// Whether a message may refer to those before it. Default: true.
    pub context_takeover: bool,
}

impl Default for Deflate {
    fn default() -> Self {
        Self { enabled: false, window_bits: 12, context_takeover: true }
    }
}

/// What holds for one component only.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plugin {
    /// What shares an instance of a component with `hooks`: `"plugin"` (everything, the default),
    /// `"param:NAME"` (what has the same value of that route parameter), or `"connection"`.
    pub scope: Scope,
    /// Whether each call of a component without sessions has an instance of its own, so that nothing of
    /// one request is left in memory for the next. Default: false.
    pub fresh: bool,
    /// Shared instances that take turns, with the scope `plugin`, for more cores. Each has a memory of
    /// its own; topics span them. Default: 1.
    pub replicas: usize,
    /// Text messages that the host answers itself, without the guest, such as `{ ping = "pong" }`.
    pub auto_response: BTreeMap<String, String>,
    /// A path, such as `"/health"`: a new version must answer GET there with 2xx, in an instance of its
    /// own, before it serves anything. Default: none is asked.
    pub health: Option<String>,
    /// Variables of its environment, such as `{ MODE = "test" }`. Default: none.
    pub environment: BTreeMap<String, String>,
    /// Variables of its environment that no log shows, such as
    /// `{ TOKEN = { file = "secrets/token" }, KEY = { host = "API_KEY" } }`: from a file of the site, or from
    /// the host's environment. Default: none.
    pub secrets: BTreeMap<String, SecretSource>,
    /// Folders of the site that it sees, by the path at which it does, such as
    /// `{ "/data" = { path = "data", write = true } }`. Default: none; read-only.
    pub folders: BTreeMap<String, Folder>,
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum SecretSource {
    /// A file of the site; a newline at its end is not part of it.
    File(PathBuf),
    /// A variable of the host's environment.
    Host(String),
}

/// A folder of the site.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    pub path: PathBuf,
    /// Default: false.
    #[serde(default)]
    pub write: bool,
}

impl Default for Plugin {
    fn default() -> Self {
        Self {
            scope: Scope::Plugin,
            fresh: false,
            replicas: 1,
            auto_response: BTreeMap::new(),
            health: None,
            environment: BTreeMap::new(),
            secrets: BTreeMap::new(),
            folders: BTreeMap::new(),
        }
    }
}

/// What shares an instance.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Scope {
    /// Everything.
    Plugin,
    /// What has the same value of this route parameter.
    Param(String),
    /// Only the connection's own events.
    Connection,
}

impl TryFrom<String> for Scope {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "plugin" => Ok(Self::Plugin),
            "connection" => Ok(Self::Connection),
            other => match other.strip_prefix("param:") {
                Some(name) if !name.is_empty() => Ok(Self::Param(name.to_owned())),
                _ => Err(format!(
                    "unknown scope `{other}`, expected `plugin`, `param:NAME` or `connection`"
                )),
            },
        }
    }
}

/// A host, in lower case, without a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Host {
    /// This one.
    Exact(String),
    /// Those that end with a dot and this.
    Below(String),
}

impl TryFrom<String> for Host {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.to_ascii_lowercase();
        let (name, is_below) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (&*text, false),
        };
        let is_address = !is_below && name.starts_with('[') && name.ends_with(']');
        let is_name = |name: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            name.split('.').all(|label| !label.is_empty() && label.chars().all(allowed))
        };
        match is_address || is_name(name) {
            true if is_below => Ok(Self::Below(name.to_owned())),
            true => Ok(Self::Exact(name.to_owned())),
            false => Err(format!(
                "`{text}` is no host, expected one such as `example.com` or `*.example.com`, without a \
                 port"
            )),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}

/// What happens to a socket whose peer does not read what is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutboundPolicy {
    /// The socket closes with 1013.
    #[default]
    Close,
    /// The oldest messages that wait are dropped.
    DropOldest,
    /// `send` is an error to the guest, which gets `drain` when there is room again.
    Refuse,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: ByteSize::mib(64),
            table_elements: 20_000,
            instances: 1_000,
            queue: 1_000,
            sockets: 50_000,
            event_cpu: Duration::from_millis(100),
            request_cpu: Duration::from_secs(1),
            request_time: Duration::from_secs(30),
            requests_per_second: 0,
            connections: 60_000,
            uri: ByteSize::kib(8),
            headers: ByteSize::kib(32),
            body: ByteSize::mib(1),
            response: ByteSize::mib(16),
            message: ByteSize::mib(1),
            messages_per_second: 0,
            outbound: ByteSize::mib(4),
            attachment: ByteSize::kib(16),
            topics: 64,
            timers: 10_000,
            log_per_second: ByteSize::mib(1),
            state: ByteSize::mib(1),
            close_time: Duration::from_secs(5),
            outbound_policy: OutboundPolicy::Close,
            ping_interval: Duration::from_secs(30),
            pong_time: Duration::from_secs(10),
            idle_time: Duration::ZERO,
            idle_after: Duration::from_secs(10),
        }
    }
}

/// The listener's own bounds.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Open connections. Default: 60,000. Over it, new ones wait in the system's accept queue.
    pub connections: usize,
    /// Those of one client's address, or of one network of 64 bits where that is an IPv6 address; those of
    /// `trusted_proxies` are not counted. Default: 20,000. Over it, new ones are closed.
    pub client_connections: usize,
    /// From a connection's first byte, or the last response, to the end of the next request's head.
    /// Default: 10 s. Over it the connection is closed.
    #[serde(with = "humantime_serde")]
    pub header_time: Duration,
    /// From the end of a request's head to the end of its body. Default: 30 s. Over it: 408.
    #[serde(with = "humantime_serde")]
    pub body_time: Duration,
    /// How long a client may take nothing of an answer that is being sent. Default: 30 s; zero waits for
    /// ever. Over it the connection is closed, and the guest of a stream sees 1006.
    #[serde(with = "humantime_serde")]
    pub write_time: Duration,
    /// Networks whose `forwarded` and `x-forwarded-for` headers say who the client is, such as
    /// `["10.0.0.0/8"]`. Default: none.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a shutdown waits for requests and sockets. Default: 10 s.
    #[serde(with = "humantime_serde")]
    pub shutdown_time: Duration,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            connections: 60_000,
            client_connections: 20_000,
            header_time: Duration::from_secs(10),
            body_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
            trusted_proxies: Vec::new(),
            shutdown_time: Duration::from_secs(10),
        }
    }
}

/// How new versions of components take over.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Swap {
    /// How long sockets whose state cannot move stay with the version that they have. Default: 5 min.
    /// Over it they close with 1012.
    #[serde(with = "humantime_serde")]
    pub drain_time: Duration,
    /// Versions of each component that are kept to go back to. Default: 3.
    pub keep: usize,
    /// How long a new version is watched. Default: 30 s; zero does not watch.
    #[serde(with = "humantime_serde")]
    pub watch_time: Duration,
    /// The share of its calls that may cost it an instance (a trap, a limit) while it is watched, from
    /// 0 to 1. Default: 0.2. Over it, the version before comes back.
    pub max_failures: f64,
    /// Calls before that share is looked at. Default: 10.
    pub min_calls: u64,
}

impl Default for Swap {
    fn default() -> Self {
        Self {
            drain_time: Duration::from_secs(5 * 60),
            keep: 3,
            watch_time: Duration::from_secs(30),
            max_failures: 0.2,
            min_calls: 10,
        }
    }
}

/// The listener for those who deploy. Its traffic is not encrypted: it listens on loopback only.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Where, such as `"127.0.0.1:4001"`. Default: nowhere.
    pub listen: Option<SocketAddr>,
    /// A file with the token that every request has to show, relative to the site. Default: the
    /// environment's `LITHE_ADMIN_TOKEN`.
    pub token_file: Option<PathBuf>,
    /// The largest component, or the largest set of them. Default: 64 MiB. Over it: 413.
    pub body: ByteSize,
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: None, token_file: None, body: ByteSize::mib(64) }
    }
}

/// What holds for each of several sites.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tenants {
    /// Variables of the host's environment that a site's `secrets` may name. Default: none; a site that
    /// is served alone may name all.
    pub environment: Vec<String>,
    /// The share of all cores that the guests of one site may use before those of other sites go first,
    /// from 0 to 1. Default: 0.25. Over it, they run in what is left over.
    pub cpu_share: f64,
}

impl Default for Tenants {
    fn default() -> Self {
        Self { environment: Vec::new(), cpu_share: 0.25 }
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
