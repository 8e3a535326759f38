//! What a site may not have because another one has it: its name in the log, and its hosts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::config::{Config, Host, SiteConfig, Tenants};
use crate::files::Folder;
use crate::server::{Claims, Record};

/// The names that the sites of a host ask for, by their folders; none, where the folder's is enough.
#[derive(Debug, Default)]
pub struct Neighbours(Mutex<BTreeMap<String, Option<String>>>);

impl Neighbours {
    /// Reads what the sites in these folders ask for, before any of them is loaded: so nothing depends on
    /// which of them is loaded first.
    pub fn read(root: &Path, folders: &[String], tenants: &Tenants) -> (Arc<Self>, Claims) {
        let (mut names, mut hosts) = (BTreeMap::new(), BTreeMap::new());
        for folder in folders {
            // What is wrong is reported when the site is loaded. Where only tables of the host are
            // misplaced, the hosts are known all the same.
            let config = Folder::open(&root.join(folder)).map_err(Into::into);
            let config = config.and_then(|folder| Config::load(&folder)).ok();
            let config = config.map(|config| config.site);
            let asked = config.as_ref().and_then(|config| hosts_of(folder, config).ok());
            hosts.insert(folder.clone(), asked);
            names.insert(folder.clone(), config.and_then(|config| config.name));
        }
        let claims = Claims::of_many(&tenants.hosts, hosts, Record::open(root));
        (Arc::new(Self(Mutex::new(names))), claims)
    }

    /// The name of the site in this folder: the one that it asks for, if no other site has that.
    pub fn name(&self, folder: &str, asked: Option<&str>) -> Arc<str> {
        let mut names = self.0.lock();
        names.insert(folder.to_owned(), asked.map(str::to_owned));
        let Some(asked) = asked else { return folder.into() };
        let is_same = |name: &str| name.to_lowercase() == asked.to_lowercase();
        let mut others = names.iter().filter(|(other, _)| *other != folder);
        let other =
            others.find(|(other, name)| is_same(other) || name.as_deref().is_some_and(is_same));
        let Some((other, _)) = other else { return asked.into() };
        tracing::error!(
            target: "swap", site = folder,
            "the name `{asked}` is that of the site in `{other}`, too: this one is called `{folder}`"
        );
        folder.into()
    }

    /// A site is gone.
    pub fn forget(&self, folder: &str) {
        self.0.lock().remove(folder);
    }
}

/// The hosts that one of several sites asks for: those that it names, or its folder's name.
///
/// # Errors
/// It names none, and its folder's name is not a host.
pub fn hosts_of(folder: &str, config: &SiteConfig) -> anyhow::Result<Vec<Host>> {
    if !config.hosts.is_empty() {
        return Ok(config.hosts.clone());
    }
    let host = Host::try_from(folder.to_owned()).map_err(|error| {
        anyhow::anyhow!("name its hosts in `hosts` of its `lithe.toml`: {error}")
    })?;
    Ok(vec![host])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_sites_only() {
        let neighbours = Neighbours::default();
        assert_eq!(&*neighbours.name("victim", None), "victim");
        for asked in ["victim", "Victim"] {
            assert_eq!(&*neighbours.name("aaa", Some(asked)), "aaa", "{asked}");
        }
        assert_eq!(&*neighbours.name("aaa", Some("Shop")), "Shop");
        assert_eq!(&*neighbours.name("bbb", Some("shop")), "bbb");
        assert_eq!(&*neighbours.name("aaa", Some("aaa")), "aaa", "its own");
        assert_eq!(&*neighbours.name("bbb", Some("shop")), "shop");
        neighbours.forget("victim");
        assert_eq!(&*neighbours.name("ccc", Some("victim")), "victim");
    }

    #[test]
    fn of_two_that_ask_for_a_name_at_the_start_neither_gets_it() {
        let root = tempfile::tempdir().unwrap();
        let folders = ["a", "b"].map(str::to_owned);
        for folder in &folders {
            std::fs::create_dir(root.path().join(folder)).unwrap();
            std::fs::write(root.path().join(folder).join("lithe.toml"), "name = \"x\"\n").unwrap();
        }
        let (neighbours, _) = Neighbours::read(root.path(), &folders, &Tenants::default());
        for folder in ["b", "a"] {
            assert_eq!(&*neighbours.name(folder, Some("x")), folder);
        }
    }
}
