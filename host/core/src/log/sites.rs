//! Which site a log line is charged to, and whose secrets are hidden in it. The event's field
//! `site` decides both, so that no log call can forget it.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::RwLock;

use super::Secrets;

/// What the log has to know about a site.
pub(crate) trait Site: Send + Sync {
    /// Whether there is room for any line at all. If not, this counts the line as left out.
    fn has_room(&self) -> bool;

    /// Charges a line of this many bytes, if there is room for it. If not, this counts the line as
    /// left out.
    fn admit(&self, bytes: usize) -> bool;

    /// The secrets that no line of the site may show.
    fn secrets(&self) -> Option<Arc<Secrets>>;
}

/// The sites by name. For a while several sites may have one name: one that still drains, and its
/// successor.
type Sites = HashMap<Arc<str>, Vec<Weak<dyn Site>>>;

static SITES: RwLock<Option<Sites>> = RwLock::new(None);

/// Charges lines that name this site to it for as long as it exists.
pub(crate) fn register<S: Site + 'static>(name: &Arc<str>, site: &Arc<S>) {
    let site: Weak<dyn Site> = Arc::downgrade(&(site.clone() as Arc<dyn Site>));
    let mut sites = SITES.write();
    let named = sites.get_or_insert_default().entry(name.clone()).or_default();
    named.retain(|own| own.strong_count() > 0);
    if !named.iter().any(|own| own.ptr_eq(&site)) {
        named.push(site);
    }
}

/// Forgets the sites that no longer exist.
pub(crate) fn forget() {
    if let Some(sites) = &mut *SITES.write() {
        sites.retain(|_, named| {
            named.retain(|own| own.strong_count() > 0);
            !named.is_empty()
        });
    }
}

/// The sites with this name; the first is charged.
pub(super) fn named(name: &str) -> Vec<Arc<dyn Site>> {
    let sites = SITES.read();
    let named = sites.as_ref().and_then(|sites| sites.get(name));
    named.into_iter().flatten().filter_map(Weak::upgrade).collect()
}
