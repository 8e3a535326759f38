//! `[plugin."FILE"]`: what holds for one component only.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytesize::ByteSize;
use serde::Deserialize;

use super::Limits;
use super::ranges::{GIB, answers, count, size, table, target, variables};

/// Shared instances of one plugin.
const MAX_REPLICAS: u32 = 64;

/// Folders of one component. Each is open for as long as the component is there.
const MAX_FOLDERS: usize = 16;

/// What holds for one component only.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PluginConfig {
    /// What shares an instance of a component with `hooks`: `"plugin"` (everything, the default),
    /// `"param:NAME"` (what has the same value of that route parameter), or `"connection"`.
    pub scope: Scope,
    /// Who hears a topic, and who is a member, with `scope = "param:NAME"`: `"scope"` (those with
    /// the same value of the parameter, the default), or `"plugin"` (all). With the other scopes it
    /// is always all.
    pub topics: Topics,
    /// Whether each call of a component without sessions has an instance of its own, so that
    /// nothing of one request is left in memory for the next. Default: false.
    pub fresh: bool,
    /// Whether nothing would be missed if the memory of a shared instance were lost: the host may
    /// then drop one that is idle (`limits.idle_after`), and does not warn of a version that begins
    /// with empty memory. An instance of a component that exports `state` is dropped either way,
    /// since it saves and restores what it has. Default: false.
    pub stateless: bool,
    /// Whether a version is refused that exports no `state`, so that a swap would lose what is in
    /// the memory of the shared instance. While there is something in it, so is a change of `scope`,
    /// and one that removes or renames the plugin: to do that, remove only this setting first.
    /// Default: false.
    pub require_state: bool,
    /// Shared instances that take turns, with the scope `plugin`, for more cores. Each has a memory
    /// of its own; topics span them. Default: 1.
    #[serde(deserialize_with = "count::<1, MAX_REPLICAS, _, _>")]
    pub replicas: usize,
    /// Text messages that the host answers itself, without the guest, such as `{ ping = "pong" }`.
    #[serde(deserialize_with = "answers::<100, { 64 * 1024 }, _>")]
    pub auto_response: BTreeMap<String, String>,
    /// A path, such as `"/health"`: a new version must answer GET there with 2xx, in an instance of
    /// its own, before it serves anything. Default: none is asked.
    #[serde(deserialize_with = "target")]
    pub health: Option<String>,
    /// Variables of its environment, such as `{ MODE = "test" }`. Default: none. With those of
    /// `secrets`, at most 128 KiB of names and values: each instance has a copy, beside its
    /// `limits.memory`.
    #[serde(deserialize_with = "variables")]
    pub environment: BTreeMap<String, String>,
    /// Variables of its environment that no log shows, such as `{ TOKEN = { file = "secrets/token"
    /// }, KEY = { host = "API_KEY" } }`: from a file of the site, or from the host's environment.
    /// Default: none. Those of all components of a site are at most 256, and have at most 256 KiB
    /// together.
    #[serde(deserialize_with = "variables")]
    pub secrets: BTreeMap<String, SecretSource>,
    /// Folders of the site that it sees, by the path at which it does, such as `{ "/data" = { path
    /// = "data", write = true } }`. Default: none; read-only. At most 16, and 64 of all components
    /// of a site.
    #[serde(deserialize_with = "table::<MAX_FOLDERS, _, _>")]
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
    /// What it may hold, if it may be written to: the bytes of its files, and 4 KiB for each name.
    /// Default: 256 MiB. Over it, what makes it larger is an error to the guest
    /// (`insufficient-space`).
    #[serde(default = "default_folder_size", deserialize_with = "size::<0, { 1024 * GIB }, _>")]
    pub size: ByteSize,
}

fn default_folder_size() -> ByteSize {
    ByteSize::mib(256)
}

impl PluginConfig {
    /// What a version is made with: the rest is asked only of the versions that come, and has its
    /// defaults.
    pub fn of_versions(&self) -> Self {
        Self { health: None, require_state: false, ..self.clone() }
    }

    /// What its ranges do not say. `file` is its component's.
    pub(super) fn validate(&self, file: &str, limits: &Limits) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.replicas == 1 || self.scope == Scope::Plugin,
            "`{file}` has both `replicas` and a `scope`: only the scope `plugin` has replicas"
        );
        anyhow::ensure!(
            !self.stateless || !self.require_state,
            "`{file}` has both `stateless` and `require_state`: either nothing is in its memory, or it moves"
        );
        let is_message = |text: &String| text.len() as u64 <= limits.message.as_u64();
        anyhow::ensure!(
            self.auto_response.values().all(is_message),
            "`{file}` has an `auto_response` over `limits.message` ({})",
            limits.message
        );
        Ok(())
    }
}

impl Default for PluginConfig {
    fn default() -> Self {
        Self {
            scope: Scope::Plugin,
            topics: Topics::Scope,
            fresh: false,
            stateless: false,
            require_state: false,
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

/// What shares topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topics {
    /// What has the same value of the parameter that is the scope.
    #[default]
    Scope,
    /// Everything.
    Plugin,
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
