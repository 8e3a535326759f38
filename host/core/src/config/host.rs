//! `[host]`: what the host may use for all of its sites together.

use anyhow::Context as _;
use bytesize::ByteSize;
use serde::Deserialize;

use super::bytes;
use super::ranges::{GIB, size};
use crate::machine;

/// What the host may use for all of its sites together. Where several sites are served, the
/// `lithe.toml` beside their folders has it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostBounds {
    /// What the host holds in memory for all sites together, counted as `limits.site_memory` is.
    /// Default: zero, which is three quarters of the machine's memory, or of the container's. Over
    /// it, the sites that hold more than an equal part pay as over `limits.site_memory`, and no
    /// other.
    #[serde(deserialize_with = "size::<0, { 1024 * GIB }, _>")]
    pub memory: ByteSize,
}

impl HostBounds {
    /// `memory` in bytes, or what follows from the machine.
    ///
    /// # Errors
    /// It is not set, and the system does not say how much memory there is.
    pub fn memory(&self) -> anyhow::Result<usize> {
        match bytes(self.memory) {
            0 => Ok(machine::memory().context("set `host.memory`")? / 4 * 3),
            set => Ok(set),
        }
    }
}
