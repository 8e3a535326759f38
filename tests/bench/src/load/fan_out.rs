//! One sends, and everybody hears it.

use std::io::Write as _;
use std::time::{Duration, Instant};

use super::connections::Connections;
use super::frame;

/// Messages that are on their way to everybody: while the last is heard, the next is there to be
/// sent.
const AHEAD: u64 = 2;

/// The first connection sends, until `done` has a result of the number of deliveries and the time.
///
/// # Errors
/// The server does not deliver, or `done` fails.
pub(crate) fn run<T>(
    connections: &mut Connections,
    size: usize,
    mut done: impl FnMut(u64, Duration) -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let (message, delivered) = (frame::text(size), frame::answered(size) as u64);
    let everybody = connections.streams.len() as u64;
    let started = Instant::now();
    let (mut bytes, mut sent) = (0, 0);
    loop {
        while sent < bytes / delivered / everybody + AHEAD {
            // Smaller than any buffer of the system's, which was empty.
            (&connections.streams[0]).write_all(&message)?;
            sent += 1;
        }
        connections.wait(|_, _, came| {
            bytes += came.len() as u64;
            Ok(())
        })?;
        if let Some(result) = done(bytes / delivered, started.elapsed())? {
            return Ok(result);
        }
    }
}
