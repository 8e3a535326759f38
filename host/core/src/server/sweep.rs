//! One timer for all sockets and instances: it looks after each of them periodically.
//!
//! A sweep over 10,000 sockets takes about a millisecond. A message costs only a mark.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{ServedSite, Server};
use crate::config::Limits;
use crate::supervise;

/// The shortest and longest time between two sweeps of a site.
const SHORTEST: Duration = Duration::from_millis(25);
const LONGEST: Duration = Duration::from_secs(1);

/// Sweeps forever. The sweeps' clock starts at `origin`.
pub(crate) async fn run(server: &Server, origin: Instant) -> Infallible {
    let mut next = HashMap::new();
    loop {
        let now = origin.elapsed();
        let sites = server.sites();
        let mut soonest = now.saturating_add(LONGEST);
        let mut due = HashMap::with_capacity(sites.len());
        for site in &sites {
            // Each site has its own pace: its settings do not make others be swept more often.
            let key = Arc::as_ptr(site).addr();
            let mut at = next.get(&key).copied().unwrap_or(now);
            if at <= now {
                sweep(site, now);
                at = now.saturating_add(period(&site.traffic().stable.limits));
            }
            due.insert(key, at);
            soonest = soonest.min(at);
        }
        next = due;
        tokio::time::sleep(soonest.saturating_sub(origin.elapsed()).max(SHORTEST)).await;
    }
}

/// If one plugin or site panics, the others are swept anyway.
fn sweep(site: &ServedSite, now: Duration) {
    let traffic = site.traffic();
    let limits = &traffic.stable.limits;
    for plugin in site.plugins() {
        supervise::alone("the sweep of instances", || plugin.sweep(now, limits));
        supervise::alone("the sweep of sockets", || plugin.sweep_sockets(now, limits));
    }
    supervise::alone("the sweep of what drains", || site.draining().sweep());
}

/// A quarter of the shortest time that is watched, within bounds.
fn period(limits: &Limits) -> Duration {
    let times = [
        limits.ping_interval,
        limits.pong_time,
        limits.idle_time,
        limits.idle_after,
        limits.message_time,
    ];
    let shortest = times.into_iter().filter(|time| !time.is_zero()).min();
    let quarter = shortest.and_then(|time| time.checked_div(4)).unwrap_or(LONGEST);
    quarter.clamp(SHORTEST, LONGEST)
}
