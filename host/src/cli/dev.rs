//! `lithe dev`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::ServeOptions;
use super::serve::{Serving, block_on, load};
use crate::pipeline::Tenant;
use crate::plugin::Loader;
use crate::server::Server;
use crate::site::{self, Site, Watcher};

pub fn run(options: &ServeOptions) -> anyhow::Result<()> {
    let site = Site::open(&options.site)?;
    super::build::build(&site)?;
    block_on(async {
        // Watched before it is loaded, so that no change falls between.
        let watcher = Watcher::new(&site)?;
        let serving = Serving::start(&site, options).await?;
        serving.announce()?;
        let developing =
            tokio::spawn(follow(site, watcher, serving.loader.clone(), serving.server.clone()));
        let stopped = serving.until_stopped().await;
        developing.abort();
        stopped
    })
}

/// Rebuilds and replaces what changes. Whatever fails is said, and what is served goes on.
async fn follow(mut site: Site, mut watcher: Watcher, loader: Loader, server: Arc<Server>) {
    while let Some(changed) = watcher.next().await {
        let started = Instant::now();
        match update(&mut site, changed, &loader, &server).await {
            Ok(replaced) if replaced.is_empty() => {}
            Ok(replaced) => {
                let files = replaced.join(", ");
                eprintln!("replaced {files} in {:.1} s", started.elapsed().as_secs_f64());
            }
            Err(error) => eprintln!("error: {error:#}\nthe version before is still being served"),
        }
    }
}

async fn update(
    site: &mut Site,
    changed: Vec<PathBuf>,
    loader: &Loader,
    server: &Server,
) -> anyhow::Result<Vec<String>> {
    let reopened = Site::open(&site.root)?;
    let is_changed = move |source: &Path| {
        let source = source.canonicalize().unwrap_or_else(|_| source.to_owned());
        changed.iter().any(|path| path.starts_with(&source) || path.ends_with("lithe.toml"))
    };
    let building = reopened.clone();
    tokio::task::spawn_blocking(move || {
        site::build_changed(&building, is_changed, |line| eprintln!("{line}"))
    })
    .await??;
    let before = server.tenant();
    let tenant = load(&reopened, loader, Some(before.clone())).await?;
    *site = reopened;
    Ok(replace(server, &before, tenant))
}

/// Serves the new version; the sockets of plugins that it does not have close with 1012.
fn replace(server: &Server, before: &Tenant, tenant: Arc<Tenant>) -> Vec<String> {
    let kept = |plugin| tenant.plugins.iter().any(|new| Arc::ptr_eq(new, plugin));
    let gone: Vec<_> = before.plugins.iter().filter(|plugin| !kept(plugin)).collect();
    let is_new = |plugin| !before.plugins.iter().any(|old| Arc::ptr_eq(old, plugin));
    let new = tenant.plugins.iter().filter(|plugin| is_new(plugin));
    let names = new.map(|plugin| plugin.context().plugin.to_string()).collect();
    server.replace(tenant.clone());
    for plugin in gone {
        plugin.close_sockets(1012, "the plugin was replaced");
    }
    names
}
