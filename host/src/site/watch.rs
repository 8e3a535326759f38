//! What changes in a site and in the sources of its guests.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use notify_debouncer_full::notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use tokio::sync::mpsc;

use super::Site;

/// Changes that come closer together than this are one: an editor writes more than once.
const QUIET: Duration = Duration::from_millis(100);

/// Tells of changed files until it is dropped.
pub struct Watcher {
    changes: mpsc::Receiver<Vec<PathBuf>>,
    _debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
}

impl Watcher {
    /// Watches the site's folder, and the source folders that lie outside of it.
    ///
    /// # Errors
    /// The system cannot watch a folder.
    pub fn new(site: &Site) -> anyhow::Result<Self> {
        // One batch waits while another is handled; what comes then is in the one after it, for a
        // full queue holds the debouncer's thread.
        let (sender, changes) = mpsc::channel(1);
        let sources = site.config.build.values().map(|source| site.root.join(source));
        let outside = sources.filter_map(|path| path.canonicalize().ok());
        let outside = outside.filter(|path| !path.starts_with(&site.root));
        let folders: Vec<PathBuf> = std::iter::once(site.root.clone()).chain(outside).collect();
        let watched = folders.clone();
        let on_change = move |result: DebounceEventResult| match result {
            Ok(events) => {
                let paths: Vec<PathBuf> = events
                    .into_iter()
                    .filter(|event| !event.kind.is_access())
                    .flat_map(|event| event.event.paths)
                    .filter(|path| is_relevant(path, &watched))
                    .collect();
                if !paths.is_empty() {
                    // Fails only when nobody listens any more.
                    let _ = sender.blocking_send(paths);
                }
            }
            Err(errors) => tracing::warn!("cannot watch all files: {errors:?}"),
        };
        let mut debouncer =
            new_debouncer(QUIET, None, on_change).context("cannot watch files on this system")?;
        for folder in folders {
            debouncer
                .watch(&folder, RecursiveMode::Recursive)
                .with_context(|| format!("cannot watch `{}`", folder.display()))?;
        }
        Ok(Self { changes, _debouncer: debouncer })
    }

    /// The next changed files; none when watching has ended.
    pub async fn next(&mut self) -> Option<Vec<PathBuf>> {
        self.changes.recv().await
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
