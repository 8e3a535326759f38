//! Shows the progress of long work: a spinner after a second, or a line if standard error is not a
//! terminal.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use lithe_host::internals::log;

/// Work that takes less than this shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// The time between two pictures of the spinner.
const TICK: Duration = Duration::from_millis(100);

/// The steps of some work. A step that takes longer than a second is shown, and when it ends, how
/// long it took.
pub(crate) struct Progress {
    steps: Option<mpsc::Sender<String>>,
    printer: Option<JoinHandle<()>>,
}

impl Progress {
    pub(crate) fn start() -> Self {
        let (steps, names) = mpsc::channel();
        let printer = thread::spawn(move || print(&names));
        Self { steps: Some(steps), printer: Some(printer) }
    }

    /// Begins the next step, and ends the one before.
    pub(crate) fn step(&self, name: String) {
        if let Some(steps) = &self.steps {
            // This fails only if the printer is gone, and then nobody can be told.
            let _ = steps.send(name);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.steps.take());
        if let Some(printer) = self.printer.take() {
            let _ = printer.join();
        }
    }
}

fn print(names: &mpsc::Receiver<String>) {
    let mut next = names.recv().ok();
    while let Some(name) = next.take() {
        let started = Instant::now();
        let waited = names.recv_timeout(PATIENCE);
        next = match waited {
            Ok(name) => Some(name),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                let spinner = show(&name);
                let following = names.recv().ok();
                spinner.finish_and_clear();
                let seconds = started.elapsed().as_secs_f64();
                log::say(format_args!("{name} took {seconds:.1} s"));
                following
            }
        };
    }
}

fn show(name: &str) -> ProgressBar {
    if !log::is_terminal() {
        log::say(format_args!("{name} ..."));
        return ProgressBar::hidden();
    }
    let spinner = ProgressBar::new_spinner().with_message(log::escape(name));
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(TICK);
    spinner
}
