//! Whether a peer is still there.
//!
//! A message does not cost a look at the clock: each message and each pong leaves a mark, and a
//! periodic sweep over all sockets turns the marks into times.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::socket::Socket;
use crate::config::{Limit, Limits};

/// What the host knows about one peer's activity.
#[derive(Debug)]
pub struct Liveness {
    /// Whether something came from the peer, or the network took something, since the last sweep.
    is_alive: AtomicBool,
    /// Whether a message was received or sent since the last sweep.
    is_active: AtomicBool,
    /// Since when the peer has given no sign of life, in milliseconds of the sweep's clock.
    silent_since: AtomicU64,
    /// Since when the host has not read from the peer, heard from it or pinged it.
    unread_since: AtomicU64,
    idle_since: AtomicU64,
    pinged: AtomicBool,
    /// Whether the socket's task waits for the guest and does not read.
    busy: AtomicBool,
    /// The number of the incoming message that is incomplete; zero for none.
    message: AtomicU32,
    /// The number that the last sweep saw, and since when.
    seen_message: AtomicU32,
    message_since: AtomicU64,
}

impl Default for Liveness {
    fn default() -> Self {
        Self {
            is_alive: AtomicBool::new(true),
            is_active: AtomicBool::new(true),
            silent_since: AtomicU64::new(0),
            unread_since: AtomicU64::new(0),
            idle_since: AtomicU64::new(0),
            pinged: AtomicBool::new(false),
            busy: AtomicBool::new(false),
            message: AtomicU32::new(0),
            seen_message: AtomicU32::new(0),
            message_since: AtomicU64::new(0),
        }
    }
}

/// What a sweep has to do for a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Nothing,
    Ping,
    Drop,
    CloseIdle,
    CloseSlow,
}

impl Liveness {
    /// Notes a sign of life from the peer.
    pub fn mark_alive(&self) {
        self.is_alive.store(true, Ordering::Relaxed);
    }

    /// Notes that a message was received or sent.
    pub fn mark_active(&self) {
        self.is_active.store(true, Ordering::Relaxed);
    }

    /// Notes whether the socket's task waits for the guest.
    pub fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::Relaxed);
    }

    /// Notes that the message with this number is incomplete. Zero means that no message is.
    pub fn set_message(&self, message: u32) {
        self.message.store(message, Ordering::Relaxed);
    }

    /// Whether a message has been incomplete for so long. True once for each message.
    fn is_slow(&self, millis: u64, limit: Duration) -> bool {
        let message = self.message.load(Ordering::Relaxed);
        if self.seen_message.swap(message, Ordering::Relaxed) != message {
            self.message_since.store(millis, Ordering::Relaxed);
        }
        let since = self.message_since.load(Ordering::Relaxed);
        let time = Duration::from_millis(millis.saturating_sub(since));
        let is_slow = message != 0 && !limit.is_zero() && time >= limit;
        if is_slow {
            self.message_since.store(u64::MAX, Ordering::Relaxed);
        }
        is_slow
    }

    /// What to do for a peer that the host does not read from. The peer cannot be blamed for its
    /// silence, or for a slow message. It is pinged anyway: if it has gone, the network reports
    /// that.
    fn due_while_unread(&self, now: Duration, limits: &Limits) -> Due {
        let millis = millis(now);
        if self.is_alive.swap(true, Ordering::Relaxed) {
            self.unread_since.store(millis, Ordering::Relaxed);
        }
        self.seen_message.store(0, Ordering::Relaxed);
        match self.due_at(millis, limits) {
            Due::Nothing => {}
            due => return due,
        }
        let unread = millis.saturating_sub(self.unread_since.load(Ordering::Relaxed));
        let is_due = Duration::from_millis(unread) >= limits.ping_interval;
        if limits.ping_interval.is_zero() || !is_due {
            return Due::Nothing;
        }
        self.unread_since.store(millis, Ordering::Relaxed);
        Due::Ping
    }

    fn due(&self, now: Duration, limits: &Limits) -> Due {
        let millis = millis(now);
        self.unread_since.store(millis, Ordering::Relaxed);
        self.due_at(millis, limits)
    }

    fn due_at(&self, millis: u64, limits: &Limits) -> Due {
        let since = |mark: &AtomicBool, start: &AtomicU64| {
            if mark.swap(false, Ordering::Relaxed) {
                start.store(millis, Ordering::Relaxed);
            }
            Duration::from_millis(millis - start.load(Ordering::Relaxed).min(millis))
        };
        let silent = since(&self.is_alive, &self.silent_since);
        let idle = since(&self.is_active, &self.idle_since);
        if self.is_slow(millis, limits.message_time) {
            return Due::CloseSlow;
        }
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

/// A moment by the sweep's clock.
fn millis(now: Duration) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

impl Socket {
    /// Looks after one socket. `now` is the time since a moment that is the same for all sweeps.
    pub fn sweep(&self, now: Duration, limits: &Limits) {
        let is_busy = self.liveness.busy.load(Ordering::Relaxed);
        let due = match self.is_stream() || self.is_behind() || is_busy {
            true => self.liveness.due_while_unread(now, limits),
            false => self.liveness.due(now, limits),
        };
        match due {
            Due::Nothing => {}
            // A stream has no pings: hyper reads its connection.
            Due::Ping if self.is_stream() => {}
            Due::Ping => self.ping(),
            Due::Drop => {
                let (site, request) = (self.site(), self.request.id);
                tracing::debug!(target: "session", site, %request, "no pong within `limits.pong_time`");
                self.terminate();
            }
            Due::CloseIdle => self.close(1001, "idle for too long"),
            Due::CloseSlow => {
                self.account.exceed(Limit::MessageTime);
                self.close(1008, "the message took too long");
            }
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
    fn a_pong_starts_the_silence_again() {
        let peer = Liveness::default();
        assert_eq!(peer.due(SECOND, &limits()), Due::Nothing);
        assert_eq!(peer.due(4 * SECOND, &limits()), Due::Ping);
        peer.mark_alive();
        assert_eq!(peer.due(5 * SECOND, &limits()), Due::Nothing);
        assert_eq!(peer.due(8 * SECOND, &limits()), Due::Ping);
    }

    #[test]
    fn a_peer_that_is_not_read_is_pinged_again_and_again_and_never_dropped() {
        let peer = Liveness::default();
        let due: Vec<Due> =
            (0..8).map(|at| peer.due_while_unread(at * SECOND, &limits())).collect();
        use Due::*;
        assert_eq!(due, [Nothing, Nothing, Nothing, Ping, Nothing, Nothing, Ping, Nothing]);
        peer.mark_alive();
        assert_eq!(peer.due_while_unread(9 * SECOND, &limits()), Nothing, "it was read since");
        assert_eq!(peer.due(10 * SECOND, &limits()), Nothing, "its silence begins now");
    }

    #[test]
    fn zero_means_never() {
        let peer = Liveness::default();
        let off = Limits { ping_interval: Duration::ZERO, ..Limits::default() };
        assert_eq!(peer.due(SECOND, &off), Due::Nothing);
        assert_eq!(peer.due(10_000 * SECOND, &off), Due::Nothing);
        assert_eq!(peer.due_while_unread(20_000 * SECOND, &off), Due::Nothing);
    }

    #[test]
    fn a_message_that_does_not_come_to_its_end_is_closed_once() {
        let peer = Liveness::default();
        let limits = Limits { message_time: 2 * SECOND, ..limits() };
        let due = |at: u32| {
            peer.mark_alive();
            peer.due(at * SECOND, &limits)
        };
        assert_eq!(due(0), Due::Nothing);
        peer.set_message(1);
        assert_eq!((due(1), due(2)), (Due::Nothing, Due::Nothing));
        peer.set_message(2);
        assert_eq!((due(3), due(4)), (Due::Nothing, Due::Nothing), "another message");
        assert_eq!(peer.due_while_unread(4 * SECOND, &limits), Due::Nothing);
        assert_eq!(due(5), Due::Nothing, "nobody has read it");
        assert_eq!((due(6), due(7)), (Due::CloseSlow, Due::Nothing));
        peer.set_message(0);
        assert_eq!(due(60), Due::Nothing);
    }

    #[test]
    fn a_peer_that_only_answers_pings_is_idle() {
        let peer = Liveness::default();
        let limits = Limits { idle_time: 4 * SECOND, ..limits() };
        assert_eq!(peer.due(SECOND, &limits), Due::Nothing);
        peer.mark_alive();
        assert_eq!(peer.due(4 * SECOND, &limits), Due::Nothing);
        peer.mark_alive();
        assert_eq!(peer.due(5 * SECOND, &limits), Due::CloseIdle);
    }
}
