//! Watches a site, and the sources of its guests, for changes.
//!
//! The system only says when to look; looking tells what has changed. So it does not matter how a
//! change was made: a file that is written, renamed or linked, a folder that is replaced,
//! Kubernetes' link `..data`. If the system does not report changes, the watcher looks every few
//! seconds.

mod look;
mod notify;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::task::JoinHandle;

use look::{Mark, Seen, Tree, Watches};
use notify::Signal;

pub use notify::tell_all;

/// Changes that follow each other faster than this count as one: an editor writes more than once.
const QUIET: Duration = Duration::from_millis(100);

/// How long a change waits for quiet.
const MAX_NOISE: Duration = Duration::from_secs(1);

/// How long others wait for a component that is open for writing.
const MAX_WRITING: Duration = Duration::from_secs(10);

/// The time between two looks if the system reports changes. It does not report what is behind a
/// link, nor what another machine does.
const PERIOD: Duration = Duration::from_secs(5);

/// The time between two looks if the system does not report changes.
const PERIOD_ALONE: Duration = Duration::from_secs(2);

/// How long a component must stay the same if the system does not report when it is closed.
const QUIET_ALONE: Duration = Duration::from_secs(1);

/// A watcher spends at most one part in this many of its time on periodic looks.
const SHARE: u32 = 20;

/// The longest time between two looks, however long one takes.
const MAX_PERIOD: Duration = Duration::from_secs(10);

/// The same, if changes are reported all the time.
const SHARE_WHEN_TOLD: u32 = 10;

/// Reports changed files until it is dropped.
pub struct Watcher {
    looker: Arc<Mutex<Looker>>,
    signal: Arc<Signal>,
    looking: Option<JoinHandle<()>>,
}

struct Looker {
    trees: Vec<Tree>,
    watches: Watches,
    signal: Arc<Signal>,
    known: BTreeMap<PathBuf, Mark>,
    writing: HashMap<PathBuf, Writing>,
    /// Changes that have not been reported yet.
    found: Vec<PathBuf>,
    /// The time until the next periodic look.
    pause: Duration,
    /// The time until the next look after a change.
    quiet: Duration,
    has_said: bool,
}

/// A component that somebody is writing.
struct Writing {
    since: Instant,
    /// Whether it has been reported unfinished, because it took too long.
    is_told: bool,
}

impl Watcher {
    /// Watches what a site serves from its folder, and folders of sources. Blocks while it looks at
    /// them. Changes are reported from then on.
    pub fn new(root: &Path, sources: &[PathBuf]) -> Self {
        let site = Tree::Site(root.to_owned());
        Self::of(std::iter::once(site).chain(sources.iter().cloned().map(Tree::Source)).collect())
    }

    /// Watches which sites a folder has: reports the paths of those that come, go, or are replaced.
    pub fn names(root: &Path) -> Self {
        Self::of(vec![Tree::Names(root.to_owned())])
    }

    fn of(trees: Vec<Tree>) -> Self {
        let signal = Signal::new();
        let watches = Watches::new(signal.clone());
        let mut looker = Looker {
            trees,
            watches,
            signal: signal.clone(),
            known: BTreeMap::new(),
            writing: HashMap::new(),
            found: Vec::new(),
            pause: PERIOD,
            quiet: QUIET,
            has_said: false,
        };
        looker.begin();
        Self { looker: Arc::new(Mutex::new(looker)), signal, looking: None }
    }

    /// Watches other files, too.
    pub fn also<'f>(&mut self, files: impl IntoIterator<Item = &'f PathBuf>) {
        let mut looker = self.looker.lock();
        for file in files {
            let is_known = |tree: &Tree| match tree {
                Tree::Source(folder) => file.starts_with(folder),
                other => other.path() == file,
            };
            if !looker.trees.iter().any(is_known) {
                looker.trees.push(Tree::File(file.clone()));
                looker.known.extend(Mark::of(file).map(|mark| (file.clone(), mark)));
            }
        }
        // At the next look, the system begins to watch them.
        self.signal.wake();
    }

    /// The next changed files. None when watching has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<Vec<PathBuf>> {
        loop {
            if let Some(looking) = &mut self.looking {
                let looked = looking.await;
                self.looking = None;
                looked.ok()?;
            }
            let (pause, quiet) = {
                let mut looker = self.looker.lock();
                if !looker.found.is_empty() {
                    return Some(std::mem::take(&mut looker.found));
                }
                (looker.pause, looker.quiet)
            };
            tokio::select! {
                () = self.signal.changed(quiet, quiet.max(MAX_NOISE)) => {}
                () = tokio::time::sleep(pause) => {}
            }
            let looker = self.looker.clone();
            self.looking = Some(tokio::task::spawn_blocking(move || looker.lock().look()));
        }
    }
}

impl Looker {
    fn begin(&mut self) {
        let started = Instant::now();
        let seen = Seen::of(&self.trees, &mut self.watches);
        self.known = seen.marks;
        self.plan(started.elapsed(), seen.is_cut);
    }

    fn look(&mut self) {
        let started = Instant::now();
        let is_all = self.signal.begin_look();
        let seen = Seen::of(&self.trees, &mut self.watches);
        self.plan(started.elapsed(), seen.is_cut);
        if is_all {
            self.found = self.known.keys().chain(seen.marks.keys()).cloned().collect();
            self.known = seen.marks;
            return;
        }
        let is_same = |path: &PathBuf, mark: &Mark| self.known.get(path) == Some(mark);
        let is_gone = |path: &&PathBuf| !seen.marks.contains_key(*path);
        let new = seen.marks.iter().filter(|(path, mark)| !is_same(path, mark));
        let gone = self.known.keys().filter(is_gone).cloned();
        let changed: Vec<PathBuf> = new.map(|(path, _)| path.clone()).chain(gone).collect();
        if self.may_tell(&changed, &seen) {
            self.known = seen.marks;
            self.found = changed;
        }
    }

    /// Whether the changes are complete: while a component is being written, nothing is reported
    /// for some time.
    fn may_tell(&mut self, changed: &[PathBuf], seen: &Seen) -> bool {
        let mut writing = std::mem::take(&mut self.writing);
        writing.retain(|path, _| self.is_writing(path, seen));
        let (mut is_held, mut is_news) = (false, false);
        for path in changed {
            if !self.is_writing(path, seen) {
                is_news = true;
                continue;
            }
            let new = || Writing { since: Instant::now(), is_told: false };
            let own = writing.entry(path.clone()).or_insert_with(new);
            match own.since.elapsed() < MAX_WRITING {
                true => is_held = true,
                false => is_news |= !own.is_told,
            }
        }
        let may_tell = is_news && !is_held;
        for path in changed.iter().filter(|_| may_tell) {
            if let Some(own) = writing.get_mut(path) {
                own.is_told = true;
            }
        }
        if !writing.is_empty() {
            // The system reports closing, but not that time has passed.
            self.pause = self.pause.min(QUIET_ALONE);
        }
        self.writing = writing;
        may_tell
    }

    /// Whether a component is being written, as far as that can be known.
    fn is_writing(&self, path: &Path, seen: &Seen) -> bool {
        let (Some(name), Some(mark)) = (path.file_name(), seen.marks.get(path)) else {
            return false;
        };
        if !is_component(name) {
            return false;
        }
        let watched = path.parent().and_then(|folder| seen.watched.get(folder));
        let quiet = if watched.is_some() { QUIET } else { QUIET_ALONE };
        mark.is_empty()
            || mark.age().is_some_and(|age| age < quiet)
            || watched.is_some_and(|folder| self.signal.is_writing(*folder, name))
    }

    /// Plans the next periodic look, after one that took this long.
    fn plan(&mut self, took: Duration, is_cut: bool) {
        let failed = &self.watches.failed;
        let period = if failed.is_some() { PERIOD_ALONE } else { PERIOD };
        self.pause = took.saturating_mul(SHARE).clamp(period, MAX_PERIOD);
        self.quiet = took.saturating_mul(SHARE_WHEN_TOLD).clamp(QUIET, PERIOD_ALONE);
        if let Some(error) = failed {
            say_alone(error);
        }
        if is_cut && !std::mem::replace(&mut self.has_said, true) {
            let path = self.trees.first().map_or(Path::new(""), Tree::path).display();
            tracing::warn!(
                "`{path}` has more than {} files, or over {} MiB of their paths: changes of the others are \
                 not seen",
                look::MAX_NAMES,
                look::MAX_TEXT / (1024 * 1024)
            );
        }
    }
}

/// Once for the process: it is about the system, and each site would report it.
fn say_alone(error: &std::io::Error) {
    static HAS_SAID: AtomicBool = AtomicBool::new(false);
    if !HAS_SAID.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "cannot watch all folders ({error}): the host looks for changes every {PERIOD_ALONE:?} \
             instead; the system's bounds are `fs.inotify.max_user_watches` and \
             `fs.inotify.max_user_instances`"
        );
    }
}

/// Whether a file with this name may be a component. The scan leaves out others.
fn is_component(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.ends_with(".wasm") && !name.starts_with('.'))
}
