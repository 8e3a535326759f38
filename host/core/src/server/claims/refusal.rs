//! The hosts that a site asks for and does not get, and which of them the log reports.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use crate::config::Host;

/// How many refusals of one site, for one reason, are logged at once.
pub(super) const MAX_LOGGED: usize = 8;

/// A host that a site asks for and does not get.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Refusal {
    pub site: Arc<str>,
    pub host: Host,
    pub other: Arc<str>,
    pub why: Why,
    /// When the host is released, in seconds since 1970, if that is known.
    pub until: Option<u64>,
}

/// Why a site does not get a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    Given,
    Broad,
    Local,
    Folder,
    Held,
    Released,
    Asked,
}

impl Refusal {
    pub(super) fn new(site: &Arc<str>, host: &Host, other: &Arc<str>, why: Why) -> Self {
        Self { site: site.clone(), host: host.clone(), other: other.clone(), why, until: None }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, other, .. } = self;
        match self.why {
            Why::Given => write!(
                f,
                "`{host}` is not a host of this site: the operator gives it to the site `{other}` (`hosts` in \
                 `[tenants.sites]`)"
            ),
            Why::Broad => write!(
                f,
                "`{host}` is a whole top-level domain, or made of addresses: name a narrower one, or give it to \
                 this site by `hosts` in `[tenants.sites]` beside the folders"
            ),
            Why::Local => write!(
                f,
                "`{host}` belongs to the machine, not to one site: name a domain, or give it to this site by \
                 `hosts` in `[tenants.sites]` beside the folders"
            ),
            Why::Folder => write!(
                f,
                "`{host}` is a host of the site `{other}` already, by its folder's name: remove it from \
                 `hosts`, or give it to this site by `hosts` in `[tenants.sites]` beside the folders"
            ),
            Why::Held => write!(
                f,
                "`{host}` is a host of the site `{other}` already: keep it in the `hosts` of one of them, \
                 or give it to one by `hosts` in `[tenants.sites]` beside the folders"
            ),
            Why::Released => write!(
                f,
                "`{host}` was a host of the site `{other}`, which no longer asks for it: it is free {}; to give it \
                 to a site at once, name it in the site's `hosts` in `[tenants.sites]` beside the folders",
                Moment(self.until)
            ),
            Why::Asked => write!(
                f,
                "the site `{other}` asks for `{host}`, too, so neither gets it: keep it in the `hosts` \
                 of one of them, or give it to one by `hosts` in `[tenants.sites]` beside the folders"
            ),
        }
    }
}

/// A moment, displayed for people.
struct Moment(Option<u64>);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// The end of the year 9999. Later dates have another form.
        const LAST: u64 = 253_402_300_799;
        let time = self.0.map(|seconds| Duration::from_secs(seconds.min(LAST)));
        match time.and_then(|time| UNIX_EPOCH.checked_add(time)) {
            Some(time) => write!(f, "from {} on", humantime::format_rfc3339_seconds(time)),
            None => f.write_str("later"),
        }
    }
}

/// Refusals that the log has not reported: some for each site and reason, the last with the number
/// of the others. A site may ask for many hosts, and must not be able to fill the log with them.
pub(super) fn unreported<'r>(
    refused: &'r BTreeSet<Refusal>,
    reported: &'r BTreeSet<Refusal>,
) -> impl Iterator<Item = (&'r Refusal, usize)> {
    let mut unreported: BTreeMap<_, Vec<(&Refusal, usize)>> = BTreeMap::new();
    for refusal in refused.difference(reported) {
        let of = unreported.entry((&refusal.site, refusal.why)).or_default();
        let is_full = of.len() >= MAX_LOGGED;
        match of.last_mut() {
            Some((_, more)) if is_full => *more += 1,
            _ => of.push((refusal, 0)),
        }
    }
    unreported.into_values().flatten()
}
