//! Which site a request is for, by its host (RFC 9110, section 7.2).

use std::collections::HashMap;
use std::sync::Arc;

use super::claims::Owners;
use super::served_site::ServedSite;

/// The sites by their hosts. All of it is replaced when a site comes, changes its hosts, or goes.
#[derive(Clone, Default)]
pub(crate) struct Hosts {
    /// The served sites, by their folders.
    sites: HashMap<Arc<str>, Arc<ServedSite>>,
    owners: Arc<Owners>,
    /// The only site, if it names no hosts.
    any: Option<Arc<ServedSite>>,
}

/// The result of looking for a request's site.
#[derive(Clone)]
pub(crate) enum FoundSite {
    Site(Arc<ServedSite>),
    /// The site with this host is not served, or not yet.
    NotServed,
    /// No site has this host, or the request names no host.
    Nobody,
}

/// A site would answer for every host, although there are others.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a site without `hosts` answers for every host, so it must be the only one")]
pub struct NotAlone;

impl Hosts {
    /// Adds this site. A site that answers for every host has to be the only one.
    ///
    /// # Errors
    /// It is not.
    pub(crate) fn with(&self, site: &Arc<ServedSite>, for_all: bool) -> Result<Self, NotAlone> {
        let mut all = self.without(site);
        if all.any.is_some() || (for_all && !all.sites.is_empty()) {
            return Err(NotAlone);
        }
        all.sites.insert(site.folder().clone(), site.clone());
        all.any = for_all.then(|| site.clone());
        Ok(all)
    }

    /// Removes this site.
    pub(crate) fn without(&self, site: &Arc<ServedSite>) -> Self {
        let mut all = self.clone();
        let is_it = |own: &Arc<ServedSite>| Arc::ptr_eq(own, site);
        if all.sites.get(site.folder()).is_some_and(is_it) {
            all.sites.remove(site.folder());
        }
        all.any = all.any.filter(|own| !is_it(own));
        all
    }

    /// Assigns hosts to the sites again.
    pub(crate) fn owned_by(self, owners: Owners) -> Self {
        Self { owners: Arc::new(owners), ..self }
    }

    /// Every site.
    pub(crate) fn sites(&self) -> impl Iterator<Item = &Arc<ServedSite>> {
        self.sites.values()
    }

    /// Finds the site for a request's host, which is read only if it matters.
    pub(crate) fn find<'h>(&self, host: impl FnOnce() -> Option<&'h str>) -> FoundSite {
        if let Some(any) = &self.any {
            return FoundSite::Site(any.clone());
        }
        let Some(host) = host() else { return FoundSite::Nobody };
        match self.owners.of(&host.to_ascii_lowercase()) {
            // Before the first site is served, every host may belong to a site.
            None if self.sites.is_empty() => FoundSite::NotServed,
            None => FoundSite::Nobody,
            Some(folder) => match self.sites.get(folder) {
                Some(site) => FoundSite::Site(site.clone()),
                None => FoundSite::NotServed,
            },
        }
    }
}
