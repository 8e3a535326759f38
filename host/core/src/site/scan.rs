//! Finds the components of a site, by their places in it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::files::{Entry, EntryKind, FileError, Folder, Identity};
use crate::plugin::Role;
use lithe_router::{RouteFile, ScopeFile, ScopeKind, Totals};

/// The longest name that file systems have, in bytes.
const MAX_NAME: usize = 255;

/// The longest path of a component in its site, in bytes. The system allows 4,096 together with the
/// site's own path.
const MAX_PATH: usize = 2_048;

/// The most names in `routes/`, `middleware/` and `plugins/` together, with those that are left
/// out.
const MAX_NAMES: usize = 10_000;

/// The most components of one site.
pub(crate) const MAX_COMPONENTS: usize = 1_000;

/// How deep folders below `routes/` may be nested. A pattern has at most four times as many
/// segments.
const MAX_DEPTH: usize = 64;

/// The folders that make a folder a site.
const PARTS: [&str; 4] = ["routes", "plugins", "middleware", "public"];

/// Whether a folder is a site.
///
/// # Errors
/// The system does not say, for example because it has no descriptors left.
pub(crate) fn is_site(folder: &Folder) -> Result<bool, FileError> {
    for part in PARTS {
        match folder.dir().symlink_metadata(part) {
            // A link counts. If it leads out of the site, loading reports the error.
            Ok(metadata) if metadata.is_dir() || metadata.is_symlink() => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

/// Whether a path leads to a folder that is a site.
///
/// # Errors
/// The system does not say. That must not be taken for a site that is gone.
pub(crate) fn is_site_at(path: &Path) -> Result<bool, FileError> {
    match Folder::open(path) {
        Ok(folder) => is_site(&folder),
        Err(FileError::Missing | FileError::NotAFolder) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A component file.
#[derive(Debug, PartialEq, Eq)]
pub struct ComponentFile {
    /// Its path inside the site, with `/` between the parts.
    pub file: String,
    pub place: Place,
}

/// What a component's place makes it.
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

impl ComponentFile {
    /// The order in which [`components`] finds components.
    pub fn order(&self) -> (u8, &str) {
        let folder = match self.place {
            Place::Global => 0,
            Place::Scoped(_) | Place::Route(_) => 1,
            Place::Plugin => 2,
        };
        (folder, &self.file)
    }

    /// Counts the pattern of its path.
    fn count(&self, totals: &mut Totals) -> anyhow::Result<()> {
        let counted = match &self.place {
            Place::Global | Place::Plugin => Ok(()),
            Place::Scoped(scope) => totals.add(scope.method.as_ref(), &scope.pattern),
            Place::Route(route) => totals.add(route.method.as_ref(), &route.pattern),
        };
        counted.with_context(|| format!("`{}`", self.file))
    }

    /// The role that the component must have.
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

/// Finds the `.wasm` files below the site's `middleware/`, `routes/` and `plugins/`, each sorted by
/// name. Files and folders whose names begin with `_` or `.` are left out, except scoped files.
/// Links that lead back to a folder that contains them are left out, and so are names that are not
/// UTF-8.
///
/// # Errors
/// The site has no route, a name is not a pattern, or a folder leads out of the site. The message
/// names the file.
pub fn components(root: &Folder) -> anyhow::Result<Vec<ComponentFile>> {
    let left_out = BTreeMap::new();
    let totals = Totals::default();
    let mut scan = Scan { root, left: MAX_NAMES, found: Vec::new(), totals, left_out };
    if let Some(middleware) = part(root, "middleware")? {
        scan.flat(&middleware, |file| ComponentFile {
            file: format!("middleware/{file}"),
            place: Place::Global,
        })?;
    }
    if let Some(routes) = part(root, "routes")? {
        let own = routes.identity().context("`routes`")?;
        scan.visit(&routes, "", &mut vec![own])?;
    }
    if let Some(plugins) = part(root, "plugins")? {
        scan.flat(&plugins, |file| ComponentFile {
            file: format!("plugins/{file}"),
            place: Place::Plugin,
        })?;
    }
    // One line for each reason, and not for each file: a site may have thousands.
    for (why, (path, count)) in &scan.left_out {
        match count {
            1 => tracing::warn!("`{path}` is left out: {why}"),
            _ => tracing::warn!("`{path}` is left out, and {} more: {why}", count - 1),
        }
    }
    let found = scan.found;
    if !found.iter().any(|found| matches!(found.place, Place::Route(_) | Place::Plugin)) {
        bail!(
            "`{}` has no route: put a component into its folder `routes` (`routes/index.wasm` \
             answers `/`), or name its source in `lithe.toml` under `[build]` and run `lithe build`",
            root.path().display()
        );
    }
    Ok(found)
}

/// A part of the site, if it exists.
fn part(root: &Folder, name: &str) -> anyhow::Result<Option<Folder>> {
    match root.folder(name) {
        Ok(folder) => Ok(Some(folder)),
        Err(FileError::Missing | FileError::NotAFolder) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read `{name}`")),
    }
}

/// What these files would be in the site, by their paths, in the order in which [`components`]
/// finds them.
///
/// # Errors
/// As [`component`], and as [`components`] for the same number of files.
pub(crate) fn all<'f>(files: impl Iterator<Item = &'f str>) -> anyhow::Result<Vec<ComponentFile>> {
    let (mut found, mut totals) = (Vec::new(), Totals::default());
    for file in files {
        let one = component(file)?;
        one.count(&mut totals)?;
        found.push(one);
        check_count(found.len())?;
    }
    found.sort_by(|one, other| one.order().cmp(&other.order()));
    Ok(found)
}

fn check_count(components: usize) -> anyhow::Result<()> {
    anyhow::ensure!(
        components <= MAX_COMPONENTS,
        "the site has more than {MAX_COMPONENTS} components"
    );
    Ok(())
}

/// The role of a component at this path, such as `routes/chat.wasm`.
///
/// # Errors
/// A component cannot be there. The message says where it could be.
pub fn role_of(file: &str) -> anyhow::Result<Role> {
    component(file).map(|found| found.role())
}

/// What a file would be in the site, by its path, such as `routes/chat.wasm`.
///
/// # Errors
/// It is not a component's path. The message says what would be one.
pub(crate) fn component(file: &str) -> anyhow::Result<ComponentFile> {
    let wrong = || {
        anyhow::anyhow!(
            "`{file}` is not a component's path: name it as it lies in the site, such as \
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
    if folders.split('/').count() > MAX_DEPTH {
        bail!("`{file}` is more than {MAX_DEPTH} folders deep");
    }
    let is_wrong = |part: &str| part.is_empty() || is_hidden(part);
    if (!folders.is_empty() && folders.split('/').any(is_wrong)) || stem.contains('\\') {
        return Err(wrong());
    }
    let named = || format!("`{file}` is not a route's name");
    let place = match folder {
        "middleware" if folders.is_empty() && !is_wrong(last) => Place::Global,
        "plugins" if folders.is_empty() && !is_wrong(last) => Place::Plugin,
        "routes" => match ScopeFile::parse(stem).with_context(named)? {
            Some(scope) => Place::Scoped(scope),
            None if is_wrong(last) => return Err(wrong()),
            None => Place::Route(RouteFile::parse(stem).with_context(named)?),
        },
        _ => return Err(wrong()),
    };
    Ok(ComponentFile { file: file.to_owned(), place })
}

/// A walk through a site.
struct Scan<'s> {
    /// The target of a link is looked up beneath the site, and not beneath the folder that contains
    /// the link.
    root: &'s Folder,
    /// How many names may still be read.
    left: usize,
    found: Vec<ComponentFile>,
    /// Counts the patterns found. They are counted here, too, so that no more is read of a site
    /// than it may have.
    totals: Totals,
    /// What is left out, by reason: the first path, and how many there are.
    left_out: BTreeMap<&'static str, (String, usize)>,
}

impl Scan<'_> {
    /// Adds the components directly in a folder.
    fn flat(
        &mut self,
        folder: &Folder,
        found: impl Fn(&str) -> ComponentFile,
    ) -> anyhow::Result<()> {
        for (name, _) in self.names(folder)? {
            if name.ends_with(".wasm") && !is_hidden(&name) {
                self.add(found(&name))?;
            }
        }
        Ok(())
    }

    /// Adds the components in a folder below `routes/` and in the folders in it. `around` are the
    /// folders that contain it, and itself.
    fn visit(
        &mut self,
        folder: &Folder,
        prefix: &str,
        around: &mut Vec<Identity>,
    ) -> anyhow::Result<()> {
        for (name, kind) in self.names(folder)? {
            let path = format!("routes/{prefix}{name}");
            if kind == EntryKind::Folder
                || (kind == EntryKind::Other && self.root.has_folder(&path))
            {
                if !is_hidden(&name) {
                    self.enter(&path, &format!("{prefix}{name}/"), around)?;
                }
                continue;
            }
            let Some(stem) = name.strip_suffix(".wasm") else { continue };
            let file = path;
            let stem = format!("{prefix}{stem}");
            let named = || format!("`{file}` is not a route's name");
            if let Some(scope) = ScopeFile::parse(&stem).with_context(named)? {
                self.add(ComponentFile { file, place: Place::Scoped(scope) })?;
            } else if !is_hidden(&name) {
                let route = RouteFile::parse(&stem).with_context(named)?;
                self.add(ComponentFile { file, place: Place::Route(route) })?;
            }
        }
        Ok(())
    }

    fn enter(
        &mut self,
        path: &str,
        prefix: &str,
        around: &mut Vec<Identity>,
    ) -> anyhow::Result<()> {
        let shown = || format!("cannot read `{path}`");
        let inner = self.root.folder(path).with_context(shown)?;
        let identity = inner.identity().with_context(shown)?;
        if around.contains(&identity) {
            self.leave_out(path.to_owned(), "it is a link to a folder that it is in");
            return Ok(());
        }
        if around.len() > MAX_DEPTH {
            bail!("`{path}` is more than {MAX_DEPTH} folders deep");
        }
        around.push(identity);
        self.visit(&inner, prefix, around)?;
        around.pop();
        Ok(())
    }

    /// The contents of a folder, sorted by name.
    fn names(&mut self, folder: &Folder) -> anyhow::Result<Vec<(String, EntryKind)>> {
        let entries = folder.entries_up_to(self.left).map_err(|error| match error {
            FileError::TooMany(_) => anyhow::anyhow!(
                "the site has more than {MAX_NAMES} files and folders in `routes`, `middleware` and \
                 `plugins`, counting what links lead to each time"
            ),
            error => anyhow::Error::new(error).context(format!("cannot read `{}`", folder.path().display())),
        })?;
        self.left -= entries.len();
        let mut names = Vec::with_capacity(entries.len());
        for Entry { name, kind } in entries {
            match name.into_string() {
                Ok(name) => names.push((name, kind)),
                Err(name) => {
                    let (folder, name) = (folder.path().display(), name.display());
                    self.leave_out(format!("{folder}/{name}"), "its name is not UTF-8");
                }
            }
        }
        Ok(names)
    }

    fn leave_out(&mut self, path: String, why: &'static str) {
        let left_out = self.left_out.entry(why).or_insert((path, 0));
        left_out.1 += 1;
    }

    fn add(&mut self, found: ComponentFile) -> anyhow::Result<()> {
        found.count(&mut self.totals)?;
        self.found.push(found);
        check_count(self.found.len())
    }
}

fn is_hidden(name: &str) -> bool {
    name.starts_with(['_', '.'])
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

    fn scan(site: &tempfile::TempDir) -> anyhow::Result<Vec<ComponentFile>> {
        components(&Folder::open(site.path()).unwrap())
    }

    fn files(found: &[ComponentFile]) -> Vec<&str> {
        found.iter().map(|found| found.file.as_str()).collect()
    }

    #[test]
    fn links_in_circles_are_left_out() {
        use std::os::unix::fs::symlink;
        let site = site(&["routes/a/b.wasm"]);
        let routes = site.path().join("routes");
        for (target, link) in [(".", "one"), (".", "two"), ("..", "a/up"), ("../..", "a/out")] {
            symlink(target, routes.join(link)).unwrap();
        }
        symlink("a", routes.join("again")).unwrap();
        let found = scan(&site).unwrap();
        assert_eq!(files(&found), ["routes/a/b.wasm", "routes/again/b.wasm"]);
    }

    #[test]
    fn links_that_double_what_is_there_are_counted_each_time() {
        let site = site(&["routes/a.wasm"]);
        for level in 0..30 {
            let folder = site.path().join(format!("levels/{level}"));
            std::fs::create_dir_all(&folder).unwrap();
            for link in ["one", "two"] {
                let next = format!("../{}", level + 1);
                std::os::unix::fs::symlink(next, folder.join(link)).unwrap();
            }
        }
        std::os::unix::fs::symlink("../levels/0", site.path().join("routes/start")).unwrap();
        let error = scan(&site).unwrap_err().to_string();
        assert!(error.contains("more than 10000 files and folders"), "{error}");
    }

    #[test]
    fn folders_have_a_depth() {
        let deep = "x/".repeat(MAX_DEPTH);
        assert!(scan(&site(&[&format!("routes/{deep}a.wasm")])).is_ok());
        let error = scan(&site(&[&format!("routes/{deep}x/a.wasm")])).unwrap_err().to_string();
        assert!(error.contains("more than 64 folders deep"), "{error}");
    }

    #[test]
    fn what_a_deploy_may_bring_is_what_a_scan_takes() {
        let deep = "x/".repeat(MAX_DEPTH);
        assert!(component(&format!("routes/{deep}a.wasm")).is_ok());
        let error = component(&format!("routes/{deep}x/a.wasm")).unwrap_err().to_string();
        assert!(error.contains("more than 64 folders deep"), "{error}");
        let named = |length: usize| format!("routes/{}.wasm", "n".repeat(length - ".wasm".len()));
        assert!(component(&named(MAX_NAME)).is_ok());
        let error = component(&named(MAX_NAME + 1)).unwrap_err().to_string();
        assert!(error.contains("a name has at most 255 bytes"), "{error}");
        let folders = format!("{}/", "f".repeat(239)).repeat(8);
        let long = |length: usize| format!("routes/{folders}{}.wasm", "n".repeat(length));
        let room = MAX_PATH - long(0).len();
        assert!(component(&long(room)).is_ok(), "{room}");
        let error = component(&long(room + 1)).unwrap_err().to_string();
        assert!(error.contains("and a path 2048"), "{error}");
        let names: Vec<String> = (0..=MAX_COMPONENTS).map(|n| format!("routes/{n}.wasm")).collect();
        assert_eq!(all(names[1..].iter().map(String::as_str)).unwrap().len(), MAX_COMPONENTS);
        let error = all(names.iter().map(String::as_str)).unwrap_err().to_string();
        assert!(error.contains("1000 components"), "{error}");
    }

    #[test]
    fn what_leads_out_of_the_site_is_refused() {
        let outer = site(&["victim/routes/a.wasm", "evil/lithe.toml"]);
        let evil = outer.path().join("evil");
        for part in ["routes", "plugins", "middleware"] {
            std::os::unix::fs::symlink("../victim/routes", evil.join(part)).unwrap();
            let folder = Folder::open(&evil).unwrap();
            assert!(is_site(&folder).unwrap(), "so that it is said");
            let error = format!("{:#}", components(&folder).unwrap_err());
            let expected = format!("cannot read `{part}`: it leads outside");
            assert!(error.contains(&expected), "{error}");
            std::fs::remove_file(evil.join(part)).unwrap();
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_name_that_is_not_utf_8_is_left_out() {
        use std::os::unix::ffi::OsStrExt as _;
        let site = site(&["routes/a.wasm"]);
        let name = std::ffi::OsStr::from_bytes(b"\xff.wasm");
        std::fs::write(site.path().join("routes").join(name), b"").unwrap();
        assert_eq!(files(&scan(&site).unwrap()), ["routes/a.wasm"]);
    }

    #[test]
    fn a_site_has_so_many_components() {
        let names: Vec<String> = (0..=MAX_COMPONENTS).map(|n| format!("routes/{n}.wasm")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(scan(&site(&names[1..])).unwrap().len(), MAX_COMPONENTS);
        assert!(scan(&site(&names)).unwrap_err().to_string().contains("1000 components"));
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
        let found = scan(&site).unwrap();
        let expected = [
            "middleware/01_a.wasm",
            "middleware/02_b.wasm",
            "routes/_error.get.wasm",
            "routes/a/[id].get.wasm",
            "routes/a/_middleware.wasm",
            "routes/b.wasm",
            "plugins/app.wasm",
        ];
        assert_eq!(files(&found), expected);
        let roles: Vec<Role> = found.iter().map(ComponentFile::role).collect();
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
        let error = scan(&site).unwrap_err().to_string();
        assert!(error.contains("has no route"), "{error}");
        assert!(error.contains("`lithe build`"), "{error}");
    }
}
