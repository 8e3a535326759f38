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
    /// What the host holds in memory for the whole site: instances, connections, sockets, messages
    /// that wait, bodies, pieces of files, versions. Default: zero, which leaves only the host's
    /// bound (`host.memory`). Over it, the sockets with the most unsent bytes close with 1013.
    /// While that is not enough, no message is queued behind others, and new requests and sockets
    /// are answered 503. An instance is refused more memory only if the site's instances alone are
    /// over it. New instances may bring their sum to three quarters of it, new sockets theirs to
    /// half of it.
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
    /// closes with 1011. This limit ends what never ends. It does not share the machine: a guest
    /// gives its thread back every few milliseconds, and a site over its share does not slow its
    /// neighbours down. So it is as long as a request's, many times what an honest event takes,
    /// because a busy virtual machine may charge several times the time of the same work. Other
    /// events of the same shared instance wait for a long one: set less if that matters more.
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
    /// All header names and values of a request, or of a guest's answer. Default: 32 KiB. Over it:
    /// 431, and 500 for an answer.
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
    /// bound; then a peer waits while the guest is behind. Over it: 1008.
    #[serde(deserialize_with = "count::<0, MANY, _, _>")]
    pub messages_per_second: usize,
    /// From the first byte of a WebSocket message to its last, while its socket is read. Default:
    /// 30 s; zero removes the bound. Over it: 1008.
    #[serde(deserialize_with = "time_or_zero::<DAY, _>")]
    pub message_time: Duration,
    /// What waits to be sent to one socket. Default: 4 MiB. Over it the socket closes with 1013.
    #[serde(deserialize_with = "size::<0, GIB, _>")]
    pub outbound: ByteSize,
    /// What happens over `outbound`: `close`, `drop-oldest` or `refuse`. Default: `close`.
    pub outbound_policy: OutboundPolicy,
    /// The attachment of a socket: what a guest keeps with it. Default: 16 KiB. Over it: an error
    /// to the guest.
    #[serde(deserialize_with = "size::<0, GIB, _>")]
    pub attachment: ByteSize,
    /// Topics that one socket may subscribe to. Default: 64. Over it: an error to the guest.
    #[serde(deserialize_with = "count::<0, MANY, _, _>")]
    pub topics: usize,
    /// Files, folders, listings and streams that the site's guests have open at once. One instance
    /// may have a quarter of them, and at most 1,000. Default: 2,048. Over it: an error to the
    /// guest (`quota`). If the host serves several sites, the guests of each also have only a part
    /// of the process's descriptors.
    #[serde(deserialize_with = "count::<0, MANY, _, _>")]
    pub files: usize,
    /// The most that a writable folder (`folders` of a plugin) may hold, unless its own `size` says
    /// otherwise: the bytes of its files, and 4 KiB for each name. Default: 256 MiB. Over it, what
    /// would make the folder larger is an error to the guest (`insufficient-space`).
    #[serde(deserialize_with = "size::<0, { 1024 * GIB }, _>")]
    pub folder_size: ByteSize,
    /// Timers of an instance. Default: 10,000. Over it: an error to the guest.
    #[serde(deserialize_with = "count::<0, MANY, _, _>")]
    pub timers: usize,
    /// How much the log may say in a second about what the site's guests and clients do: what
    /// guests print, failures, requests. Default: 1 MiB; zero removes the bound. Over it, lines are
    /// left out.
    #[serde(deserialize_with = "size::<0, GIB, _>")]
    pub log_per_second: ByteSize,
    /// What an instance hands to the next version by `save`. Default: 1 MiB. Over it the swap is
    /// refused, and the previous version goes on.
    #[serde(deserialize_with = "size::<0, GIB, _>")]
    pub state: ByteSize,
    /// From the 101 to a running session, and from a close frame to the peer's answer. Default: 5
    /// s.
    #[serde(deserialize_with = "time_or_zero::<DAY, _>")]
    pub close_time: Duration,
    /// How long a socket may be silent before the host sends it a ping. Default: 30 s; zero sends
    /// none.
    #[serde(deserialize_with = "time_or_zero::<YEAR, _>")]
    pub ping_interval: Duration,
    /// From that ping to any sign of life. Default: 10 s. Over it the connection is dropped, and
    /// the guest sees 1006.
    #[serde(deserialize_with = "time_or_zero::<YEAR, _>")]
    pub pong_time: Duration,
    /// How long a socket may go without a message, either way, before it closes with 1001. Default:
    /// zero, which removes the bound.
    #[serde(deserialize_with = "time_or_zero::<YEAR, _>")]
    pub idle_time: Duration,
    /// How long an instance may have nothing to do before it is dropped, if nothing is lost with
    /// it. Default: 10 s; zero keeps it. Nothing is lost with an instance of a pool (a component
    /// without sessions, middleware, an error handler): Lithe does not promise which instance
    /// serves a request, or how long it lasts. Nothing is lost with a shared instance whose memory
    /// comes back (its component exports `state`) or holds nothing (`stateless` in its `[plugin]`),
    /// unless it has a timer or a pinned socket; its other sockets stay open. Any other shared
    /// instance stays as long as its plugin's version does. With `scope = "param:NAME"`, it may
    /// have to make room for another value at `limits.instances`.
    #[serde(deserialize_with = "time_or_zero::<YEAR, _>")]
    pub idle_after: Duration,
}

/// The longest wall time of a call that no client has asked for, such as one at load.
pub const MAX_UPKEEP_TIME: Duration = Duration::from_secs(30);

impl Limits {
    /// The limits that instances and sockets are made with; the other fields have their defaults. A
    /// change of those others takes effect without a new version.
    pub fn of_instances(&self) -> Self {
        let site = Self::default();
        // Each folder has a size of its own.
        Self { folder_size: site.folder_size, ..self.with_site_limits_of(&site) }
    }

    /// These limits, with those of `lower` that take effect without a new version.
    #[must_use]
    pub fn with_site_limits_of(&self, lower: &Self) -> Self {
        Self {
            requests_per_second: lower.requests_per_second,
            connections: lower.connections,
            uri: lower.uri,
            headers: lower.headers,
            body: lower.body,
            messages_per_second: lower.messages_per_second,
            message_time: lower.message_time,
            log_per_second: lower.log_per_second,
            site_memory: lower.site_memory,
            close_time: lower.close_time,
            ping_interval: lower.ping_interval,
            pong_time: lower.pong_time,
            idle_time: lower.idle_time,
            idle_after: lower.idle_after,
            ..self.clone()
        }
    }

    /// Wall time of a call that no client has asked for: `request_time`, and 30 s at most.
    pub fn upkeep_time(&self) -> Duration {
        self.request_time.min(MAX_UPKEEP_TIME)
    }
}

/// `permessage-deflate` (RFC 7692), if the client offers it. `limits.message` bounds a message
/// after it is inflated, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deflate {
    /// Whether messages may be compressed. Default: false. Each socket that uses it needs memory
    /// for two windows and their tables: about 300 KiB for windows of 15 bits, less for smaller
    /// ones.
    pub enabled: bool,
    /// The largest window, either way, as a power of two from 9 to 15. Default: 12, 4 KiB.
    #[serde(deserialize_with = "count::<9, 15, _, _>")]
    pub window_bits: u8,
    /// Whether the compression of a message may refer to earlier messages. Default: true.
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

impl OutboundPolicy {
    /// Its name in `lithe.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::DropOldest => "drop-oldest",
            Self::Refuse => "refuse",
        }
    }
}

impl Limits {
    /// Checks what the ranges cannot express.
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
            folder_size: ByteSize::mib(256),
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
