//! `lithe dev`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ServeOptions;
use crate::serve::{block_on, host, program, serve};
use crate::signals::Endings;
use lithe_host::internals::log;
use lithe_host::internals::plugin::Compiling;
use lithe_host::internals::site::{self, Root, SiteDir, SiteManager, Sites, Status, Watcher};
use lithe_host::internals::supervise;
use lithe_toolchains::{Apart, Built, Inputs, TypeErrors, build_changed};

pub(crate) fn run(options: &ServeOptions) -> anyhow::Result<()> {
    site::find(&options.site)?;
    let site = SiteDir::open(&options.site)?;
    let Built { inputs, apart, .. } = crate::build::build(&site, TypeErrors::Warn)?;
    block_on(async {
        // Watched before it is loaded, so that no change is missed in between.
        let mut watcher = Watcher::new(&site.root, &sources(&site));
        watcher.also(inputs.values().flatten());
        // The author waits for it after every change.
        let compiling = Compiling::Child(program()?.in_a_hurry());
        let host = host(options)?.compiling(compiling).follow_changes(false);
        serve(Root::One(Box::new(site)), host, Endings::of_terminal, |host| {
            if let Some(line) = host.sites().only().ok().and_then(|site| ending(&site.status())) {
                log::say(line);
            }
            host.follow(follow(watcher, inputs, apart, host.sites().clone()));
        })
        .await
    })
}

/// Names the plugins whose memory ends with each version.
fn ending(status: &Status) -> Option<String> {
    let plugins = status.plugins.iter().filter(|serving| serving.state == Some(false));
    let names: Vec<String> = plugins.map(|serving| format!("`{}`", serving.plugin)).collect();
    (!names.is_empty()).then(|| {
        format!("without `state`, each change begins with empty memory: {}", names.join(", "))
    })
}

fn sources(site: &SiteDir) -> Vec<PathBuf> {
    site.config.build.values().map(|source| site.root.join(source)).collect()
}

/// Rebuilds and replaces what changes. Reports failures; then the previous version keeps serving.
async fn follow(mut watcher: Watcher, mut inputs: Inputs, mut said: Vec<Apart>, sites: Arc<Sites>) {
    let Ok(manager) = sites.only() else { return };
    while let Some(changed) = watcher.next().await {
        sites.note_change();
        let updating = update(changed, &mut inputs, &mut said, &mut watcher, &manager);
        let updated = supervise::alone_async("an update", updating).await;
        // The log says what has changed.
        let updated = updated.unwrap_or_else(|| Err(anyhow::anyhow!("the host has failed at it")));
        if let Err(error) = updated {
            log::say(format_args!("error: {error:#}"));
            log::say("the previous version is still being served");
        }
        if sites.server().is_stopping() {
            return;
        }
    }
}

async fn update(
    changed: Vec<PathBuf>,
    inputs: &mut Inputs,
    said: &mut Vec<Apart>,
    watcher: &mut Watcher,
    manager: &SiteManager,
) -> anyhow::Result<()> {
    let reopened = SiteDir::open(manager.root())?;
    let outside = inputs.clone();
    let is_changed = move |source: &Path| {
        let elsewhere = outside.get(source);
        changed.iter().any(|path| {
            path.starts_with(source)
                || path.ends_with("lithe.toml")
                || elsewhere.is_some_and(|files| files.contains(path))
        })
    };
    let built = tokio::task::spawn_blocking(move || {
        build_changed(&reopened, TypeErrors::Warn, is_changed, crate::build::say)
    })
    .await??;
    watcher.also(built.inputs.values().flatten());
    inputs.extend(built.inputs);
    let new: Vec<Apart> = built.apart.into_iter().filter(|own| !said.contains(own)).collect();
    new.iter().for_each(log::say);
    said.extend(new);
    manager.update().await?;
    Ok(())
}
