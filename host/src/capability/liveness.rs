//! Whether a peer is still there.
//!
//! Nobody looks at a clock for a message: who hears or says something leaves a mark, and one sweep
//! over all sockets, every now and then, turns marks into times.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::socket::Socket;
use crate::config::Limits;

/// What is known of one peer.
#[derive(Debug)]
pub struct Liveness {
    /// Something came, or the network took something, since the last sweep.
    heard: AtomicBool,
    /// A message went, either way, since the last sweep.
    talked: AtomicBool,
    /// In milliseconds of the sweep's clock.
    silent_since: AtomicU64,
    idle_since: AtomicU64,
    pinged: AtomicBool,
    /// The socket's task is with the guest, and does not read meanwhile.
    busy: AtomicBool,
}

impl Default for Liveness {
    fn default() -> Self {
        Self {
            heard: AtomicBool::new(true),
            talked: AtomicBool::new(true),
            silent_since: AtomicU64::new(0),
            idle_since: AtomicU64::new(0),
            pinged: AtomicBool::new(false),
            busy: AtomicBool::new(false),
        }
    }
}

/// What a sweep finds to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Nothing,
    Ping,
    Drop,
    CloseIdle,
}

impl Liveness {
    /// The peer has shown a sign of life.
    pub fn hear(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    /// A message went, either way.
    pub fn talk(&self) {
        self.talked.store(true, Ordering::Relaxed);
    }

    /// Whether the socket's task is with the guest.
    pub fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::Relaxed);
    }

    fn due(&self, now: Duration, limits: &Limits) -> Due {
        let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let since = |mark: &AtomicBool, start: &AtomicU64| {
            if mark.swap(false, Ordering::Relaxed) {
                start.store(millis, Ordering::Relaxed);
            }
            Duration::from_millis(millis - start.load(Ordering::Relaxed).min(millis))
        };
        let silent = since(&self.heard, &self.silent_since);
        let idle = since(&self.talked, &self.idle_since);
        let pings = !limits.ping_interval.is_zero();
        if silent < limits.ping_interval {
            self.pinged.store(false, Ordering::Relaxed);
        }
        if pings && silent >= limits.ping_interval.saturating_add(limits.pong_time) {
            Due::Drop
        } else if !limits.idle_time.is_zero() && idle >= limits.idle_time {
            Due::CloseIdle
        } else if pings
            && silent >= limits.ping_interval
            && !self.pinged.swap(true, Ordering::Relaxed)
        {
            Due::Ping
        } else {
            Due::Nothing
        }
    }
}

impl Socket {
    /// Looks after one socket; `now` is the time since some moment, the same for all sweeps.
    pub fn sweep(&self, now: Duration, limits: &Limits) {
        if self.is_stream() || self.is_behind() || self.liveness.busy.load(Ordering::Relaxed) {
            // It is not read, now or ever: its silence says nothing.
            self.liveness.hear();
        }
        match self.liveness.due(now, limits) {
            Due::Nothing => {}
            Due::Ping => self.ping(),
            Due::Drop => {
                let (site, request) = (self.site(), self.request.id);
                tracing::debug!(target: "session", site, %request, "no pong within `limits.pong_time`");
                self.terminate();
            }
            Due::CloseIdle => self.close(1001, "idle for too long"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> Limits {
        Limits { ping_interval: 3 * SECOND, pong_time: 2 * SECOND, ..Limits::default() }
    }

    #[test]
    fn a_silent_peer_is_pinged_once_and_then_dropped() {
        let peer = Liveness::default();
        let due: Vec<Due> = (0..7).map(|at| peer.due(at * SECOND, &limits())).collect();
        use Due::*;
        assert_eq!(due, [Nothing, Nothing, Nothing, Ping, Nothing, Drop, Drop]);
    }

    #[test]
    fn a_pong_starts_the_silence_anew() {
        let peer = Liveness::default();
        assert_eq!(peer.due(SECOND, &limits()), Due::Nothing);
        assert_eq!(peer.due(4 * SECOND, &limits()), Due::Ping);
        peer.hear();
        assert_eq!(peer.due(5 * SECOND, &limits()), Due::Nothing);
        assert_eq!(peer.due(8 * SECOND, &limits()), Due::Ping);
    }

    #[test]
    fn zero_means_never() {
        let peer = Liveness::default();
        let off = Limits { ping_interval: Duration::ZERO, ..Limits::default() };
        assert_eq!(peer.due(SECOND, &off), Due::Nothing);
        assert_eq!(peer.due(10_000 * SECOND, &off), Due::Nothing);
    }

    #[test]
    fn a_peer_that_only_answers_pings_is_idle() {
        let peer = Liveness::default();
        let limits = Limits { idle_time: 4 * SECOND, ..limits() };
        assert_eq!(peer.due(SECOND, &limits), Due::Nothing);
        peer.hear();
        assert_eq!(peer.due(4 * SECOND, &limits), Due::Nothing);
        peer.hear();
        assert_eq!(peer.due(5 * SECOND, &limits), Due::CloseIdle);
    }
}
