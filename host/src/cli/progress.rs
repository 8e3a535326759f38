//! Long work shows that it goes on: a spinner after a second, or a line where nobody watches.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Steps of some work, shown once they take long.
pub struct Progress {
    bar: Option<ProgressBar>,
    step: Mutex<Option<(String, Instant)>>,
}

/// Work that takes less than this shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);

impl Progress {
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
            let bar = ProgressBar::new_spinner();
            style.map_or(bar.clone(), |style| bar.with_style(style))
        });
        Self { bar, step: Mutex::default() }
    }

    /// The next step begins.
    pub fn step(&self, name: String) {
        self.end_step();
        if let Some(bar) = &self.bar {
            bar.set_message(name.clone());
            bar.reset_elapsed();
            bar.enable_steady_tick(PATIENCE / 10);
        } else {
            eprintln!("{name}");
        }
        if let Ok(mut step) = self.step.lock() {
            *step = Some((name, Instant::now()));
        }
    }

    /// Nothing more to show; says how long the last step took, if it was long.
    pub fn end_step(&self) {
        let ended = self.step.lock().ok().and_then(|mut step| step.take());
        if let Some(bar) = &self.bar {
            bar.disable_steady_tick();
            bar.finish_and_clear();
        }
        if let Some((name, started)) = ended
            && started.elapsed() >= PATIENCE
        {
            eprintln!("{name}: {:.1} s", started.elapsed().as_secs_f64());
        }
    }
}
