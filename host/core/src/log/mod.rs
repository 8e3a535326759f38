//! What the host says on standard error: its log, and what its commands tell people.
//!
//! All of it goes through one writer with a bounded queue (`queue`): an event never waits for the
//! reader, and never fails with it. One layer formats every event (`lines`): it hides a site's
//! secrets, cuts and escapes text that is not the host's (`text`), and charges the line to its site
//! (`sites`).

mod lines;
mod queue;
mod secrets;
mod seldom;
mod sites;
mod text;

use std::fmt;
use std::io::IsTerminal as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use lines::Lines;
use queue::Queue;

pub(crate) use secrets::{Patterns, Secrets};
pub(crate) use seldom::Seldom;
pub(crate) use sites::{Site, forget, register};
pub(crate) use text::excerpt;
pub use text::{escape, escape_json};

/// The most bytes of a message or of a failure that an event shows; the rest is counted. Other
/// fields have 1 KiB.
pub(crate) const MAX_TEXT: usize = 8 * 1024;

/// The most bytes that a command says at once.
const MAX_SAID: usize = 64 * 1024;

/// How long the end of the process waits for a reader of standard error.
const FINISH_TIME: Duration = Duration::from_secs(2);

static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();

/// Dropping this writes what is queued, if somebody reads it within two seconds.
#[must_use = "what is queued is written when this is dropped"]
pub struct Log(());

/// Begins to log: the events that `LITHE_LOG` chooses, and every panic.
///
/// # Errors
/// The writer's thread cannot be started.
pub fn start() -> std::io::Result<Log> {
    let stderr = std::io::stderr();
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colours = stderr.is_terminal() && !no_color;
    let queue = Queue::start(stderr, move |lost| lines::lost(lost, colours))?;
    if QUEUE.set(queue.clone()).is_ok() {
        let filter =
            EnvFilter::try_from_env("LITHE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
        let registry = tracing_subscriber::registry().with(filter);
        // This fails only if another subscriber was set before.
        let _ = registry.with(Lines::new(queue, colours)).try_init();
        std::panic::set_hook(Box::new(log_panic));
    }
    Ok(Log(()))
}

impl Drop for Log {
    fn drop(&mut self) {
        flush(FINISH_TIME);
    }
}

/// Tells people something that is not a log line. It may have several lines: those after the first
/// are indented, and control characters are escaped, so that no foreign text in it passes for the
/// host's.
pub fn say(what: impl fmt::Display) {
    let mut line = text::lines(&what, MAX_SAID);
    line.push('\n');
    match QUEUE.get() {
        Some(queue) => queue.push(&line),
        // Before the start, and in unit tests.
        None => drop(std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes())),
    }
}

/// Whether a terminal shows standard error.
pub fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Waits until everything is written, but no longer than `time`.
pub fn flush(time: Duration) {
    if let Some(queue) = QUEUE.get() {
        queue.flush(time);
    }
}

/// Replaces the standard hook, which writes to standard error itself and waits for it. The tests
/// take every event with this target for a panic of the host.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("it does not say why");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("without a name");
    let trace = std::backtrace::Backtrace::capture();
    match trace.status() {
        std::backtrace::BacktraceStatus::Captured => {
            tracing::error!(target: "panic", thread, place, "the host panicked: {message}\n{trace}");
        }
        _ => tracing::error!(target: "panic", thread, place, "the host panicked: {message}"),
    }
}
