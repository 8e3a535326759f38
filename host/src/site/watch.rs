//! What changes in a site and in the sources of its guests.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use notify_debouncer_full::notify::event::{AccessKind, AccessMode, ModifyKind};
use notify_debouncer_full::notify::{EventKind, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::Inputs;

/// Changes that come closer together than this are one: an editor writes more than once.
const QUIET: Duration = Duration::from_millis(100);

/// How long a file may be open for writing before nobody waits for it any more.
const MAX_WRITING: Duration = Duration::from_secs(60);

/// Tells of changed files until it is dropped.
pub struct Watcher {
    changes: mpsc::Receiver<Vec<PathBuf>>,
    /// None, where the system cannot watch.
    debouncer: Option<Debouncer<RecommendedWatcher, RecommendedCache>>,
    folders: Vec<PathBuf>,
    /// Files outside of the folders, and what is watched for them.
    others: Arc<Mutex<BTreeSet<PathBuf>>>,
    parents: BTreeSet<PathBuf>,
}

impl Watcher {
    /// Watches the site's folder, and the source folders that lie outside of it.
    pub fn new(root: &Path, sources: &[PathBuf]) -> Self {
        Self::with(root, sources, RecursiveMode::Recursive)
    }

    /// Tells when folders come or go in a folder.
    pub fn names(root: &Path) -> Self {
        Self::with(root, &[], RecursiveMode::NonRecursive)
    }

    fn with(root: &Path, sources: &[PathBuf], mode: RecursiveMode) -> Self {
        // One batch waits while another is handled; what comes then is in the one after it, for a
        // full queue holds the debouncer's thread.
        let (sender, changes) = mpsc::channel(1);
        let outside = sources.iter().filter_map(|path| path.canonicalize().ok());
        let outside = outside.filter(|path| !path.starts_with(root));
        let folders: Vec<PathBuf> = std::iter::once(root.to_owned()).chain(outside).collect();
        let watched = folders.clone();
        let others = Arc::new(Mutex::new(BTreeSet::new()));
        let wanted = Arc::clone(&others);
        let mut unfinished = Unfinished::default();
        let on_change = move |result: DebounceEventResult| match result {
            Ok(events) => {
                for event in events {
                    for path in &event.paths {
                        if is_relevant(path, &watched) || wanted.lock().contains(path) {
                            unfinished.note(&event.kind, path);
                        }
                    }
                }
                let paths = unfinished.take_changed();
                if !paths.is_empty() {
                    // Fails only when nobody listens any more.
                    let _ = sender.blocking_send(paths);
                }
            }
            Err(errors) => tracing::warn!("cannot watch all files: {errors:?}"),
        };
        let mut debouncer = new_debouncer(QUIET, None, on_change)
            .inspect_err(|error| tracing::warn!("changes of files are not seen: {error}"))
            .ok();
        for folder in &folders {
            watch(debouncer.as_mut(), folder, mode);
        }
        Self { changes, debouncer, folders, others, parents: BTreeSet::new() }
    }

    /// Watches files that lie elsewhere, too.
    pub fn also(&mut self, inputs: &Inputs) {
        for file in inputs.values().flatten() {
            if self.folders.iter().any(|folder| file.starts_with(folder)) {
                continue;
            }
            // Its folder is watched and not the file: an editor may put another one in its place.
            let Some(parent) = file.parent() else { continue };
            if !self.parents.contains(parent) {
                watch(self.debouncer.as_mut(), parent, RecursiveMode::NonRecursive);
                self.parents.insert(parent.to_owned());
            }
            self.others.lock().insert(file.clone());
        }
    }

    /// The next changed files; none when watching has ended.
    pub async fn next(&mut self) -> Option<Vec<PathBuf>> {
        self.changes.recv().await
    }
}

fn watch(
    debouncer: Option<&mut Debouncer<RecommendedWatcher, RecommendedCache>>,
    folder: &Path,
    mode: RecursiveMode,
) {
    if let Some(Err(error)) = debouncer.map(|debouncer| debouncer.watch(folder, mode)) {
        tracing::warn!("changes in `{}` are not seen: {error}", folder.display());
    }
}

/// Changes, and the components among them that somebody is still writing: until they are closed,
/// nothing is told. Where the system does not say when a file is closed, quiet has to do.
#[derive(Default)]
struct Unfinished {
    changed: Vec<PathBuf>,
    open: HashMap<PathBuf, Instant>,
}

impl Unfinished {
    fn note(&mut self, kind: &EventKind, path: &Path) {
        let says_when_closed = cfg!(target_os = "linux");
        let is_component = path.extension().is_some_and(|extension| extension == "wasm");
        match kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
                if self.open.remove(path).is_some() {
                    self.changed.push(path.to_owned());
                }
                return;
            }
            EventKind::Access(_) => return,
            EventKind::Modify(ModifyKind::Data(_)) if is_component && says_when_closed => {
                self.open.insert(path.to_owned(), Instant::now());
            }
            // Renamed or removed, or linked: whole, if it is there.
            _ => {
                self.open.remove(path);
            }
        }
        self.changed.push(path.to_owned());
    }

    /// What has changed, unless a component is still being written.
    fn take_changed(&mut self) -> Vec<PathBuf> {
        self.open.retain(|path, since| since.elapsed() < MAX_WRITING && path.is_file());
        match self.open.is_empty() {
            true => std::mem::take(&mut self.changed),
            false => Vec::new(),
        }
    }
}

/// What a build or an editor leaves beside the files is no change.
fn is_relevant(path: &Path, folders: &[PathBuf]) -> bool {
    let inside = folders.iter().find_map(|folder| path.strip_prefix(folder).ok()).unwrap_or(path);
    let is_noise = |part: &std::ffi::OsStr| {
        part == "target"
            || part.to_string_lossy().starts_with('.')
            || part.to_string_lossy().ends_with('~')
    };
    !inside.iter().any(is_noise)
}
