//! `[limits]` and `[deflate]`: what guests and clients of a site may use.

use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;

use super::ranges::{DAY, GIB, KIB, MANY, MS, YEAR, count, size, time, time_or_zero};

/// What guests and clients of a site may use. Sizes are written as `"64 MiB"` or in bytes, times as
/// `"100ms"`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// All linear memories of one instance together. Default: 64 MiB, enough for every guest
    /// language.
    #[serde(deserialize_with = "size::<{ 64 * KIB }, { 4 * GIB }, _>")]
    pub memory: ByteSize,
    /// What the host holds in memory for the whole site: instances, sockets, messages that wait,
    /// bodies. Default: zero, which leaves only the host's bound (`host.memory`). Over it, the
    /// sockets with the most unsent bytes close with 1013. While that is not enough, a message is
    /// not queued for a socket that others wait for, an instance gets no more memory, and new
    /// requests and sockets are answered 503.
    #[serde(deserialize_with = "size::<0, { 1024 * GIB }, _>")]
    pub site_memory: ByteSize,
    /// Elements of all tables of one instance. Default: 20,000.
    #[serde(deserialize_with = "count::<0, MANY, _, _>")]
    pub table_elements: usize,
    /// Instances of one plugin at once: calls in parallel, blocking sessions, or values of a
    /// parameter with `scope = "param:NAME"`. Default: 1,000. Over it, a request waits for
    /// `request_time` and is then answered 503. A new value takes the place of the value whose
    /// instance has been idle for longest, without a socket or a timer, and the log reports that.
    /// If no instance is idle, the answer is 503 at once.
    #[serde(deserialize_with = "count::<1, MANY, _, _>")]
    pub instances: usize,
    /// Requests that wait for one shared instance. Default: 1,000. Over it: 503.
    #[serde(deserialize_with = "count::<1, MANY, _, _>")]
    pub queue: usize,
    /// Open sockets of one plugin. Default: 50,000. Over it, an upgrade is answered 503.
    #[serde(deserialize_with = "count::<1, MANY, _, _>")]
    pub sockets: usize,
    /// CPU time of one session event. Default: 1 s. Over it the instance is stopped, and the socket
    /// closes with 1011. It is there to end what never ends, and not to share the machine: a guest
    /// gives its thread back every few milliseconds, and a site that uses more than its share does
    /// not slow its neighbours down. So it is as long as that of a request, many times what an
    /// honest event takes: on a busy virtual machine, the same work may be charged several times
    /// its time. Events of the same shared instance wait for one that is long; set less where that
    /// matters more.
    #[serde(deserialize_with = "time::<MS, DAY, _>")]
    pub event_cpu: Duration,
    /// CPU time of one request. Default: 1 s. Over it the instance is stopped: 504.
    #[serde(deserialize_with = "time::<MS, DAY, _>")]
    pub request_cpu: Duration,
    /// Wall time of one request or event, its waits included. Default: 30 s. Over it: 504, or 1011.
    #[serde(deserialize_with = "time::<MS, DAY, _>")]
    pub request_time: Duration,
    /// Requests of the site in a second, those that become sockets included. Default: zero, which
    /// removes the bound. Over it: 429.
    #[serde(deserialize_with = "count::<0, MANY, _, _>")]
    pub requests_per_second: usize,
    /// Connections of the site, sockets included. Default: 60,000. Over it: 503, and the connection
    /// is closed.
    #[serde(deserialize_with = "count::<1, MANY, _, _>")]
    pub connections: usize,
    /// A request's path and query. Default: 8 KiB. Over it: 414.
    #[serde(deserialize_with = "size::<1, { 128 * KIB }, _>")]
    pub uri: ByteSize,
    /// All of a request's header names and values. Default: 32 KiB. Over it: 431.
    #[serde(deserialize_with = "size::<0, { 128 * KIB }, _>")]
    pub headers: ByteSize,
    /// A request's body. Default: 1 MiB. Over it: 413.
    #[serde(deserialize_with = "size::<0, GIB, _>")]
    pub body: ByteSize,
    /// The body of a guest's response. Default: 16 MiB. Over it: 500.
    #[serde(deserialize_with = "size::<0, GIB, _>")]
    pub response: ByteSize,
    /// One WebSocket message, either way. Default: 1 MiB. Over it: 1009, or an error to the guest.
    #[serde(deserialize_with = "size::<0, GIB, _>")]
    pub message: ByteSize,
    /// WebSocket messages that one socket may receive in a second. Default: zero, which removes the
    /// bound: the peer of a socket whose guest is behind waits. Over it: 1008.
    #[serde(deserialize_with = "count::<0, MANY, _, _>")]
    pub messages_per_second: usize,
    /// From the first byte of a WebSocket message to its last, while its socket is read. Default:
    /// 30 s; zero removes the bound. Over it: 1008.
    #[serde(deserialize_with = "time_or_zero::<DAY, _>")]
    pub message_time: Duration,
    /// What waits to be sent to one socket. Default: 4 MiB. Over it the socket closes with 1013.
    #[serde(deserialize_with = "size::<0, GIB, _>")]
    pub outbound: ByteSize,
    /// What happens over `outbound`. Default: `close`.
    pub outbound_policy: OutboundPolicy,
    /// What a guest keeps with a socket. Default: 16 KiB. Over it: an error to the guest.
    #[serde(deserialize_with = "size::<0, GIB, _>")]
    pub attachment: ByteSize,
    /// Topics that a socket hears. Default: 64. Over it: an error to the guest.
    #[serde(deserialize_with = "count::<0, MANY, _, _>")]
    pub topics: usize,
    /// Files, folders, and listings and streams of them, that the site's guests have open at once;
    /// one instance has a quarter of them at most, and never more than 1,000. Default: 2,048. Over
    /// it: an error to the guest (`quota`). Of several sites, the guests of each have a part of the
    /// process's descriptors, too.
    #[serde(deserialize_with = "count::<0, MANY, _, _>")]
    pub files: usize,
    /// Timers of an instance. Default: 10,000. Over it: an error to the guest.
    #[serde(deserialize_with = "count::<0, MANY, _, _>")]
    pub timers: usize,
    /// What the log says in a second of what the site's guests and clients do: what guests print,
    /// failures, requests. Default: 1 MiB; zero removes the bound. Over it, lines are left out.
    #[serde(deserialize_with = "size::<0, GIB, _>")]
    pub log_per_second: ByteSize,
    /// What an instance hands to the next version's, by `save`. Default: 1 MiB. Over it the swap is
    /// refused, and the version before goes on.
    #[serde(deserialize_with = "size::<0, GIB, _>")]
    pub state: ByteSize,
    /// From the 101 to a running session, and from a close frame to the peer's answer. Default: 5
    /// s.
    #[serde(deserialize_with = "time_or_zero::<DAY, _>")]
    pub close_time: Duration,
    /// A socket that was silent for so long is sent a ping. Default: 30 s; zero sends none.
    #[serde(deserialize_with = "time_or_zero::<YEAR, _>")]
    pub ping_interval: Duration,
    /// From that ping to any sign of life. Default: 10 s. Over it the connection is dropped, and
    /// the guest sees 1006.
    #[serde(deserialize_with = "time_or_zero::<YEAR, _>")]
    pub pong_time: Duration,
    /// A socket over which no message went, either way, for so long is closed with 1001. Default:
    /// zero, which is never.
    #[serde(deserialize_with = "time_or_zero::<YEAR, _>")]
    pub idle_time: Duration,
    /// An instance that had nothing to do for so long is dropped, where nothing is lost by it.
    /// Default: 10 s; zero keeps it. That is an instance of a pool (a component without sessions,
    /// middleware, an error handler): which of them serves a request, and for how long it lasts, is
    /// never promised. And it is a shared instance whose memory comes back (its component exports
    /// `state`) or holds nothing (`stateless` in its `[plugin]`), while it has no timer and no
    /// socket that is bound to it; other sockets stay open. Any other shared instance stays as long
    /// as its plugin's version does; with `scope = "param:NAME"`, until there are
    /// `limits.instances` and it makes room for one of another value.
    #[serde(deserialize_with = "time_or_zero::<YEAR, _>")]
    pub idle_after: Duration,
}

/// The longest wall time of a call that no client has asked for, such as one at load.
pub const MAX_UPKEEP_TIME: Duration = Duration::from_secs(30);

impl Limits {
    /// The limits that instances and sockets are made with: the others have their defaults. Another
    /// value of those takes effect without another version of anything.
    pub fn of_instances(&self) -> Self {
        let site = Self::default();
        Self {
            requests_per_second: site.requests_per_second,
            connections: site.connections,
            uri: site.uri,
            headers: site.headers,
            body: site.body,
            messages_per_second: site.messages_per_second,
            message_time: site.message_time,
            log_per_second: site.log_per_second,
            site_memory: site.site_memory,
            close_time: site.close_time,
            ping_interval: site.ping_interval,
            pong_time: site.pong_time,
            idle_time: site.idle_time,
            idle_after: site.idle_after,
            ..self.clone()
        }
    }

    /// Wall time of a call that no client has asked for: `request_time`, and 30 s at most.
    pub fn upkeep_time(&self) -> Duration {
        self.request_time.min(MAX_UPKEEP_TIME)
    }
}

/// `permessage-deflate` (RFC 7692), where the client offers it. A message is bounded by
/// `limits.message` after it is inflated, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deflate {
    /// Default: false. Each socket that uses it needs memory for two windows and their tables:
    /// about 300 KiB for windows of 15 bits, less for smaller ones.
    pub enabled: bool,
    /// The largest window, either way, as a power of two from 9 to 15. Default: 12, 4 KiB.
    #[serde(deserialize_with = "count::<9, 15, _, _>")]
    pub window_bits: u8,
    /// Whether a message may refer to those before it. Default: true.
    pub context_takeover: bool,
}

impl Default for Deflate {
    fn default() -> Self {
        Self { enabled: false, window_bits: 12, context_takeover: true }
    }
}

/// What happens to a socket whose peer does not read what is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutboundPolicy {
    /// The socket closes with 1013.
    #[default]
    Close,
    /// The oldest messages that wait are dropped.
    DropOldest,
    /// `send` is an error to the guest, which gets `drain` when there is room again.
    Refuse,
}

impl Limits {
    /// What its ranges do not say.
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.outbound >= self.message,
            "`limits.outbound` ({}) must be at least `limits.message` ({}): \
             a message that may be sent must fit the queue",
            self.outbound,
            self.message,
        );
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: ByteSize::mib(64),
            site_memory: ByteSize::b(0),
            table_elements: 20_000,
            instances: 1_000,
            queue: 1_000,
            sockets: 50_000,
            event_cpu: Duration::from_secs(1),
            request_cpu: Duration::from_secs(1),
            request_time: Duration::from_secs(30),
            requests_per_second: 0,
            connections: 60_000,
            uri: ByteSize::kib(8),
            headers: ByteSize::kib(32),
            body: ByteSize::mib(1),
            response: ByteSize::mib(16),
            message: ByteSize::mib(1),
            messages_per_second: 0,
            message_time: Duration::from_secs(30),
            outbound: ByteSize::mib(4),
            attachment: ByteSize::kib(16),
            topics: 64,
            files: 2_048,
            timers: 10_000,
            log_per_second: ByteSize::mib(1),
            state: ByteSize::mib(1),
            close_time: Duration::from_secs(5),
            outbound_policy: OutboundPolicy::Close,
            ping_interval: Duration::from_secs(30),
            pong_time: Duration::from_secs(10),
            idle_time: Duration::ZERO,
            idle_after: Duration::from_secs(10),
        }
    }
}
