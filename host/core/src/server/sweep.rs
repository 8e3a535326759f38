//! One timer for all sockets and instances: it looks after each of them periodically.
//!
//! A sweep over 10,000 sockets takes about a millisecond. A message costs only a mark.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{ServedSite, Server};
use crate::capability::socket::Socket;
use crate::config::{Limit, Limits};
use crate::supervise;

/// The shortest and longest time between two sweeps of a site.
const SHORTEST: Duration = Duration::from_millis(25);
const LONGEST: Duration = Duration::from_secs(1);

/// The longest time between two sweeps of a site that holds too much. Coming over a bound causes
/// one at once.
const WHILE_OVER: Duration = Duration::from_millis(250);

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
                let stable = &site.traffic().stable;
                let is_over = stable.account.memory().check().is_err();
                let pause = period(&stable.limits);
                let pause = if is_over { pause.min(WHILE_OVER) } else { pause };
                at = now.saturating_add(pause);
            }
            due.insert(key, at);
            soonest = soonest.min(at);
        }
        next = due;
        let pause = soonest.saturating_sub(origin.elapsed()).max(SHORTEST);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = server.memory().over() => {
                for site in server.sites() {
                    supervise::alone("the relief of memory", || relieve(&site));
                }
                // The cause may persist: this happens no more often than other sweeps.
                tokio::time::sleep(SHORTEST).await;
            }
        }
    }
}

/// Closes the sockets of a site that holds too much, those first for which most waits, until what
/// is left is below the bound. If the host holds too much, the heaviest others follow. If that is
/// not enough, idle instances go.
fn relieve(site: &ServedSite) {
    let traffic = site.traffic();
    let memory = traffic.stable.account.memory();
    let excess = memory.excess_of_instances();
    if excess > 0 {
        give_back(site, excess, Limit::SiteMemory);
    }
    let Err(over) = memory.check() else { return };
    let sockets: Vec<_> = site
        .plugins()
        .into_iter()
        .flat_map(|plugin| plugin.own_sockets().collect::<Vec<_>>())
        .collect();
    let mut left = shed(&sockets, Socket::held_up, over.excess(), over.limit);
    if over.limit == Limit::HostMemory {
        // Other sites need what this one has beyond its part.
        left = shed(&sockets, Socket::weight, left, over.limit);
    }
    if left > 0 {
        give_back(site, left, over.limit);
    }
}

/// Has idle instances go until they have given back this much.
fn give_back(site: &ServedSite, excess: usize, limit: Limit) {
    let traffic = site.traffic();
    let memory = traffic.stable.account.memory();
    let goal = memory.used().saturating_sub(excess);
    let is_over = || memory.used() > goal;
    for plugin in site.plugins() {
        plugin.give_back(limit, &is_over);
    }
}

/// Closes the sockets that give back most, until they have given back this much. Returns what is
/// left of it.
fn shed(
    sockets: &[Arc<Socket>],
    gives_back: fn(&Socket) -> usize,
    mut excess: usize,
    limit: Limit,
) -> usize {
    let mut sockets: Vec<_> = sockets.iter().map(|socket| (gives_back(socket), socket)).collect();
    sockets.sort_unstable_by_key(|(bytes, _)| Reverse(*bytes));
    for (bytes, socket) in sockets {
        if excess == 0 || bytes == 0 {
            break;
        }
        if socket.shed(limit) {
            excess = excess.saturating_sub(bytes);
        }
    }
    excess
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
    supervise::alone("the relief of memory", || relieve(site));
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
