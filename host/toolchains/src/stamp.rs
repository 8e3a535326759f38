//! Builds that take seconds are not done again for the same content.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

/// What a component is made from, as a digest.
pub(crate) struct Stamp(Sha256);

impl Stamp {
    /// Starts with these parts, in this order, and with this program's version.
    pub(crate) fn of(parts: &[&[u8]]) -> Self {
        let mut stamp = Self(Sha256::new());
        stamp.add(env!("CARGO_PKG_VERSION").as_bytes());
        for part in parts {
            stamp.add(part);
        }
        stamp
    }

    /// Adds every file in a folder, except hidden files and what tools make.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(crate) fn with_folder(mut self, folder: &Path) -> anyhow::Result<Self> {
        for path in files(folder)? {
            let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy();
            self.add(name.as_bytes());
            let content = std::fs::read(&path);
            self.add(&content.with_context(|| format!("cannot read `{}`", path.display()))?);
        }
        Ok(self)
    }

    /// Each part with its length, so that two lists of parts are never the same bytes.
    fn add(&mut self, part: &[u8]) {
        self.0.update(part.len().to_le_bytes());
        self.0.update(part);
    }

    /// Returns the component that was built from the same content, or builds a new one.
    ///
    /// # Errors
    /// It does not build.
    pub(crate) fn or_build(
        self,
        output: &Path,
        build: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<u8>> {
        let stamp: String = self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let noted = output.with_extension("stamp");
        if std::fs::read_to_string(&noted).is_ok_and(|before| before == stamp)
            && let Ok(component) = std::fs::read(output)
        {
            return Ok(component);
        }
        // A build that is broken off leaves no stamp.
        let _ = std::fs::remove_file(&noted);
        build(output)?;
        let component = std::fs::read(output)
            .with_context(|| format!("the tool has not written `{}`", output.display()))?;
        std::fs::write(&noted, stamp)?;
        Ok(component)
    }
}

/// Every regular file below a folder, in the order of their paths. Each folder counts once, however
/// many links lead to it.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut visited = HashSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let shown = folder.display();
        let real = folder.canonicalize().with_context(|| format!("cannot read `{shown}`"))?;
        if !visited.insert(real) {
            continue;
        }
        let mut below = Vec::new();
        let entries = std::fs::read_dir(&folder);
        for entry in entries.with_context(|| format!("cannot read `{shown}`"))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') || ["node_modules", "__pycache__", "target"].contains(&&*name)
            {
                continue;
            }
            if path.is_dir() {
                below.push(path);
            } else if path.is_file() {
                found.push(path);
            }
        }
        // The first of several links to a folder is the same one every time.
        below.sort_unstable_by(|one, other| other.cmp(one));
        folders.append(&mut below);
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_is_built_once() {
        let folder = tempfile::tempdir().unwrap();
        let (source, output) = (folder.path().join("source"), folder.path().join("out.wasm"));
        std::fs::create_dir_all(source.join("node_modules")).unwrap();
        std::fs::write(source.join("a"), "1").unwrap();
        let builds = std::cell::Cell::new(0);
        let build = || {
            let stamp = Stamp::of(&[b"v1"]).with_folder(&source).unwrap();
            let run = |path: &Path| {
                builds.set(builds.get() + 1);
                Ok(std::fs::write(path, builds.get().to_string())?)
            };
            String::from_utf8(stamp.or_build(&output, run).unwrap()).unwrap()
        };
        assert_eq!((build(), build()), ("1".to_owned(), "1".to_owned()));
        std::fs::write(source.join("node_modules/b"), "1").unwrap();
        assert_eq!(build(), "1");
        std::fs::write(source.join("a"), "2").unwrap();
        assert_eq!((build(), build()), ("2".to_owned(), "2".to_owned()));
        std::fs::remove_file(&output).unwrap();
        assert_eq!(build(), "3");
    }

    #[cfg(unix)]
    #[test]
    fn links_in_a_circle_and_named_pipes_hold_no_build_up() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "1").unwrap();
        for link in ["b", "c"] {
            std::os::unix::fs::symlink(".", folder.path().join(link)).unwrap();
        }
        let (fifo, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, fifo, mode, 0).unwrap();
        assert_eq!(files(folder.path()).unwrap(), [folder.path().join("a")]);
        Stamp::of(&[]).with_folder(folder.path()).unwrap();
    }
}
