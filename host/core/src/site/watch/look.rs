//! The visible state of a site: names, and the files behind them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytesize::ByteSize;
use cap_std::fs::{Metadata, MetadataExt as _};
use rustix::fs::FileType;

use super::notify::{Notifier, Number, Signal, Watch};
use crate::config;
use crate::files::{Folder, Identity};

/// The folders that a site serves from. Of the rest, only its settings are looked at.
const PARTS: [&str; 4] = ["routes", "plugins", "middleware", "public"];

/// How many names one watcher looks at. It does not see changes of the others.
pub(crate) const MAX_NAMES: usize = 100_000;

/// How many bytes their paths may have. They are kept, and exist twice while a watcher looks.
pub(crate) const MAX_TEXT: usize = 16 * 1024 * 1024;

/// How many folders the system watches for one watcher. The others are looked at periodically.
const MAX_WATCHES: usize = 1_024;

/// Larger settings name nothing that is looked at.
const MAX_SETTINGS: ByteSize = ByteSize::kib(256);

/// What is looked at.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    /// A site's folder.
    Site(PathBuf),
    /// The names of the sites in a folder.
    Names(PathBuf),
    /// A folder of sources.
    Source(PathBuf),
    /// One file.
    File(PathBuf),
}

impl Tree {
    pub(crate) fn path(&self) -> &Path {
        let (Self::Site(path) | Self::Names(path) | Self::Source(path) | Self::File(path)) = self;
        path
    }
}

/// A name, and what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    own: Facts,
    /// The file behind a link.
    target: Option<Facts>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Facts {
    identity: Identity,
    mode: u32,
    size: u64,
    /// Seconds and nanoseconds since 1970.
    modified: (i64, i64),
    /// The same. It also changes with permissions and names.
    changed: (i64, i64),
}

impl Facts {
    fn of(metadata: &Metadata) -> Self {
        let own = Self {
            identity: Identity::of(metadata),
            mode: metadata.mode(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        };
        match metadata.is_dir() {
            // These change with each name in the folder, and each name is looked at itself.
            true => Self { size: 0, modified: (0, 0), changed: (0, 0), ..own },
            false => own,
        }
    }
}

impl Mark {
    /// The state of a path that a person has given: its links may lead anywhere.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let facts = |metadata| Facts::of(&Metadata::from_just_metadata(metadata));
        let own = path.symlink_metadata().ok()?;
        let target = own.is_symlink().then(|| path.metadata().ok()).flatten().map(facts);
        Some(Self { own: facts(own), target })
    }

    fn facts(&self) -> Facts {
        self.target.unwrap_or(self.own)
    }

    /// Whether it is an empty file, which somebody may be about to write. Pipes and folders have no
    /// size.
    pub(crate) fn is_empty(&self) -> bool {
        let facts = self.facts();
        facts.size == 0 && FileType::from_raw_mode(facts.mode).is_file()
    }

    /// How long ago the content changed. None if the clocks disagree.
    pub(crate) fn age(&self) -> Option<Duration> {
        let (seconds, nanoseconds) = self.facts().modified;
        let modified =
            Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanoseconds).ok()?);
        SystemTime::UNIX_EPOCH.elapsed().ok()?.checked_sub(modified)
    }
}

/// The folders that the system watches.
pub(crate) struct Watches {
    signal: Arc<Signal>,
    own: HashMap<Key, Watch>,
    wanted: HashSet<Key>,
    has_new: bool,
    /// Why some are not watched.
    pub failed: Option<io::Error>,
}

type Key = (Identity, Option<OsString>);

impl Watches {
    pub(crate) fn new(signal: Arc<Signal>) -> Self {
        let (own, wanted) = Default::default();
        Self { signal, own, wanted, has_new: false, failed: None }
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.own.len()
    }

    /// Watches a folder, or one name in it.
    fn want(&mut self, folder: &Folder, only: Option<&OsStr>) -> Option<Number> {
        let key = (folder.identity().ok()?, only.map(OsStr::to_owned));
        if let Some(watch) = self.own.get(&key).filter(|watch| watch.is_live()) {
            self.wanted.insert(key);
            return Some(watch.number());
        }
        if self.wanted.len() >= MAX_WATCHES {
            let reason = format!("these are more than {MAX_WATCHES} folders");
            self.failed = Some(io::Error::other(reason));
            return None;
        }
        let watch = Notifier::of_process()
            .and_then(|notifier| notifier.watch(folder, only, &self.signal))
            .map_err(|error| self.note_failed(error))
            .ok()?;
        let number = watch.number();
        self.has_new = true;
        self.own.insert(key.clone(), watch);
        self.wanted.insert(key);
        Some(number)
    }

    fn note_failed(&mut self, error: io::Error) {
        // The host may not read the folder, so nothing in it is served.
        if error.kind() != io::ErrorKind::PermissionDenied {
            self.failed = Some(error);
        }
    }

    /// Ends a look: stops watching what was not seen. Returns whether a new folder is watched: its
    /// earlier changes are seen only by looking again.
    fn finish_look(&mut self) -> bool {
        let wanted = std::mem::take(&mut self.wanted);
        self.own.retain(|key, _| wanted.contains(key));
        std::mem::take(&mut self.has_new)
    }
}

/// What a look has seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub marks: BTreeMap<PathBuf, Mark>,
    /// Folders that the system watches.
    pub watched: HashMap<PathBuf, Number>,
    /// Whether there is more than may be looked at.
    pub is_cut: bool,
    /// The sum of the paths' bytes.
    text: usize,
}

impl Seen {
    /// Looks, and has the system watch the folders that exist.
    pub(crate) fn of(trees: &[Tree], watches: &mut Watches) -> Self {
        // A folder that keeps appearing while it is looked at is seen by a later look.
        for _ in 0..3 {
            watches.failed = None;
            let mut seen = Self::default();
            for tree in trees {
                seen.look(tree, watches);
            }
            if !watches.finish_look() {
                return seen;
            }
        }
        let mut seen = Self::default();
        trees.iter().for_each(|tree| seen.look(tree, watches));
        watches.finish_look();
        seen
    }

    fn look(&mut self, tree: &Tree, watches: &mut Watches) {
        match tree {
            Tree::Site(root) => self.site(root, watches),
            Tree::Names(root) => self.names(root, watches),
            Tree::Source(root) => {
                if let Some(folder) = self.root(root, watches) {
                    self.below(&folder, root, Path::new(""), is_tools, watches);
                }
            }
            Tree::File(file) => {
                if let Some((folder, name)) = parent_of(file) {
                    watches.want(&folder, Some(name));
                }
                self.marks.extend(Mark::of(file).map(|mark| (file.clone(), mark)));
            }
        }
    }

    fn site(&mut self, root: &Path, watches: &mut Watches) {
        let Some(folder) = self.root(root, watches) else { return };
        self.note(&folder, Path::new(config::FILE_NAME), root);
        for part in PARTS {
            self.note(&folder, Path::new(part), root);
            let ignored = if part == "public" { is_hidden_public } else { is_hidden };
            self.below(&folder, root, Path::new(part), ignored, watches);
        }
        for named in named_in_settings(&folder) {
            let parent = named.parent().filter(|parent| !parent.as_os_str().is_empty());
            if let (Some(parent), Some(name)) = (parent, named.file_name())
                && let Ok(parent) = folder.folder(parent)
            {
                watches.want(&parent, Some(name));
            }
            self.note(&folder, &named, root);
        }
    }

    /// Adds each folder that is, or becomes, a site, with the parts that make it one.
    fn names(&mut self, root: &Path, watches: &mut Watches) {
        let Some(folder) = self.root(root, watches) else { return };
        for name in names_in(&folder).filter(|name| !is_hidden(name)) {
            let path = root.join(name);
            // The operator's links may lead anywhere.
            let (Ok(site), Some(mark)) = (Folder::open(&path), Mark::of(&path)) else { continue };
            if !self.has_room() {
                return;
            }
            watches.want(&site, None);
            let parts = PARTS.iter().map(|part| u64::from(site.has_folder(part)));
            let parts = parts.fold(0, |bits, part| bits << 1 | part);
            let target = Facts { size: parts, ..mark.facts() };
            self.marks.insert(path, Mark { target: Some(target), ..mark });
        }
    }

    /// The folder at which a tree begins. Its parent is watched, too, because another folder may
    /// take its place.
    fn root(&mut self, root: &Path, watches: &mut Watches) -> Option<Folder> {
        if let Some((parent, name)) = parent_of(root) {
            watches.want(&parent, Some(name));
        }
        self.marks.extend(Mark::of(root).map(|mark| (root.to_owned(), mark)));
        let folder = Folder::open(root).ok()?;
        if let Some(number) = watches.want(&folder, None) {
            self.watched.insert(root.to_owned(), number);
        }
        Some(folder)
    }

    /// Adds the contents of a folder of a tree, and of the folders in it. Links are followed inside
    /// of the tree.
    fn below(
        &mut self,
        tree: &Folder,
        root: &Path,
        start: &Path,
        ignored: fn(&OsStr) -> bool,
        watches: &mut Watches,
    ) {
        let mut visited = HashSet::new();
        if start != Path::new("") {
            // A link back to the root would lead to everything that is not looked at.
            visited.extend(tree.identity());
        }
        // Paths and not handles: there may be more folders than a process may have open.
        let mut paths = vec![start.to_owned()];
        while let Some(path) = paths.pop() {
            let start = if path.as_os_str().is_empty() { Path::new(".") } else { &path };
            let Ok(folder) = tree.folder(start) else { continue };
            if !folder.identity().is_ok_and(|identity| visited.insert(identity)) {
                continue;
            }
            if let Some(number) = watches.want(&folder, None) {
                self.watched.insert(root.join(&path), number);
            }
            for name in names_in(&folder).filter(|name| !ignored(name)) {
                if !self.has_room() {
                    return;
                }
                let path = path.join(name);
                if self.note(tree, &path, root) {
                    paths.push(path);
                }
            }
        }
    }

    /// Notes what a path in a tree stands for. Returns whether it is a folder.
    fn note(&mut self, tree: &Folder, path: &Path, root: &Path) -> bool {
        let Ok(own) = tree.dir().symlink_metadata(path) else { return false };
        let target = own.is_symlink().then(|| tree.dir().metadata(path).ok()).flatten();
        let is_folder = target.as_ref().unwrap_or(&own).is_dir();
        let mark = Mark { own: Facts::of(&own), target: target.as_ref().map(Facts::of) };
        let path = root.join(path);
        self.text += path.as_os_str().len();
        self.marks.insert(path, mark);
        is_folder
    }

    fn has_room(&mut self) -> bool {
        self.is_cut |= self.marks.len() >= MAX_NAMES || self.text >= MAX_TEXT;
        !self.is_cut
    }
}

/// The folder that contains a path, and its name there.
fn parent_of(path: &Path) -> Option<(Folder, &OsStr)> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    Some((Folder::open(parent.unwrap_or(Path::new("."))).ok()?, path.file_name()?))
}

/// The paths of secrets and folders that a site's components may reach. What is in the folders
/// belongs to the components.
fn named_in_settings(site: &Folder) -> Vec<PathBuf> {
    let text = site.read_text(config::FILE_NAME, MAX_SETTINGS).unwrap_or_default();
    let settings: toml::Table = text.parse().unwrap_or_default();
    let plugins = settings.get("plugin").and_then(toml::Value::as_table);
    let each = |plugin: &toml::Value, key: &str, path: &str| -> Vec<PathBuf> {
        let granted = plugin.get(key).and_then(toml::Value::as_table).into_iter().flatten();
        granted.filter_map(|(_, own)| Some(own.get(path)?.as_str()?.into())).collect()
    };
    let plugins = plugins.into_iter().flatten().map(|(_, plugin)| plugin);
    plugins
        .flat_map(|plugin| [each(plugin, "secrets", "file"), each(plugin, "folders", "path")])
        .flatten()
        .collect()
}

fn names_in(folder: &Folder) -> impl Iterator<Item = OsString> {
    let entries = folder.dir().entries().into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.file_name()))
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// RFC 8615's folder is served.
fn is_hidden_public(name: &OsStr) -> bool {
    is_hidden(name) && name != ".well-known"
}

/// What builds and editors leave beside sources.
fn is_tools(name: &OsStr) -> bool {
    let made = ["target", "node_modules", "__pycache__"].iter().any(|tools| *tools == name);
    made || is_hidden(name) || name.as_encoded_bytes().ends_with(b"~")
}
