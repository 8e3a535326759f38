//! Which site a request is for, by its host (RFC 9110, section 7.2).

use std::collections::HashMap;
use std::sync::Arc;

use super::served::Served;
use crate::config::Host;

/// The sites by their hosts. Replaced whole when a site comes, changes its hosts, or goes.
#[derive(Clone, Default)]
pub struct Hosts {
    sites: Vec<Arc<Served>>,
    exact: HashMap<String, usize>,
    /// By what follows the `*.`.
    below: HashMap<String, usize>,
    /// The site that names no hosts: the only one.
    any: Option<usize>,
}

/// Two sites claim the same host.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum HostsError {
    #[error(
        "`{host}` is a host of the site `{other}` already: keep it in the `hosts` of one of them"
    )]
    Taken { host: String, other: Arc<str> },
    #[error("a site without `hosts` answers for every host, so it must be the only one")]
    NotAlone,
}

impl Hosts {
    /// The same with this site's hosts; without any, it answers for all.
    ///
    /// # Errors
    /// Another site has one of them.
    pub fn with(&self, site: &Arc<Served>, hosts: &[Host]) -> Result<Self, HostsError> {
        let mut all = self.without(site);
        if all.any.is_some() || (hosts.is_empty() && !all.sites.is_empty()) {
            return Err(HostsError::NotAlone);
        }
        let own = all.sites.len();
        all.sites.push(site.clone());
        for host in hosts {
            let (map, name) = match host {
                Host::Exact(name) => (&mut all.exact, name),
                Host::Below(name) => (&mut all.below, name),
            };
            match map.insert(name.clone(), own) {
                Some(other) if other != own => {
                    let other = all.sites[other].name().clone();
                    return Err(HostsError::Taken { host: host.to_string(), other });
                }
                _ => {}
            }
        }
        all.any = hosts.is_empty().then_some(own);
        Ok(all)
    }

    /// The same without this site.
    pub fn without(&self, site: &Arc<Served>) -> Self {
        let Some(gone) = self.sites.iter().position(|own| Arc::ptr_eq(own, site)) else {
            return self.clone();
        };
        let keep = |map: &HashMap<String, usize>| {
            let others = map.iter().filter(|(_, own)| **own != gone);
            // Those behind it move up.
            others.map(|(host, own)| (host.clone(), own - usize::from(*own > gone))).collect()
        };
        let mut sites = self.sites.clone();
        sites.remove(gone);
        let any = self.any.filter(|any| *any != gone);
        Self { sites, exact: keep(&self.exact), below: keep(&self.below), any }
    }

    /// Every site.
    pub fn sites(&self) -> &[Arc<Served>] {
        &self.sites
    }

    /// The site for a request's host: by the exact host, then by the longest `*.` that it is below.
    pub fn find(&self, host: Option<&str>) -> Option<&Arc<Served>> {
        if let Some(any) = self.any {
            return self.sites.get(any);
        }
        let host = host?.to_ascii_lowercase();
        let exact = self.exact.get(&host).copied();
        let site = exact.or_else(|| {
            let mut parents = host.match_indices('.').map(|(dot, _)| &host[dot + 1..]);
            parents.find_map(|parent| self.below.get(parent).copied())
        });
        self.sites.get(site?)
    }
}
