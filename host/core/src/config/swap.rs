//! `[swap]`: how new versions of components take over.

use std::time::Duration;

use serde::Deserialize;

use super::ranges::{MANY, YEAR, count, share, time_or_zero};

/// How new versions of components take over.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Swap {
    /// How long sockets whose state cannot move stay with the version that they have. Default: 5
    /// min. Over it they close with 1012.
    #[serde(deserialize_with = "time_or_zero::<YEAR, _>")]
    pub drain_time: Duration,
    /// Versions of each component that are kept to go back to. Default: 3.
    #[serde(deserialize_with = "count::<0, 1_000, _, _>")]
    pub keep: usize,
    /// How long a new version is watched. Default: 30 s; zero does not watch.
    #[serde(deserialize_with = "time_or_zero::<YEAR, _>")]
    pub watch_time: Duration,
    /// The share of its calls that may cost it an instance (a trap, a limit) while it is watched,
    /// from 0 to 1. Default: 0.2. Over it, the version before comes back.
    #[serde(deserialize_with = "share::<0, _>")]
    pub max_failures: f64,
    /// Calls before that share is looked at. Default: 10.
    #[serde(deserialize_with = "count::<0, MANY, _, _>")]
    pub min_calls: u64,
    /// The share of its requests and messages that may end in errors while it is watched, from 0 to
    /// 1: answers from 500 on that it makes, exceptions among them, and sessions that it fails.
    /// Default: 0.5. Over it, the version before comes back, unless that had as large a share. With
    /// 1 it never does.
    #[serde(deserialize_with = "share::<0, _>")]
    pub max_errors: f64,
    /// Errors before that share is looked at, so that a handful brings nothing back. Default: 20.
    #[serde(deserialize_with = "count::<0, MANY, _, _>")]
    pub min_errors: u64,
}

impl Default for Swap {
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
