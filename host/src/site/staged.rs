//! Deploys on disk: the files of a deploy take their places all or none, whatever ends the host and when.
//!
//! | step | what a crash after it leaves for the next start |
//! |---|---|
//! | [`Staged::write`]: each file lies beside its place, under another name | leftovers, which go |
//! | [`Staged::decide`]: the journal `.lithe/deploy.json` names them | the rest of the way |
//! | [`Staged::put_in_place`]: each gets its name | the rest of the way |
//! | the journal is removed; now the deploy is acknowledged | nothing |
//!
//! Each step is on the disk before the next one begins.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use super::Given;
use super::scan;
use crate::files::{FileError, Folder, Kind, Lock, TEMPORARY};
use crate::plugin::{Digest, STATE_FOLDER, state_folder};

/// In the site's `.lithe`.
const JOURNAL: &str = "deploy.json";

/// More than a deploy of the most components with the longest names needs.
const MAX_JOURNAL: ByteSize = ByteSize::mib(16);

/// The largest component that the digest of a journal is compared with.
const MAX_COMPONENT: ByteSize = ByteSize::gib(1);

/// How long a deploy of another host into the same folder is waited for.
const LOCK_TIME: Duration = Duration::from_secs(5);

/// The files of a deploy, written beside their places. They go if nothing is decided.
pub struct Staged {
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
    /// The site's folder cannot be written, or a file cannot have this place: then nothing is left.
    pub fn write(root: &Path, given: &Given) -> anyhow::Result<Self> {
        let site = Folder::open(root).with_context(|| format!("`{}`", root.display()))?;
        let state = state_folder(&site)?;
        let lock = lock(&state)?;
        // One that could not be completed keeps its journal until it can be.
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
        let name = place.file_name().context("it has no name")?;
        match folder.dir().symlink_metadata(name) {
            Ok(there) if there.is_dir() => bail!("there is a folder of this name"),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            // A name that is too long, for one.
            Err(error) => return Err(error.into()),
        }
        let temporary = place.with_file_name(folder.stage(bytes)?);
        self.journal.files.push(Staging { temporary, place, digest: Digest::of(bytes) });
        Ok(())
    }

    /// From now on the files take their places, also if the host ends: the next start does the rest.
    ///
    /// # Errors
    /// The journal cannot be written: nothing is decided.
    pub fn decide(&mut self) -> anyhow::Result<()> {
        let journal = serde_json::to_vec(&self.journal)?;
        let written = self.state.write(JOURNAL, &journal);
        if written.is_err() {
            // It may be there, and only not be synced.
            let _ = self.state.remove(JOURNAL);
        }
        written.with_context(|| format!("cannot write `{STATE_FOLDER}/{JOURNAL}`"))?;
        self.is_decided = true;
        Ok(())
    }

    /// They do not take their places after all.
    ///
    /// # Errors
    /// The journal cannot be removed: the next start would serve what was refused.
    pub fn withdraw(mut self) -> anyhow::Result<()> {
        self.state.remove(JOURNAL)?;
        self.state.sync()?;
        self.is_decided = false;
        Ok(())
    }

    /// Each gets its place.
    ///
    /// # Errors
    /// A file cannot be renamed: the next start, or the next change, tries again.
    pub fn put_in_place(self) -> anyhow::Result<()> {
        self.journal.complete(&self.site, &self.state)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.is_decided {
            for file in &self.journal.files {
                // One that stays goes at the next start.
                let _ = self.site.remove(&file.temporary);
            }
        }
    }
}

impl Journal {
    /// Keeps the names of the files, and of new folders above them, over a crash.
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

    /// Puts each file in its place that is not there yet, and ends the journal.
    fn complete(&self, site: &Folder, state: &Folder) -> anyhow::Result<()> {
        for file in &self.files {
            match site.rename(&file.temporary, &file.place) {
                Ok(()) => {}
                // It was done before the crash.
                Err(FileError::Missing) if self.is_in_place(site, file) => {}
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

    fn is_in_place(&self, site: &Folder, file: &Staging) -> bool {
        site.read(&file.place, MAX_COMPONENT).is_ok_and(|bytes| Digest::of(&bytes) == file.digest)
    }

    /// Whether all of it can be done: somebody may have removed what was to be put in place.
    fn is_whole(&self, site: &Folder) -> bool {
        self.files.iter().all(|file| {
            let is_component =
                file.place.to_str().is_some_and(|place| scan::component(place).is_ok());
            let is_beside = file.temporary.parent() == file.place.parent()
                && file.temporary.file_name().is_some_and(is_leftover);
            let is_staged = || {
                let staged = site.read(&file.temporary, MAX_COMPONENT);
                staged.is_ok_and(|bytes| Digest::of(&bytes) == file.digest)
            };
            is_component && is_beside && (is_staged() || self.is_in_place(site, file))
        })
    }
}

/// Completes a deploy that a crash or a full disk has broken off, so that what is read from the folder is
/// one deploy's.
///
/// # Errors
/// It cannot be completed now.
pub fn recover(root: &Path) -> anyhow::Result<()> {
    let Some((site, state)) = folders(root) else { return Ok(()) };
    if !state.dir().try_exists(JOURNAL).unwrap_or(true) {
        return Ok(());
    }
    let _lock = lock(&state)?;
    complete(&site, &state)
}

/// Removes what deploys that were broken off have left.
pub fn clean(root: &Path) {
    let Some((site, state)) = folders(root) else { return };
    // Of a deploy that another host has begun, nothing is left over.
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
            // The host writes none that is not whole.
            let site = site.path().display();
            tracing::error!(
                target: "swap",
                "`{site}`: a deploy was broken off, and its files are gone: deploy it again"
            );
            state.remove(JOURNAL)?;
        }
    }
    Ok(())
}

/// The site's, and its `.lithe`; nothing, where no host has ever written into it.
fn folders(root: &Path) -> Option<(Folder, Folder)> {
    let site = Folder::open(root).ok()?;
    let state = site.folder(STATE_FOLDER).ok()?;
    Some((site, state))
}

fn lock(state: &Folder) -> anyhow::Result<Lock> {
    let until = Instant::now() + LOCK_TIME;
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

/// Folders that are reached by links are not cleaned: what they are links to is, if it is the site's.
fn clean_below(site: &Folder, part: &str) {
    let mut paths = vec![PathBuf::from(part)];
    while let Some(path) = paths.pop() {
        let Ok(folder) = site.folder(&path) else { continue };
        for entry in folder.entries().unwrap_or_default() {
            let own = folder.dir().symlink_metadata(&entry.name);
            if !own.is_ok_and(|own| !own.is_symlink()) {
                continue;
            }
            match entry.kind {
                Kind::Folder => paths.push(path.join(entry.name)),
                Kind::File if is_leftover(&entry.name) => {
                    if let Err(error) = folder.remove(&entry.name) {
                        let path = folder.path().join(entry.name);
                        tracing::warn!("`{}` stays, a leftover: {error}", path.display());
                    }
                }
                Kind::File | Kind::Other => {}
            }
        }
    }
}

/// Whether the host, or a version of it before, gives such names to files that it has not finished.
fn is_leftover(name: &std::ffi::OsStr) -> bool {
    let is_old = |rest: &str| rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_alphanumeric());
    name.to_str().is_some_and(|name| {
        name.starts_with(TEMPORARY) || name.strip_prefix(".tmp").is_some_and(is_old)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 3] = ["plugins/a.wasm", "routes/b.wasm", "routes/c/d.wasm"];

    /// A site whose components all have this content.
    fn site(content: &str) -> tempfile::TempDir {
        let site = tempfile::tempdir().unwrap();
        for file in FILES {
            let path = site.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        site
    }

    fn given(content: &str) -> Given {
        FILES.iter().map(|file| ((*file).to_owned(), content.to_owned().into())).collect()
    }

    /// Ends as a process that is killed: nothing is tidied up.
    fn kill(mut staged: Staged) {
        staged.is_decided = true;
    }

    /// What the next start finds: the content that all components have, and no other file.
    fn after_a_start(site: &tempfile::TempDir) -> String {
        recover(site.path()).unwrap();
        clean(site.path());
        let contents = FILES.map(|file| std::fs::read_to_string(site.path().join(file)).unwrap());
        assert!(contents.iter().all(|own| *own == contents[0]), "a mix: {contents:?}");
        for folder in ["plugins", "routes", "routes/c", ".lithe"] {
            for entry in std::fs::read_dir(site.path().join(folder)).into_iter().flatten() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                let is_known = name.ends_with(".wasm") || name == "c";
                assert!(is_known && !name.starts_with('.'), "`{folder}/{name}` is left");
            }
        }
        contents[0].clone()
    }

    #[test]
    fn a_deploy_takes_its_places() {
        let site = site("1");
        let mut staged = Staged::write(site.path(), &given("2")).unwrap();
        staged.decide().unwrap();
        staged.put_in_place().unwrap();
        assert_eq!(after_a_start(&site), "2");
    }

    #[test]
    fn killed_before_the_decision_the_version_before_is_there() {
        let site = site("1");
        kill(Staged::write(site.path(), &given("2")).unwrap());
        assert_eq!(after_a_start(&site), "1");
    }

    #[test]
    fn killed_while_it_writes_the_version_before_is_there() {
        for written in 0..FILES.len() {
            let site = site("1");
            let some = given("2").into_iter().take(written).collect();
            kill(Staged::write(site.path(), &some).unwrap());
            assert_eq!(after_a_start(&site), "1", "{written}");
        }
    }

    #[test]
    fn killed_after_the_decision_the_new_version_is_there_after_any_rename() {
        for renamed in 0..=FILES.len() {
            let site = site("1");
            let mut staged = Staged::write(site.path(), &given("2")).unwrap();
            staged.decide().unwrap();
            for file in staged.journal.files.iter().take(renamed) {
                staged.site.rename(&file.temporary, &file.place).unwrap();
            }
            kill(staged);
            assert_eq!(after_a_start(&site), "2", "{renamed}");
        }
    }

    #[test]
    fn killed_while_it_recovers_the_next_start_does_the_rest() {
        let site = site("1");
        let mut staged = Staged::write(site.path(), &given("2")).unwrap();
        staged.decide().unwrap();
        kill(staged);
        let (folder, state) = folders(site.path()).unwrap();
        let text = state.read(JOURNAL, MAX_JOURNAL).unwrap();
        let journal: Journal = serde_json::from_slice(&text).unwrap();
        journal.complete(&folder, &state).unwrap();
        state.write(JOURNAL, &text).unwrap();
        assert_eq!(after_a_start(&site), "2");
    }

    #[test]
    fn what_is_withdrawn_or_never_decided_leaves_nothing() {
        let site = site("1");
        drop(Staged::write(site.path(), &given("2")).unwrap());
        assert_eq!(after_a_start(&site), "1");
        let mut staged = Staged::write(site.path(), &given("2")).unwrap();
        staged.decide().unwrap();
        staged.withdraw().unwrap();
        assert_eq!(after_a_start(&site), "1");
    }

    #[test]
    fn a_journal_that_is_not_the_hosts_moves_nothing() {
        let digest = Digest::of(b"x").to_string();
        let entry = |temporary: &str, place: &str| {
            format!(
                r#"{{"files":[{{"temporary":"{temporary}","place":"{place}","digest":"{digest}"}}]}}"#
            )
        };
        for text in [
            "{".to_owned(),
            entry("routes/.tmp-lithe-1", "lithe.toml"),
            entry("../victim", "routes/b.wasm"),
            entry("routes/c/d.wasm", "routes/b.wasm"),
            entry("routes/.tmp-lithe-none", "routes/b.wasm"),
        ] {
            let site = site("1");
            std::fs::create_dir(site.path().join(".lithe")).unwrap();
            std::fs::write(site.path().join(".lithe").join(JOURNAL), &text).unwrap();
            std::fs::write(site.path().join("routes/.tmp-lithe-1"), "x").unwrap();
            assert_eq!(after_a_start(&site), "1", "{text}");
            assert!(!site.path().join("lithe.toml").exists());
        }
    }

    #[test]
    fn leftovers_go_and_other_files_stay() {
        let site = site("1");
        std::fs::create_dir(site.path().join(".lithe")).unwrap();
        std::fs::create_dir(site.path().join("guests")).unwrap();
        for file in ["routes/.tmpAbC123", "routes/c/.tmp-lithe-00", "plugins/.tmp-lithe-1"] {
            std::fs::write(site.path().join(file), "x").unwrap();
        }
        let others = ["guests/.tmpAbC123", "routes/.tmp", "routes/.tmpfile", "routes/tmpAbC123"];
        for file in others {
            std::fs::write(site.path().join(file), "x").unwrap();
        }
        clean(site.path());
        for file in others {
            std::fs::remove_file(site.path().join(file)).unwrap();
        }
        assert_eq!(after_a_start(&site), "1");
    }

    #[test]
    fn a_file_that_cannot_be_is_refused_and_leaves_nothing() {
        let long = format!("routes/{}.wasm", "x".repeat(300));
        for place in [&*long, "routes/a\0b.wasm", "routes/c"] {
            let site = site("1");
            let mut given = given("2");
            given.insert(place.to_owned(), "2".into());
            assert!(Staged::write(site.path(), &given).is_err(), "{place}");
            assert_eq!(after_a_start(&site), "1", "{place}");
        }
    }

    #[test]
    fn nothing_is_written_out_of_the_site() {
        for link in ["routes", ".lithe"] {
            let outer = tempfile::tempdir().unwrap();
            let (site, victim) = (outer.path().join("site"), outer.path().join("victim"));
            std::fs::create_dir(&site).unwrap();
            std::fs::create_dir(&victim).unwrap();
            std::fs::write(victim.join("b.wasm"), "victim's").unwrap();
            std::fs::write(victim.join(".tmp-lithe-1"), "victim's").unwrap();
            std::os::unix::fs::symlink("../victim", site.join(link)).unwrap();
            let error = Staged::write(&site, &given("2")).err().unwrap();
            assert!(format!("{error:#}").contains("leads outside"), "{error:#}");
            recover(&site).unwrap();
            clean(&site);
            assert_eq!(std::fs::read_dir(&victim).unwrap().count(), 2);
            assert_eq!(std::fs::read_to_string(victim.join("b.wasm")).unwrap(), "victim's");
        }
    }

    #[test]
    fn what_another_host_is_deploying_is_not_left_over() {
        let site = site("1");
        let mut staged = Staged::write(site.path(), &given("2")).unwrap();
        clean(site.path());
        staged.decide().unwrap();
        staged.put_in_place().unwrap();
        assert_eq!(after_a_start(&site), "2");
    }
}
