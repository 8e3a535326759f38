//! Keeps symbolic links from leading out of what is granted: others may follow them, with other
//! rights.
//!
//! A link whose target is relative and has no `..` leads into its own folder, wherever it is moved.
//! Guests can make only such links. Other links that exist already cannot be moved to another
//! folder.

use std::fs::File;
use std::io;
use std::path::{Component, Path};

use cap_primitives::fs::{FollowSymlinks, open_dir, read_link_contents, stat};

use super::space::walk;

/// Whether a link with this target may lead out of its folder.
pub(crate) fn leads_out(target: &Path) -> bool {
    target.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir))
}

/// Whether the file with this name is a link that leads out, or is a folder that contains one. A
/// folder that is too large to search counts as if it did.
///
/// # Errors
/// Nothing has this name.
pub(crate) fn lead_out(folder: &File, path: &Path) -> io::Result<bool> {
    let metadata = stat(folder, path, FollowSymlinks::No)?;
    if metadata.is_symlink() {
        return Ok(leads_out(&read_link_contents(folder, path)?));
    }
    if !metadata.is_dir() {
        return Ok(false);
    }
    let moved = open_dir(folder, path)?;
    let is_fine = walk(&moved, |path, metadata| {
        let target = metadata.is_symlink().then(|| read_link_contents(&moved, path));
        target.is_none_or(|target| target.is_ok_and(|target| !leads_out(&target)))
    });
    Ok(!is_fine)
}

/// Whether two paths name something in the same folder.
pub(crate) fn have_one_parent(one: &str, other: &str) -> bool {
    Path::new(one).parent() == Path::new(other).parent()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_a_relative_target_without_steps_up_stays() {
        for stays in ["file", "a/b", "./a", "a/./b", "...", "..a/b"] {
            assert!(!leads_out(Path::new(stays)), "{stays}");
        }
        for leaves in ["/", "/etc/hostname", "..", "../a", "a/..", "a/../b", "./../a", "//x"] {
            assert!(leads_out(Path::new(leaves)), "{leaves}");
        }
    }

    #[test]
    fn finds_links_at_any_depth() {
        let outer = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(outer.path().join("fine/below")).unwrap();
        std::fs::create_dir_all(outer.path().join("not/below")).unwrap();
        symlink("below", outer.path().join("fine/link")).unwrap();
        symlink("../../fine", outer.path().join("not/below/link")).unwrap();
        let folder = File::open(outer.path()).unwrap();
        assert!(!lead_out(&folder, Path::new("fine")).unwrap());
        assert!(lead_out(&folder, Path::new("not")).unwrap());
        assert!(lead_out(&folder, Path::new("not/below/link")).unwrap());
        assert!(lead_out(&folder, Path::new("none")).is_err());
    }
}
