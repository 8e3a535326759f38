//! A site in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Removed when dropped.
#[derive(Debug)]
pub struct Site {
    parent: TempDir,
}

impl Default for Site {
    fn default() -> Self {
        let parent = tempfile::tempdir().expect("a temporary folder can be made");
        let site = Self { parent };
        fs::create_dir(site.folder()).expect("the folder is empty");
        site
    }
}

impl Site {
    /// Its name is the site's: `site`.
    pub fn folder(&self) -> PathBuf {
        self.parent.path().join("site")
    }

    /// # Panics
    /// The file cannot be written.
    pub fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        let path = self.folder().join(file);
        fs::create_dir_all(path.parent().expect("it is in the site")).expect("folders can be made");
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// # Panics
    /// The link cannot be made.
    pub fn link(&self, name: &str, target: &str) {
        let path = self.folder().join(name);
        fs::create_dir_all(path.parent().expect("it is in the site")).expect("folders can be made");
        std::os::unix::fs::symlink(target, &path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// # Panics
    /// The file cannot be removed.
    pub fn remove(&self, file: &str) {
        let path = self.folder().join(file);
        fs::remove_file(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// # Panics
    /// The folder cannot be removed.
    pub fn remove_folder(&self, folder: &str) {
        let path = self.folder().join(folder);
        fs::remove_dir_all(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// # Panics
    /// The file cannot be copied.
    pub fn copy(&self, file: &str, from: &Path) {
        let content = fs::read(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        self.write(file, content);
    }
}
