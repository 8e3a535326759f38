//! Which site gets which host, if several ask for it.
//!
//! Sites do not trust each other, and each names its hosts itself. So the decision does not depend
//! on the order in which sites are loaded:
//!
//! 1. A host that the operator gives to a site (`[tenants.hosts]`) is only that site's.
//! 2. The name of a site's folder is a host of only that site, and so is every host below it.
//! 3. Any other host stays with the site that has it, by name or by a wildcard. [`Record`]
//!    remembers that over a restart.
//! 4. If the site no longer asks for a host, or does not exist at the moment, the host is kept for
//!    it for [`RELEASE_TIME`].
//! 5. If several sites ask for a host that is free, none of them gets it.
//!
//! A wildcard covers neither another site's hosts below it nor hosts that nobody gets.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::record::{Holding, Record};
use crate::config::Host;

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
    said: BTreeSet<Refusal>,
}

/// A host that a site asks for and does not get.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Refusal {
    site: Arc<str>,
    host: Host,
    other: Arc<str>,
    why: Why,
    /// When the host is released, in seconds since 1970, if that is known.
    until: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Given,
    Broad,
    Local,
    Folder,
    Held,
    Released,
    Asked,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, other, .. } = self;
        match self.why {
            Why::Given => write!(
                f,
                "`{host}` is not a host of this site: `[tenants.hosts]` gives it to the site `{other}`"
            ),
            Why::Broad => write!(
                f,
                "`{host}` is a whole top-level domain, or made of addresses: name a narrower one, or give it to \
                 this site in `[tenants.hosts]` beside the folders"
            ),
            Why::Local => write!(
                f,
                "`{host}` is the machine's and not one site's: name a domain, or give it to this site in \
                 `[tenants.hosts]` beside the folders"
            ),
            Why::Folder => write!(
                f,
                "`{host}` is a host of the site `{other}` already, by its folder's name: remove it from \
                 `hosts`, or give it to this site in `[tenants.hosts]` beside the folders"
            ),
            Why::Held => write!(
                f,
                "`{host}` is a host of the site `{other}` already: keep it in the `hosts` of one of them, \
                 or give it to one in `[tenants.hosts]` beside the folders"
            ),
            Why::Released => write!(
                f,
                "`{host}` was a host of the site `{other}`, which no longer asks for it: it is free {}; to give it \
                 to a site at once, name it in `[tenants.hosts]` beside the folders and start the host again",
                Moment(self.until)
            ),
            Why::Asked => write!(
                f,
                "the site `{other}` asks for `{host}`, too, so that neither gets it: keep it in the `hosts` \
                 of one of them, or give it to one in `[tenants.hosts]` beside the folders"
            ),
        }
    }
}

/// A moment, displayed for people.
struct Moment(Option<u64>);

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        /// The end of the year 9999. Later dates have another form.
        const LAST: u64 = 253_402_300_799;
        let time = self.0.map(|seconds| Duration::from_secs(seconds.min(LAST)));
        match time.and_then(|time| UNIX_EPOCH.checked_add(time)) {
            Some(time) => write!(f, "from {} on", humantime::format_rfc3339_seconds(time)),
            None => f.write_str("later"),
        }
    }
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
    pub fn of_many(
        given: &BTreeMap<Host, String>,
        asked: BTreeMap<String, Option<Vec<Host>>>,
        record: Record,
    ) -> Self {
        let given = given.iter().map(|(host, site)| (host.clone(), site.as_str().into()));
        let asked = asked.into_iter().map(|(site, hosts)| (site.into(), hosts));
        let held = record.read();
        Self {
            asked: asked.collect(),
            given: given.collect(),
            held,
            record,
            many: true,
            ..Self::default()
        }
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
        for (refusal, more) in news(&refused, &self.said) {
            let site = &*refusal.site;
            match more {
                0 => tracing::error!(target: "swap", site, "{refusal}"),
                _ => tracing::error!(
                    target: "swap", site, "{refusal}; {more} more of its `hosts` are refused, too"
                ),
            }
        }
        self.said = refused;
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
        let rules = Rules::new(self, now);
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

/// Whether a site has this host, or a wildcard that covers it.
fn has(held: &BTreeMap<Host, Holding>, site: &Arc<str>, host: &Host) -> bool {
    let (Host::Exact(name) | Host::Below(name)) = host;
    let is_its = |host: &Host| held.get(host).is_some_and(|holding| holding.site == *site);
    is_its(host) || parents(name).any(|parent| is_its(&Host::Below(parent.to_owned())))
}

/// How many refusals of one site, for one reason, are logged at once.
const MAX_SAID: usize = 8;

/// Refusals that the log has not reported: some for each site and reason, the last with the number
/// of the others. A site may ask for many hosts, and must not be able to fill the log with them.
fn news<'r>(
    refused: &'r BTreeSet<Refusal>,
    said: &'r BTreeSet<Refusal>,
) -> impl Iterator<Item = (&'r Refusal, usize)> {
    let mut news: BTreeMap<_, Vec<(&Refusal, usize)>> = BTreeMap::new();
    for refusal in refused.difference(said) {
        let of = news.entry((&refusal.site, refusal.why)).or_default();
        let is_full = of.len() >= MAX_SAID;
        match of.last_mut() {
            Some((_, more)) if is_full => *more += 1,
            _ => of.push((refusal, 0)),
        }
    }
    news.into_values().flatten()
}

impl Refusal {
    fn new(site: &Arc<str>, host: &Host, other: &Arc<str>, why: Why) -> Self {
        Self { site: site.clone(), host: host.clone(), other: other.clone(), why, until: None }
    }
}

/// What the rules say about a claim. It does not depend on which site asks first.
enum Verdict<'c> {
    /// The operator gives it to the site.
    Given,
    /// By its folder's name.
    Own,
    /// The site that has the host, or that alone asks for it, gets it.
    Free,
    Refused(&'c Arc<str>, Why),
}

/// The rules that do not depend on which site asks first.
struct Rules<'c> {
    given: &'c BTreeMap<Host, Arc<str>>,
    /// In lower case, like hosts.
    folders: HashMap<String, &'c Arc<str>>,
    many: bool,
}

impl<'c> Rules<'c> {
    fn new(claims: &'c Claims, now: u64) -> Self {
        let folders = claims.folders(now).map(|folder| (folder.to_ascii_lowercase(), folder));
        Self { given: &claims.given, folders: folders.collect(), many: claims.many }
    }

    fn judge(&self, site: &'c Arc<str>, host: &Host) -> Verdict<'c> {
        let (Host::Exact(name) | Host::Below(name)) = host;
        let is_below = matches!(host, Host::Below(_));
        let mut above = parents(name).map(|parent| Host::Below(parent.to_owned()));
        let given = self.given.get(host);
        match given.or_else(|| above.find_map(|host| self.given.get(&host))) {
            Some(owner) if owner == site => return Verdict::Given,
            Some(owner) => return Verdict::Refused(owner, Why::Given),
            None => {}
        }
        // The longest folder's name that equals the host, or covers it.
        let mut names = std::iter::once(name.as_str()).chain(parents(name));
        match names.find_map(|name| self.folders.get(name)) {
            Some(own) if *own == site => Verdict::Own,
            Some(other) => Verdict::Refused(other, Why::Folder),
            None if !self.many => Verdict::Free,
            None if is_below && (!name.contains('.') || is_address(name)) => {
                Verdict::Refused(site, Why::Broad)
            }
            None if !is_below && (name == "localhost" || is_address(name)) => {
                Verdict::Refused(site, Why::Local)
            }
            None => Verdict::Free,
        }
    }
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

/// Whether a host is an address, or a wildcard that addresses would match. A host whose last label
/// is a number is never a name (<https://url.spec.whatwg.org/#ends-in-a-number-checker>).
fn is_address(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let hex = last.strip_prefix("0x");
    name.starts_with('[')
        || last.bytes().all(|byte| byte.is_ascii_digit())
        || hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// `example.com`, `com` for `a.example.com`.
fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').filter_map(|(dot, _)| name.get(dot + 1..))
}

#[cfg(test)]
mod tests;
