//! The folder that a build works in: `.lithe` inside the source's, which nothing watches and git
//! does not see. What lies in it is made again by every build.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use lithe_host::internals::config::{Build, Engine};

/// Makes the folder for one component: a source that makes several has one for each.
///
/// # Errors
/// The folder cannot be made.
pub(crate) fn folder(source: &Path, build: &Build) -> anyhow::Result<PathBuf> {
    let hidden = source.join(".lithe");
    write(&hidden, &[(".gitignore", "*\n")])?;
    let engine = match build.engine {
        Engine::Small => "",
        Engine::Full => "-full",
    };
    let folder = hidden.join(format!("{}{engine}", build.kind.name()));
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make `{}`", folder.display()))?;
    Ok(folder)
}

/// Writes files into a folder, which is made where it is missing. One that is there with the same
/// content is left as it is.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn write(folder: &Path, files: &[(&str, &str)]) -> anyhow::Result<()> {
    for (name, text) in files {
        let path = folder.join(name);
        if std::fs::read_to_string(&path).is_ok_and(|before| before == *text) {
            continue;
        }
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, text))
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}
