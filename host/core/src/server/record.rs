//! Who has which host, kept over restarts: a small file beside the folders of the sites, in the
//! host's own `.lithe`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytesize::ByteSize;
use serde::Deserialize;

use crate::config::Host;
use crate::files::{FileError, Folder};

/// The file, from the folder that the sites are in.
const FILE: &str = ".lithe/hosts.toml";

/// Enough for some hundred thousand hosts.
const MAX_FILE: ByteSize = ByteSize::mib(16);

/// A host that a site has or had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The folder of the site.
    pub site: Arc<str>,
    /// Since when the site has not asked for it, in seconds since 1970. None while it asks.
    pub released: Option<u64>,
}

/// A host's entry in the file.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Had(String),
    Released { site: String, released: u64 },
}

impl From<Entry> for Holding {
    fn from(entry: Entry) -> Self {
        match entry {
            Entry::Had(site) => Self { site: site.into(), released: None },
            Entry::Released { site, released } => {
                Self { site: site.into(), released: Some(released) }
            }
        }
    }
}

impl From<&Holding> for toml::Value {
    fn from(holding: &Holding) -> Self {
        let site = Self::String(holding.site.to_string());
        let Some(released) = holding.released else { return site };
        let released = i64::try_from(released).unwrap_or(i64::MAX);
        let released = ("released".to_owned(), Self::Integer(released));
        Self::Table([("site".to_owned(), site), released].into_iter().collect())
    }
}

/// The folder with the file. None if the host has only one site.
#[derive(Clone, Default)]
pub struct Record(Option<Folder>);

impl Record {
    /// Opens the record in this folder. If it does not exist and cannot be made, nothing is
    /// remembered over a restart.
    pub fn open(root: &Path) -> Self {
        match Folder::open(root) {
            Ok(folder) => Self(Some(folder)),
            Err(error) => {
                tracing::warn!("which site has which host is not written down: {error}");
                Self(None)
            }
        }
    }

    /// Reads what was written last.
    pub fn read(&self) -> BTreeMap<Host, Holding> {
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
        match toml::from_str::<BTreeMap<Host, Entry>>(&text) {
            Ok(held) => held.into_iter().map(|(host, entry)| (host, entry.into())).collect(),
            Err(error) => {
                tracing::error!(
                    "`{FILE}`, which says which site has which host, is invalid: {error}"
                );
                BTreeMap::new()
            }
        }
    }

    /// Writes all of it. The hosts of a site change rarely.
    pub fn write(&self, held: &BTreeMap<Host, Holding>) {
        let Some(folder) = &self.0 else { return };
        let table: toml::Table =
            held.iter().map(|(host, holding)| (host.to_string(), holding.into())).collect();
        if let Err(error) = folder.write(FILE, table.to_string().as_bytes()) {
            tracing::warn!("cannot write `{FILE}`, which says which site has which host: {error}");
        }
    }
}
