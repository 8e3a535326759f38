//! The writer of standard error: a thread behind a queue.
//!
//! Logging never waits for the reader of standard error. At most [`MAX_QUEUED`] bytes wait, and as
//! many are being written. What does not fit, or cannot be written, is dropped and counted, and the
//! log gives the count as soon as it can write again.

use std::io;
use std::mem;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustix::io::Errno;

use crate::clock;

/// The most bytes that wait to be written. The writer holds at most as many.
pub(crate) const MAX_QUEUED: usize = 1024 * 1024;

/// How long the writer lets lines accumulate: each wake-up costs the task that logs.
const GATHER_TIME: Duration = Duration::from_millis(1);

/// How long the writer waits before it tries again, where standard error takes nothing and does not
/// block (`O_NONBLOCK`).
const RETRY_TIME: Duration = Duration::from_millis(10);

/// Lines that wait to be written.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Tells the writer that there is something to write.
    filled: Condvar,
    /// Tells the writer that somebody waits for it.
    hurried: Condvar,
    /// Tells those who wait that nothing is left to write.
    emptied: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Batch,
    is_writing: bool,
    /// How many callers wait until everything is written.
    flushing: usize,
}

/// Lines, and how many were dropped after them.
#[derive(Default)]
struct Batch {
    lines: Vec<u8>,
    dropped: usize,
}

impl Queue {
    /// Starts the writer. `lost` is the line that says how many were lost.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(crate) fn start(
        out: impl AsFd + Send + 'static,
        lost: impl Fn(usize) -> String + Send + 'static,
    ) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self::default());
        let writer = Writer { out, lost, dropped: 0, is_torn: false };
        let own = queue.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || own.write_all(writer))?;
        Ok(queue)
    }

    /// Adds whole lines, if there is room for them.
    pub(crate) fn push(&self, lines: &str) {
        let mut state = self.state.lock();
        let waiting = &mut state.waiting;
        if waiting.lines.len().saturating_add(lines.len()) > MAX_QUEUED {
            waiting.dropped = waiting.dropped.saturating_add(count(lines.as_bytes()));
            return;
        }
        waiting.lines.extend_from_slice(lines.as_bytes());
        drop(state);
        self.filled.notify_one();
    }

    /// Waits until everything is written, but no longer than this.
    pub(crate) fn flush(&self, time: Duration) {
        let until = clock::after(Instant::now(), time);
        let mut state = self.state.lock();
        state.flushing += 1;
        self.hurried.notify_all();
        while state.is_writing || !state.waiting.is_empty() {
            if self.emptied.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        state.flushing -= 1;
    }

    fn write_all<O: AsFd, L: Fn(usize) -> String>(&self, mut writer: Writer<O, L>) {
        let mut batch = Batch::default();
        loop {
            let mut state = self.state.lock();
            while state.waiting.is_empty() {
                self.filled.wait(&mut state);
            }
            if state.flushing == 0 {
                self.hurried.wait_for(&mut state, GATHER_TIME);
            }
            mem::swap(&mut state.waiting, &mut batch);
            state.is_writing = true;
            drop(state);
            writer.write(&batch);
            batch.lines.clear();
            batch.dropped = 0;
            self.state.lock().is_writing = false;
            self.emptied.notify_all();
        }
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.dropped == 0
    }
}

struct Writer<O, L> {
    out: O,
    lost: L,
    /// Dropped lines that the log has not reported yet.
    dropped: usize,
    /// Whether the last write ended within a line.
    is_torn: bool,
}

impl<O: AsFd, L: Fn(usize) -> String> Writer<O, L> {
    /// Writes what can be written, and counts the rest.
    fn write(&mut self, batch: &Batch) {
        let written = match self.say_what_is_lost() {
            Ok(()) => self.write_lines(&batch.lines),
            Err(_) => Err(count(&batch.lines)),
        };
        let unwritten = written.err().unwrap_or(0);
        self.dropped = self.dropped.saturating_add(unwritten).saturating_add(batch.dropped);
        if unwritten == 0 {
            // What cannot be reported now is reported with the next lines.
            let _ = self.say_what_is_lost();
        }
    }

    fn say_what_is_lost(&mut self) -> Result<(), usize> {
        if self.dropped > 0 {
            self.write_lines((self.lost)(self.dropped).as_bytes())?;
            self.dropped = 0;
        }
        Ok(())
    }

    /// Writes whole lines.
    ///
    /// # Errors
    /// They cannot be written; the error is the number of lines that were not.
    fn write_lines(&mut self, lines: &[u8]) -> Result<(), usize> {
        if self.is_torn {
            write(&self.out, b"\n").map_err(|_| count(lines))?;
            self.is_torn = false;
        }
        let mut rest = lines;
        while !rest.is_empty() {
            match write(&self.out, rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(_) => {
                    let written = lines.len() - rest.len();
                    self.is_torn = written > 0 && lines.get(written - 1) != Some(&b'\n');
                    return Err(count(rest));
                }
            }
        }
        Ok(())
    }
}

/// Writes at least one byte, and as many as standard error takes.
fn write(out: &impl AsFd, bytes: &[u8]) -> Result<usize, Errno> {
    loop {
        match rustix::io::write(out, bytes) {
            Ok(0) => return Err(Errno::NOSPC),
            Ok(written) => return Ok(written),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => thread::sleep(RETRY_TIME),
            Err(error) => return Err(error),
        }
    }
}

fn count(lines: &[u8]) -> usize {
    lines.iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{BufRead as _, BufReader, PipeReader, Read as _, pipe};
    use std::os::fd::OwnedFd;

    use super::*;

    const SOON: Duration = Duration::from_secs(60);

    fn queue(out: impl AsFd + Send + 'static) -> Arc<Queue> {
        Queue::start(out, |lost| format!("lost {lost}\n")).unwrap()
    }

    fn read(reader: PipeReader) -> impl Iterator<Item = String> {
        BufReader::new(reader).lines().map(Result::unwrap)
    }

    #[test]
    fn lines_come_in_their_order() {
        let (reader, writer) = pipe().unwrap();
        let queue = queue(writer);
        for number in 0..100 {
            queue.push(&format!("{number}\n"));
        }
        queue.flush(SOON);
        let lines: Vec<_> = read(reader).take(100).collect();
        assert_eq!(lines, (0..100).map(|number| number.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn a_reader_that_stalls_holds_nobody_up_and_is_told_what_it_missed() {
        let (reader, writer) = pipe().unwrap();
        let queue = queue(writer);
        let line = "x".repeat(1023) + "\n";
        let lines = 10 * MAX_QUEUED / line.len();
        for _ in 0..lines {
            queue.push(&line);
        }
        assert!(queue.state.lock().waiting.lines.len() <= MAX_QUEUED);
        queue.flush(Duration::from_millis(1));
        let (mut came, mut lost) = (0, 0);
        for said in read(reader) {
            match said.strip_prefix("lost ") {
                None => came += 1,
                Some(count) => lost += count.parse::<usize>().unwrap(),
            }
            if came + lost == lines {
                break;
            }
        }
        assert!(lost > 0 && came >= MAX_QUEUED / line.len(), "{came} came, {lost} were lost");
    }

    #[test]
    fn a_reader_that_has_left_and_a_full_disk_fail_nobody() {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let gone = queue(writer);
        let full = queue(File::options().write(true).open("/dev/full").unwrap());
        for queue in [gone, full] {
            for _ in 0..100 {
                queue.push("a line\n");
                queue.flush(SOON);
            }
            let state = queue.state.lock();
            assert!(state.waiting.is_empty() && !state.is_writing);
        }
    }

    #[test]
    fn what_was_lost_is_said_and_a_torn_line_is_ended_before_the_next() {
        let (mut reader, good) = pipe().unwrap();
        let full = File::options().write(true).open("/dev/full").unwrap();
        let lost = |lost| format!("lost {lost}\n");
        let out: OwnedFd = full.into();
        let mut writer = Writer { out, lost, dropped: 0, is_torn: false };
        let batch = |text: &str, dropped| Batch { lines: text.as_bytes().to_vec(), dropped };
        writer.write(&batch("one\ntwo\n", 1));
        writer.out = good.into();
        writer.write(&batch("three\nfo", 0));
        writer.is_torn = true;
        writer.write(&batch("five\n", 7));
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "lost 3\nthree\nfo\nfive\nlost 7\n");
    }
}
