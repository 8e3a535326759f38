//! The kept versions of a site's components, to which it can go back: their bytes, and their order.
//!
//! They lie in the site's folder `.lithe`, so anybody who may change them may change the site, too.
//! Bytes are kept once their version serves. Files are named by their SHA-256, which is checked
//! when they are read.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use anyhow::Context as _;
use bytesize::ByteSize;
use cap_std::fs::{DirBuilder, DirBuilderExt as _};

use super::digest::Digest;
use crate::files::{FileError, Folder};

/// The host's own folder inside a site.
pub const STATE_FOLDER: &str = ".lithe";

/// The folder with the versions, in [`STATE_FOLDER`].
const VERSIONS: &str = "versions";

/// The file with the order.
const INDEX: &str = "versions.json";

/// The host never writes a larger index.
const MAX_INDEX: ByteSize = ByteSize::mib(16);

/// Larger components are not kept.
const MAX_COMPONENT: ByteSize = ByteSize::gib(1);

/// The most names in the folder: more than a host writes for the most components.
const MAX_NAMES: usize = 100_000;

/// A version that serves, to be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept<'k> {
    pub plugin: &'k str,
    /// A file of the site that has it.
    pub file: &'k str,
    pub digest: Digest,
}

/// The versions of one site's components.
pub(crate) struct Versions {
    /// The site's folder, and the folder of the versions. None if the site's folder cannot be
    /// written.
    folders: Option<(Folder, Folder)>,
    keep: usize,
    /// Newest first; the first is the one that serves.
    of: BTreeMap<String, Vec<Digest>>,
}

/// Why the site cannot go back.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    #[error("`{0}` has no previous version")]
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
    /// Opens the versions of the site in this folder, with `keep` besides the one that serves. If
    /// the folder is damaged or cannot be written, there are no versions, and the log says so.
    pub(crate) fn open(site: &Path, keep: usize) -> Self {
        let opened = folders(site).and_then(|folders| Ok((read_index(&folders.1)?, folders)));
        match opened {
            Ok((of, folders)) => Self { folders: Some(folders), keep, of },
            Err(error) => {
                let folder = site.join(STATE_FOLDER).join(VERSIONS);
                let folder = folder.display();
                tracing::warn!(
                    "no version of a component can be gone back to: `{folder}`: {error:#}"
                );
                Self { folders: None, keep, of: BTreeMap::new() }
            }
        }
    }

    /// Records that these versions serve now, and keeps their bytes from the site's folder. Forgets
    /// the oldest versions, and all versions of components that are no longer served.
    ///
    /// # Errors
    /// Bytes or the order cannot be written. What has been written stays.
    pub(crate) fn record<'k>(
        &mut self,
        serving: impl IntoIterator<Item = Kept<'k>>,
    ) -> anyhow::Result<()> {
        let (mut of, mut new) = (BTreeMap::new(), Vec::new());
        for kept in serving {
            let Kept { plugin, digest, .. } = kept;
            new.push(kept);
            let mut versions = self.of.remove(plugin).unwrap_or_default();
            if versions.first() != Some(&digest) {
                versions.retain(|own| *own != digest);
                versions.insert(0, digest);
            }
            versions.truncate(self.keep.saturating_add(1));
            of.insert(plugin.to_owned(), versions);
        }
        self.of = of;
        let Some((site, folder)) = &self.folders else { return Ok(()) };
        // Room for new versions is made first.
        self.forget_unnamed(folder)?;
        for kept in &new {
            keep(site, folder, kept).with_context(|| format!("`{}`", kept.file))?;
        }
        let texts = |digests: &Vec<Digest>| digests.iter().map(Digest::to_string).collect();
        let index: BTreeMap<_, Vec<String>> =
            self.of.iter().map(|(plugin, digests)| (plugin, texts(digests))).collect();
        let index = serde_json::to_vec_pretty(&index)?;
        if !folder.read(INDEX, MAX_INDEX).is_ok_and(|before| before == index) {
            folder.write(INDEX, &index)?;
        }
        Ok(())
    }

    fn forget_unnamed(&self, folder: &Folder) -> anyhow::Result<()> {
        let named: HashSet<String> = self.of.values().flatten().map(file_of).collect();
        for entry in folder.entries_up_to(MAX_NAMES)? {
            let Some(name) = entry.name.to_str() else { continue };
            if name.ends_with(".wasm") && !named.contains(name) {
                folder.remove(name)?;
            }
        }
        Ok(())
    }

    /// The versions of each plugin, newest first.
    pub(crate) fn all(&self) -> &BTreeMap<String, Vec<Digest>> {
        &self.of
    }

    /// The versions of a plugin, newest first.
    pub(crate) fn of(&self, plugin: &str) -> &[Digest] {
        self.of.get(plugin).map_or(&[], Vec::as_slice)
    }

    /// The version whose digest begins with `wanted`. Without it, the previous version.
    ///
    /// # Errors
    /// No version has this digest, or several have.
    pub(crate) fn find(&self, plugin: &str, wanted: Option<&str>) -> Result<Digest, VersionError> {
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
    /// They are gone, or have changed.
    pub(crate) fn read(&self, digest: &Digest) -> Result<Vec<u8>, VersionError> {
        let (_, folder) = self.folders.as_ref().ok_or(VersionError::Gone(*digest))?;
        let read = folder.read(file_of(digest), MAX_COMPONENT);
        let bytes = read.map_err(|_| VersionError::Gone(*digest))?;
        match Digest::of(&bytes) == *digest {
            true => Ok(bytes),
            false => Err(VersionError::Damaged(*digest)),
        }
    }
}

/// Keeps the bytes of a version that serves, if the site's folder still has them.
fn keep(site: &Folder, folder: &Folder, kept: &Kept<'_>) -> anyhow::Result<()> {
    let file = file_of(&kept.digest);
    if folder.dir().try_exists(&file)? {
        return Ok(());
    }
    let bytes = site.read(kept.file, MAX_COMPONENT)?;
    if Digest::of(&bytes) != kept.digest {
        anyhow::bail!("it has changed before it could be kept");
    }
    Ok(folder.write(file, &bytes)?)
}

fn file_of(digest: &Digest) -> String {
    format!("{digest}.wasm")
}

/// The folder for what the host keeps inside a site, for this user only. It is made if it does not
/// exist.
///
/// # Errors
/// It leads out of the site, or cannot be made.
pub(crate) fn state_folder(site: &Folder) -> anyhow::Result<Folder> {
    let mut builder = DirBuilder::new();
    match site.folder(STATE_FOLDER) {
        Err(FileError::Missing) => {
            let made = match site.dir().create_dir_with(STATE_FOLDER, builder.mode(0o700)) {
                // Somebody else has made it at the same moment.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
                made => made,
            };
            made.and_then(|()| site.sync().map_err(std::io::Error::other)).with_context(|| {
                format!("cannot make `{STATE_FOLDER}` in `{}`", site.path().display())
            })?;
            Ok(site.folder(STATE_FOLDER)?)
        }
        opened => opened.with_context(|| format!("`{STATE_FOLDER}`")),
    }
}

fn folders(site: &Path) -> anyhow::Result<(Folder, Folder)> {
    let site = Folder::open(site)?;
    let versions = state_folder(&site)?.make_folder(VERSIONS)?;
    Ok((site, versions))
}

fn read_index(folder: &Folder) -> anyhow::Result<BTreeMap<String, Vec<Digest>>> {
    let index = match folder.read_text(INDEX, MAX_INDEX) {
        Ok(index) => index,
        Err(FileError::Missing) => return Ok(BTreeMap::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read `{INDEX}`")),
    };
    Ok(parse(&index).unwrap_or_else(|error| {
        let folder = folder.path().display();
        tracing::warn!("older versions cannot be gone back to: `{folder}/{INDEX}`: {error:#}");
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

    fn of(file: &str, digest: Digest) -> Kept<'_> {
        Kept { plugin: file, file, digest }
    }

    fn keep(versions: &mut Versions, bytes: &[u8]) -> Digest {
        let (site, _) = versions.folders.clone().unwrap();
        site.write("a.wasm", bytes).unwrap();
        let digest = Digest::of(bytes);
        versions.record([of("a.wasm", digest)]).unwrap();
        digest
    }

    fn files(folder: &Path) -> usize {
        std::fs::read_dir(folder.join(".lithe/versions")).unwrap().count()
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
    fn a_folder_full_of_other_names_is_not_read_through() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = versions(folder.path());
        let one = keep(&mut kept, b"1");
        let full = folder.path().join(".lithe/versions");
        (0..=MAX_NAMES)
            .for_each(|n| drop(std::fs::File::create(full.join(n.to_string())).unwrap()));
        let error = format!("{:#}", kept.record([of("a.wasm", one)]).unwrap_err());
        assert!(error.contains("more than 100000 names"), "{error}");
    }

    #[test]
    fn going_back_makes_the_version_before_the_next_to_go_back_to() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = versions(folder.path());
        let (one, two) = (keep(&mut kept, b"1"), keep(&mut kept, b"2"));
        kept.record([of("a.wasm", one)]).unwrap();
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
        assert_eq!(error, "`b.wasm` has no previous version");
    }

    #[test]
    fn damaged_bytes_are_not_gone_back_to() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = versions(folder.path());
        let one = keep(&mut kept, b"1");
        kept.folders.as_ref().unwrap().1.write(file_of(&one), b"x").unwrap();
        assert!(matches!(kept.read(&one), Err(VersionError::Damaged(_))));
    }

    #[test]
    fn a_damaged_order_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = versions(folder.path());
        keep(&mut kept, b"1");
        kept.folders.unwrap().1.write(INDEX, b"{").unwrap();
        assert!(versions(folder.path()).of("a.wasm").is_empty());
    }

    #[test]
    fn components_that_do_not_serve_leave_no_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = versions(folder.path());
        for number in 0..20_u8 {
            kept.folders.as_ref().unwrap().0.write(format!("{number}.wasm"), &[number]).unwrap();
            kept.record([of(&format!("{number}.wasm"), Digest::of(&[number]))]).unwrap();
        }
        assert_eq!(files(folder.path()), 2, "one version, and the order");
    }

    #[test]
    fn a_version_whose_file_has_changed_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = versions(folder.path());
        std::fs::write(folder.path().join("a.wasm"), "2").unwrap();
        assert!(kept.record([of("a.wasm", Digest::of(b"1"))]).is_err());
        assert_eq!(files(folder.path()), 0);
    }

    #[test]
    fn a_link_out_of_the_site_is_neither_written_nor_cleaned() {
        let outer = tempfile::tempdir().unwrap();
        let (site, victim) = (outer.path().join("site"), outer.path().join("victim"));
        std::fs::create_dir_all(site.join(".lithe")).unwrap();
        std::fs::create_dir(&victim).unwrap();
        std::fs::write(victim.join("x.wasm"), "1").unwrap();
        std::fs::write(site.join("a.wasm"), "1").unwrap();
        std::os::unix::fs::symlink("../../victim", site.join(".lithe/versions")).unwrap();
        let mut kept = versions(&site);
        kept.record([of("a.wasm", Digest::of(b"1"))]).unwrap();
        assert_eq!(std::fs::read_dir(&victim).unwrap().count(), 1);
        assert!(matches!(kept.read(&Digest::of(b"1")), Err(VersionError::Gone(_))));
    }
}
