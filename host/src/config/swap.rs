//! `[swap]`: how new versions of components take over.

use std::time::Duration;

use serde::Deserialize;

/// How new versions of components take over.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Swap {
    /// How long sockets whose state cannot move stay with the version that they have. Default: 5 min.
    /// Over it they close with 1012.
    #[serde(with = "humantime_serde")]
    pub drain_time: Duration,
    /// Versions of each component that are kept to go back to. Default: 3.
    pub keep: usize,
    /// How long a new version is watched. Default: 30 s; zero does not watch.
    #[serde(with = "humantime_serde")]
    pub watch_time: Duration,
    /// The share of its calls that may cost it an instance (a trap, a limit) while it is watched, from
    /// 0 to 1. Default: 0.2. Over it, the version before comes back.
    pub max_failures: f64,
    /// Calls before that share is looked at. Default: 10.
    pub min_calls: u64,
}

impl Default for Swap {
    fn default() -> Self {
        Self {
            drain_time: Duration::from_secs(5 * 60),
            keep: 3,
            watch_time: Duration::from_secs(30),
            max_failures: 0.2,
            min_calls: 10,
        }
    }
}
