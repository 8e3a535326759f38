//! Questions at a steady rate, whatever becomes of the answers: so that a server that answers late
//! is not asked less.

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::ensure;

use super::connections::Connections;

/// How long answers are waited for after the last question. One that has not come then took so
/// long.
const PATIENCE: Duration = Duration::from_secs(5);

/// The shortest time that the system waits; what is due earlier is waited for by looking again and
/// again.
const TICK: Duration = Duration::from_millis(1);

/// Questions that are asked, if they are due, before answers are looked for.
const BURST: u32 = 16;

/// Connections that are asked in turn.
pub(crate) struct Steady {
    connections: Connections,
    question: Vec<u8>,
    answer: usize,
    waiting: Vec<Waiting>,
}

/// What one connection has not answered.
#[derive(Clone, Default)]
struct Waiting {
    since: VecDeque<Instant>,
    /// Answers of a run before, which nobody waits for any more.
    late: usize,
    /// Bytes of the answer that has begun to come.
    received: usize,
}

impl Steady {
    /// Asks this on each connection; every answer has the same length, in bytes.
    pub(crate) fn new(connections: Connections, question: Vec<u8>, answer: usize) -> Self {
        let waiting = vec![Waiting::default(); connections.streams.len()];
        Self { connections, question, answer, waiting }
    }

    /// Asks once in each `period`, for this time, and answers how long each answer took.
    ///
    /// # Errors
    /// The server ends a connection.
    pub(crate) fn run(
        &mut self,
        period: Duration,
        time: Duration,
    ) -> anyhow::Result<Vec<Duration>> {
        let started = Instant::now();
        let (mut asked, mut took) = (0_u32, Vec::new());
        loop {
            let now = Instant::now();
            let due = started + period * asked;
            let is_over = period * asked >= time;
            let mut until = if is_over { due + PATIENCE } else { due };
            if !is_over && due <= now {
                self.ask(asked as usize % self.waiting.len(), now)?;
                asked += 1;
                if !asked.is_multiple_of(BURST) {
                    continue;
                }
                until = now;
            }
            if is_over && (self.is_answered() || now >= until) {
                break;
            }
            let Self { connections, answer, waiting, .. } = self;
            let wait =
                if period < TICK { Duration::ZERO } else { until.saturating_duration_since(now) };
            connections.wait_for(wait, |number, _, came| {
                let waiting = &mut waiting[number];
                waiting.received += came.len();
                while waiting.received >= *answer {
                    waiting.received -= *answer;
                    match waiting.late.checked_sub(1) {
                        Some(fewer) => waiting.late = fewer,
                        None => took.extend(waiting.since.pop_front().map(|at| at.elapsed())),
                    }
                }
                Ok(())
            })?;
        }
        for waiting in &mut self.waiting {
            waiting.late += waiting.since.len();
            took.extend(waiting.since.drain(..).map(|since| since.elapsed()));
        }
        Ok(took)
    }

    fn is_answered(&self) -> bool {
        self.waiting.iter().all(|waiting| waiting.since.is_empty())
    }

    fn ask(&mut self, number: usize, now: Instant) -> anyhow::Result<()> {
        let mut stream: &TcpStream = &self.connections.streams[number];
        // Smaller than what the system takes while nobody reads, for far longer than a run.
        let sent = stream.write(&self.question)?;
        ensure!(sent == self.question.len(), "the system takes no more for connection {number}");
        self.waiting[number].since.push_back(now);
        Ok(())
    }
}
