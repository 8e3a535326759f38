//! Who has which host, over a restart: a small file beside the folders of the sites, in the host's own `.lithe`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytesize::ByteSize;

use crate::config::Host;
use crate::files::{FileError, Folder};

/// The file, from the folder that the sites are in.
const FILE: &str = ".lithe/hosts.toml";

/// Some hundred thousand hosts.
const MAX_FILE: ByteSize = ByteSize::mib(16);

/// Where it is written down; nowhere, where a host has only one site.
#[derive(Clone, Default)]
pub struct Record(Option<Folder>);

impl Record {
    /// The one in this folder. Where there is none and none can be made, nothing is known after a restart.
    pub fn open(root: &Path) -> Self {
        match Folder::open(root) {
            Ok(folder) => Self(Some(folder)),
            Err(error) => {
                tracing::warn!("which site has which host is not written down: {error}");
                Self(None)
            }
        }
    }

    /// What was written last.
    pub fn read(&self) -> BTreeMap<Host, Arc<str>> {
        let Some(folder) = &self.0 else { return BTreeMap::new() };
        let text = match folder.read_text(FILE, MAX_FILE) {
            Ok(text) => text,
            Err(FileError::Missing) => return BTreeMap::new(),
            Err(error) => {
                tracing::error!(
                    "cannot read `{FILE}`, which says which site has which host: {error}"
                );
                return BTreeMap::new();
            }
        };
        match toml::from_str::<BTreeMap<Host, String>>(&text) {
            Ok(held) => held.into_iter().map(|(host, site)| (host, site.into())).collect(),
            Err(error) => {
                tracing::error!(
                    "`{FILE}`, which says which site has which host, is not right: {error}"
                );
                BTreeMap::new()
            }
        }
    }

    /// Writes it whole. The hosts of a site seldom change.
    pub fn write(&self, held: &BTreeMap<Host, Arc<str>>) {
        let Some(folder) = &self.0 else { return };
        let table: toml::Table = held
            .iter()
            .map(|(host, site)| (host.to_string(), toml::Value::String(site.to_string())))
            .collect();
        if let Err(error) = folder.write(FILE, table.to_string().as_bytes()) {
            tracing::warn!("cannot write `{FILE}`, which says which site has which host: {error}");
        }
    }
}
