//! Deploys on disk: the files of a deploy take their places all or none, whatever ends the host and
//! when.
//!
//! | step | what a crash after it leaves for the next start |
//! |---|---|
//! | [`Staged::write`]: each file lies beside its place, under another name | leftovers, which it removes |
//! | [`Staged::decide`]: the journal `.lithe/deploy.json` names them | the rest, which it does |
//! | [`Staged::put_in_place`]: each gets its name | the rest, which it does |
//! | the journal is removed; now the deploy is acknowledged | nothing |
//!
//! Each step is on the disk before the next one begins.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytesize::ByteSize;
use rustix::fs::{Access, AtFlags, accessat};
use serde::{Deserialize, Serialize};

use super::Given;
use super::scan;
use crate::clock;
use crate::files::{EntryKind, FileError, Folder, Lock, TEMPORARY};
use crate::plugin::{Digest, STATE_FOLDER, state_folder};

/// The journal's name in the site's `.lithe`.
const JOURNAL: &str = "deploy.json";

/// More than the largest deploy with the longest names needs.
const MAX_JOURNAL: ByteSize = ByteSize::mib(16);

/// The most bytes that the files of a deploy may have together. After a crash they all have to be
/// read, and a site could write a journal itself.
pub const MAX_DEPLOY: ByteSize = ByteSize::gib(1);

/// How many names in each part of the site are checked for leftovers.
const MAX_NAMES: usize = 20_000;

/// How long to wait for another host's deploy into the same folder.
const LOCK_TIME: Duration = Duration::from_secs(1);

/// The files of a deploy, written beside their places. They are removed if nothing is decided.
pub(crate) struct Staged {
    site: Folder,
    state: Folder,
    journal: Journal,
    is_decided: bool,
    _lock: Lock,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Journal {
    files: Vec<Staging>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Staging {
    /// Paths in the site.
    temporary: PathBuf,
    place: PathBuf,
    digest: Digest,
}

impl Staged {
    /// Writes components beside their places.
    ///
    /// # Errors
    /// The site's folder cannot be written, or a file cannot have this place. Then nothing is left.
    pub(crate) fn write(root: &Path, given: &Given) -> anyhow::Result<Self> {
        check_given(given)?;
        let site = Folder::open(root).with_context(|| format!("`{}`", root.display()))?;
        let state = state_folder(&site)?;
        let lock = lock(&state)?;
        // A deploy that could not be completed keeps its journal until it can be.
        complete(&site, &state)?;
        let journal = Journal::default();
        let mut staged = Self { site, state, journal, is_decided: false, _lock: lock };
        for (file, bytes) in given {
            staged.add(file, bytes).with_context(|| format!("cannot write `{file}`"))?;
        }
        staged.journal.sync(&staged.site)?;
        Ok(staged)
    }

    fn add(&mut self, file: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let place = PathBuf::from(file);
        let folder = self.site.make_folder(place.parent().unwrap_or(Path::new(".")))?;
        check_name(&folder, &place)?;
        let temporary = place.with_file_name(folder.stage(bytes)?);
        self.journal.files.push(Staging { temporary, place, digest: Digest::of(bytes) });
        Ok(())
    }

    /// From now on the files get their places, even if the host ends: the next start does the rest.
    ///
    /// # Errors
    /// The journal cannot be written, and nothing is decided.
    pub(crate) fn decide(&mut self) -> anyhow::Result<()> {
        let journal = serde_json::to_vec(&self.journal)?;
        let written = self.state.write(JOURNAL, &journal);
        if written.is_err() {
            // The journal may exist, and only the sync have failed.
            let _ = self.state.remove(JOURNAL);
        }
        written.with_context(|| format!("cannot write `{STATE_FOLDER}/{JOURNAL}`"))?;
        self.is_decided = true;
        Ok(())
    }

    /// Withdraws the decision: the files do not get their places.
    ///
    /// # Errors
    /// The journal cannot be removed, so the next start would serve what was refused.
    pub(crate) fn withdraw(mut self) -> anyhow::Result<()> {
        self.state.remove(JOURNAL)?;
        self.state.sync()?;
        self.is_decided = false;
        Ok(())
    }

    /// Puts each file in its place.
    ///
    /// # Errors
    /// A file cannot be renamed. The next start, or the next change, tries again.
    pub(crate) fn put_in_place(self) -> anyhow::Result<()> {
        self.journal.complete(&self.site, &self.state)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.is_decided {
            for file in &self.journal.files {
                // If this fails, the next start removes it.
                let _ = self.site.remove(&file.temporary);
            }
        }
    }
}

/// Checks that a deploy could be written: refuses what [`Staged::write`] would, and writes nothing.
///
/// # Errors
/// As [`Staged::write`].
pub(crate) fn check(root: &Path, given: &Given) -> anyhow::Result<()> {
    check_given(given)?;
    let site = Folder::open(root).with_context(|| format!("`{}`", root.display()))?;
    let journal = format!("{STATE_FOLDER}/{JOURNAL}");
    std::iter::once(&journal).chain(given.keys()).try_for_each(|file| {
        check_place(&site, Path::new(file)).with_context(|| format!("cannot write `{file}`"))
    })
}

/// Checks what a deploy contains, without its site.
fn check_given(given: &Given) -> anyhow::Result<()> {
    let size = given.values().fold(0, |sum: u64, bytes| sum.saturating_add(bytes.len() as u64));
    if size > MAX_DEPLOY.as_u64() {
        let size = ByteSize::b(size);
        bail!("the components have {size} together, and a deploy may have at most {MAX_DEPLOY}");
    }
    for file in given.keys() {
        // Neither file exists yet, so the disk would not report this before the switch.
        if let Some(folder) = given.keys().find(|other| is_in(file, other)) {
            bail!("`{file}` would be in `{folder}`, which is a file");
        }
    }
    Ok(())
}

/// Checks that a file could have this place, with the folders above it that would have to be made.
fn check_place(site: &Folder, place: &Path) -> anyhow::Result<()> {
    for (height, above) in place.ancestors().skip(1).enumerate() {
        let named = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        match site.folder(named) {
            // A folder cannot be made where a link exists, even one that leads nowhere.
            Err(FileError::Missing) if site.dir().symlink_metadata(named).is_err() => {}
            Err(error) => return Err(error).with_context(|| format!("`{}`", named.display())),
            Ok(folder) => {
                if height == 0 {
                    check_name(&folder, place)?;
                }
                let may_write = accessat(folder.dir(), ".", Access::WRITE_OK, AtFlags::EACCESS);
                return may_write.with_context(|| format!("`{}`", named.display()));
            }
        }
    }
    bail!("it has no name")
}

/// Checks that a file in this folder could have the name of that place.
fn check_name(folder: &Folder, place: &Path) -> anyhow::Result<()> {
    let name = place.file_name().context("it has no name")?;
    match folder.dir().symlink_metadata(name) {
        Ok(there) if there.is_dir() => bail!("there is a folder of this name"),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        // For example, a name that is too long.
        Err(error) => Err(error.into()),
    }
}

fn is_in(file: &str, folder: &str) -> bool {
    file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

impl Journal {
    /// Makes the names of the files, and of new folders above them, survive a crash.
    fn sync(&self, site: &Folder) -> anyhow::Result<()> {
        let places = self.files.iter().map(|file| &*file.place);
        let folders: BTreeSet<&Path> = places.flat_map(|place| place.ancestors().skip(1)).collect();
        for folder in folders {
            let named = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            site.folder(named)?
                .sync()
                .with_context(|| format!("cannot sync `{}`", named.display()))?;
        }
        Ok(())
    }

    /// Puts each file in its place that is not there yet, and removes the journal.
    fn complete(&self, site: &Folder, state: &Folder) -> anyhow::Result<()> {
        let mut left = MAX_DEPLOY.as_u64();
        for file in &self.files {
            match site.rename(&file.temporary, &file.place) {
                Ok(()) => {}
                // It was put in place before the crash.
                Err(FileError::Missing) if has(site, &file.place, &file.digest, &mut left) => {}
                Err(error) => {
                    let place = file.place.display();
                    return Err(error).with_context(|| format!("cannot write `{place}`"));
                }
            }
        }
        self.sync(site)?;
        state.remove(JOURNAL)?;
        Ok(state.sync()?)
    }

    /// Whether the whole deploy can be completed: somebody may have removed a file.
    fn is_whole(&self, site: &Folder) -> bool {
        let mut left = MAX_DEPLOY.as_u64();
        let is_fine = |file: &Staging| {
            let is_component =
                file.place.to_str().is_some_and(|place| scan::component(place).is_ok());
            let is_beside = file.temporary.parent() == file.place.parent()
                && file.temporary.file_name().is_some_and(is_leftover);
            is_component
                && is_beside
                && (has(site, &file.temporary, &file.digest, &mut left)
                    || has(site, &file.place, &file.digest, &mut left))
        };
        self.files.len() <= scan::MAX_COMPONENTS && self.files.iter().all(is_fine)
    }
}

/// Whether a file has this content. Its size is taken from `left`; if `left` is too small, the file
/// is not read.
fn has(site: &Folder, path: &Path, digest: &Digest, left: &mut u64) -> bool {
    let Ok((file, metadata)) = site.open_file(path) else { return false };
    let size = metadata.len();
    let Some(rest) = left.checked_sub(size) else { return false };
    *left = rest;
    // The file may grow while it is read.
    Digest::read(file.take(size)).is_ok_and(|read| read == *digest)
}

/// Whether a deploy may have been interrupted, so that it has to be recovered.
pub(crate) fn is_broken_off(root: &Path) -> bool {
    folders(root).is_some_and(|(_, state)| state.dir().try_exists(JOURNAL).unwrap_or(true))
}

/// Completes a deploy that a crash or a full disk has interrupted, so that the folder's files are
/// of one deploy.
///
/// # Errors
/// It cannot be completed now.
pub fn recover(root: &Path) -> anyhow::Result<()> {
    let Some((site, state)) = folders(root) else { return Ok(()) };
    match state.dir().try_exists(JOURNAL) {
        Ok(true) => {}
        Ok(false) => return Ok(()),
        // If the folder is another user's, nothing in it can be used.
        Err(error) => {
            let folder = state.path().display();
            tracing::warn!("the site is served without `{folder}`, which cannot be used: {error}");
            return Ok(());
        }
    }
    let _lock = lock(&state)?;
    complete(&site, &state)
}

/// Removes what interrupted deploys have left.
pub fn clean(root: &Path) {
    let Some((site, state)) = folders(root) else { return };
    // Files of another host's running deploy are not leftovers.
    let Ok(Some(_lock)) = state.lock() else { return };
    if state.dir().try_exists(JOURNAL).unwrap_or(true) {
        return;
    }
    for part in ["routes", "plugins", "middleware", STATE_FOLDER] {
        clean_below(&site, part);
    }
}

fn complete(site: &Folder, state: &Folder) -> anyhow::Result<()> {
    let text = match state.read(JOURNAL, MAX_JOURNAL) {
        Err(FileError::Missing) => return Ok(()),
        read => read.with_context(|| format!("cannot read `{STATE_FOLDER}/{JOURNAL}`"))?,
    };
    let journal: Option<Journal> = serde_json::from_slice(&text).ok();
    match journal.filter(|journal| journal.is_whole(site)) {
        Some(journal) => {
            journal.complete(site, state)?;
            let (count, site) = (journal.files.len(), site.path().display());
            tracing::info!(target: "swap", "`{site}`: a deploy of {count} files is complete now");
        }
        None => {
            // The host never writes an incomplete journal.
            let site = site.path().display();
            tracing::error!(
                target: "swap",
                "`{site}`: a deploy was interrupted, and its files are gone: deploy it again"
            );
            state.remove(JOURNAL)?;
        }
    }
    Ok(())
}

/// The site's folder and its `.lithe`. None if no host has ever written into it.
fn folders(root: &Path) -> Option<(Folder, Folder)> {
    let site = Folder::open(root).ok()?;
    let state = site.folder(STATE_FOLDER).ok()?;
    Some((site, state))
}

fn lock(state: &Folder) -> anyhow::Result<Lock> {
    let until = clock::after(Instant::now(), LOCK_TIME);
    loop {
        if let Some(lock) = state.lock()? {
            return Ok(lock);
        }
        if Instant::now() >= until {
            bail!("another host is deploying into `{}`: try again", state.path().display());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Folders that are reached through links are not cleaned; the link's target is cleaned if it is a
/// part of the site.
fn clean_below(site: &Folder, part: &str) {
    let mut paths = vec![PathBuf::from(part)];
    let mut left = MAX_NAMES;
    while let Some(path) = paths.pop() {
        let Ok(folder) = site.folder(&path) else { continue };
        // More names than a site may have: then it is refused, or they are not the host's.
        let Ok(entries) = folder.entries_up_to(left) else { return };
        left -= entries.len();
        for entry in entries {
            let own = folder.dir().symlink_metadata(&entry.name);
            if !own.is_ok_and(|own| !own.is_symlink()) {
                continue;
            }
            match entry.kind {
                EntryKind::Folder => paths.push(path.join(entry.name)),
                EntryKind::File if is_leftover(&entry.name) => {
                    if let Err(error) = folder.remove(&entry.name) {
                        let path = folder.path().join(entry.name);
                        tracing::warn!("`{}` stays, a leftover: {error}", path.display());
                    }
                }
                EntryKind::File | EntryKind::Other => {}
            }
        }
    }
}

/// Whether this host, or an earlier version of it, gives such names to unfinished files.
fn is_leftover(name: &std::ffi::OsStr) -> bool {
    let is_old = |rest: &str| rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_alphanumeric());
    name.to_str().is_some_and(|name| {
        name.starts_with(TEMPORARY) || name.strip_prefix(".tmp").is_some_and(is_old)
    })
}
