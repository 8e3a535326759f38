//! Compiled components on disk.
//!
//! The key of a component is its SHA-256 and everything that, according to wasmtime, a compilation
//! depends on. Each artifact's own SHA-256 lies beside it; an artifact that does not match is
//! compiled again and never trusted. Several hosts may share a folder; each keeps it within the
//! bound.

use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use bytesize::ByteSize;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::artifact;
use super::compile::Effort;
use super::digest::Digest;

/// The default for how many bytes the files of a cache may have together. Beyond it, the least
/// recently used artifacts are removed. A host that runs one of them keeps it in memory.
pub const MAX_CACHE: ByteSize = ByteSize::gib(2);

/// After this time, an unfinished file must have been left by a crash.
const UNFINISHED_TIME: Duration = Duration::from_secs(60 * 60);

/// The beginning of the names of unfinished files.
const UNFINISHED: &str = ".tmp";

/// A folder of compiled components, or none.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: Option<PathBuf>,
    max: ByteSize,
}

/// An artifact in the folder.
struct Artifact {
    path: PathBuf,
    size: u64,
    used: SystemTime,
}

impl Cache {
    /// Opens a folder. If it does not exist, makes it for this user only.
    ///
    /// # Errors
    /// The folder cannot be made, or somebody else may write to it or replace it.
    pub fn open(folder: PathBuf) -> anyhow::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder).with_context(|| {
            format!("cannot make the cache folder `{}`: choose one by `--cache`", folder.display())
        })?;
        // The checked folder is the folder in use: no link on the way to it can be changed later.
        let folder = folder
            .canonicalize()
            .with_context(|| format!("cannot look at `{}`", folder.display()))?;
        check_owner(&folder)?;
        let cache = Self { folder: Some(folder), max: MAX_CACHE };
        cache.remove_unfinished();
        Ok(cache)
    }

    /// A cache that keeps nothing: each start compiles everything.
    pub fn none() -> Self {
        Self { folder: None, max: MAX_CACHE }
    }

    /// The user's cache, as the environment names it. If none can be used, nothing is kept, and the
    /// log says so.
    pub fn of_user() -> Self {
        let opened = user_folder(|name| std::env::var_os(name))
            .context("neither `HOME` nor `XDG_CACHE_HOME` names a folder")
            .and_then(Self::open);
        opened.unwrap_or_else(|error| {
            tracing::warn!(
                "compiled components are not kept, so that each start compiles them again: {error:#}; \
                 `--cache` or `LITHE_CACHE` names a folder for them"
            );
            Self::none()
        })
    }

    /// Sets another bound than [`MAX_CACHE`].
    #[must_use]
    pub fn with_max(self, max: ByteSize) -> Self {
        Self { max, ..self }
    }

    /// The cache's folder.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The component, compiled with that effort or more, if the cache has it undamaged.
    pub fn load(&self, engine: &Engine, component: &Digest, effort: Effort) -> Option<Component> {
        let compiled_with = |effort| self.load_one(engine, component, effort);
        compiled_with(Effort::Full).or_else(|| match effort {
            Effort::Full => None,
            Effort::Quick => compiled_with(Effort::Quick),
        })
    }

    fn load_one(&self, engine: &Engine, component: &Digest, effort: Effort) -> Option<Component> {
        let path = path_of(self.folder()?, engine, component, effort);
        let artifact = fs::read(&path).ok()?;
        let noted = fs::read_to_string(checksum_path(&path)).unwrap_or_default();
        let loaded = if noted.trim_end() == Digest::of(&artifact).to_string() {
            artifact::map(engine, &path).map_err(|error| format!("{error:#}"))
        } else {
            Err("its checksum does not match".to_owned())
        };
        match loaded {
            Ok(component) => {
                note_use(&path);
                Some(component)
            }
            Err(reason) => {
                let file = path.display();
                tracing::warn!(
                    "compiling again: the cached artifact `{file}` is damaged: {reason}"
                );
                None
            }
        }
    }

    /// Keeps a compiled component.
    ///
    /// # Errors
    /// The files cannot be written. What existed before stays.
    pub fn store(
        &self,
        engine: &Engine,
        component: &Digest,
        effort: Effort,
        compiled: &[u8],
    ) -> anyhow::Result<()> {
        let Some(folder) = self.folder() else { return Ok(()) };
        let path = path_of(folder, engine, component, effort);
        write(folder, &checksum_path(&path), Digest::of(compiled).to_string().as_bytes())?;
        write(folder, &path, compiled)?;
        self.evict(&path);
        Ok(())
    }

    /// Brings the folder within its bound. Keeps this artifact, which is needed now.
    fn evict(&self, needed: &Path) {
        let mut artifacts = self.artifacts();
        let mut total = artifacts.iter().fold(0, |sum: u64, own| sum.saturating_add(own.size));
        artifacts.sort_unstable_by_key(|artifact| artifact.used);
        for artifact in artifacts.iter().filter(|artifact| artifact.path != needed) {
            if total <= self.max.as_u64() {
                return;
            }
            // The artifact goes first, because one without its checksum looks damaged. Another host
            // may do the same.
            let _ = fs::remove_file(&artifact.path);
            let _ = fs::remove_file(checksum_path(&artifact.path));
            total = total.saturating_sub(artifact.size);
        }
    }

    fn artifacts(&self) -> Vec<Artifact> {
        let artifact = |(path, metadata): (PathBuf, fs::Metadata)| {
            let used = metadata.modified().ok()?;
            let is_artifact = path.extension().is_some_and(|extension| extension == "cwasm");
            is_artifact.then_some(Artifact { path, size: metadata.len(), used })
        };
        self.files().filter_map(artifact).collect()
    }

    /// Removes what crashed hosts have left: unfinished files, and halves of pairs.
    fn remove_unfinished(&self) {
        for (path, metadata) in self.files() {
            let name = path.file_name().unwrap_or_default();
            let is_unfinished = name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes());
            let is_alone = path.extension().is_some_and(|extension| extension == "sha256")
                && !path.with_extension("cwasm").exists();
            let age = metadata.modified().ok().and_then(|modified| modified.elapsed().ok());
            if (is_unfinished || is_alone) && age.is_some_and(|age| age > UNFINISHED_TIME) {
                let _ = fs::remove_file(&path);
            }
        }
    }

    fn files(&self) -> impl Iterator<Item = (PathBuf, fs::Metadata)> {
        let entries = self.folder().and_then(|folder| fs::read_dir(folder).ok());
        entries.into_iter().flatten().filter_map(|entry| {
            let entry = entry.ok()?;
            let metadata = entry.metadata().ok()?;
            metadata.is_file().then(|| (entry.path(), metadata))
        })
    }
}

/// The default folder for compiled components. Empty and relative paths count as not set (XDG Base
/// Directory 0.8).
fn user_folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    Some(base?.join("lithe"))
}

/// Notes that the artifact was used, as its time of modification. If that fails, it counts as used
/// less.
fn note_use(artifact: &Path) {
    let noted = File::options().append(true).open(artifact);
    if let Err(error) = noted.and_then(|file| file.set_modified(SystemTime::now())) {
        tracing::debug!("cannot note that `{}` is used: {error}", artifact.display());
    }
}

/// Writes a file as a whole or not at all: another host may read the same folder.
fn write(folder: &Path, path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write `{}`", path.display()))
}

fn path_of(folder: &Path, engine: &Engine, component: &Digest, effort: Effort) -> PathBuf {
    let mut settings = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut settings);
    let quick = if effort == Effort::Quick { "-quick" } else { "" };
    folder.join(format!("{component}-{:016x}{quick}.cwasm", settings.finish()))
}

/// Checks that only this user can put files into the folder, or replace it, because the host runs
/// what is in it.
#[cfg(unix)]
fn check_owner(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let shown = folder.display();
    let look = |path: &Path| {
        path.metadata().with_context(|| format!("cannot look at `{}`", path.display()))
    };
    let user = rustix::process::geteuid().as_raw();
    let metadata = look(folder)?;
    if metadata.uid() != user {
        bail!("the cache folder `{shown}` is another user's: choose one by `--cache`");
    }
    if metadata.mode() & 0o022 != 0 {
        bail!("others may write to the cache folder `{shown}`: run `chmod go-w` on it");
    }
    for above in folder.ancestors().skip(1) {
        let metadata = look(above)?;
        let (above, mode) = (above.display(), metadata.mode());
        if ![user, 0].contains(&metadata.uid()) {
            bail!(
                "the cache folder `{shown}` is in `{above}`, which is another user's: choose one by `--cache`"
            );
        }
        // A user's own group is often for that user alone. In a sticky folder, such as `/tmp`,
        // users cannot rename each other's files.
        let is_shared = metadata.gid() != rustix::process::getegid().as_raw();
        let is_writable = mode & 0o002 != 0 || (mode & 0o020 != 0 && is_shared);
        if is_writable && mode & 0o1000 == 0 {
            bail!(
                "others may write to `{above}`, and so put another folder in the place of the cache \
                 folder `{shown}`: run `chmod go-w` on it, or choose another folder by `--cache`"
            );
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_owner(_folder: &Path) -> anyhow::Result<()> {
    Ok(())
}

fn checksum_path(artifact: &Path) -> PathBuf {
    artifact.with_extension("sha256")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::compiler;

    /// An artifact that was last used this many hours ago.
    fn put(cache: &Cache, name: &str, size: usize, hours: u64) -> PathBuf {
        let path = cache.folder().unwrap().join(name);
        fs::write(&path, vec![0; size]).unwrap();
        let used = SystemTime::now() - Duration::from_secs(hours * 3600);
        File::options().append(true).open(&path).unwrap().set_modified(used).unwrap();
        path
    }

    fn names(cache: &Cache) -> Vec<String> {
        let name = |(path, _): (PathBuf, _)| path.file_name()?.to_str().map(str::to_owned);
        let mut names: Vec<_> = cache.files().filter_map(name).collect();
        names.sort();
        names
    }

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("cache")).unwrap();
        (folder, cache)
    }

    #[test]
    fn what_was_used_longest_ago_goes_first_and_what_is_needed_stays() {
        let (_folder, cache) = cache();
        let cache = cache.with_max(ByteSize::b(250));
        let needed = put(&cache, "a.cwasm", 100, 9);
        for (name, hours) in [("b", 8), ("c", 2), ("d", 1)] {
            put(&cache, &format!("{name}.cwasm"), 100, hours);
            put(&cache, &format!("{name}.sha256"), 64, hours);
        }
        cache.evict(&needed);
        assert_eq!(names(&cache), ["a.cwasm", "d.cwasm", "d.sha256"]);
        note_use(&needed);
        cache.evict(Path::new("another"));
        assert_eq!(names(&cache), ["a.cwasm", "d.cwasm", "d.sha256"], "it is within its bound");
    }

    #[test]
    fn what_a_crash_has_left_goes_and_what_another_host_writes_stays() {
        let (folder, cache) = cache();
        put(&cache, ".tmpAbCdEf", 10, 2);
        put(&cache, ".tmpFedCbA", 10, 0);
        put(&cache, "old.sha256", 10, 2);
        put(&cache, "new.sha256", 10, 0);
        put(&cache, "a.sha256", 10, 2);
        put(&cache, "a.cwasm", 10, 2);
        let cache = Cache::open(folder.path().join("cache")).unwrap();
        assert_eq!(names(&cache), [".tmpFedCbA", "a.cwasm", "a.sha256", "new.sha256"]);
    }

    #[test]
    fn what_was_compiled_in_a_hurry_is_only_for_those_who_are() {
        use wasm_encoder::{CodeSection, Function, FunctionSection, Module, TypeSection};

        let (_folder, cache) = cache();
        let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
        types.ty().function([], []);
        functions.function(0);
        let (mut code, mut nothing) = (CodeSection::new(), Function::new([]));
        nothing.instructions().end();
        code.function(&nothing);
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&code);
        let mut component = wasm_encoder::Component::new();
        component.section(&wasm_encoder::ModuleSection(&module));
        let bytes = component.finish();

        let (engine, digest) = (compiler(false).unwrap(), Digest::of(&bytes));
        let compiled = compiler(true).unwrap().precompile_component(&bytes).unwrap();
        cache.store(&engine, &digest, Effort::Quick, &compiled).unwrap();
        assert!(cache.load(&engine, &digest, Effort::Quick).is_some());
        assert!(cache.load(&engine, &digest, Effort::Full).is_none());
    }

    #[test]
    fn only_absolute_paths_of_the_environment_count() {
        for (xdg, home, folder) in [
            (Some("/x"), Some("/h"), Some("/x/lithe")),
            (Some(""), Some("/h"), Some("/h/.cache/lithe")),
            (Some("x"), Some("/h"), Some("/h/.cache/lithe")),
            (None, Some("/h"), Some("/h/.cache/lithe")),
            (None, Some(""), None),
            (None, Some("h"), None),
            (None, None, None),
        ] {
            let variable = |name: &str| if name == "HOME" { home } else { xdg }.map(OsString::from);
            assert_eq!(user_folder(variable), folder.map(PathBuf::from), "{xdg:?} {home:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_others_may_replace_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let outer = tempfile::tempdir().unwrap();
        let open = outer.path().join("open");
        fs::create_dir(&open).unwrap();
        let allow = |mode| fs::set_permissions(&open, fs::Permissions::from_mode(mode)).unwrap();
        allow(0o777);
        let error = Cache::open(open.join("a/b")).unwrap_err().to_string();
        assert!(error.contains("others may write to") && error.contains("`--cache`"), "{error}");
        allow(0o1777);
        Cache::open(open.join("a/b")).unwrap();
    }
}
