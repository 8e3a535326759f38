//! The versions of a site's components that can be gone back to: their bytes, and their order.
//!
//! They lie in the site's folder `.lithe`, so whoever may change them may change the site as well.
//! Bytes are named by their SHA-256 and checked when they are read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::cache::{Cache, Digest};

/// The file with the order.
const INDEX: &str = "versions.json";

/// The versions of one site's components.
pub struct Versions {
    /// None, where the site's folder cannot be written.
    folder: Option<Cache>,
    keep: usize,
    /// The newest first; the first is the one that serves.
    of: BTreeMap<String, Vec<Digest>>,
}

/// Why there is nothing to go back to.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    #[error("`{0}` has no version before this one")]
    None(String),
    #[error("`{plugin}` has no version `{wanted}`; it has {}", listed(.known))]
    Unknown { plugin: String, wanted: String, known: Vec<Digest> },
    #[error("`{wanted}` is the beginning of several versions of `{plugin}`: write more of it")]
    Ambiguous { plugin: String, wanted: String },
    #[error("version {0} is no longer there: deploy it again")]
    Gone(Digest),
    #[error("version {0} is damaged: deploy it again")]
    Damaged(Digest),
}

fn listed(known: &[Digest]) -> String {
    let quoted: Vec<String> = known.iter().map(|digest| format!("`{digest:.12}`")).collect();
    if quoted.is_empty() { "none".to_owned() } else { quoted.join(", ") }
}

impl Versions {
    /// Those of the site in this folder; `keep` besides the one that serves. Where the folder cannot be
    /// written, or is damaged, there are none, and the log says so.
    pub fn open(site: &Path, keep: usize) -> Self {
        let folder = state_folder(site).join("versions");
        let opened = Cache::open(folder.clone()).and_then(|cache| Ok((read_index(&cache)?, cache)));
        match opened {
            Ok((of, cache)) => Self { folder: Some(cache), keep, of },
            Err(error) => {
                let folder = folder.display();
                tracing::warn!(
                    "no version of a component can be gone back to: `{folder}`: {error:#}"
                );
                Self { folder: None, keep, of: BTreeMap::new() }
            }
        }
    }

    /// Keeps a component's bytes.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn keep(&self, digest: &Digest, bytes: &[u8]) -> anyhow::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let path = path_of(folder, digest);
        match path.is_file() {
            true => Ok(()),
            false => folder.write(&path, bytes),
        }
    }

    /// These versions serve now. The oldest are forgotten.
    ///
    /// # Errors
    /// The order cannot be written.
    pub fn record<'p>(
        &mut self,
        serving: impl IntoIterator<Item = (&'p str, Digest)>,
    ) -> anyhow::Result<()> {
        let mut changed = false;
        for (plugin, digest) in serving {
            let versions = self.of.entry(plugin.to_owned()).or_default();
            if versions.first() != Some(&digest) {
                versions.retain(|own| *own != digest);
                versions.insert(0, digest);
                changed = true;
            }
            versions.truncate(self.keep + 1);
        }
        let Some(folder) = self.folder.as_ref().filter(|_| changed) else { return Ok(()) };
        let texts = |digests: &Vec<Digest>| digests.iter().map(Digest::to_string).collect();
        let index: BTreeMap<_, Vec<String>> =
            self.of.iter().map(|(plugin, digests)| (plugin, texts(digests))).collect();
        let index = serde_json::to_vec_pretty(&index)?;
        folder.write(&folder.folder().join(INDEX), &index)?;
        self.forget_unnamed(folder)
    }

    fn forget_unnamed(&self, folder: &Cache) -> anyhow::Result<()> {
        for entry in fs::read_dir(folder.folder())? {
            let path = entry?.path();
            let is_component = path.extension().is_some_and(|extension| extension == "wasm");
            let is_named = self.of.values().flatten().any(|digest| path_of(folder, digest) == path);
            if is_component && !is_named {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// The versions of each plugin, the newest first.
    pub fn all(&self) -> &BTreeMap<String, Vec<Digest>> {
        &self.of
    }

    /// The versions of a plugin, the newest first.
    pub fn of(&self, plugin: &str) -> &[Digest] {
        self.of.get(plugin).map_or(&[], Vec::as_slice)
    }

    /// The one that begins so; without it, the one before the one that serves.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn find(&self, plugin: &str, wanted: Option<&str>) -> Result<Digest, VersionError> {
        let known = self.of(plugin);
        let name = || plugin.to_owned();
        let Some(wanted) = wanted else {
            return known.get(1).copied().ok_or_else(|| VersionError::None(name()));
        };
        let mut found = known.iter().filter(|digest| digest.to_string().starts_with(wanted));
        let wanted = wanted.to_owned();
        match (found.next(), found.next()) {
            (Some(digest), None) => Ok(*digest),
            (Some(_), Some(_)) => Err(VersionError::Ambiguous { plugin: name(), wanted }),
            (None, _) => {
                Err(VersionError::Unknown { plugin: name(), wanted, known: known.to_vec() })
            }
        }
    }

    /// A version's bytes.
    ///
    /// # Errors
    /// They are gone, or are not what they were.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, VersionError> {
        let folder = self.folder.as_ref().ok_or(VersionError::Gone(*digest))?;
        let bytes = fs::read(path_of(folder, digest)).map_err(|_| VersionError::Gone(*digest))?;
        match Digest::of(&bytes) == *digest {
            true => Ok(bytes),
            false => Err(VersionError::Damaged(*digest)),
        }
    }
}

fn path_of(folder: &Cache, digest: &Digest) -> PathBuf {
    folder.folder().join(format!("{digest}.wasm"))
}

/// What the host keeps of a site inside the site.
pub fn state_folder(site: &Path) -> PathBuf {
    site.join(".lithe")
}

fn read_index(folder: &Cache) -> anyhow::Result<BTreeMap<String, Vec<Digest>>> {
    let path = folder.folder().join(INDEX);
    let index = match fs::read_to_string(&path) {
        Ok(index) => index,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read `{}`", path.display()));
        }
    };
    Ok(parse(&index).unwrap_or_else(|error| {
        tracing::warn!("older versions cannot be gone back to: `{}`: {error:#}", path.display());
        BTreeMap::new()
    }))
}

fn parse(index: &str) -> anyhow::Result<BTreeMap<String, Vec<Digest>>> {
    let index: BTreeMap<String, Vec<String>> = serde_json::from_str(index)?;
    let mut of = BTreeMap::new();
    for (plugin, texts) in index {
        let digests: Result<_, _> = texts.iter().map(|text| text.parse()).collect();
        of.insert(plugin, digests?);
    }
    Ok(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(folder: &Path) -> Versions {
        Versions::open(folder, 2)
    }

    fn keep(versions: &mut Versions, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        versions.keep(&digest, bytes).unwrap();
        versions.record([("a.wasm", digest)]).unwrap();
        digest
    }

    #[test]
    fn keeps_the_newest_versions_also_for_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = versions(folder.path());
        let digests = [b"1", b"2", b"3", b"4"].map(|bytes| keep(&mut kept, bytes));
        let kept = versions(folder.path());
        assert_eq!(kept.of("a.wasm"), [digests[3], digests[2], digests[1]]);
        assert_eq!(kept.find("a.wasm", None).unwrap(), digests[2]);
        assert_eq!(kept.read(&digests[1]).unwrap(), b"2");
        assert!(matches!(kept.read(&digests[0]), Err(VersionError::Gone(_))));
    }

    #[test]
    fn going_back_makes_the_version_before_the_next_to_go_back_to() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = versions(folder.path());
        let (one, two) = (keep(&mut kept, b"1"), keep(&mut kept, b"2"));
        kept.record([("a.wasm", one)]).unwrap();
        assert_eq!(kept.find("a.wasm", None).unwrap(), two);
    }

    #[test]
    fn a_version_is_found_by_how_it_begins() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = versions(folder.path());
        let one = keep(&mut kept, b"1");
        let beginning = &one.to_string()[..8];
        assert_eq!(kept.find("a.wasm", Some(beginning)).unwrap(), one);
        let error = kept.find("a.wasm", Some("xyz")).unwrap_err().to_string();
        assert!(error.contains("`xyz`") && error.contains(beginning), "{error}");
        let error = kept.find("b.wasm", None).unwrap_err().to_string();
        assert_eq!(error, "`b.wasm` has no version before this one");
    }

    #[test]
    fn damaged_bytes_are_not_gone_back_to() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = versions(folder.path());
        let one = keep(&mut kept, b"1");
        fs::write(path_of(kept.folder.as_ref().unwrap(), &one), b"x").unwrap();
        assert!(matches!(kept.read(&one), Err(VersionError::Damaged(_))));
    }

    #[test]
    fn a_damaged_order_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = versions(folder.path());
        keep(&mut kept, b"1");
        fs::write(kept.folder.unwrap().folder().join(INDEX), b"{").unwrap();
        assert!(versions(folder.path()).of("a.wasm").is_empty());
    }
}
