//! The host's process, and what it prints.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, kill_process};

pub use rustix::process::Signal;

use crate::deadline::{DEADLINE, within};
use crate::output::Output;

/// The log: what the host does, and not what its libraries do.
const LOG: &str =
    "info,lithe=debug,access=debug,session=debug,guest=debug,request=debug,swap=debug";

/// A running command. Killed when dropped; what it logged is printed where the test panics.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: Output,
    stderr: Output,
}

impl Process {
    /// # Panics
    /// The program cannot be run.
    pub fn start(command: &mut Command) -> Self {
        Self::start_with(command, Stdio::piped())
    }

    /// With another standard error than the log.
    ///
    /// # Panics
    /// The program cannot be run.
    pub fn start_with(command: &mut Command, stderr: Stdio) -> Self {
        command
            .env("LITHE_LOG", LOG)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = Output::collect(child.stdout.take().expect("is piped"));
        let stderr = match child.stderr.take() {
            Some(stderr) => Output::collect(stderr),
            None => Output::collect(std::io::empty()),
        };
        Self { child, stdout, stderr }
    }

    /// Everything on standard error until now.
    pub fn log(&self) -> String {
        self.stderr.text()
    }

    /// Everything on standard output until now.
    pub fn printed(&self) -> String {
        self.stdout.text()
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on standard output that begins so; answers the rest of it.
    ///
    /// # Panics
    /// The process ends without it.
    pub async fn says(&self, start: &str) -> String {
        match self.stdout.line_with(&[start]).await {
            Some(line) => line.trim_start_matches(start).to_owned(),
            None => panic!("standard output has no `{start}`"),
        }
    }

    /// Waits for one log line that has all of these words.
    ///
    /// # Panics
    /// The process ends without it, or the deadline is over.
    pub async fn logs(&self, words: &[&str]) -> Arc<str> {
        let line = tokio::time::timeout(DEADLINE, self.stderr.line_with(words)).await;
        match line.ok().flatten() {
            Some(line) => line,
            None => panic!("the log has no line with {words:?}"),
        }
    }

    /// The most memory that was resident until now, in bytes (`VmHWM` of proc(5)).
    ///
    /// # Panics
    /// The process has ended, or the system is not Linux.
    pub fn peak_memory(&self) -> usize {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(&path).expect("the process runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.expect("the system says it").trim().trim_end_matches(" kB");
        peak.parse::<usize>().expect("a number") * 1024
    }

    /// # Panics
    /// The process has ended.
    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_child(&self.child);
        kill_process(id, signal).expect("the process runs");
    }

    /// Waits for the process's end.
    ///
    /// # Panics
    /// It does not end before the deadline.
    pub async fn exit(&mut self) -> ExitStatus {
        within("the end of the process", self.stderr.ended()).await;
        within("the end of its output", self.stdout.ended()).await;
        self.child.wait().expect("it is our child")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the process's log ---\n{}\n---", self.log());
        }
    }
}
