//! Whom a line is charged to, and whose secrets are hidden in it: by the field `site` of the event, so that
//! nobody who logs can forget it.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::RwLock;

use super::Secrets;

/// What the log has to know of a site.
pub trait Site: Send + Sync {
    /// Whether there is room for any line at all. One that is left out is counted by this.
    fn has_room(&self) -> bool;

    /// Whether there is room for so many bytes, which are charged. A line that is left out is counted by this.
    fn admit(&self, bytes: usize) -> bool;

    /// What no line of the site shows.
    fn secrets(&self) -> Option<Arc<Secrets>>;
}

/// By name. A name may be that of several for a while: of a site that still drains, and of one that has come
/// after it.
type Sites = HashMap<Arc<str>, Vec<Weak<dyn Site>>>;

static SITES: RwLock<Option<Sites>> = RwLock::new(None);

/// Lines that name this site are charged to it, as long as it is there.
pub fn register<S: Site + 'static>(name: &Arc<str>, site: &Arc<S>) {
    let site: Weak<dyn Site> = Arc::downgrade(&(site.clone() as Arc<dyn Site>));
    let mut sites = SITES.write();
    let named = sites.get_or_insert_default().entry(name.clone()).or_default();
    named.retain(|own| own.strong_count() > 0);
    if !named.iter().any(|own| own.ptr_eq(&site)) {
        named.push(site);
    }
}

/// Forgets the sites that are gone.
pub fn forget() {
    if let Some(sites) = &mut *SITES.write() {
        sites.retain(|_, named| {
            named.retain(|own| own.strong_count() > 0);
            !named.is_empty()
        });
    }
}

/// The sites of this name; the first is charged.
pub(super) fn named(name: &str) -> Vec<Arc<dyn Site>> {
    let sites = SITES.read();
    let named = sites.as_ref().and_then(|sites| sites.get(name));
    named.into_iter().flatten().filter_map(Weak::upgrade).collect()
}
