//! `lithe dev`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::ServeOptions;
use super::serve::{block_on, serve};
use crate::site::{self, Inputs, Live, Report, Root, Site, Sites, Watcher};

pub fn run(options: &ServeOptions) -> anyhow::Result<()> {
    let site = Site::open(&options.site)?;
    let inputs = super::build::build(&site)?.inputs;
    block_on(async {
        // Watched before it is loaded, so that no change falls between.
        let mut watcher = Watcher::new(&site.root, &sources(&site));
        watcher.also(&inputs);
        serve(Root::One(site), options, |sites| follow(watcher, inputs, sites)).await
    })
}

fn sources(site: &Site) -> Vec<PathBuf> {
    site.config.build.values().map(|source| site.root.join(source)).collect()
}

/// Rebuilds and replaces what changes. Whatever fails is said, and what is served goes on.
async fn follow(mut watcher: Watcher, mut inputs: Inputs, sites: Arc<Sites>) {
    let Ok(live) = sites.only() else { return };
    while let Some(changed) = watcher.next().await {
        let started = Instant::now();
        match update(changed, &mut inputs, &mut watcher, &live).await {
            Ok(report) if report.is_empty() => {}
            Ok(report) => eprintln!("{report}; in {:.1} s", started.elapsed().as_secs_f64()),
            Err(error) => eprintln!("error: {error:#}\nthe version before is still being served"),
        }
    }
}

async fn update(
    changed: Vec<PathBuf>,
    inputs: &mut Inputs,
    watcher: &mut Watcher,
    live: &Live,
) -> anyhow::Result<Report> {
    let reopened = Site::open(live.root())?;
    let outside = inputs.clone();
    let is_changed = move |source: &Path| {
        let elsewhere = outside.get(source);
        let source = source.canonicalize().unwrap_or_else(|_| source.to_owned());
        changed.iter().any(|path| {
            path.starts_with(&source)
                || path.ends_with("lithe.toml")
                || elsewhere.is_some_and(|files| files.contains(path))
        })
    };
    let built = tokio::task::spawn_blocking(move || {
        site::build_changed(&reopened, is_changed, |line| eprintln!("{line}"))
    })
    .await??;
    watcher.also(&built.inputs);
    inputs.extend(built.inputs);
    Ok(live.update().await?)
}
