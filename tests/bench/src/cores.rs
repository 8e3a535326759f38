//! Which core does what: the servers one, the load another.

use std::process::Command;
use std::thread::available_parallelism;

use anyhow::{Context as _, ensure};
use rustix::thread::gettid;

/// The servers' core.
const SERVER: usize = 0;

/// Keeps this thread, and those that it starts, to the load's core, if there is more than one.
///
/// # Errors
/// `taskset`, which is part of util-linux, is not there or refuses.
pub(crate) fn take_the_loads() -> anyhow::Result<()> {
    if available_parallelism()?.get() == 1 {
        return Ok(());
    }
    let own = gettid().to_string();
    let output = Command::new("taskset").args(["--cpu-list", "--pid", "1", &own]).output();
    let output = output.context("cannot run taskset, which is part of util-linux")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The same command on the servers' core.
pub(crate) fn on_the_servers(command: &Command) -> Command {
    let mut pinned = Command::new("taskset");
    pinned.args(["--cpu-list", &SERVER.to_string()]);
    pinned.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => pinned.env(name, value),
            None => pinned.env_remove(name),
        };
    }
    pinned
}
