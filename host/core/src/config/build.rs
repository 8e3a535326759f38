//! What `lithe build` makes, and from what.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// What a component is built from: its source's folder, or a table with the folder and more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The source's folder, relative to the site.
    pub source: PathBuf,
    /// The kind of component that a source in another language than Rust makes. Default: `route`.
    pub kind: GuestKind,
    /// The engine that runs a JavaScript source. Default: `small`.
    pub engine: Engine,
    /// A shell command that runs in the source's folder instead of the language's own tool. It
    /// writes the component to the file that `$LITHE_OUTPUT` names; `$LITHE_WIT` names the
    /// contract's folder.
    pub command: Option<String>,
    /// The plugin that the file belongs to, such as `"poll"`. Files of `routes/` with the same
    /// plugin are one component, and share its memory, topics and sockets. `[plugin."poll"]` has
    /// its settings. The memory belongs to the name: under another name, the plugin begins with
    /// empty memory. Default: a plugin of its own, with the file's name.
    pub plugin: Option<String>,
}

/// The kind of a component. A Rust source names its kind itself, by its attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuestKind {
    /// A handler without sessions.
    #[default]
    Route,
    /// A handler with sessions as events.
    Hooks,
    /// A handler with blocking sessions.
    Session,
    Middleware,
    /// An error handler.
    Error,
}

/// The engine that runs JavaScript.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// QuickJS: 1 MB, and starts at once. It has no compiler and few of the web's APIs; the SDK
    /// adds the important ones.
    #[default]
    Small,
    /// StarlingMonkey, the engine of Firefox: 12 MB, with the web's APIs.
    Full,
}

impl Engine {
    /// Its name in `lithe.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Full => "full",
        }
    }
}

impl GuestKind {
    /// Its name in `lithe.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Hooks => "hooks",
            Self::Session => "session",
            Self::Middleware => "middleware",
            Self::Error => "error",
        }
    }

    /// The name of its world in the contract.
    pub fn world(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Hooks => "hooks-plugin",
            Self::Session => "session-plugin",
            Self::Middleware => "middleware-plugin",
            Self::Error => "error-plugin",
        }
    }
}

/// The longest name of a plugin that is not a file.
const MAX_PLUGIN: usize = 64;

impl Build {
    /// Whether both build the same component.
    pub fn makes_the_same(&self, other: &Self) -> bool {
        let parts = |own: &Self| (own.kind, own.engine);
        self.source == other.source && self.command == other.command && parts(self) == parts(other)
    }
}

/// Checks that the files of each plugin can be one component.
pub(super) fn validate(builds: &BTreeMap<PathBuf, Build>) -> anyhow::Result<()> {
    let mut plugins = BTreeMap::new();
    for (file, build) in builds {
        let Some(name) = &build.plugin else { continue };
        let shown = file.display();
        anyhow::ensure!(
            file.starts_with("routes"),
            "`{shown}` has the plugin `{name}`: only files of `routes/` share one"
        );
        let (first, same) = *plugins.entry(name).or_insert((file, build));
        anyhow::ensure!(
            build.makes_the_same(same),
            "`{}` and `{shown}` belong to the plugin `{name}`, and must be built from the same source in the same \
             way",
            first.display()
        );
    }
    Ok(())
}

impl AsRef<Path> for Build {
    /// The source's folder.
    fn as_ref(&self) -> &Path {
        &self.source
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    source: PathBuf,
    #[serde(default)]
    kind: GuestKind,
    #[serde(default)]
    engine: Engine,
    command: Option<String>,
    #[serde(default, deserialize_with = "plugin_name")]
    plugin: Option<String>,
}

/// The name of a plugin that is not a file.
fn plugin_name<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(value)?;
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    match !name.is_empty() && name.len() <= MAX_PLUGIN && name.bytes().all(is_letter) {
        true => Ok(Some(name)),
        false => Err(de::Error::custom(format_args!(
            "`{}` is not a plugin's name: use letters, digits, `-` and `_`, 1 to {MAX_PLUGIN} of them",
            name.escape_debug()
        ))),
    }
}

impl<'de> Deserialize<'de> for Build {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FolderOrTable)
    }
}

struct FolderOrTable;

impl<'de> Visitor<'de> for FolderOrTable {
    type Value = Build;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the source's folder, or a table such as { source = \"FOLDER\", kind = \"hooks\" }",
        )
    }

    fn visit_str<E>(self, folder: &str) -> Result<Build, E> {
        Ok(Build {
            source: folder.into(),
            kind: GuestKind::default(),
            engine: Engine::default(),
            command: None,
            plugin: None,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Build, A::Error> {
        let Table { source, kind, engine, command, plugin } =
            Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Build { source, kind, engine, command, plugin })
    }
}
