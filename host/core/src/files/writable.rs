//! The folders that guests may write to. The host reads nothing of any site in them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};

use cap_std::fs::Dir;
use parking_lot::RwLock;

use super::{FileError, Folder, Identity};

/// The writable folders of all sites. A process has one set, so that code which opens a file need
/// not know which versions of a site still have guests.
static ALL: LazyLock<RwLock<HashMap<Identity, Weak<Writable>>>> = LazyLock::new(RwLock::default);

/// A folder counts as writable for guests while somebody holds this.
#[derive(Debug)]
pub(crate) struct Writable {
    /// Names the folder and its grant, for messages.
    granted: String,
    /// Keeps the folder open, so that no other folder gets its inode.
    _dir: Arc<Dir>,
}

impl Writable {
    /// Registers a folder as writable: from now on, nothing in it is read as part of a site.
    /// `granted` names the folder and its grant.
    ///
    /// # Errors
    /// The system does not give the folder's identity.
    pub(crate) fn register(folder: &Folder, granted: String) -> Result<Arc<Self>, FileError> {
        let identity = folder.identity()?;
        let mut all = ALL.write();
        all.retain(|_, known| known.strong_count() > 0);
        if let Some(known) = all.get(&identity).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let own = Arc::new(Self { granted, _dir: folder.dir.clone() });
        all.insert(identity, Arc::downgrade(&own));
        Ok(own)
    }
}

/// Whether guests may write to any folder at all.
pub(super) fn is_any() -> bool {
    !ALL.read().is_empty()
}

/// Refuses a folder that is writable for guests, or lies in such a folder.
///
/// # Errors
/// [`FileError::Writable`]; or the system does not say where the folder is.
pub(super) fn check(folder: &Folder) -> Result<(), FileError> {
    if !is_any() {
        return Ok(());
    }
    let around = folder.around()?;
    let all = ALL.read();
    let known = around.iter().find_map(|identity| all.get(identity)?.upgrade());
    match known {
        Some(known) => Err(FileError::Writable(known.granted.clone())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use bytesize::ByteSize;

    use super::*;
    use crate::files::check_operators;

    fn site() -> (tempfile::TempDir, Folder) {
        let site = tempfile::tempdir().unwrap();
        for folder in ["d/below", "routes", "public"] {
            std::fs::create_dir_all(site.path().join(folder)).unwrap();
        }
        std::fs::write(site.path().join("d/file"), "x").unwrap();
        std::fs::write(site.path().join("d/below/file"), "x").unwrap();
        std::fs::write(site.path().join("routes/file"), "x").unwrap();
        for (target, link) in [
            ("../d", "routes/folder"),
            ("../d/below", "routes/below"),
            ("../d/file", "routes/link"),
            ("link", "routes/twice"),
            ("file", "routes/fine"),
        ] {
            symlink(target, site.path().join(link)).unwrap();
        }
        let folder = Folder::open(site.path()).unwrap();
        (site, folder)
    }

    fn register(folder: &Folder) -> Arc<Writable> {
        Writable::register(&folder.folder_for_guests("d").unwrap(), "`d` (`/d`)".to_owned())
            .unwrap()
    }

    #[test]
    fn reads_nothing_that_guests_may_write_by_any_link() {
        let (_site, folder) = site();
        let max = ByteSize::kib(1);
        assert_eq!(folder.read("routes/twice", max).unwrap(), b"x", "nobody may write to it");
        let (routes, writable) = (folder.folder("routes").unwrap(), register(&folder));
        let files = ["d/file", "d/below/file", "routes/link", "routes/twice", "routes/folder/file"];
        for path in files.iter().copied().chain(["routes/below/file"]) {
            let error = folder.read(path, max).unwrap_err();
            assert!(matches!(error, FileError::Writable(_)), "{path}: {error:?}");
            assert!(error.to_string().contains("`d` (`/d`)"), "{error}");
            assert!(matches!(folder.kind(path), Err(FileError::Writable(_))), "{path}");
        }
        for path in ["d", "d/below", "routes/folder", "routes/below", "routes/folder/below"] {
            let error = folder.folder(path).unwrap_err();
            assert!(matches!(error, FileError::Writable(_)), "{path}: {error:?}");
        }
        assert_eq!(folder.read("routes/fine", max).unwrap(), b"x");
        assert_eq!(routes.read("fine", max).unwrap(), b"x", "an older handle still works");
        drop(writable);
        assert_eq!(folder.read("routes/twice", max).unwrap(), b"x", "the grant has ended");
    }

    #[test]
    fn refuses_a_handle_that_was_opened_before_the_grant() {
        let (_site, folder) = site();
        let own = folder.folder("d").unwrap();
        let _writable = register(&folder);
        for path in ["file", "below/file"] {
            let error = own.read(path, ByteSize::kib(1)).unwrap_err();
            assert!(matches!(error, FileError::Writable(_)), "{path}: {error:?}");
        }
    }

    #[test]
    fn refuses_an_operators_file_where_guests_may_write() {
        let (site, folder) = site();
        let files = ["d/file", "d/below/file", "routes/link"].map(|file| site.path().join(file));
        for file in &files {
            assert!(check_operators(file).is_ok(), "{}", file.display());
        }
        let _writable = register(&folder);
        for file in &files {
            let checked = check_operators(file);
            assert!(matches!(checked, Err(FileError::Writable(_))), "{}", file.display());
        }
        assert!(check_operators(&site.path().join("routes/file")).is_ok());
        assert!(check_operators(Path::new("/dev/null")).is_ok());
    }

    #[test]
    fn refuses_a_folder_that_has_been_moved_or_made_since() {
        let (site, folder) = site();
        let _writable = register(&folder);
        std::fs::create_dir(site.path().join("d/new")).unwrap();
        symlink("../d/new", site.path().join("public/new")).unwrap();
        assert!(matches!(folder.folder("public/new"), Err(FileError::Writable(_))));
        std::fs::rename(site.path().join("d"), site.path().join("public/moved")).unwrap();
        let read = folder.read("public/moved/file", ByteSize::kib(1));
        assert!(matches!(read, Err(FileError::Writable(_))), "it is still the same folder");
    }
}
