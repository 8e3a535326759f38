//! The memory that the host holds for a site. The host charges it to the site for as long as it
//! exists, and the sum has a bound.
//!
//! A site that is over its bound pays with what it has: the sockets that read slowest are closed
//! first (`server/sweep.rs`), and while it is still over, messages are not queued behind others,
//! and new requests are refused. No other site notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::config::Limit;

/// Below this, what a buffer has is not worth being charged.
const NOTHING: usize = 1024;

/// Buffers are charged in steps of this size, so that a message changes the sum seldom.
const STEP: usize = 4096;

/// The part of the host's memory that is reserved for sites that hold little: an eighth.
const RESERVE: usize = 8;

/// A site holds little if it has at most this part of the host's memory.
const LITTLE: usize = 64;

/// What memory is held for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Linear memories of instances, and their timers.
    Instances,
    /// Connections that speak HTTP, each with its task and its buffers, and the heads of their
    /// requests.
    Connections,
    /// Sockets, each with its task, its handshake's request, its attachment, its topics and the
    /// windows of its compression.
    Sockets,
    /// Messages that wait to be sent or for their guest, or that are not complete yet.
    Messages,
    /// Bodies of requests and answers, and the pieces of public files that are being sent.
    Bodies,
    /// What guests are about to read from files and folders, and what they write to files.
    Files,
    /// Versions of plugins that are loaded.
    Versions,
    /// What idle instances have saved, and what versions on trial were handed over.
    States,
}

impl Held {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 8] = [
        Self::Instances,
        Self::Connections,
        Self::Sockets,
        Self::Messages,
        Self::Bodies,
        Self::Files,
        Self::Versions,
        Self::States,
    ];

    /// The part of a site's bound that new ones may have, in quarters. So clients who open sockets
    /// leave room for what is there: an instance that cannot grow is stopped.
    fn quarters(self) -> usize {
        match self {
            Self::Sockets => 2,
            Self::Instances => 3,
            _ => 4,
        }
    }

    /// Whether the others make room for it: only its own sum is held against the site's bound.
    fn comes_first(self) -> bool {
        matches!(self, Self::Instances | Self::Versions)
    }

    /// The name that `status` prints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instances => "instances",
            Self::Connections => "connections",
            Self::Sockets => "sockets",
            Self::Messages => "messages",
            Self::Bodies => "bodies",
            Self::Files => "files",
            Self::Versions => "versions",
            Self::States => "states",
        }
    }
}

/// What the host holds for all sites.
#[derive(Debug)]
pub struct HostMemory {
    /// `host.memory`, in bytes.
    bound: usize,
    used: AtomicUsize,
    sites: AtomicUsize,
    /// The sites that hold more than little.
    holders: AtomicUsize,
    over: Notify,
}

impl HostMemory {
    /// An account of at most this many bytes.
    pub fn new(bound: usize) -> Arc<Self> {
        Arc::new(Self {
            bound,
            used: AtomicUsize::new(0),
            sites: AtomicUsize::new(0),
            holders: AtomicUsize::new(0),
            over: Notify::new(),
        })
    }

    /// Completes when a site has come over its bound, or the host over its own.
    pub async fn over(&self) {
        self.over.notified().await;
    }

    /// The part of each site that holds more than little, where all of them have as much.
    fn part(&self) -> usize {
        self.bound / self.holders.load(Ordering::Relaxed).max(1)
    }

    fn little(&self) -> usize {
        self.bound / LITTLE
    }

    /// What may be used by sites that hold more than their part. Of several sites, the others need
    /// some room until these have given back what is too much.
    fn room(&self) -> usize {
        match self.sites.load(Ordering::Relaxed) {
            0 | 1 => self.bound,
            _ => self.bound - self.bound / RESERVE,
        }
    }
}

/// What the host holds for one site.
#[derive(Debug)]
pub struct SiteMemory {
    host: Arc<HostMemory>,
    /// `limits.site_memory`, in bytes.
    bound: AtomicUsize,
    used: AtomicUsize,
    highest: AtomicUsize,
    each: [AtomicUsize; Held::ALL.len()],
    /// Whether a new instance was refused since the sweep last looked.
    refused_instance: AtomicBool,
}

/// A site has as much memory as it may have.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the site holds {used} bytes of memory, `{limit}` allows {bound}")]
pub struct Over {
    /// The bound.
    pub limit: Limit,
    used: usize,
    bound: usize,
}

impl Over {
    /// How many bytes the site has to give back, so that it does not come over its bound again at
    /// once.
    pub fn excess(&self) -> usize {
        self.used.saturating_sub(self.bound).saturating_add(self.bound / 8)
    }
}

impl SiteMemory {
    /// The memory of one of the host's sites, which has no bound of its own yet.
    pub fn of(host: Arc<HostMemory>) -> Arc<Self> {
        host.sites.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            host,
            bound: AtomicUsize::new(usize::MAX),
            used: AtomicUsize::new(0),
            highest: AtomicUsize::new(0),
            each: Default::default(),
            refused_instance: AtomicBool::new(false),
        })
    }

    /// The memory of all sites.
    pub fn host(&self) -> &Arc<HostMemory> {
        &self.host
    }

    /// Sets the site's bound, in bytes; zero removes it.
    pub fn limit(&self, bound: usize) {
        self.bound.store(if bound == 0 { usize::MAX } else { bound }, Ordering::Relaxed);
    }

    /// What the site holds, in bytes.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// The most that it has held until now.
    pub fn highest(&self) -> usize {
        self.highest.load(Ordering::Relaxed)
    }

    /// The lower of its bounds: its own, and the host's.
    pub fn bound(&self) -> usize {
        self.bound.load(Ordering::Relaxed).min(self.host.bound)
    }

    /// What it holds for this.
    pub fn held(&self, what: Held) -> usize {
        self.each[what as usize].load(Ordering::Relaxed)
    }

    /// Whether the site holds more than it may. Where the host holds too much, those sites do that
    /// hold more than an equal part.
    ///
    /// # Errors
    /// It does: the bound that it is over.
    pub fn check(&self) -> Result<(), Over> {
        self.check_sum(self.used(), 0, 4)
    }

    /// Whether the site may have one more of this, which takes this many bytes.
    ///
    /// # Errors
    /// It may not.
    pub fn check_new(&self, what: Held, bytes: usize) -> Result<(), Over> {
        self.check_sum(self.held(what).saturating_add(bytes), bytes, what.quarters())
    }

    /// What has to go so that a new instance has room, in bytes, if one was refused since this was
    /// asked last.
    pub fn excess_of_instances(&self) -> usize {
        if !self.refused_instance.swap(false, Ordering::Relaxed) {
            return 0;
        }
        // An eighth below the part of the bound that new ones may have.
        let room = self.bound() / 8 * (2 * Held::Instances.quarters() - 1);
        self.held(Held::Instances).saturating_sub(room)
    }

    /// As [`SiteMemory::check`], with this many bytes more of this. Instances and versions come
    /// first: others make room for them. Otherwise clients that do not read could have an instance
    /// stopped for want of memory.
    ///
    /// # Errors
    /// The site may not hold them.
    pub fn check_more(&self, what: Held, more: usize) -> Result<(), Over> {
        let used = if what.comes_first() { self.held(what) } else { self.used() };
        self.check_sum(used.saturating_add(more), more, 4)
    }

    /// Checks what the site uses, `more` of it not charged yet, against so many quarters of its
    /// bounds. Where the host has nothing left, only sites that hold little get more.
    fn check_sum(&self, used: usize, more: usize, quarters: usize) -> Result<(), Over> {
        let bound = self.bound.load(Ordering::Relaxed) / 4 * quarters;
        if used > bound {
            return Err(Over { limit: Limit::SiteMemory, used, bound });
        }
        let all = self.host.used.load(Ordering::Relaxed).saturating_add(more);
        // Read once: it grows when a site goes.
        let part = self.host.part() / 4 * quarters;
        let bound = if all > self.host.bound && more > 0 {
            part.min(self.host.little())
        } else if all > self.host.room() {
            part
        } else {
            return Ok(());
        };
        if used > bound {
            return Err(Over { limit: Limit::HostMemory, used, bound });
        }
        Ok(())
    }

    /// Charges the site with nothing yet.
    pub fn charge(self: &Arc<Self>, what: Held) -> Charge {
        Charge { memory: self.clone(), what, bytes: 0 }
    }

    /// Charges about this many bytes, unless they are few.
    pub fn charge_about(self: &Arc<Self>, what: Held, bytes: usize) -> Option<Charge> {
        (bytes > NOTHING).then(|| {
            let mut charge = self.charge(what);
            charge.set_about(bytes);
            charge
        })
    }

    /// Bytes that are charged until the last of those that share them has dropped them.
    pub fn charged(self: &Arc<Self>, what: Held, bytes: Vec<u8>) -> Bytes {
        let mut charge = self.charge(what);
        charge.set(bytes.capacity());
        charge.with(bytes.into())
    }

    /// The same for bytes that exist already, unless they are few.
    pub fn charged_about(self: &Arc<Self>, what: Held, bytes: Bytes) -> Bytes {
        self.charged_in(what, bytes.len(), bytes)
    }

    /// The same for bytes in a buffer of this size.
    pub fn charged_in(self: &Arc<Self>, what: Held, buffer: usize, bytes: Bytes) -> Bytes {
        match self.charge_about(what, buffer) {
            Some(charge) => charge.with(bytes),
            None => bytes,
        }
    }

    /// The same, if the site may hold them.
    ///
    /// # Errors
    /// It may not.
    pub fn try_charged(self: &Arc<Self>, what: Held, bytes: Bytes) -> Result<Bytes, Over> {
        let mut charge = self.charge(what);
        charge.try_set(bytes.len())?;
        Ok(charge.with(bytes))
    }

    fn add(&self, what: Held, bytes: usize) {
        self.each[what as usize].fetch_add(bytes, Ordering::Relaxed);
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        self.note_more(before, bytes);
    }

    /// The same, if the site may hold them. Of several that try at the same moment, no more succeed
    /// than fit into the site's own bound.
    fn try_add(&self, what: Held, bytes: usize) -> Result<(), Over> {
        self.check_more(what, bytes)?;
        let bound = self.bound.load(Ordering::Relaxed);
        let fits = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= bound);
        let take =
            |counter: &AtomicUsize| {
                counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map_err(|used| {
                    Over { limit: Limit::SiteMemory, used: used.saturating_add(bytes), bound }
                })
            };
        let (own, all) = (&self.each[what as usize], &self.used);
        let before = if what.comes_first() {
            take(own)?;
            all.fetch_add(bytes, Ordering::Relaxed)
        } else {
            let before = take(all)?;
            own.fetch_add(bytes, Ordering::Relaxed);
            before
        };
        self.note_more(before, bytes);
        Ok(())
    }

    /// Notes that the site holds this many bytes more than before.
    fn note_more(&self, before: usize, bytes: usize) {
        let used = before.saturating_add(bytes);
        self.highest.fetch_max(used, Ordering::Relaxed);
        let little = self.host.little();
        if before <= little && used > little {
            self.host.holders.fetch_add(1, Ordering::Relaxed);
        }
        let bound = self.bound.load(Ordering::Relaxed);
        let all = self.host.used.fetch_add(bytes, Ordering::Relaxed);
        let comes_over =
            |before: usize, bound: usize| before <= bound && before.saturating_add(bytes) > bound;
        if comes_over(before, bound) || comes_over(all, self.host.room()) {
            self.host.over.notify_one();
        }
    }

    fn subtract(&self, what: Held, bytes: usize) {
        self.each[what as usize].fetch_sub(bytes, Ordering::Relaxed);
        let before = self.used.fetch_sub(bytes, Ordering::Relaxed);
        let little = self.host.little();
        if before > little && before.saturating_sub(bytes) <= little {
            self.host.holders.fetch_sub(1, Ordering::Relaxed);
        }
        self.host.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for SiteMemory {
    fn drop(&mut self) {
        self.host.sites.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bytes with their charge.
struct Charged {
    bytes: Bytes,
    _charge: Charge,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// What a site is charged with, until this is dropped.
#[derive(Debug)]
pub struct Charge {
    memory: Arc<SiteMemory>,
    what: Held,
    bytes: usize,
}

impl Charge {
    /// The site's memory.
    pub fn memory(&self) -> &Arc<SiteMemory> {
        &self.memory
    }

    /// The same bytes, which hold the charge for as long as they live.
    pub fn with(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Charged { bytes, _charge: self })
    }

    /// Sets the charge to this many bytes.
    pub fn set(&mut self, bytes: usize) {
        if bytes > self.bytes {
            self.memory.add(self.what, bytes - self.bytes);
        } else if bytes < self.bytes {
            self.memory.subtract(self.what, self.bytes - bytes);
        }
        self.bytes = bytes;
    }

    /// Charges about this many bytes, which change often.
    pub fn set_about(&mut self, bytes: usize) {
        let about = about(bytes);
        if about != self.bytes {
            self.set(about);
        }
    }

    /// Charges about this many bytes, if the site may hold them.
    ///
    /// # Errors
    /// It may not: it is charged with as much as before.
    pub fn try_set_about(&mut self, bytes: usize) -> Result<(), Over> {
        match about(bytes) {
            about if about != self.bytes => self.try_set(about),
            _ => Ok(()),
        }
    }

    /// Charges the first bytes of something new, if the site may have one more.
    ///
    /// # Errors
    /// It may not.
    pub fn try_begin(&mut self, bytes: usize) -> Result<(), Over> {
        let begun = self.memory.check_new(self.what, bytes);
        if begun.is_ok() {
            self.set(bytes);
        } else if self.what == Held::Instances {
            self.memory.refused_instance.store(true, Ordering::Relaxed);
            self.memory.host.over.notify_one();
        }
        begun
    }

    /// Charges this many bytes, if the site may hold them.
    ///
    /// # Errors
    /// It may not: it is charged with as much as before.
    pub fn try_set(&mut self, bytes: usize) -> Result<(), Over> {
        // Checked before it is charged: what is refused must not count for anybody.
        match bytes.checked_sub(self.bytes) {
            Some(0) => return Ok(()),
            Some(more) => self.memory.try_add(self.what, more)?,
            None => self.memory.subtract(self.what, self.bytes - bytes),
        }
        self.bytes = bytes;
        Ok(())
    }
}

/// What is charged for a buffer of this many bytes.
fn about(bytes: usize) -> usize {
    if bytes <= NOTHING { 0 } else { bytes.saturating_add(STEP - 1) / STEP * STEP }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_charged_until_it_is_gone() {
        let host = HostMemory::new(1_000_000);
        let site = SiteMemory::of(host.clone());
        let mut charge = site.charge(Held::Bodies);
        charge.set(700);
        let bytes = site.charged(Held::Messages, vec![0; 5_000]);
        let shared = bytes.clone();
        assert_eq!((site.held(Held::Bodies), site.held(Held::Messages)), (700, 5_000));
        drop(bytes);
        charge.set(200);
        assert_eq!((site.used(), site.highest()), (5_200, 5_700));
        drop((charge, shared));
        assert_eq!((site.used(), host.used.load(Ordering::Relaxed), site.highest()), (0, 0, 5_700));
    }

    #[test]
    fn small_buffers_and_small_changes_cost_nothing() {
        let site = SiteMemory::of(HostMemory::new(1_000_000));
        let mut charge = site.charge(Held::Messages);
        for (bytes, charged) in [(1, 0), (1_024, 0), (1_025, 4_096), (4_096, 4_096), (4_097, 8_192)]
        {
            charge.set_about(bytes);
            assert_eq!(site.used(), charged, "{bytes}");
        }
    }

    #[test]
    fn new_ones_leave_room_for_those_that_are_there() {
        let site = SiteMemory::of(HostMemory::new(1_000_000));
        site.limit(1_000);
        let (mut one, mut other) = (site.charge(Held::Instances), site.charge(Held::Instances));
        assert_eq!(one.try_begin(700), Ok(()));
        assert!(other.try_begin(100).is_err(), "three quarters are for new ones");
        assert_eq!(one.try_set(1_000), Ok(()), "the rest is for what is there");
        let mut socket = site.charge(Held::Sockets);
        assert_eq!(socket.try_begin(500), Ok(()));
        assert!(site.charge(Held::Sockets).try_begin(1).is_err());
    }

    #[test]
    fn a_site_over_its_bound_may_hold_no_more() {
        let site = SiteMemory::of(HostMemory::new(1_000_000));
        site.limit(800);
        let (mut one, mut other) = (site.charge(Held::Bodies), site.charge(Held::Bodies));
        assert_eq!(one.try_set(800), Ok(()));
        let over = other.try_set(1).unwrap_err();
        assert_eq!((over.limit, site.used(), over.excess()), (Limit::SiteMemory, 800, 101));
        assert_eq!(site.highest(), 800, "what is refused was never held");
        assert!(over.to_string().contains("`limits.site_memory` allows 800"), "{over}");
        other.set(100);
        assert_eq!(site.check().unwrap_err().excess(), 200, "an eighth below the bound");
        assert_eq!(one.try_set(700), Ok(()), "less is always possible");
        assert_eq!(site.check(), Ok(()));
        site.limit(0);
        assert_eq!(one.try_set(10_000), Ok(()));
    }

    #[test]
    fn of_many_at_the_same_moment_no_more_succeed_than_fit() {
        let site = SiteMemory::of(HostMemory::new(1_000_000));
        site.limit(10_000);
        std::thread::scope(|scope| {
            for what in [Held::Bodies, Held::Messages, Held::Files, Held::Connections] {
                let site = &site;
                scope.spawn(move || {
                    let mut charges = Vec::new();
                    for _ in 0..10_000 {
                        let mut charge = site.charge(what);
                        if charge.try_set(7).is_ok() {
                            charges.push(charge);
                        }
                        assert!(site.used() <= 10_000);
                        if charges.len() > 1_500 {
                            charges.pop();
                        }
                    }
                });
            }
        });
        assert!((9_990..=10_000).contains(&site.highest()), "{}", site.highest());
        assert_eq!(site.used(), 0);
    }

    #[test]
    fn instances_come_before_what_clients_make_the_site_hold() {
        let site = SiteMemory::of(HostMemory::new(1_000_000));
        site.limit(1_000);
        let (mut unread, mut instance) =
            (site.charge(Held::Messages), site.charge(Held::Instances));
        unread.set(900);
        assert_eq!(instance.try_set(600), Ok(()));
        assert!(site.check().unwrap_err().excess() > 500, "the messages make room");
        assert!(unread.try_set(901).is_err());
        assert!(instance.try_set(1_001).is_err());
    }

    #[test]
    fn over_the_hosts_bound_those_pay_that_hold_more_than_their_part() {
        let host = HostMemory::new(1_000);
        let (greedy, modest) = (SiteMemory::of(host.clone()), SiteMemory::of(host.clone()));
        let mut much = greedy.charge(Held::Instances);
        let mut little = modest.charge(Held::Instances);
        much.set(870);
        assert_eq!(greedy.check(), Ok(()), "nobody needs it");
        little.set(20);
        assert!(much.try_set(880).is_err(), "an eighth is for others");
        assert_eq!(little.try_set(120), Ok(()));
        assert_eq!(greedy.check().unwrap_err().limit, Limit::HostMemory);
        assert_eq!(modest.check(), Ok(()));
        assert!(little.try_set(200).is_err(), "the host's bound is one for all");
        assert_eq!(little.try_set(10), Ok(()), "but for those that hold little");
        drop((little, modest));
        assert_eq!(greedy.check(), Ok(()));
    }

    #[tokio::test]
    async fn coming_over_a_bound_is_told() {
        let host = HostMemory::new(1_000);
        let site = SiteMemory::of(host.clone());
        site.limit(100);
        let mut charge = site.charge(Held::Bodies);
        charge.set(101);
        host.over().await;
        charge.set(1_001);
        host.over().await;
    }
}
