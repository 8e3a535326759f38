//! What a process prints, line by line.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Collects one of a process's streams. Clones see the same lines.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    lines: watch::Receiver<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    all: Vec<Arc<str>>,
    ended: bool,
}

impl Output {
    /// Reads on a thread of its own, until the stream ends.
    pub(crate) fn collect(stream: impl Read + Send + 'static) -> Self {
        let (sender, lines) = watch::channel(Lines::default());
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let text: Arc<str> = String::from_utf8_lossy(&line).trim_end().into();
                line.clear();
                sender.send_modify(|lines| lines.all.push(text));
            }
            sender.send_modify(|lines| lines.ended = true);
        });
        Self { lines }
    }

    /// Everything until now.
    pub(crate) fn text(&self) -> String {
        self.lines.borrow().all.join("\n")
    }

    /// The first line that has all of these words. None if the stream ends without it, or after
    /// this time.
    pub(crate) async fn line_with(&self, time: Duration, words: &[&str]) -> Option<Arc<str>> {
        let matches = |line: &&Arc<str>| words.iter().all(|word| line.contains(word));
        let mut lines = self.lines.clone();
        let ready = |lines: &Lines| lines.ended || lines.all.iter().any(|line| matches(&line));
        let waited = tokio::time::timeout(time, lines.wait_for(ready)).await;
        waited.ok()?.ok()?.all.iter().find(matches).cloned()
    }

    /// Waits for the end of the stream.
    pub(crate) async fn ended(&self) {
        // The sender is dropped only after it has reported the end of the stream.
        let _ = self.lines.clone().wait_for(|lines| lines.ended).await;
    }

    /// Waits for the end of the stream without async code, and no longer than this: another process
    /// may hold it open.
    pub(crate) fn ends_within(&self, time: Duration) {
        let started = Instant::now();
        while !self.lines.borrow().ended && started.elapsed() < time {
            thread::sleep(Duration::from_millis(1));
        }
    }
}
