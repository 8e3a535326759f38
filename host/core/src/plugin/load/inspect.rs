//! Describes a component without serving it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use wasmparser::{BinaryReaderError, KnownCustom, Parser, Payload};
use wasmtime::component::Component;

use super::{CompileError, Digest, LoadError, Loader, Source, not_read, read};
use crate::capability::account::Account;
use crate::capability::grants::Grants;
use crate::capability::{Calls, Context, VersionId};
use crate::config;
use crate::files;
use crate::runtime::exports::{self, Exports};
use crate::runtime::{Kind, Template, at_load};

/// What a file contains, and whether it fits.
#[derive(Debug)]
pub struct Inspection {
    pub digest: Digest,
    /// Bytes of the file.
    pub size: usize,
    /// How it fits, or how it differs from every kind.
    pub fits: Result<Fit, String>,
    pub imports: Vec<(String, Grant)>,
    pub exports: Vec<String>,
    /// What made it, by the field of its producers sections, such as `language` or `processed-by`.
    pub producers: BTreeMap<String, BTreeSet<String>>,
}

/// How a component fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    pub kind: Kind,
    /// Whether it names its routes itself, and so belongs in `plugins/`.
    pub names_routes: bool,
}

/// What a component gets for an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    Granted,
    /// The import exists, but does less than its name says: what it lacks.
    Without(&'static str),
    /// The host does not have the import, and does not load a component that needs it.
    Denied,
}

/// Interfaces of the contract that a component may import.
const CONTRACT: [&str; 11] = [
    "event", "http", "next", "outcome", "receiver", "socket", "streams", "timers", "topics",
    "turn", "ws",
];

/// What a component gets only by a grant.
const VARIABLES: &str = "any variable, except `environment` and `secrets` in lithe.toml";
const FOLDERS: &str = "any folder, except `folders` in lithe.toml";

impl Grant {
    pub(super) fn of(import: &str) -> Self {
        let (name, version) = import.split_once('@').unwrap_or((import, ""));
        let (package, interface) = name.split_once('/').unwrap_or((name, ""));
        match package {
            "lithe:plugin" if version == "0.1.0" && CONTRACT.contains(&interface) => Self::Granted,
            _ if !version.starts_with("0.2.") => Self::Denied,
            "wasi:cli" if interface == "environment" => Self::Without(VARIABLES),
            "wasi:cli" | "wasi:clocks" | "wasi:io" | "wasi:random" => Self::Granted,
            "wasi:filesystem" => Self::Without(FOLDERS),
            "wasi:sockets" => Self::Without("any network"),
            _ => Self::Denied,
        }
    }
}

impl Loader {
    /// Looks at one component: compiles it as [`Loader::load`] does, and makes one instance of it
    /// to see that it starts and that its functions have the contract's types.
    ///
    /// # Errors
    /// The file cannot be read, or is not a component.
    pub async fn inspect(
        &self,
        file: &Path,
        on_compile: impl FnOnce(),
    ) -> Result<Inspection, LoadError> {
        let (file, max) = (file.to_owned(), self.max_component);
        let bytes = self.aside(move || files::read_named(&file, max)).await?;
        let bytes = bytes.map_err(not_read)?;
        let source = Source::Given(bytes.into());
        let seen = self.look(&source).await?;
        let component = self.component(&source, seen, on_compile).await?;
        let bytes = read(&source, self.max_component)?;
        let engine = &self.runtime.engine;
        let component_type = component.component.component_type();
        let imports = component_type.imports(engine);
        let exports = component_type.exports(engine);
        Ok(Inspection {
            digest: seen.digest,
            size: bytes.len(),
            imports: imports.map(|(name, _)| (name.to_owned(), Grant::of(name))).collect(),
            exports: exports.map(|(name, _)| name.to_owned()).collect(),
            fits: self.fit(&component.component).await,
            producers: producers(&bytes)
                .map_err(|error| CompileError::Malformed(error.to_string()))?,
        })
    }

    async fn fit(&self, component: &Component) -> Result<Fit, String> {
        let kind = Kind::of(component).map_err(|unfit| unfit.to_string())?;
        let context = Arc::new(Context {
            site: "inspect".into(),
            plugin: "inspect".into(),
            limits: config::Limits::default(),
            sessions: kind.has_sessions(),
            upgrades: kind.has_sessions(),
            settings: config::PluginConfig::default(),
            threads: None,
            grants: Grants::default(),
            version: VersionId::next(),
            calls: Calls::default(),
            account: Account::new("inspect".into()),
            sockets: Arc::default(),
        });
        match kind {
            Kind::Route => self.start::<exports::Route>(component, context).await?,
            Kind::Hooks => self.start::<exports::Hooks>(component, context).await?,
            Kind::Session => self.start::<exports::Session>(component, context).await?,
            Kind::Middleware => self.start::<exports::Middleware>(component, context).await?,
            Kind::ErrorHandler => self.start::<exports::ErrorHandler>(component, context).await?,
        }
        Ok(Fit { kind, names_routes: exports::names_routes(component) })
    }

    async fn start<E: Exports>(
        &self,
        component: &Component,
        context: Arc<Context>,
    ) -> Result<(), String> {
        let template = Template::<E>::new(self.runtime.clone(), component, context, None)
            .map_err(|error| format!("it cannot be linked: {error:#}"))?;
        let start = async move { template.instantiate(None).await.map(drop) };
        at_load(None, start).await.map_err(|failure| failure.to_string())
    }
}

/// The producers sections of a component, and of everything in it.
fn producers(bytes: &[u8]) -> Result<BTreeMap<String, BTreeSet<String>>, BinaryReaderError> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let Payload::CustomSection(section) = payload? else { continue };
        let KnownCustom::Producers(fields) = section.as_known() else { continue };
        for field in fields {
            let field = field?;
            let made = found.entry(field.name.to_owned()).or_default();
            for value in field.values {
                let value = value?;
                made.insert(format!("{} {}", value.name, value.version).trim_end().to_owned());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_has_is_granted_and_nothing_else() {
        for (import, grant) in [
            ("lithe:plugin/socket@0.1.0", Grant::Granted),
            ("lithe:plugin/socket@0.2.0", Grant::Denied),
            ("lithe:plugin/filesystem@0.1.0", Grant::Denied),
            ("wasi:cli/stdout@0.2.6", Grant::Granted),
            ("wasi:cli/environment@0.2.12", Grant::Without(VARIABLES)),
            ("wasi:sockets/tcp@0.2.0", Grant::Without("any network")),
            ("wasi:http/types@0.2.0", Grant::Denied),
            ("wasi:cli/stdout@0.3.0", Grant::Denied),
            ("anything", Grant::Denied),
        ] {
            assert_eq!(Grant::of(import), grant, "{import}");
        }
    }

    #[test]
    fn every_import_of_the_contract_s_worlds_is_granted() {
        let worlds = include_str!("../../../../../wit/worlds.wit");
        let imports = worlds.lines().filter_map(|line| line.trim().strip_prefix("import "));
        let mut imports: Vec<&str> = imports.map(|name| name.trim_end_matches(';')).collect();
        // It comes with the interfaces that use it.
        imports.push("outcome");
        imports.sort_unstable();
        assert_eq!(imports, CONTRACT);
    }
}
