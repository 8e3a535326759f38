//! What is asked is answered, each for itself: messages and requests alike.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::ensure;

use super::connections::Connections;
use super::frame;

/// After which nothing more of an answer comes.
const QUIET: Duration = Duration::from_millis(300);

/// A question, again and again, and how long its answer is.
pub(crate) struct Exchange {
    question: usize,
    /// As many questions as may be on their way, one after the other.
    questions: Vec<u8>,
    answer: usize,
    depth: usize,
}

/// How far one connection is, in bytes.
#[derive(Clone, Copy, Default)]
struct Progress {
    /// Of the answer that has begun to come.
    received: usize,
    /// Of the question that has begun to go.
    sent: usize,
    to_send: usize,
    /// Questions.
    asked: usize,
}

impl Exchange {
    /// Text messages of `size` bytes that come back.
    pub(crate) fn of_frames(depth: usize, size: usize) -> Self {
        Self::new(&frame::text(size), frame::answered(size), depth)
    }

    /// GET requests; the first says how long the answers are.
    ///
    /// # Errors
    /// It is not answered.
    pub(crate) fn of_requests(connections: &Connections, path: &str) -> anyhow::Result<Self> {
        let stream = &connections.streams[0];
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", stream.peer_addr()?);
        let answer = length_of_answer(stream, &request)?;
        Ok(Self::new(request.as_bytes(), answer, 1))
    }

    fn new(question: &[u8], answer: usize, depth: usize) -> Self {
        Self { question: question.len(), questions: question.repeat(depth), answer, depth }
    }

    /// Asks on all connections, until `done` has a result of the number of answers and the time.
    /// What is on its way then is not waited for.
    ///
    /// # Errors
    /// The server does not answer, or `done` fails.
    pub(crate) fn run<T>(
        &self,
        connections: &mut Connections,
        done: impl FnMut(u64, Duration) -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        self.ask(connections, usize::MAX, done)
    }

    /// Asks so often on each connection, and waits for all answers.
    ///
    /// # Errors
    /// The server does not answer.
    pub(crate) fn times(&self, connections: &mut Connections, times: usize) -> anyhow::Result<()> {
        let all = (times * connections.streams.len()) as u64;
        self.ask(connections, times, |answers, _| Ok((answers == all).then_some(())))
    }

    fn ask<T>(
        &self,
        connections: &mut Connections,
        times: usize,
        mut done: impl FnMut(u64, Duration) -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let mut all = vec![Progress::default(); connections.streams.len()];
        for (stream, progress) in connections.streams.iter().zip(&mut all) {
            progress.ask(self.depth, times, self.question);
            self.send(progress, stream)?;
        }
        let started = Instant::now();
        let mut answers = 0;
        loop {
            connections.wait(|number, stream, came| {
                let progress = &mut all[number];
                progress.received += came.len();
                let answered = progress.received / self.answer;
                progress.received %= self.answer;
                answers += answered as u64;
                progress.ask(answered, times, self.question);
                self.send(progress, stream)
            })?;
            if let Some(result) = done(answers, started.elapsed())? {
                return Ok(result);
            }
        }
    }

    /// As far as the network takes it; it says when it takes more.
    fn send(&self, progress: &mut Progress, mut stream: &TcpStream) -> anyhow::Result<()> {
        while progress.to_send > 0 {
            let end = self.questions.len().min(progress.sent + progress.to_send);
            let count = match stream.write(&self.questions[progress.sent..end]) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            };
            progress.to_send -= count;
            progress.sent = (progress.sent + count) % self.question;
        }
        Ok(())
    }
}

/// How long the answer to a request is that says hello.
///
/// # Errors
/// It says something else, or nothing.
pub(crate) fn length_of_answer(mut stream: &TcpStream, request: &str) -> anyhow::Result<usize> {
    stream.set_nonblocking(false)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = vec![0];
    stream.read_exact(&mut answer)?;
    stream.set_read_timeout(Some(QUIET))?;
    // Ends with the time-out: the connection stays open.
    let _ = stream.read_to_end(&mut answer);
    stream.set_nonblocking(true)?;
    let text = String::from_utf8_lossy(&answer);
    ensure!(text.starts_with("HTTP/1.1 200") && text.contains("hello"), "it says {text}");
    Ok(answer.len())
}

impl Progress {
    fn ask(&mut self, count: usize, times: usize, question: usize) {
        let count = count.min(times - self.asked);
        self.asked += count;
        self.to_send += count * question;
    }
}
