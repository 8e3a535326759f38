//! The files below `routes/` that are routes.

use std::path::Path;

use anyhow::{Context as _, bail};

use crate::router::RouteFile;

/// A component that is a route.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// Its path inside the site, with `/` between the parts.
    pub file: String,
    pub route: RouteFile,
}

/// Finds every `.wasm` file below the site's `routes/`, in the order of their names. Files and folders
/// whose names begin with `_` or `.` are not routes.
///
/// # Errors
/// There is no `routes/`, it has no component, or a name is no pattern: the message names the file.
pub fn routes(root: &Path) -> anyhow::Result<Vec<Found>> {
    let folder = root.join("routes");
    if !folder.is_dir() {
        bail!(
            "`{}` has no `routes` folder: make one, and put a component in it (`routes/index.wasm` \
             answers `/`), or name its source in `lithe.toml` under `[build]`",
            root.display()
        );
    }
    let mut found = Vec::new();
    visit(&folder, "", &mut found)?;
    if found.is_empty() {
        bail!(
            "`{}` has no component: `lithe build` makes those that `lithe.toml` names under \
             `[build]`",
            folder.display()
        );
    }
    Ok(found)
}

fn visit(folder: &Path, prefix: &str, found: &mut Vec<Found>) -> anyhow::Result<()> {
    let read = || -> std::io::Result<Vec<_>> { std::fs::read_dir(folder)?.collect() };
    let mut entries = read().with_context(|| format!("cannot read `{}`", folder.display()))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_str().with_context(|| {
            format!("`{}` has a name that is not UTF-8", entry.path().display())
        })?;
        if name.starts_with(['_', '.']) {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            visit(&path, &format!("{prefix}{name}/"), found)?;
        } else if let Some(stem) = name.strip_suffix(".wasm") {
            let file = format!("routes/{prefix}{name}");
            let route = RouteFile::parse(&format!("{prefix}{stem}"))
                .with_context(|| format!("`{file}` is not a route's name"))?;
            found.push(Found { file, route });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_components_and_ignores_the_rest() {
        let site = tempfile::tempdir().unwrap();
        let routes_folder = site.path().join("routes");
        for file in ["b.wasm", "a/[id].get.wasm", "a/notes.txt", "_x/y.wasm", "a/.z.wasm"] {
            let path = routes_folder.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        let found = routes(site.path()).unwrap();
        let files: Vec<&str> = found.iter().map(|found| found.file.as_str()).collect();
        assert_eq!(files, ["routes/a/[id].get.wasm", "routes/b.wasm"]);
        assert_eq!(found[0].route.pattern.to_string(), "/a/:id");
    }

    #[test]
    fn a_site_without_routes_is_told_what_to_make() {
        let site = tempfile::tempdir().unwrap();
        let error = routes(site.path()).unwrap_err().to_string();
        assert!(error.contains("no `routes` folder"), "{error}");
        std::fs::create_dir(site.path().join("routes")).unwrap();
        let error = routes(site.path()).unwrap_err().to_string();
        assert!(error.contains("`lithe build`"), "{error}");
    }
}
