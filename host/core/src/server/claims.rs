//! Which site gets which host, if several ask for it.
//!
//! Sites do not trust each other, and each names its hosts itself. So the decision does not depend
//! on the order in which sites are loaded:
//!
//! 1. A host that the operator gives to a site (`hosts` in `[tenants.sites]`) is only that site's.
//! 2. The name of a site's folder is a host of only that site, and so is every host below it.
//! 3. Any other host stays with the site that has it, by name or by a wildcard. [`Record`]
//!    remembers that over a restart.
//! 4. If the site no longer asks for a host, or does not exist at the moment, the host is kept for
//!    it for [`RELEASE_TIME`].
//! 5. If several sites ask for a host that is free, none of them gets it.
//!
//! A wildcard covers neither another site's hosts below it nor hosts that nobody gets.

mod refusal;
mod rules;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::record::{Holding, Record};
use crate::config::Host;
use refusal::{Refusal, Why, unreported};
use rules::{Rules, Verdict, parents};

/// How long a host is kept for a site that has asked for it before. So replacing a folder, or
/// writing settings in several steps, does not give a host away.
const RELEASE_TIME: Duration = Duration::from_secs(10 * 60);

/// How many hosts are kept for one site that no longer asks for them. Beyond that, the host that
/// was given up first is released: a site that asks for new hosts all the time must not fill the
/// record.
const MAX_RELEASED: usize = 4096;

/// What the sites of a server ask for, and who has what.
#[derive(Default)]
pub struct Claims {
    /// By folder. If a site's settings cannot be read, it is unknown what it asks for: then it asks
    /// for what it has.
    asked: BTreeMap<Arc<str>, Option<Vec<Host>>>,
    given: BTreeMap<Host, Arc<str>>,
    held: BTreeMap<Host, Holding>,
    record: Record,
    /// Whether there may be several sites.
    many: bool,
    /// The refusals that the log has reported.
    reported: BTreeSet<Refusal>,
}

/// Who has a host: the folder of its site. None if nobody gets it.
#[derive(Debug, Default)]
pub struct Owners {
    exact: HashMap<String, Option<Arc<str>>>,
    /// By the part after `*.`.
    below: HashMap<String, Option<Arc<str>>>,
}

impl Owners {
    /// Looks for the exact host, then for the longest `*.` that covers it.
    pub fn of(&self, host: &str) -> Option<&Arc<str>> {
        let owner = self.exact.get(host);
        owner.or_else(|| parents(host).find_map(|parent| self.below.get(parent)))?.as_ref()
    }

    fn insert(&mut self, host: &Host, site: Option<&Arc<str>>) {
        let (map, name) = match host {
            Host::Exact(name) => (&mut self.exact, name),
            Host::Below(name) => (&mut self.below, name),
        };
        map.insert(name.clone(), site.cloned());
    }
}

impl Claims {
    /// The claims of several sites: what the operator gives, what each site asks for, and what each
    /// had.
    pub fn of_many<'h>(
        given: impl IntoIterator<Item = (&'h Host, &'h str)>,
        asked: BTreeMap<String, Option<Vec<Host>>>,
        record: Record,
    ) -> Self {
        let asked = asked.into_iter().map(|(site, hosts)| (site.into(), hosts));
        let held = record.read();
        Self {
            asked: asked.collect(),
            given: owned(given),
            held,
            record,
            many: true,
            ..Self::default()
        }
    }

    /// Notes what the operator gives now. Returns whether that has changed.
    pub fn give<'h>(&mut self, given: impl IntoIterator<Item = (&'h Host, &'h str)>) -> bool {
        let given = owned(given);
        let before = std::mem::replace(&mut self.given, given);
        before != self.given
    }

    /// Notes what a site asks for. Returns whether that has changed.
    pub fn ask(&mut self, site: &Arc<str>, hosts: &[Host]) -> bool {
        let before = self.asked.insert(site.clone(), Some(hosts.to_vec()));
        before.flatten().is_none_or(|before| before != hosts)
    }

    /// Notes that the folders of these sites exist, while their settings are not known yet. Returns
    /// whether one is new.
    pub fn announce(&mut self, sites: &[Arc<str>]) -> bool {
        let before = self.asked.len();
        for site in sites {
            self.asked.entry(site.clone()).or_default();
        }
        self.asked.len() != before
    }

    /// Notes that a site's folder is gone. Returns whether it existed.
    pub fn forget(&mut self, site: &str) -> bool {
        self.asked.remove(site).is_some()
    }

    /// Whether a host has been released since hosts were last assigned.
    pub fn is_due(&self, now: u64) -> bool {
        self.held.values().any(|holding| holding.is_over(now))
    }

    /// Assigns the hosts at this moment, in seconds since 1970, logs the refusals, and records who
    /// has what.
    pub fn assign(&mut self, now: u64) -> Owners {
        let (held, refused) = self.decide(now);
        if held != self.held {
            self.held = held;
            self.record.write(&self.held);
        }
        let mut owners = Owners::default();
        for folder in self.folders(now).filter(|_| self.many) {
            let name = folder.to_ascii_lowercase();
            owners.insert(&Host::Exact(name.clone()), None);
            owners.insert(&Host::Below(name), None);
        }
        let nobodys = refused.iter().filter(|refusal| refusal.why == Why::Asked);
        nobodys.for_each(|refusal| owners.insert(&refusal.host, None));
        for (host, holding) in &self.held {
            owners.insert(host, holding.released.is_none().then_some(&holding.site));
        }
        self.given.iter().for_each(|(host, site)| owners.insert(host, Some(site)));
        for (refusal, more) in unreported(&refused, &self.reported) {
            let site = &*refusal.site;
            match more {
                0 => tracing::error!(target: "swap", site, "{refusal}"),
                _ => tracing::error!(
                    target: "swap", site, "{refusal}; {more} more of its `hosts` are refused, too"
                ),
            }
        }
        self.reported = refused;
        owners
    }

    /// The folders whose names belong to their sites: those that exist, and those that may come
    /// back.
    fn folders(&self, now: u64) -> impl Iterator<Item = &Arc<str>> {
        let held = self.held.values().filter(move |holding| !holding.is_over(now));
        held.map(|holding| &holding.site).chain(self.asked.keys())
    }

    /// Whether a site has this host now, or may have it again.
    fn holds(&self, site: &Arc<str>, host: &Host, now: u64) -> bool {
        let holding = self.held.get(host);
        holding.is_some_and(|holding| holding.site == *site && !holding.is_over(now))
    }

    /// The hosts that are kept for sites which no longer ask for them, apart from those in `held`.
    fn released<'c>(
        &'c self,
        rules: &Rules<'c>,
        had: &BTreeMap<Host, Holding>,
        now: u64,
    ) -> BTreeMap<&'c Host, Holding> {
        let mut by_site: BTreeMap<&Arc<str>, Vec<(Reverse<u64>, &Host)>> = BTreeMap::new();
        for (host, holding) in &self.held {
            let site = &holding.site;
            let is_free = matches!(rules.judge(site, host), Verdict::Own | Verdict::Free);
            if is_free && self.holds(site, host, now) && !has(had, site, host) {
                // The clock may have been set back.
                let released = holding.released.map_or(now, |released| released.min(now));
                by_site.entry(site).or_default().push((Reverse(released), host));
            }
        }
        let mut kept = BTreeMap::new();
        for (site, mut hosts) in by_site {
            hosts.sort_unstable();
            for (Reverse(released), host) in hosts.into_iter().take(MAX_RELEASED) {
                kept.insert(host, Holding { site: site.clone(), released: Some(released) });
            }
        }
        kept
    }

    /// Decides who has which host, apart from those given by the operator, and what is refused.
    fn decide(&self, now: u64) -> (BTreeMap<Host, Holding>, BTreeSet<Refusal>) {
        let rules = Rules::new(&self.given, self.folders(now), self.many);
        let (mut held, mut refused) = (BTreeMap::new(), BTreeSet::new());
        let mut claims = Vec::new();
        for (site, asked) in &self.asked {
            let hosts: Vec<&Host> = match asked {
                Some(hosts) => hosts.iter().collect(),
                None => self.held.keys().filter(|host| self.holds(site, host, now)).collect(),
            };
            for host in hosts {
                match rules.judge(site, host) {
                    Verdict::Given => {}
                    Verdict::Own => {
                        held.insert(host.clone(), Holding::of(site));
                    }
                    Verdict::Free => claims.push((host, site)),
                    Verdict::Refused(other, why) => {
                        refused.insert(Refusal::new(site, host, other, why));
                    }
                }
            }
        }
        // A site keeps its host, even if another site's newer wildcard covers it.
        let is_held = |(host, site): &(&Host, &Arc<str>)| self.holds(site, host, now);
        let (had, new): (Vec<_>, Vec<_>) = claims.into_iter().partition(is_held);
        let mut taken = Names::default();
        for (host, site) in had {
            taken.insert(host, site);
            held.insert(host.clone(), Holding::of(site));
        }
        let released = self.released(&rules, &held, now);
        let mut kept = Names::default();
        released.iter().for_each(|(host, holding)| kept.insert(host, &holding.site));
        let mut wanted = Names::default();
        new.iter().for_each(|(host, site)| wanted.insert(host, site));
        for (host, site) in new {
            let in_the_way = (taken.other_than(site, host).map(|found| (found, Why::Held)))
                .or_else(|| kept.other_than(site, host).map(|found| (found, Why::Released)))
                .or_else(|| wanted.other_than(site, host).map(|found| (found, Why::Asked)));
            match in_the_way {
                Some(((by, other), why)) => {
                    let until = released.get(by).filter(|_| why == Why::Released);
                    let until = until.and_then(Holding::until);
                    refused.insert(Refusal { until, ..Refusal::new(site, host, other, why) });
                }
                None => {
                    held.insert(host.clone(), Holding::of(site));
                }
            }
        }
        // A host is kept even if the same site has a new wildcard that covers it.
        for (host, holding) in released {
            if !has(&held, &holding.site, host) {
                held.insert(host.clone(), holding);
            }
        }
        (held, refused)
    }
}

impl Holding {
    /// A host that the site asks for.
    fn of(site: &Arc<str>) -> Self {
        Self { site: site.clone(), released: None }
    }

    /// When the host is released, in seconds since 1970.
    fn until(&self) -> Option<u64> {
        Some(self.released?.saturating_add(RELEASE_TIME.as_secs()))
    }

    /// Whether the host has been released by this moment.
    fn is_over(&self, now: u64) -> bool {
        self.until().is_some_and(|until| until <= now)
    }
}

fn owned<'h>(given: impl IntoIterator<Item = (&'h Host, &'h str)>) -> BTreeMap<Host, Arc<str>> {
    given.into_iter().map(|(host, site)| (host.clone(), site.into())).collect()
}

/// Whether a site has this host, or a wildcard that covers it.
fn has(held: &BTreeMap<Host, Holding>, site: &Arc<str>, host: &Host) -> bool {
    let (Host::Exact(name) | Host::Below(name)) = host;
    let is_its = |host: &Host| held.get(host).is_some_and(|holding| holding.site == *site);
    is_its(host) || parents(name).any(|parent| is_its(&Host::Below(parent.to_owned())))
}

/// Hosts, with the sites that have or want them.
#[derive(Default)]
struct Names<'c>(BTreeMap<&'c Host, Vec<&'c Arc<str>>>);

impl<'c> Names<'c> {
    fn insert(&mut self, host: &'c Host, site: &'c Arc<str>) {
        self.0.entry(host).or_default().push(site);
    }

    /// Another site that has this host, or a wildcard that covers it; and which of the two it has.
    fn other_than(&self, site: &Arc<str>, host: &Host) -> Option<(&'c Host, &'c Arc<str>)> {
        let (Host::Exact(name) | Host::Below(name)) = host;
        let other = |host: &Host| {
            let (host, by) = self.0.get_key_value(host)?;
            Some((*host, by.iter().copied().find(|by| *by != site)?))
        };
        let mut covering = parents(name).map(|parent| Host::Below(parent.to_owned()));
        other(host).or_else(|| covering.find_map(|host| other(&host)))
    }
}

#[cfg(test)]
mod tests;
