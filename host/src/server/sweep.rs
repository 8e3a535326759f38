//! One timer for all sockets and instances: looks after each of them, every now and then.
//!
//! A sweep over 10,000 sockets takes about a millisecond. It costs a message nothing but a mark.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Served, Server};
use crate::config::Limits;

/// Between two sweeps of a site.
const SHORTEST: Duration = Duration::from_millis(25);
const LONGEST: Duration = Duration::from_secs(1);

/// Sweeps for ever.
pub async fn run(server: &Server) {
    let origin = Instant::now();
    let mut next = HashMap::new();
    loop {
        let now = origin.elapsed();
        let sites = server.sites();
        let mut soonest = now + LONGEST;
        let mut due = HashMap::with_capacity(sites.len());
        for site in &sites {
            // Each at its own pace: nobody's settings have others looked at more often.
            let key = Arc::as_ptr(site);
            let mut at = next.get(&key).copied().unwrap_or(now);
            if at <= now {
                sweep(site, now);
                at = now + period(&site.table().stable.limits);
            }
            due.insert(key, at);
            soonest = soonest.min(at);
        }
        next = due;
        tokio::time::sleep(soonest.saturating_sub(origin.elapsed()).max(SHORTEST)).await;
    }
}

fn sweep(site: &Served, now: Duration) {
    for plugin in site.plugins() {
        plugin.sweep(now);
        plugin.sweep_sockets(now);
    }
    site.draining().sweep();
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
    let quarter = shortest.unwrap_or(Duration::MAX) / 4;
    quarter.clamp(SHORTEST, LONGEST)
}
