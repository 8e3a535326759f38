//! Which core does what: the servers one, the load another.

use std::hint::spin_loop;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, available_parallelism};

use anyhow::{Context as _, ensure};
use lithe_host::internals::runtime::step_back;
use rustix::thread::{CpuSet, gettid, sched_setaffinity};

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

/// Keeps the servers' core awake with a thread that runs only while nothing else does: a core that
/// rests takes time to wake, which is no server's fault. Lasts until the answer is dropped.
///
/// # Errors
/// The system does not let a thread choose its core.
pub(crate) fn keep_the_servers_awake() -> anyhow::Result<Awake> {
    let stopped = Arc::new(AtomicBool::new(false));
    let (is_over, (ready, outcome)) = (stopped.clone(), std::sync::mpsc::channel());
    thread::spawn(move || {
        let begun = (|| {
            let mut server = CpuSet::new();
            server.set(SERVER);
            sched_setaffinity(None, &server)?;
            anyhow::Ok(step_back()?)
        })();
        let failed = begun.is_err();
        if ready.send(begun).is_err() || failed {
            return;
        }
        while !is_over.load(Ordering::Relaxed) {
            spin_loop();
        }
    });
    outcome.recv().context("the thread has begun")??;
    Ok(Awake(stopped))
}

/// A core that is kept awake.
#[derive(Debug)]
pub(crate) struct Awake(Arc<AtomicBool>);

impl Drop for Awake {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
