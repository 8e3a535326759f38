//! Which site has which host, where several ask for it.
//!
//! Sites do not trust each other, and each names its hosts itself. So what is decided here does not depend on
//! the order in which they are loaded:
//!
//! 1. A host that the operator gives to a site (`[tenants.hosts]`) is that site's, and no other's.
//! 2. The name of a site's folder is a host of that site only, and so is every host below it.
//! 3. Of any other host, the site that has it keeps it, by name or by a wildcard: [`Record`] knows that over
//!    a restart.
//! 4. A host whose site asks for it no more, or is not there, is kept for that site for [`RELEASE_TIME`].
//! 5. Where several ask for a host that nobody has, nobody gets it.
//!
//! A wildcard does not reach what another site has below it, nor what nobody gets.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::record::{Holding, Record};
use crate::config::Host;

/// How long nobody else gets a host after its site has asked for it last. A folder that is replaced, or settings
/// that are written in several steps, give no host away.
const RELEASE_TIME: Duration = Duration::from_secs(10 * 60);

/// Hosts that are kept for one site that asks for them no more. Over it, those go first that it gave up first: a
/// site that names others all the time must not fill the record.
const MAX_RELEASED: usize = 4096;

/// What the sites of a server ask for, and who has what.
#[derive(Default)]
pub struct Claims {
    /// By folder. What a site asks for is not known where its settings cannot be read: then it asks for what
    /// it has.
    asked: BTreeMap<Arc<str>, Option<Vec<Host>>>,
    given: BTreeMap<Host, Arc<str>>,
    held: BTreeMap<Host, Holding>,
    record: Record,
    /// There may be several sites.
    many: bool,
    /// The refusals that the log knows.
    said: BTreeSet<Refusal>,
}

/// A host that a site asks for and does not get.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    site: Arc<str>,
    host: Host,
    other: Arc<str>,
    why: Why,
    /// When the host is free, in seconds since 1970, where that is known.
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
                "`{host}` was a host of the site `{other}`, which asks for it no more: it is free {}; to give it \
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

/// A moment for people.
struct Moment(Option<u64>);

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        /// The end of the year 9999, after which a date has another form.
        const LAST: u64 = 253_402_300_799;
        let time = self.0.map(|seconds| Duration::from_secs(seconds.min(LAST)));
        match time.and_then(|time| UNIX_EPOCH.checked_add(time)) {
            Some(time) => write!(f, "from {} on", humantime::format_rfc3339_seconds(time)),
            None => f.write_str("later"),
        }
    }
}

/// Who has a host: the folder of its site. None, where it is kept from everybody.
#[derive(Debug, Default)]
pub struct Owners {
    exact: HashMap<String, Option<Arc<str>>>,
    /// By what follows the `*.`.
    below: HashMap<String, Option<Arc<str>>>,
}

impl Owners {
    /// By the exact host, then by the longest `*.` that it is below.
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
    /// Those of several sites: what the operator gives, what each asks for, and what each had.
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

    /// From now on a site asks for these. Whether that is something else than before.
    pub fn ask(&mut self, site: &Arc<str>, hosts: &[Host]) -> bool {
        let before = self.asked.insert(site.clone(), Some(hosts.to_vec()));
        before.flatten().is_none_or(|before| before != hosts)
    }

    /// The folders of these sites are there, and their settings are not known yet. Whether one is new.
    pub fn announce(&mut self, sites: &[Arc<str>]) -> bool {
        let before = self.asked.len();
        for site in sites {
            self.asked.entry(site.clone()).or_default();
        }
        self.asked.len() != before
    }

    /// The folder of a site is gone. Whether it was there.
    pub fn forget(&mut self, site: &str) -> bool {
        self.asked.remove(site).is_some()
    }

    /// Whether a host is free at this moment that was not when they were assigned last.
    pub fn is_due(&self, now: u64) -> bool {
        self.held.values().any(|holding| holding.is_over(now))
    }

    /// Decides for this moment, in seconds since 1970, says what is refused, and writes down who has what.
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

    /// The folders whose names are their sites': those that are there, and those that may come back.
    fn folders(&self, now: u64) -> impl Iterator<Item = &Arc<str>> {
        let held = self.held.values().filter(move |holding| !holding.is_over(now));
        held.map(|holding| &holding.site).chain(self.asked.keys())
    }

    /// What a site has now, or may have again.
    fn holds(&self, site: &Arc<str>, host: &Host, now: u64) -> bool {
        let holding = self.held.get(host);
        holding.is_some_and(|holding| holding.site == *site && !holding.is_over(now))
    }

    /// What is kept for sites that ask for it no more, besides what is had now.
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

    /// Who has what besides what is given, and what is refused.
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
        // Those who have a host keep it: also one that another site's wildcard, which came later, would reach.
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
        // Also not where a wildcard of its own, which is new, has it.
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

    /// When the host is free, in seconds since 1970.
    fn until(&self) -> Option<u64> {
        Some(self.released?.saturating_add(RELEASE_TIME.as_secs()))
    }

    /// Whether the host is free at this moment.
    fn is_over(&self, now: u64) -> bool {
        self.until().is_some_and(|until| until <= now)
    }
}

/// Whether these are a site's host, or a wildcard of the site above it.
fn has(held: &BTreeMap<Host, Holding>, site: &Arc<str>, host: &Host) -> bool {
    let (Host::Exact(name) | Host::Below(name)) = host;
    let is_its = |host: &Host| held.get(host).is_some_and(|holding| holding.site == *site);
    is_its(host) || parents(name).any(|parent| is_its(&Host::Below(parent.to_owned())))
}

/// Refusals of one site, for one reason, that are said at once.
const MAX_SAID: usize = 8;

/// Refusals that the log does not know yet: some for each site and reason, the last of them with how many
/// others there are. A site may ask for many hosts, and must not be able to fill the log by it.
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

/// What the rules say of a claim. It does not depend on which site asks first.
enum Verdict<'c> {
    /// The operator gives it to the site.
    Given,
    /// By its folder's name.
    Own,
    /// It is for the site that has it, or asks alone.
    Free,
    Refused(&'c Arc<str>, Why),
}

/// What does not depend on which site asks first.
struct Rules<'c> {
    given: &'c BTreeMap<Host, Arc<str>>,
    /// In lower case, as hosts are.
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
        // The longest folder's name that it is, or is below.
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

/// Hosts by who has or wants them.
#[derive(Default)]
struct Names<'c>(BTreeMap<&'c Host, Vec<&'c Arc<str>>>);

impl<'c> Names<'c> {
    fn insert(&mut self, host: &'c Host, site: &'c Arc<str>) {
        self.0.entry(host).or_default().push(site);
    }

    /// Another site that has this host, or a wildcard that covers it; and which of both it has.
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

/// Whether a host is an address, or what addresses are below. One whose last label is a number is never a name
/// (<https://url.spec.whatwg.org/#ends-in-a-number-checker>).
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
