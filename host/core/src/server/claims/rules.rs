//! The rules for hosts that do not depend on which site asks first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::refusal::Why;
use crate::config::Host;

/// What the rules say about a claim. It does not depend on which site asks first.
pub(super) enum Verdict<'c> {
    /// The operator gives the host to the site.
    Given,
    /// The host belongs to the site, by its folder's name.
    Own,
    /// The site that has the host, or that alone asks for it, gets it.
    Free,
    /// The host is not for this site, because of this one.
    Refused(&'c Arc<str>, Why),
}

/// The rules that do not depend on which site asks first.
pub(super) struct Rules<'c> {
    given: &'c BTreeMap<Host, Arc<str>>,
    /// In lower case, like hosts.
    folders: HashMap<String, &'c Arc<str>>,
    many: bool,
}

impl<'c> Rules<'c> {
    /// `given` are the hosts that the operator gives to sites, and `folders` those whose names
    /// belong to their sites. `many` says whether there may be several sites.
    pub(super) fn new(
        given: &'c BTreeMap<Host, Arc<str>>,
        folders: impl Iterator<Item = &'c Arc<str>>,
        many: bool,
    ) -> Self {
        let folders = folders.map(|folder| (folder.to_ascii_lowercase(), folder)).collect();
        Self { given, folders, many }
    }

    pub(super) fn judge(&self, site: &'c Arc<str>, host: &Host) -> Verdict<'c> {
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
pub(super) fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').filter_map(|(dot, _)| name.get(dot + 1..))
}
