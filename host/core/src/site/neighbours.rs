//! What only one of a host's sites may have: its hosts, and its name in the log.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::scan::is_site;
use crate::config::{Config, Host, SiteConfig, Tenants};
use crate::files::Folder;
use crate::server::{Claims, Record};

/// Reads what the sites in these folders ask for, before any of them is loaded, so that the order
/// of loading does not matter.
pub(crate) fn read_claims(root: &Path, folders: &[String], tenants: &Tenants) -> Claims {
    let asked = folders.iter().map(|name| (name.clone(), asked_by(root, name, tenants)));
    Claims::of_many(tenants.hosts(), asked.collect(), Record::open(root))
}

/// The hosts that the site in this folder asks for. None if its settings are in doubt. A folder
/// that is not a site asks for nothing. Errors are reported when the site is loaded. If the only
/// fault is a table that belongs to the host, the hosts are known anyway.
fn asked_by(root: &Path, name: &str, tenants: &Tenants) -> Option<Vec<Host>> {
    let folder = Folder::open(&root.join(name)).ok()?;
    if !is_site(&folder).ok()? {
        return Some(Vec::new());
    }
    let config = Config::load(&folder).ok()?;
    hosts_of(name, &config.site, tenants).ok()
}

/// The hosts that one of several sites asks for: those that it names, or else its folder's name, or
/// else those that the operator gives it.
///
/// # Errors
/// It has none of these: its folder's name is not a host.
pub(crate) fn hosts_of(
    folder: &str,
    config: &SiteConfig,
    tenants: &Tenants,
) -> anyhow::Result<Vec<Host>> {
    if !config.hosts.is_empty() {
        return Ok(config.hosts.clone());
    }
    match (Host::try_from(folder.to_owned()), tenants.sites.get(folder)) {
        (Ok(host), _) => Ok(vec![host]),
        (Err(_), Some(own)) if !own.hosts.is_empty() => Ok(own.hosts.clone()),
        (Err(error), _) => {
            anyhow::bail!("name its hosts in `hosts` of its `lithe.toml`: {error}")
        }
    }
}

/// The name of one of several sites in the log. A site chooses its name, but not its folder. A
/// folder's name contains no `/`, so the name in the log never equals a neighbour's name or folder.
pub(crate) fn log_name(folder: &str, name: Option<&str>) -> Arc<str> {
    match name {
        Some(name) => format!("{name} (./{folder})").into(),
        None => folder.into(),
    }
}

/// The entries of `[tenants]` whose site has no folder, as the settings name them.
pub(crate) fn without_folder(tenants: &Tenants, folders: &[String]) -> Vec<String> {
    let folders: BTreeSet<&str> = folders.iter().map(String::as_str).collect();
    let is_missing = |site: &str| !folders.contains(site);
    let sites = tenants.sites.keys().filter(|site| is_missing(site));
    let sites = sites.map(|site| format!("`[tenants.sites.{site:?}]`"));
    let tokens = tenants.tokens.iter().filter(|(_, token)| is_missing(&token.site));
    let tokens = tokens
        .map(|(name, token)| format!("`[tenants.tokens.{name:?}]` (its site is {:?})", token.site));
    sites.chain(tokens).collect()
}

/// A warning of the entries that [`without_folder`] finds. It names some, and counts the others.
pub(crate) fn warning_of(entries: &[String]) -> String {
    /// How many are named.
    const MAX_NAMED: usize = 8;
    let named = entries.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = match entries.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!(
        "the host's settings are for sites that have no folder here: {named}{more}; the name of a site is \
         that of its folder"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_in_the_log_is_that_of_two_sites() {
        let folders = ["a", "b", "x (a", "a)", "a (b)", "a (.", "x (."];
        let names = ["a", "b", "x", "a (./b)", "a (b)", "x (./a) (", "/", "./b", "a (./b) (./b"];
        let mut seen = BTreeSet::new();
        for folder in folders {
            let named = names.iter().map(|name| log_name(folder, Some(name)));
            for name in named.chain([log_name(folder, None)]) {
                assert!(seen.insert(name.clone()), "{name}");
            }
        }
    }
}
