//! One of several sites, for as long as its folder exists.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use super::{Many, Sites, Standing, update};
use crate::plugin::{Account, Share};
use crate::site::scan::is_site_at;
use crate::site::{SiteDir, SiteManager, Watcher};

/// How long a site waits after its task has failed.
const AGAIN: Duration = Duration::from_secs(1);

/// Serves the site in this folder and its changes, until this is dropped.
pub(super) async fn serve(sites: Arc<Sites>, name: String, id: u64) {
    loop {
        let following = follow(sites.clone(), name.clone(), id);
        let Err(broken) = AbortOnDropHandle::new(tokio::spawn(following)).await else { return };
        tracing::error!(
            target: "swap", site = name, "the task of the site has failed, and starts again: {broken}"
        );
        tokio::time::sleep(AGAIN).await;
    }
}

async fn follow(sites: Arc<Sites>, name: String, id: u64) {
    let folder = sites.root.join(&name);
    // Watched before it is loaded, so that no change is missed in between.
    let watched = folder.clone();
    let watcher = tokio::task::spawn_blocking(move || Watcher::new(&watched, &[])).await;
    let Ok(mut watcher) = watcher else { return };
    let one = One { sites: &sites, name: &name, id };
    loop {
        one.update(&folder).await;
        if sites.server.is_stopping() {
            return;
        }
        if watcher.next().await.is_none() {
            tracing::warn!(target: "swap", site = name, "changes of the site are not seen any more");
            return std::future::pending().await;
        }
    }
}

struct One<'s> {
    sites: &'s Arc<Sites>,
    name: &'s str,
    id: u64,
}

impl One<'_> {
    /// Serves what the folder contains now.
    async fn update(&self, folder: &Path) {
        let site = self.name;
        let open = self.sites.get(site).ok();
        let own = folder.to_owned();
        let there = self.sites.loader.aside(move || is_site_at(&own)).await;
        let there = there.map_err(anyhow::Error::from).and_then(|there| Ok(there?));
        match (open, there) {
            (_, Err(error)) => tracing::error!(
                target: "swap", site, "the host cannot look at the site's folder: {error:#}"
            ),
            (Some(manager), Ok(true)) => update(site, &manager).await,
            (Some(manager), Ok(false)) => {
                self.stand(Standing::NoSite);
                manager.close();
                self.sites.expect(site, self.id, &[]);
                tracing::info!(target: "swap", site, "the site is no longer served");
            }
            (None, Ok(false)) => {
                self.stand(Standing::NoSite);
                self.sites.expect(site, self.id, &[]);
            }
            (None, Ok(true)) => {
                self.stand(Standing::Starting);
                match self.load(folder).await {
                    Ok(manager) => {
                        self.stand(Standing::Open(manager));
                        tracing::info!(target: "swap", site, "the site is served");
                    }
                    Err(error) => {
                        self.stand(Standing::Failed(format!("{error:#}")));
                        tracing::error!(target: "swap", site, "the site is not served: {error:#}");
                    }
                }
            }
        }
    }

    async fn load(&self, folder: &Path) -> anyhow::Result<Arc<SiteManager>> {
        let Sites { server, loader, progress, many, .. } = &**self.sites;
        let folder = folder.to_owned();
        let (site, loader) = match many {
            None => (loader.aside(move || SiteDir::open(&folder)).await??, loader.clone()),
            Some(Many { rules, background, .. }) => {
                let rules = rules.subscribe();
                let (cpu, pool) = rules.borrow().tenants.shares_of(self.name);
                let share = Share::new(background.clone(), Handle::current(), cpu, pool);
                let loader = loader.for_site(share.clone());
                let memory = server.memory().clone();
                let account = |name| Account::among(name, memory);
                let open = move || SiteDir::among(&folder, &rules, &share, account);
                let site = loader.aside(open).await??;
                self.sites.expect(self.name, self.id, &site.config.hosts);
                (site, loader)
            }
        };
        SiteManager::open(site, server.clone(), loader, progress.clone()).await
    }

    fn stand(&self, standing: Standing) {
        self.sites.stand(self.name, self.id, standing);
    }
}
