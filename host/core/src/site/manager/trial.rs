//! New versions on trial: for `swap.watch_time`, their calls are compared with the bounds in
//! `[swap]`, and with the calls of the versions that they replaced.
//!
//! A trial only judges. The manager starts it, and goes back if a version fails.

use std::time::{Duration, Instant};

use crate::clock;
use crate::config;
use crate::plugin::{Pair, PluginVersion};

/// How often the calls are compared.
const PERIOD: Duration = Duration::from_millis(50);

/// Versions on trial, each with the version that it replaced.
pub(super) struct Trial {
    pub(super) pairs: Vec<Pair>,
    settings: config::SwapConfig,
}

/// A version that fails too often.
pub(super) struct Failing<'t> {
    pub(super) plugin: &'t PluginVersion,
    /// The setting whose bound it exceeds.
    pub(super) setting: &'static str,
}

impl Trial {
    pub(super) fn new(pairs: Vec<Pair>, settings: &config::SwapConfig) -> Self {
        Self { pairs, settings: settings.clone() }
    }

    /// Whether nothing is tried: nothing was replaced, or the site does not want it.
    pub(super) fn is_over(&self) -> bool {
        self.pairs.is_empty() || self.settings.watch_time.is_zero()
    }

    /// Commits to the versions: what was kept in order to go back is dropped.
    pub(super) fn commit(&self) {
        self.pairs.iter().for_each(|pair| pair.after.commit());
    }

    /// Watches the versions until one fails too often, and commits to them if none does in time.
    /// Ends without a verdict when they no longer serve.
    pub(super) async fn run(&self, still_serve: impl Fn() -> bool) -> Option<Failing<'_>> {
        let until = clock::after(Instant::now(), self.settings.watch_time);
        while Instant::now() < until {
            tokio::time::sleep(PERIOD).await;
            if !still_serve() {
                return None;
            }
            if let Some(failing) = self.pairs.iter().find_map(|pair| self.failing(pair)) {
                return Some(failing);
            }
        }
        self.commit();
        None
    }

    /// Whether a version fails too often. A version that makes no more errors than the previous one
    /// stays, because both may need something that is missing.
    fn failing<'t>(&self, pair: &'t Pair) -> Option<Failing<'t>> {
        let settings = &self.settings;
        let [before, after] =
            [&pair.before, &pair.after].map(|version| version.context().calls.count());
        let share = |part: u64, of: u64| (part as f64 / of.max(1) as f64).min(1.0);
        let failing = |setting| Failing { plugin: &pair.after, setting };
        let lost = after.traps.saturating_add(after.limits);
        if after.made >= settings.min_calls && share(lost, after.made) > settings.max_failures {
            return Some(failing("swap.max_failures"));
        }
        let errors = share(after.errors, after.asked);
        let is_worse = errors > settings.max_errors && errors > share(before.errors, before.asked);
        (after.errors >= settings.min_errors && is_worse).then(|| failing("swap.max_errors"))
    }
}
