//! Which site a request is for, by its host (RFC 9110, section 7.2).

use std::collections::HashMap;
use std::sync::Arc;

use super::claims::Owners;
use super::served_site::ServedSite;

/// The sites by their hosts. Replaced whole when a site comes, changes its hosts, or goes.
#[derive(Clone, Default)]
pub struct Hosts {
    /// Those that are served, by their folders.
    sites: HashMap<Arc<str>, Arc<ServedSite>>,
    owners: Arc<Owners>,
    /// The site that names no hosts: the only one.
    any: Option<Arc<ServedSite>>,
}

/// What there is for a request.
#[derive(Clone)]
pub enum Found {
    Site(Arc<ServedSite>),
    /// The site that has the host is not served, or not yet.
    NotServed,
    /// No site has the host, or the request names none.
    Nobody,
}

/// A site that would answer for every host, among others.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a site without `hosts` answers for every host, so it must be the only one")]
pub struct NotAlone;

impl Hosts {
    /// The same with this site. One that answers for all has to be the only one.
    ///
    /// # Errors
    /// It is not.
    pub fn with(&self, site: &Arc<ServedSite>, for_all: bool) -> Result<Self, NotAlone> {
        let mut all = self.without(site);
        if all.any.is_some() || (for_all && !all.sites.is_empty()) {
            return Err(NotAlone);
        }
        all.sites.insert(site.folder().clone(), site.clone());
        all.any = for_all.then(|| site.clone());
        Ok(all)
    }

    /// The same without this site.
    pub fn without(&self, site: &Arc<ServedSite>) -> Self {
        let mut all = self.clone();
        let is_it = |own: &Arc<ServedSite>| Arc::ptr_eq(own, site);
        if all.sites.get(site.folder()).is_some_and(is_it) {
            all.sites.remove(site.folder());
        }
        all.any = all.any.filter(|own| !is_it(own));
        all
    }

    /// The same, where other sites have other hosts.
    pub fn owned_by(self, owners: Owners) -> Self {
        Self { owners: Arc::new(owners), ..self }
    }

    /// Every site.
    pub fn sites(&self) -> impl Iterator<Item = &Arc<ServedSite>> {
        self.sites.values()
    }

    /// The site for a request's host, which is asked for only where it decides.
    pub fn find<'h>(&self, host: impl FnOnce() -> Option<&'h str>) -> Found {
        if let Some(any) = &self.any {
            return Found::Site(any.clone());
        }
        let Some(host) = host() else { return Found::Nobody };
        match self.owners.of(&host.to_ascii_lowercase()) {
            // Before the first site is there, every host may be one of a site's.
            None if self.sites.is_empty() => Found::NotServed,
            None => Found::Nobody,
            Some(folder) => match self.sites.get(folder) {
                Some(site) => Found::Site(site.clone()),
                None => Found::NotServed,
            },
        }
    }
}
