//! Where no file of the operator's may lie: neither a token nor the audit.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use crate::files::Identity;
use crate::site;

/// The folders in which no file of the operator's may lie.
pub(super) enum Forbidden {
    /// Those of sites that do not trust each other: the owner of one could choose what the file
    /// says.
    Sites(HashSet<Identity>),
    /// The public files of the only site, if it has some: everybody could read the file.
    Public(Option<Identity>),
}

impl Forbidden {
    /// The folders of a host that serves this one.
    ///
    /// # Errors
    /// They cannot be looked at.
    pub(super) fn of(root: &Path, has_many: bool) -> anyhow::Result<Self> {
        if has_many {
            return Ok(Self::Sites(site::identities(root)?));
        }
        let public = root.join("public");
        match std::fs::metadata(&public) {
            Ok(folder) => Ok(Self::Public(Some(Identity::of_std(&folder)))),
            Err(none) if none.kind() == io::ErrorKind::NotFound => Ok(Self::Public(None)),
            Err(error) => {
                Err(error).with_context(|| format!("cannot look at `{}`", public.display()))
            }
        }
    }

    /// Refuses a file or a folder that really lies in one of these folders, or is named by a link
    /// in one of them. The path is absolute.
    ///
    /// # Errors
    /// It does, or it cannot be looked at.
    pub(super) fn check(&self, path: &Path) -> anyhow::Result<()> {
        /// As many links as Linux follows (path_resolution(7)).
        const MAX_LINKS: usize = 40;
        let parts = |path: &Path| path.iter().rev().map(Into::into).collect::<Vec<OsString>>();
        // The last is the next.
        let (mut rest, mut real, mut links) = (parts(path), PathBuf::new(), 0_usize);
        while let Some(name) = rest.pop() {
            if name == ".." {
                real.pop();
                continue;
            }
            let next = real.join(&name);
            let metadata = std::fs::symlink_metadata(&next)?;
            if metadata.is_symlink() {
                links += 1;
                ensure!(links <= MAX_LINKS, "its path has more than {MAX_LINKS} links");
                rest.extend(parts(&std::fs::read_link(&next)?));
                continue;
            }
            self.check_folder(&next, Identity::of_std(&metadata))?;
            real = next;
        }
        Ok(())
    }

    fn check_folder(&self, path: &Path, identity: Identity) -> anyhow::Result<()> {
        let path = path.display();
        match self {
            Self::Sites(sites) if sites.contains(&identity) => bail!(
                "its path leads through the site's folder `{path}`, whose owner could choose what it says: move it \
                 out of the folders of sites"
            ),
            Self::Public(Some(public)) if *public == identity => bail!(
                "its path leads through `{path}`, whose files everybody can read: move it out of there"
            ),
            Self::Sites(_) | Self::Public(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_lies_in_the_public_files_of_the_only_site_by_whatever_link() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path().canonicalize().expect("it is there");
        let forbidden = Forbidden::of(&root, false).expect("it can be looked at");
        std::fs::create_dir_all(root.join("public/deep")).expect("it can be made");
        forbidden.check(&root.join("public")).expect("it was not there");
        std::os::unix::fs::symlink("public/deep", root.join("link")).expect("it can be made");
        let forbidden = Forbidden::of(&root, false).expect("it can be looked at");
        for path in ["public", "public/deep", "link"] {
            let refused = forbidden.check(&root.join(path)).expect_err(path).to_string();
            assert!(refused.contains("everybody can read"), "{path}: {refused}");
        }
        forbidden.check(&root).expect("only what is public is served");
    }
}
