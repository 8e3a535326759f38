//! Building the components that a site names from source.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{Site, guest, staged};

/// A component that could not be built. The compiler's own messages have gone to standard error.
#[derive(Debug, thiserror::Error)]
#[error("cannot build `{}` from `{}`", .output.display(), .source_folder.display())]
pub struct BuildError {
    pub output: PathBuf,
    pub source_folder: PathBuf,
    pub source: anyhow::Error,
}

/// Builds every component of the site; answers the files that are new or have changed.
///
/// # Errors
/// The target cannot be added, or a component does not build: which one.
pub fn build(site: &Site, say: impl Fn(&str)) -> anyhow::Result<Vec<PathBuf>> {
    build_changed(site, |_| true, say)
}

/// Builds the components whose source folder `is_changed`.
///
/// # Errors
/// As [`build`].
pub fn build_changed(
    site: &Site,
    is_changed: impl Fn(&Path) -> bool,
    say: impl Fn(&str),
) -> anyhow::Result<Vec<PathBuf>> {
    let mut ready = false;
    let mut written = Vec::new();
    for (output, source) in &site.config.build {
        let folder = site.root.join(source);
        if !is_changed(&folder) {
            continue;
        }
        if !ready {
            guest::ensure_target(&say)?;
            ready = true;
        }
        let built = build_one(&folder, &site.root.join(output)).map_err(|error| BuildError {
            output: output.clone(),
            source_folder: source.clone(),
            source: error,
        })?;
        if built {
            written.push(output.clone());
        }
    }
    Ok(written)
}

/// Answers whether the component's content has changed.
fn build_one(folder: &Path, output: &Path) -> anyhow::Result<bool> {
    if !folder.join("Cargo.toml").is_file() {
        anyhow::bail!("`{}` has no Cargo.toml", folder.display());
    }
    let component = guest::build(folder, None)?;
    let bytes = std::fs::read(&component)
        .with_context(|| format!("cannot read `{}`", component.display()))?;
    if std::fs::read(output).is_ok_and(|before| before == bytes) {
        return Ok(false);
    }
    staged::write_whole(output, &bytes)
        .with_context(|| format!("cannot write `{}`", output.display()))?;
    Ok(true)
}
