//! `[swap]`: how new versions of components take over.

use std::time::Duration;

use serde::Deserialize;

use super::ranges::{MANY, YEAR, count, share, time_or_zero};

/// How new versions of components take over.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SwapConfig {
    /// How long a socket whose state cannot move stays with its version. Default: 5 min. Over it
    /// the socket closes with 1012.
    #[serde(deserialize_with = "time_or_zero::<YEAR, _>")]
    pub drain_time: Duration,
    /// How many earlier versions of each component are kept to go back to. Default: 3.
    #[serde(deserialize_with = "count::<0, 1_000, _, _>")]
    pub keep: usize,
    /// How long a new version is on trial. Default: 30 s. Zero turns trials off.
    #[serde(deserialize_with = "time_or_zero::<YEAR, _>")]
    pub watch_time: Duration,
    /// The share of its calls, from 0 to 1, that may cost a version on trial an instance, by a trap
    /// or a limit. Default: 0.2. Over it, the previous version comes back.
    #[serde(deserialize_with = "share::<0, _>")]
    pub max_failures: f64,
    /// How many calls a version must get before that share counts. Default: 10.
    #[serde(deserialize_with = "count::<0, MANY, _, _>")]
    pub min_calls: u64,
    /// The share of its requests and messages, from 0 to 1, that may end in errors while a version
    /// is on trial: answers from 500 on that it makes, exceptions among them, and sessions that it
    /// fails. Default: 0.5. Over it, the previous version comes back, unless its own share was as
    /// large. With 1 it never comes back for errors.
    #[serde(deserialize_with = "share::<0, _>")]
    pub max_errors: f64,
    /// How many errors a version must make before that share counts, so that a handful of errors
    /// replaces nothing. Default: 20.
    #[serde(deserialize_with = "count::<0, MANY, _, _>")]
    pub min_errors: u64,
}

impl Default for SwapConfig {
    fn default() -> Self {
        Self {
            drain_time: Duration::from_secs(5 * 60),
            keep: 3,
            watch_time: Duration::from_secs(30),
            max_failures: 0.2,
            min_calls: 10,
            max_errors: 0.5,
            min_errors: 20,
        }
    }
}
