//! The host's process, and what it prints.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, kill_process};

pub use rustix::process::Signal;

use crate::deadline::{BUILD, DEADLINE, within, within_time};
use crate::output::Output;
use crate::proc::{self, Task};

/// What the log shows: what the host does, and not what its libraries do.
const LOG: &str =
    "info,lithe=debug,access=debug,session=debug,guest=debug,request=debug,swap=debug";

/// A running command. Dropping it kills it. If the test panics, its log is printed; if the command
/// itself panics, the test fails.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: Output,
    stderr: Output,
    /// How long a log line may take.
    patience: Duration,
}

impl Process {
    /// # Panics
    /// The program cannot be run.
    pub fn start(command: &mut Command) -> Self {
        Self::start_with(command, Stdio::piped())
    }

    /// Starts it with another standard error than the log.
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
        Self { child, stdout, stderr, patience: DEADLINE }
    }

    /// Allows the time of a build for its log lines.
    pub fn builds(&mut self) {
        self.patience = BUILD;
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

    /// Waits for a line on standard output that begins so. Returns the rest of the line.
    ///
    /// # Panics
    /// The process ends without it.
    pub async fn says(&self, start: &str) -> String {
        match self.stdout.line_with(BUILD, &[start]).await {
            Some(line) => line.trim_start_matches(start).to_owned(),
            None => panic!("standard output has no `{start}`"),
        }
    }

    /// Waits for one log line that has all of these words.
    ///
    /// # Panics
    /// The process ends without it, or the deadline is over.
    pub async fn logs(&self, words: &[&str]) -> Arc<str> {
        match self.stderr.line_with(self.patience, words).await {
            Some(line) => line,
            None => panic!("the log has no line with {words:?}"),
        }
    }

    /// The most memory that was resident until now, in bytes (`VmHWM` of proc(5)). The system does
    /// not count exactly, so it may be a little less than before.
    ///
    /// # Panics
    /// The process has ended, or the system is not Linux.
    pub fn peak_memory(&self) -> usize {
        let peak = proc::memory(self.child.id(), "status", "VmHWM");
        peak.expect("the process runs") as usize
    }

    /// Its resident memory, in bytes.
    ///
    /// # Panics
    /// The process has ended, or the system is not Linux.
    pub fn resident_memory(&self) -> usize {
        let resident = proc::memory(self.child.id(), "status", "VmRSS");
        resident.expect("the process runs") as usize
    }

    /// Its threads. There are none if it has ended.
    pub fn threads(&self) -> Vec<Task> {
        Task::threads_of(self.child.id())
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
    /// It does not end before the deadline, or has panicked.
    pub async fn exit(&mut self) -> ExitStatus {
        within_time(self.patience, "the end of the process", self.stderr.ended()).await;
        within("the end of its output", self.stdout.ended()).await;
        let status = self.child.wait().expect("it is our child");
        self.has_not_panicked();
        status
    }

    /// A task that panics ends alone. Clients of the process do not notice, only its log does.
    fn has_not_panicked(&self) {
        let log = self.log();
        let panics: Vec<&str> = log.lines().filter(|line| is_panic(line)).collect();
        assert!(panics.is_empty(), "the process has panicked: {panics:#?}");
    }
}

/// Whether the host's panic hook has logged this line, or the default one, which a process has
/// before it logs, has printed it. What a guest prints of a panic of its own is about the guest.
fn is_panic(line: &str) -> bool {
    let logged = line.split_once("Z ").map(|(_, event)| event.trim_start());
    let is_logged = logged.is_some_and(|event| event.starts_with("ERROR panic: "));
    is_logged || (line.starts_with("thread '") && line.contains(" panicked at "))
}

impl Drop for Process {
    fn drop(&mut self) {
        // This fails only if the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // A build that it has started may hold the stream open for longer.
        self.stderr.ends_within(Duration::from_secs(2));
        if std::thread::panicking() {
            eprintln!("--- the process's log ---\n{}\n---", self.log());
        } else {
            self.has_not_panicked();
        }
    }
}
