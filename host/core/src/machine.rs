//! What the machine has.

use anyhow::Context as _;
use sysinfo::System;

/// The machine's memory in bytes, or the container's, if that has a limit.
///
/// # Errors
/// The system does not say it.
pub(crate) fn memory() -> anyhow::Result<usize> {
    let mut system = System::new().context("cannot ask the system for its memory")?;
    system.refresh_memory();
    let all = system.total_memory();
    let bytes = system.cgroup_limits().map_or(all, |limits| limits.total_memory.min(all));
    anyhow::ensure!(bytes > 0, "the system does not say how much memory it has");
    Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_memory() {
        let info = std::fs::read_to_string("/proc/meminfo").unwrap();
        let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap();
        let kib: usize = total.trim().trim_end_matches(" kB").parse().unwrap();
        let memory = memory().unwrap();
        assert!((64 << 20..=kib * 1024).contains(&memory), "{memory}");
    }
}
