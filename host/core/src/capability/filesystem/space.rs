//! How much the writable folders hold, and how much they may hold.
//!
//! A folder is counted when it is first granted. After that, each call adds what it is about to
//! write. When no room is left, the folder is counted again, so that the bytes of removed files
//! become free.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use cap_primitives::fs::{Metadata, open_dir, read_base_dir};
use parking_lot::Mutex;
use rustix::io::Errno;

use crate::capability::account::Account;
use crate::config::Limit;
use crate::files::{Identity, Writable};

/// What a name costs in addition to the bytes of its file, as in a file system.
pub(crate) const ENTRY: u64 = 4096;

/// The most names of one folder that are counted. The count of a larger folder only grows.
const MAX_COUNTED: usize = 100_000;

/// A folder is counted again after this time, even if nothing is known to have been removed.
const COUNT_AGAIN: Duration = Duration::from_secs(10);

/// What one folder holds.
#[derive(Debug)]
pub struct Space {
    folder: Arc<File>,
    used: AtomicU64,
    /// When the folder was last counted. Locked while it is counted.
    counted: Mutex<Instant>,
    /// Whether it may hold less since then.
    is_less: AtomicBool,
    /// The folder, and those that contain it.
    around: Arc<[Identity]>,
    open: Arc<OpenInFolders>,
}

/// The folders of a site, by identity: two plugins may share a folder, and so may two versions.
#[derive(Debug, Default)]
pub struct Spaces {
    known: Mutex<HashMap<Identity, Weak<Space>>>,
    open: Arc<OpenInFolders>,
}

/// Files that the guests of a site have open, by any grant: a removed file holds its bytes while it
/// is open.
#[derive(Debug, Default)]
pub struct OpenInFolders(Mutex<Vec<InFolder>>);

/// A file that was opened in a folder: the granted folder, and those that contain it.
#[derive(Debug)]
struct InFolder {
    file: Weak<File>,
    around: Arc<[Identity]>,
}

/// A folder, and how much it may hold for one grant.
#[derive(Clone, Debug)]
pub(crate) struct Quota {
    pub space: Arc<Space>,
    pub size: ByteSize,
    pub account: Arc<Account>,
    /// Keeps the host from reading anything of a site in this folder.
    pub _writable: Arc<Writable>,
}

impl Spaces {
    /// The space of this folder, which is counted if it is not known yet. `around` is the folder
    /// itself, and those that contain it.
    pub fn of(&self, around: &Arc<[Identity]>, folder: &Arc<File>) -> Arc<Space> {
        let mut known = self.known.lock();
        known.retain(|_, space| space.strong_count() > 0);
        let identity = around.first().copied();
        if let Some(space) = identity.and_then(|own| known.get(&own)).and_then(Weak::upgrade) {
            return space;
        }
        let space = Arc::new(Space::new(folder.clone(), around.clone(), self.open.clone()));
        if let Some(identity) = identity {
            known.insert(identity, Arc::downgrade(&space));
        }
        space
    }

    /// The files that are open in the folders.
    pub fn open(&self) -> &Arc<OpenInFolders> {
        &self.open
    }
}

impl OpenInFolders {
    /// Registers a file that has been opened in a granted folder.
    pub fn add(&self, file: &Arc<File>, around: &Arc<[Identity]>) {
        let mut open = self.0.lock();
        if open.len() == open.capacity() {
            open.retain(|own| own.file.strong_count() > 0);
        }
        open.push(InFolder { file: Arc::downgrade(file), around: around.clone() });
    }

    /// How much the removed files hold that are still open and may have been in this folder.
    fn removed(&self, around: &[Identity]) -> u64 {
        let files: Vec<_> = {
            let open = self.0.lock();
            let own = open.iter().filter(|own| may_overlap(&own.around, around));
            own.filter_map(|own| own.file.upgrade()).collect()
        };
        let metadata = files.iter().filter_map(|file| file.metadata().ok());
        let removed = metadata.filter(|metadata| metadata.nlink() == 0);
        // One file may be open several times.
        let sizes: HashMap<_, _> = removed.map(|own| ((own.dev(), own.ino()), own.len())).collect();
        sizes.into_values().fold(0, u64::saturating_add)
    }
}

/// Whether two folders are the same, or one contains the other.
fn may_overlap(one: &[Identity], other: &[Identity]) -> bool {
    let is_in = |inner: &[Identity], outer: &[Identity]| {
        outer.first().is_some_and(|outer| inner.contains(outer))
    };
    is_in(one, other) || is_in(other, one)
}

impl Space {
    fn new(folder: Arc<File>, around: Arc<[Identity]>, open: Arc<OpenInFolders>) -> Self {
        let (used, _) = count(&folder);
        Self {
            folder,
            used: AtomicU64::new(used),
            counted: Mutex::new(Instant::now()),
            is_less: AtomicBool::new(false),
            around,
            open,
        }
    }

    /// Notes that the folder may hold less than was counted.
    pub fn shrink(&self) {
        self.is_less.store(true, Ordering::Relaxed);
    }

    fn add(&self, bytes: u64, max: u64) -> bool {
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        let add = |used: u64| used.checked_add(bytes).filter(|used| *used <= max);
        self.used.fetch_update(set, fetch, add).is_ok()
    }

    /// Counts the folder again, if that may help.
    fn count_again(&self) {
        let mut counted = self.counted.lock();
        let is_less = self.is_less.swap(false, Ordering::Relaxed);
        if !is_less && counted.elapsed() < COUNT_AGAIN {
            return;
        }
        let (held, is_all) = count(&self.folder);
        let held = held.saturating_add(self.open.removed(&self.around));
        match is_all {
            true => self.used.store(held, Ordering::Relaxed),
            false => drop(self.used.fetch_max(held, Ordering::Relaxed)),
        }
        *counted = Instant::now();
    }
}

impl Quota {
    /// Takes room for what is about to be written.
    ///
    /// # Errors
    /// The folder has no room left: `ENOSPC`.
    pub(crate) fn take(&self, bytes: u64) -> io::Result<()> {
        let max = self.size.as_u64();
        let mut taken = bytes == 0 || self.space.add(bytes, max);
        if !taken {
            // Another task may have counted it just now.
            self.space.count_again();
            taken = self.space.add(bytes, max);
        }
        if !taken {
            self.account.exceed(Limit::FolderSize);
            return Err(Errno::NOSPC.into());
        }
        Ok(())
    }

    /// Keeps the room that was taken, unless the call that it was taken for has failed.
    pub(crate) fn keep<T, E>(&self, done: Result<T, E>) -> Result<T, E> {
        if done.is_err() {
            self.space.shrink();
        }
        done
    }
}

fn count(folder: &File) -> (u64, bool) {
    let mut size: u64 = 0;
    let add = |_: &Path, metadata: &Metadata| {
        size = size.saturating_add(ENTRY);
        if metadata.is_file() {
            size = size.saturating_add(metadata.len());
        }
        true
    };
    let is_all = walk(folder, add);
    (size, is_all)
}

/// Visits everything in a folder, until `visit` returns false. Returns whether everything was
/// visited.
pub(crate) fn walk(folder: &File, mut visit: impl FnMut(&Path, &Metadata) -> bool) -> bool {
    let mut is_all = true;
    let mut seen = 0;
    let mut below = vec![PathBuf::new()];
    while let Some(path) = below.pop() {
        let opened = match path.as_os_str().is_empty() {
            true => read_base_dir(folder),
            false => open_dir(folder, &path).and_then(|opened| read_base_dir(&opened)),
        };
        let Ok(entries) = opened else {
            is_all = false;
            continue;
        };
        for entry in entries {
            let metadata = entry.and_then(|entry| Ok((entry.file_name(), entry.metadata()?)));
            // The file has just been removed, or cannot be read.
            let Ok((name, metadata)) = metadata else {
                is_all = false;
                continue;
            };
            seen += 1;
            let path = path.join(name);
            if seen > MAX_COUNTED || !visit(&path, &metadata) {
                return false;
            }
            if metadata.is_dir() {
                below.push(path);
            }
        }
    }
    is_all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Folder;

    fn around(folder: &Path) -> Arc<[Identity]> {
        Folder::open(folder).unwrap().around().unwrap().into()
    }

    fn quota(folder: &Path, size: u64) -> Quota {
        let (account, opened) = (Account::new("site".into()), Folder::open(folder).unwrap());
        let file = Arc::new(File::open(folder).unwrap());
        let space = account.spaces().of(&around(folder), &file);
        let _writable = Writable::register(&opened, String::new()).unwrap();
        Quota { space, size: ByteSize::b(size), account, _writable }
    }

    #[test]
    fn counts_what_is_there_and_what_is_written() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("below")).unwrap();
        std::fs::write(folder.path().join("below/file"), [0; 100]).unwrap();
        let quota = quota(folder.path(), 2 * ENTRY + 100 + 50);
        quota.take(50).unwrap();
        assert!(quota.take(1).is_err());
        assert_eq!(quota.account.exceeded()[&Limit::FolderSize], 1);
    }

    #[test]
    fn gives_back_what_was_removed_and_is_not_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, [0; 1000]).unwrap();
        let quota = quota(folder.path(), ENTRY + 1000);
        let open = Arc::new(File::open(&path).unwrap());
        // Opened twice, and by another grant.
        quota.account.spaces().open().add(&open, &around(folder.path()));
        quota.account.spaces().open().add(&open, &around(folder.path()));
        std::fs::remove_file(&path).unwrap();
        quota.space.shrink();
        assert!(quota.take(ENTRY + 1).is_err(), "its bytes are still on the disk");
        assert!(quota.take(ENTRY).is_ok(), "its name is gone");
        drop(open);
        quota.space.shrink();
        assert!(quota.take(ENTRY + 1000).is_ok());
    }

    #[test]
    fn a_size_that_no_number_has_is_too_large() {
        let folder = tempfile::tempdir().unwrap();
        let quota = quota(folder.path(), u64::MAX);
        quota.take(10).unwrap();
        assert!(quota.take(u64::MAX).is_err());
    }

    #[test]
    fn a_folder_that_is_granted_twice_is_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = Arc::new(File::open(folder.path()).unwrap());
        let spaces = Spaces::default();
        let one = spaces.of(&around(folder.path()), &file);
        let other = spaces.of(&around(folder.path()), &file);
        assert!(Arc::ptr_eq(&one, &other));
    }

    #[test]
    fn a_removed_file_counts_for_the_folders_that_it_may_have_been_in() {
        let site = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(site.path().join("all/d/x")).unwrap();
        std::fs::create_dir_all(site.path().join("all/other")).unwrap();
        let path = site.path().join("all/d/x/file");
        std::fs::write(&path, [0; 100]).unwrap();
        let file = Arc::new(File::open(&path).unwrap());
        std::fs::remove_file(&path).unwrap();
        let folder = Folder::open(site.path()).unwrap();
        let of = |path: &str| folder.folder(path).unwrap().around().unwrap();
        for (granted, counts) in
            [("all/d", true), ("all", true), ("all/d/x", true), ("all/other", false)]
        {
            let open = OpenInFolders::default();
            open.add(&file, &of(granted).into());
            let removed = open.removed(&of("all/d"));
            assert_eq!(removed, if counts { 100 } else { 0 }, "{granted}");
        }
    }
}
