//! `[compile]`: how components are compiled.

use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;

use super::ranges::{GIB, HOUR, MIB, SECOND, size, time};

/// How components are compiled: each in a process of its own. If the host serves several sites,
/// this table belongs in the `lithe.toml` beside their folders, and the sites cannot set it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Compile {
    /// The largest component file. Default: 64 MiB. Over it the component is refused.
    #[serde(deserialize_with = "size::<1, { 4 * GIB }, _>")]
    pub component: ByteSize,
    /// Memory of one such process. Default: 2 GiB; at least 64 MiB. Over it the component is
    /// refused. As many processes run at once as there are cores, at least two, and half as many
    /// more for components that take long.
    #[serde(deserialize_with = "size::<{ 64 * MIB }, { 1024 * GIB }, _>")]
    pub memory: ByteSize,
    /// CPU time of one such process, which the system counts in seconds. Default: 2 min. Over it
    /// the component is refused.
    #[serde(deserialize_with = "time::<SECOND, { 24 * HOUR }, _>")]
    pub time: Duration,
}

impl Default for Compile {
    fn default() -> Self {
        Self {
            component: ByteSize::mib(64),
            memory: ByteSize::gib(2),
            time: Duration::from_secs(2 * 60),
        }
    }
}
