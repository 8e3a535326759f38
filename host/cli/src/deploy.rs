//! `lithe deploy`, `rollback`, `promote` and `drop`: they ask the host that serves the site for a
//! change.

use std::io::IsTerminal as _;

use anyhow::{Context as _, bail};

use crate::client::{Client, ClientError, Share};
use crate::serve::block_on;
use crate::{CanaryOptions, DeployOptions, RollbackOptions, SiteOptions, TermsOptions};
use lithe_host::internals::files;
use lithe_host::internals::log;
use lithe_host::internals::site::{self, Given, Report, SiteDir, Terms};

pub(crate) fn run(options: &DeployOptions) -> anyhow::Result<()> {
    let mut given = Given::new();
    for pair in options.components.chunks(2) {
        let [plugin, file] = pair else {
            bail!("`{}` has no file: name a component's place and its file", pair[0].display());
        };
        let bytes = files::read_named(file, site::MAX_DEPLOY)
            .with_context(|| format!("cannot read the component `{}`", file.display()))?;
        let name = plugin.to_string_lossy().into_owned();
        if given.insert(name.clone(), bytes.into()).is_some() {
            bail!("`{name}` occurs twice");
        }
    }
    let canary = Share { share: options.share.clone(), header: options.header.clone() };
    let (site, terms) = (&options.site, options.terms);
    ask(site, terms, async |client, terms| client.deploy(&given, &canary, terms).await)
}

pub(crate) fn roll_back(options: &RollbackOptions) -> anyhow::Result<()> {
    let (plugin, to) = (&options.plugin, options.to.as_deref());
    let (site, terms) = (&options.site, options.terms);
    ask(site, terms, async |client, terms| client.roll_back(plugin, to, terms).await)
}

pub(crate) fn promote(options: &CanaryOptions) -> anyhow::Result<()> {
    ask(&options.site, options.terms, async |client, terms| client.promote(terms).await)
}

pub(crate) fn drop_canary(options: &CanaryOptions) -> anyhow::Result<()> {
    ask(&options.site, options.terms, async |client, terms| client.drop_canary(terms).await)
}

/// The client for a site's host.
///
/// # Errors
/// The site does not exist.
pub(crate) fn client(options: &SiteOptions) -> anyhow::Result<Client> {
    Ok(Client::new(&SiteDir::open(&options.site)?))
}

/// Asks for a change. If memory would be lost and somebody can answer, asks that person first.
fn ask(
    site: &SiteOptions,
    options: TermsOptions,
    ask: impl AsyncFn(&Client, Terms) -> Result<Report, ClientError>,
) -> anyhow::Result<()> {
    let client = client(site)?;
    let terms = Terms { dry_run: options.dry_run, keep_memory: options.keep_memory };
    let is_asked = terms == Terms::default() && !options.yes && is_terminal();
    block_on(async {
        if is_asked {
            let foreseen = ask(&client, Terms { dry_run: true, ..terms }).await?;
            if foreseen.loses_memory() && !confirm(&foreseen).await? {
                bail!("nothing has changed");
            }
        }
        log::say(ask(&client, terms).await?);
        Ok(())
    })
}

/// Whether somebody reads the output, and can answer.
fn is_terminal() -> bool {
    log::is_terminal() && std::io::stdin().is_terminal()
}

/// Asks whether to go on.
async fn confirm(foreseen: &Report) -> anyhow::Result<bool> {
    log::say(foreseen);
    log::say("go on? [y/N]");
    let answer = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map(|_| answer)
    });
    let answer = answer.await?.context("cannot read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
