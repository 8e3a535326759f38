//! `lithe deploy`, `rollback`, `promote` and `drop`: what the host that serves a site is asked to
//! do.

use anyhow::{Context as _, bail};

use crate::client::{Client, ClientError, Share};
use crate::serve::block_on;
use crate::{DeployOptions, RollbackOptions, SiteOptions};
use lithe_host::internals::files;
use lithe_host::internals::log;
use lithe_host::internals::site::{self, Given, Report, SiteDir};

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
    ask(&options.site, async |client| client.deploy(&given, &canary).await)
}

pub(crate) fn roll_back(options: &RollbackOptions) -> anyhow::Result<()> {
    let (plugin, to) = (&options.plugin, options.to.as_deref());
    ask(&options.site, async |client| client.roll_back(plugin, to).await)
}

pub(crate) fn promote(options: &SiteOptions) -> anyhow::Result<()> {
    ask(options, async |client| client.promote().await)
}

pub(crate) fn drop_canary(options: &SiteOptions) -> anyhow::Result<()> {
    ask(options, async |client| client.drop_canary().await)
}

/// The client for a site's host.
///
/// # Errors
/// There is no such site.
pub(crate) fn client(options: &SiteOptions) -> anyhow::Result<Client> {
    Ok(Client::new(&SiteDir::open(&options.site)?))
}

fn ask(
    options: &SiteOptions,
    ask: impl AsyncFnOnce(Client) -> Result<Report, ClientError>,
) -> anyhow::Result<()> {
    let client = client(options)?;
    block_on(async {
        let report = ask(client).await?;
        log::say(&report);
        Ok(())
    })
}
