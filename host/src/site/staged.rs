//! Files that are ready to be put into a site's folder: whole, or not at all.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::NamedTempFile;

use super::Given;

/// Written beside the files that they will replace; gone if they are not put in place.
pub struct Staged {
    files: Vec<(NamedTempFile, PathBuf)>,
}

impl Staged {
    /// Writes components beside their places.
    ///
    /// # Errors
    /// The site's folder cannot be written.
    pub fn write(root: &Path, given: &Given) -> anyhow::Result<Self> {
        let mut files = Vec::with_capacity(given.len());
        for (file, bytes) in given {
            let place = root.join(file);
            let staged = stage(&place, bytes)
                .with_context(|| format!("cannot write `{}`", place.display()))?;
            files.push((staged, place));
        }
        Ok(Self { files })
    }

    /// Puts each in its place; answers what could not be.
    pub fn put_in_place(self) -> Vec<String> {
        let put = |(staged, place): (NamedTempFile, PathBuf)| {
            let error = staged.persist(&place).err()?.error;
            let place = place.display();
            Some(format!("`{place}` is as it was, and the next start will serve that: {error}"))
        };
        self.files.into_iter().filter_map(put).collect()
    }
}

/// Writes one file whole or not at all: a server may be reading it.
///
/// # Errors
/// Its folder cannot be written.
pub fn write_whole(place: &Path, bytes: &[u8]) -> std::io::Result<()> {
    stage(place, bytes)?.persist(place)?;
    Ok(())
}

fn stage(place: &Path, bytes: &[u8]) -> std::io::Result<NamedTempFile> {
    let folder = place.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    Ok(file)
}
