//! The components of a site, by their place in it.

use std::path::Path;

use anyhow::{Context as _, bail};

use crate::plugin::Role;
use crate::router::{RouteFile, ScopeFile, ScopeKind};

/// The longest name that file systems have, in bytes.
const MAX_NAME: usize = 255;

/// The longest path of a component in its site, in bytes. The system has 4,096, with the site's.
const MAX_PATH: usize = 2_048;

/// A component file.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// Its path inside the site, with `/` between the parts.
    pub file: String,
    pub place: Place,
}

/// What its place makes it.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// `middleware/*`
    Global,
    /// `routes/**/_middleware` or `_error`
    Scoped(ScopeFile),
    /// `routes/**`
    Route(RouteFile),
    /// `plugins/*`
    Plugin,
}

impl Found {
    /// Sorts components as [`components`] finds them.
    pub fn order(&self) -> (u8, &str) {
        let folder = match self.place {
            Place::Global => 0,
            Place::Scoped(_) | Place::Route(_) => 1,
            Place::Plugin => 2,
        };
        (folder, &self.file)
    }

    /// What the component must be.
    pub fn role(&self) -> Role {
        match &self.place {
            Place::Global => Role::Middleware,
            Place::Scoped(ScopeFile { kind: ScopeKind::Middleware, .. }) => Role::Middleware,
            Place::Scoped(ScopeFile { kind: ScopeKind::Error, .. }) => Role::ErrorHandler,
            Place::Route(_) => Role::Route,
            Place::Plugin => Role::Plugin,
        }
    }
}

/// Finds the `.wasm` files below the site's `middleware/`, `routes/` and `plugins/`, each in the order
/// of their names. Files and folders whose names begin with `_` or `.` are left out, but for scoped
/// files.
///
/// # Errors
/// There is no route, or a name is no pattern: the message names the file.
pub fn components(root: &Path) -> anyhow::Result<Vec<Found>> {
    let mut found = Vec::new();
    for file in flat(root, "middleware")? {
        found.push(Found { file, place: Place::Global });
    }
    let routes = root.join("routes");
    if routes.is_dir() {
        visit(&routes, "", &mut found)?;
    }
    for file in flat(root, "plugins")? {
        found.push(Found { file, place: Place::Plugin });
    }
    if !found.iter().any(|found| matches!(found.place, Place::Route(_) | Place::Plugin)) {
        bail!(
            "`{}` has no route: put a component into its folder `routes` (`routes/index.wasm` \
             answers `/`), or name its source in `lithe.toml` under `[build]` and run `lithe build`",
            root.display()
        );
    }
    Ok(found)
}

/// What a file would be in the site, by its path, such as `routes/chat.wasm`.
///
/// # Errors
/// It is no component's path: the message says what would be one.
pub fn component(file: &str) -> anyhow::Result<Found> {
    let wrong = || {
        anyhow::anyhow!(
            "`{file}` is no component's path: name it as it lies in the site, such as \
             `routes/chat.wasm`, `middleware/log.wasm` or `plugins/app.wasm`"
        )
    };
    let is_too_long = file.len() > MAX_PATH || file.split('/').any(|part| part.len() > MAX_NAME);
    if is_too_long || file.contains('\0') {
        bail!(
            "`{file}` cannot be a file: a name has at most {MAX_NAME} bytes, none of them zero, and a path {MAX_PATH}"
        );
    }
    let (folder, name) = file.split_once('/').ok_or_else(wrong)?;
    let stem = name.strip_suffix(".wasm").filter(|stem| !stem.is_empty()).ok_or_else(wrong)?;
    let (folders, last) = name.rsplit_once('/').unwrap_or(("", name));
    let is_hidden = |part: &str| part.is_empty() || part.starts_with(['_', '.']);
    if (!folders.is_empty() && folders.split('/').any(is_hidden)) || stem.contains('\\') {
        return Err(wrong());
    }
    let place = match folder {
        "middleware" if folders.is_empty() && !is_hidden(last) => Place::Global,
        "plugins" if folders.is_empty() && !is_hidden(last) => Place::Plugin,
        "routes" => match ScopeFile::parse(stem)? {
            Some(scope) => Place::Scoped(scope),
            None if is_hidden(last) => return Err(wrong()),
            None => Place::Route(RouteFile::parse(stem)?),
        },
        _ => return Err(wrong()),
    };
    Ok(Found { file: file.to_owned(), place })
}

/// The components right in a folder of the site, which need not exist.
fn flat(root: &Path, folder: &str) -> anyhow::Result<Vec<String>> {
    let path = root.join(folder);
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let names = names(&path)?.into_iter().filter(|name| !name.starts_with(['_', '.']));
    let components = names.filter(|name| name.ends_with(".wasm"));
    Ok(components.map(|name| format!("{folder}/{name}")).collect())
}

fn visit(folder: &Path, prefix: &str, found: &mut Vec<Found>) -> anyhow::Result<()> {
    for name in names(folder)? {
        let is_folder = folder.join(&name).is_dir();
        if is_folder && !name.starts_with(['_', '.']) {
            visit(&folder.join(&name), &format!("{prefix}{name}/"), found)?;
        }
        let Some(stem) = name.strip_suffix(".wasm").filter(|_| !is_folder) else { continue };
        let file = format!("routes/{prefix}{name}");
        let stem = format!("{prefix}{stem}");
        let named = || format!("`{file}` is not a route's name");
        if let Some(scope) = ScopeFile::parse(&stem).with_context(named)? {
            found.push(Found { file, place: Place::Scoped(scope) });
        } else if !name.starts_with(['_', '.']) {
            let route = RouteFile::parse(&stem).with_context(named)?;
            found.push(Found { file, place: Place::Route(route) });
        }
    }
    Ok(())
}

/// What is in a folder, in the order of the names.
fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let read = || -> std::io::Result<Vec<_>> { std::fs::read_dir(folder)?.collect() };
    let entries = read().with_context(|| format!("cannot read `{}`", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        match entry.file_name().into_string() {
            Ok(name) => names.push(name),
            // It stands for no route, and keeps no other from being served.
            Err(_) => {
                let path = entry.path();
                tracing::warn!("`{}` is left out: its name is not UTF-8", path.display());
            }
        }
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(files: &[&str]) -> tempfile::TempDir {
        let site = tempfile::tempdir().unwrap();
        for file in files {
            let path = site.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        site
    }

    #[test]
    fn finds_components_and_ignores_the_rest() {
        let site = site(&[
            "routes/b.wasm",
            "routes/a/[id].get.wasm",
            "routes/a/_middleware.wasm",
            "routes/_error.get.wasm",
            "routes/a/notes.txt",
            "routes/_x/y.wasm",
            "routes/_helper.wasm",
            "routes/a/.z.wasm",
            "middleware/02_b.wasm",
            "middleware/01_a.wasm",
            "plugins/app.wasm",
        ]);
        let found = components(site.path()).unwrap();
        let files: Vec<&str> = found.iter().map(|found| found.file.as_str()).collect();
        let expected = [
            "middleware/01_a.wasm",
            "middleware/02_b.wasm",
            "routes/_error.get.wasm",
            "routes/a/[id].get.wasm",
            "routes/a/_middleware.wasm",
            "routes/b.wasm",
            "plugins/app.wasm",
        ];
        assert_eq!(files, expected);
        let roles: Vec<Role> = found.iter().map(Found::role).collect();
        use Role::*;
        assert_eq!(roles, [Middleware, Middleware, ErrorHandler, Route, Middleware, Route, Plugin]);
    }

    #[test]
    fn a_path_says_what_a_component_would_be() {
        use Role::*;
        for (file, role) in [
            ("routes/a/[id].get.wasm", Route),
            ("routes/a/_middleware.wasm", Middleware),
            ("routes/_error.get.wasm", ErrorHandler),
            ("middleware/01_a.wasm", Middleware),
            ("plugins/app.wasm", Plugin),
        ] {
            assert_eq!(component(file).unwrap().role(), role, "{file}");
        }
        for file in [
            "a.wasm",
            "routes/a",
            "routes/.wasm",
            "routes/../a.wasm",
            "routes//a.wasm",
            "/etc/a.wasm",
            "routes/_x/a.wasm",
            "routes/_x.wasm",
            "plugins/a/b.wasm",
            "public/a.wasm",
            "routes/a\\..\\b.wasm",
        ] {
            assert!(component(file).is_err(), "{file}");
        }
    }

    #[test]
    fn a_site_without_routes_is_told_what_to_make() {
        let site = site(&["middleware/a.wasm"]);
        let error = components(site.path()).unwrap_err().to_string();
        assert!(error.contains("has no route"), "{error}");
        assert!(error.contains("`lithe build`"), "{error}");
    }
}
