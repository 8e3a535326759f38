//! `[plugin."FILE"]`: the settings of one component.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer};

use super::Limits;
use super::ranges::{GIB, answers, count, size, table, target, variables};

/// The most shared instances that take turns for one plugin.
const MAX_REPLICAS: u32 = 64;

/// The most folders of one component. Each is open for as long as the component is loaded.
const MAX_FOLDERS: usize = 16;

/// The settings of one component.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PluginConfig {
    /// What shares an instance of a component with `hooks`: `"plugin"` (everything, the default),
    /// `"param:NAME"` (what has the same value of that route parameter), or `"connection"`.
    pub scope: Scope,
    /// Which sockets share a topic, if `scope` is `"param:NAME"`: `"scope"` (those with the same
    /// value of the parameter, the default), or `"plugin"` (all). With any other scope, all sockets
    /// share it.
    pub topics: TopicScope,
    /// Whether each call of a component without sessions has an instance of its own, so that a
    /// request leaves nothing in memory for the next. Default: false.
    pub fresh: bool,
    /// Whether the memory of a shared instance may be lost without harm. If so, the host may drop
    /// an idle instance (`limits.idle_after`), and does not warn of a version that begins with
    /// empty memory. The host drops an idle instance of a component that exports `state` in either
    /// case, because that saves and restores its memory. Default: false.
    pub stateless: bool,
    /// Whether to refuse a version that does not export `state`, because a swap would lose what the
    /// shared instance has in memory. While there is something in memory, a change of `scope` is
    /// refused, too, and so is a change that removes or renames the plugin. To remove such a
    /// plugin, remove only this setting first, and the plugin with the next change. Default: false.
    pub require_state: bool,
    /// Shared instances that take turns, with the scope `plugin`, so that they use more cores. Each
    /// has a memory of its own; topics span them. Default: 1.
    #[serde(deserialize_with = "count::<1, MAX_REPLICAS, _, _>")]
    pub replicas: usize,
    /// Text messages that the host answers itself, without the guest, such as `{ ping = "pong" }`.
    #[serde(deserialize_with = "answers::<100, { 64 * 1024 }, _>")]
    pub auto_response: BTreeMap<String, String>,
    /// A path, such as `"/health"`, at which a new version must answer a GET with 2xx before it
    /// serves anything. An instance of its own gets this request. Default: no request.
    #[serde(deserialize_with = "target")]
    pub health: Option<String>,
    /// Variables of the component's environment, such as `{ MODE = "test" }`. Default: none. Names
    /// and values have at most 128 KiB, with those of `secrets`: each instance has a copy, in
    /// addition to its `limits.memory`.
    #[serde(deserialize_with = "variables")]
    pub environment: BTreeMap<String, String>,
    /// Variables of the component's environment that the log never shows, such as `{ TOKEN = { file
    /// = "secrets/token" }, KEY = { host = "API_KEY" } }`. Each comes from a file of the site, or
    /// from the host's environment. Default: none. All components of a site may have 256 of them,
    /// with 256 KiB together.
    #[serde(deserialize_with = "variables")]
    pub secrets: BTreeMap<String, SecretSource>,
    /// Folders of the site that the component sees, by the path at which it sees them, such as `{
    /// "/data" = { path = "data", write = true } }`. Default: none; read-only. A component may have
    /// 16, and all components of a site 64.
    #[serde(deserialize_with = "table::<MAX_FOLDERS, _, _>")]
    pub folders: BTreeMap<String, FolderGrant>,
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
pub struct FolderGrant {
    /// The folder's path in the site.
    pub path: PathBuf,
    /// Whether the component may write to it. Default: false.
    #[serde(default)]
    pub write: bool,
    /// The most that a writable folder may hold, as `limits.folder_size` says. Default:
    /// `limits.folder_size`.
    #[serde(default, deserialize_with = "folder_size")]
    pub size: Option<ByteSize>,
}

fn folder_size<'de, D: Deserializer<'de>>(value: D) -> Result<Option<ByteSize>, D::Error> {
    size::<0, { 1024 * GIB }, _>(value).map(Some)
}

impl PluginConfig {
    /// Gives each folder that has no size of its own that of the site.
    pub(super) fn settle(&mut self, limits: &Limits) {
        for folder in self.folders.values_mut() {
            folder.size.get_or_insert(limits.folder_size);
        }
    }

    /// The settings that a version is made with; the other fields have their defaults. Those others
    /// matter only when a version comes.
    pub fn of_versions(&self) -> Self {
        Self { health: None, require_state: false, ..self.clone() }
    }

    /// Checks what the ranges cannot express. `file` is the component's.
    pub(super) fn validate(&self, file: &str, limits: &Limits) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.replicas == 1 || self.scope == Scope::Plugin,
            "`{file}` has both `replicas` and a `scope`: only the scope `plugin` has replicas"
        );
        anyhow::ensure!(
            !self.stateless || !self.require_state,
            "`{file}` has both `stateless` and `require_state`: its memory holds nothing, or it must move, so keep one"
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
            topics: TopicScope::Scope,
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
pub enum TopicScope {
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
