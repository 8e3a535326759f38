//! Which site has which host, where several ask for it.
//!
//! Sites do not trust each other, and each names its hosts itself. So what is decided here does not depend on
//! the order in which they are loaded:
//!
//! 1. A host that the operator gives to a site (`[tenants.hosts]`) is that site's, and no other's.
//! 2. The name of a site's folder is a host of that site only, and so is every host below it.
//! 3. Of any other host, the site that has it keeps it, by name or by a wildcard: [`Record`] knows that over
//!    a restart.
//! 4. Where several ask for a host that nobody has, nobody gets it.
//!
//! A wildcard does not reach what another site has below it, nor what nobody gets.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::record::Record;
use crate::config::Host;

/// What the sites of a server ask for, and who has what.
#[derive(Default)]
pub struct Claims {
    /// By folder. What a site asks for is not known where its settings cannot be read: then it asks for what
    /// it has.
    asked: BTreeMap<Arc<str>, Option<Vec<Host>>>,
    given: BTreeMap<Host, Arc<str>>,
    held: BTreeMap<Host, Arc<str>>,
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Given,
    Broad,
    Folder,
    Held,
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
                "`{host}` is a whole top-level domain: name a narrower one, or give it to this site in \
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
            Why::Asked => write!(
                f,
                "the site `{other}` asks for `{host}`, too, so that neither gets it: keep it in the `hosts` \
                 of one of them, or give it to one in `[tenants.hosts]` beside the folders"
            ),
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

    /// A site asks for nothing any more. Whether it did before.
    pub fn forget(&mut self, site: &str) -> bool {
        self.asked.remove(site).is_some()
    }

    /// Decides, says what is refused, and writes down who has what.
    pub fn assign(&mut self) -> Owners {
        let (held, refused) = self.decide();
        let mut owners = Owners::default();
        for folder in self.asked.keys().filter(|_| self.many) {
            let name = folder.to_ascii_lowercase();
            owners.insert(&Host::Exact(name.clone()), None);
            owners.insert(&Host::Below(name), None);
        }
        let nobodys = refused.iter().filter(|refusal| refusal.why == Why::Asked);
        nobodys.for_each(|refusal| owners.insert(&refusal.host, None));
        let owned = held.iter().chain(&self.given);
        owned.for_each(|(host, site)| owners.insert(host, Some(site)));
        if held != self.held {
            self.held = held;
            self.record.write(&self.held);
        }
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

    /// Who has what besides what is given, and what is refused.
    fn decide(&self) -> (BTreeMap<Host, Arc<str>>, BTreeSet<Refusal>) {
        let rules = Rules::new(self);
        let (mut held, mut refused) = (BTreeMap::new(), BTreeSet::new());
        let mut claims = Vec::new();
        for (site, asked) in &self.asked {
            let had = self.held.iter().filter(|(_, holder)| *holder == site);
            let hosts: Vec<&Host> = match asked {
                Some(hosts) => hosts.iter().collect(),
                None => had.map(|(host, _)| host).collect(),
            };
            for host in hosts {
                match rules.judge(site, host) {
                    Verdict::Given => {}
                    Verdict::Own => {
                        held.insert(host.clone(), site.clone());
                    }
                    Verdict::Free => claims.push((host, site)),
                    Verdict::Refused(other, why) => {
                        refused.insert(Refusal::new(site, host, other, why));
                    }
                }
            }
        }
        // Those who have a host keep it: also one that another site's wildcard, which came later, would reach.
        let is_held = |(host, site): &(&Host, &Arc<str>)| self.held.get(*host) == Some(*site);
        let (had, new): (Vec<_>, Vec<_>) = claims.into_iter().partition(is_held);
        let mut taken = Names::default();
        for (host, site) in had {
            taken.insert(host, site);
            held.insert(host.clone(), site.clone());
        }
        let mut wanted = Names::default();
        new.iter().for_each(|(host, site)| wanted.insert(host, site));
        for (host, site) in new {
            let in_the_way = (taken.other_than(site, host).map(|other| (other, Why::Held)))
                .or_else(|| wanted.other_than(site, host).map(|other| (other, Why::Asked)));
            match in_the_way {
                Some((other, why)) => {
                    refused.insert(Refusal::new(site, host, other, why));
                }
                None => {
                    held.insert(host.clone(), site.clone());
                }
            }
        }
        (held, refused)
    }
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
        Self { site: site.clone(), host: host.clone(), other: other.clone(), why }
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
    fn new(claims: &'c Claims) -> Self {
        let folders = claims.asked.keys().map(|folder| (folder.to_ascii_lowercase(), folder));
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
            None if self.many && is_below && !name.contains('.') => {
                Verdict::Refused(site, Why::Broad)
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

    /// Another site that has this host, or a wildcard that covers it.
    fn other_than(&self, site: &Arc<str>, host: &Host) -> Option<&'c Arc<str>> {
        let (Host::Exact(name) | Host::Below(name)) = host;
        let other = |host: &Host| self.0.get(host)?.iter().copied().find(|by| *by != site);
        let mut covering = parents(name).map(|parent| Host::Below(parent.to_owned()));
        other(host).or_else(|| covering.find_map(|host| other(&host)))
    }
}

/// `example.com`, `com` for `a.example.com`.
fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').filter_map(|(dot, _)| name.get(dot + 1..))
}

#[cfg(test)]
mod tests;
