//! The folders that the guest is granted, and what is around them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytesize::ByteSize;
use lithe_host::internals::capability::grants::{Grants, SecretsRoom};
use lithe_host::internals::config;
use lithe_host::internals::files::Folder;
use lithe_host::internals::plugin::Account;
use tempfile::TempDir;

/// What the folder that it may write to may hold.
const SIZE: ByteSize = ByteSize::kib(256);

/// What each name in it counts for.
const ENTRY: u64 = 4 * 1024;

/// A site with the folders `data` and `read`, and a file beside them and one outside of the site
/// that nobody may reach.
pub(crate) struct Ground {
    outer: TempDir,
    before: BTreeMap<PathBuf, Found>,
}

/// A file or folder: its inode, mode, length, time of change, and what it holds.
type Found = (u64, u32, u64, (i64, i64), Vec<u8>);

impl Ground {
    /// The secret lies in all files.
    pub(crate) fn new(secret: &str) -> Self {
        let outer = tempfile::tempdir().expect("the folder can be made");
        for file in ["outside/secret", "site/secret", "site/read/link"] {
            let path = outer.path().join(file);
            fs::create_dir_all(path.parent().expect("it is below")).expect("it can be made");
            match file {
                // Into the neighbour's: made by the operator, and not the guest's to follow.
                "site/read/link" => std::os::unix::fs::symlink("../../outside", path),
                _ => fs::write(path, secret),
            }
            .expect("it can be made");
        }
        fs::create_dir(outer.path().join("site/data")).expect("it can be made");
        fs::write(outer.path().join("site/read/file"), "to be read").expect("it can be written");
        let before = contents(outer.path());
        Self { outer, before }
    }

    /// The two folders; the site is charged.
    pub(crate) fn grants(&self, account: &Arc<Account>) -> Grants {
        let folder =
            |path: &str, write| config::FolderGrant { path: path.into(), write, size: Some(SIZE) };
        let folders = [("/data", folder("data", true)), ("/read", folder("read", false))];
        let plugin = config::PluginConfig {
            folders: folders.map(|(path, folder)| (path.to_owned(), folder)).into(),
            ..config::PluginConfig::default()
        };
        let site = Folder::open(&self.outer.path().join("site")).expect("it is there");
        let mut room = SecretsRoom::default();
        let grants = Grants::resolve(&plugin, &site, account, &mut room, |_| false);
        grants.expect("the folders are the site's to give")
    }

    /// # Panics
    /// Something outside of `data` has changed, or `data` is too large.
    pub(crate) fn check(&self) {
        let after = contents(self.outer.path());
        assert_eq!(self.before, after, "something has changed that it may not write to");
        let (mut held, mut folders) = (0, vec![self.outer.path().join("site/data")]);
        let mut counted = std::collections::HashSet::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("it can be read") {
                let path = entry.expect("it can be read").path();
                let metadata = path.symlink_metadata().expect("it is there");
                held += ENTRY;
                if metadata.is_dir() {
                    folders.push(path);
                } else if metadata.is_file() && counted.insert(metadata.ino()) {
                    held += metadata.len();
                }
            }
        }
        assert!(held <= SIZE.as_u64(), "it holds {held} bytes, and may hold {SIZE}");
    }

    /// Whether the process has none of it open.
    pub(crate) fn is_closed(&self) -> bool {
        let descriptors = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
        let mut open = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
        !open.any(|path| path.starts_with(self.outer.path()))
    }
}

/// All there is but what is in `data`.
fn contents(root: &Path) -> BTreeMap<PathBuf, Found> {
    let (mut contents, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("it can be read") {
            let path = entry.expect("it can be read").path();
            let metadata = path.symlink_metadata().expect("it is there");
            let (mut length, mut changed) =
                (metadata.len(), (metadata.ctime(), metadata.ctime_nsec()));
            let mut content = Vec::new();
            if path.ends_with("site/data") {
                // It is the guest's.
                (length, changed) = (0, (0, 0));
            } else if metadata.is_dir() {
                folders.push(path.clone());
            } else if metadata.is_file() {
                content = fs::read(&path).expect("it can be read");
            }
            contents.insert(path, (metadata.ino(), metadata.mode(), length, changed, content));
        }
    }
    contents
}
