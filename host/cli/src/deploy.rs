//! `lithe deploy`, `rollback`, `promote` and `drop`: they ask the host that serves the site for a
//! change.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, bail};
use bytesize::ByteSize;

use crate::client::{Client, ClientError, Share};
use crate::serve::block_on;
use crate::{
    CanaryOptions, DeployOptions, HostOptions, RollbackOptions, SiteOptions, TermsOptions,
};
use lithe_host::internals::files;
use lithe_host::internals::log;
use lithe_host::internals::site::{self, Given, Report, Terms};

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
/// The site does not exist, the folder has several sites, or the admin's address has no token.
pub(crate) fn client(options: &SiteOptions) -> anyhow::Result<Client> {
    match options.host.address()? {
        // Its settings may be invalid: the host that serves it goes on.
        None => Ok(Client::Here(site::find(&options.site)?)),
        Some(address) => {
            let site = Some(site_name(&options.site)?);
            Ok(Client::There { address, site, token: options.host.token()? })
        }
    }
}

/// The client for what is about a site, or about all sites of a host: the folder may be either.
///
/// # Errors
/// As [`client`].
pub(crate) fn client_for_all(folder: Option<&Path>, host: &HostOptions) -> anyhow::Result<Client> {
    match host.address()? {
        None => {
            let folder = folder.unwrap_or(Path::new("."));
            let shown = || format!("the folder `{}` does not exist", folder.display());
            folder.metadata().with_context(shown)?;
            // A link stays, because its name is the site's.
            let path = match folder.file_name() {
                Some(_) => std::path::absolute(folder),
                None => folder.canonicalize(),
            };
            Ok(Client::Here(path.with_context(shown)?))
        }
        Some(address) => {
            let site = folder.map(site_name).transpose()?;
            Ok(Client::There { address, site, token: host.token()? })
        }
    }
}

/// The name of the site that a command names, by its name or by its folder.
fn site_name(site: &Path) -> anyhow::Result<String> {
    let name = match site.file_name() {
        Some(name) => name.to_owned(),
        // The path is `.` or `..`.
        None => site
            .canonicalize()
            .ok()
            .and_then(|site| site.file_name().map(Into::into))
            .with_context(|| format!("`{}` does not name a site", site.display()))?,
    };
    Ok(name.to_string_lossy().into_owned())
}

impl HostOptions {
    /// The admin's address, if one is given.
    ///
    /// # Errors
    /// It is not an address of this machine.
    pub(crate) fn address(&self) -> anyhow::Result<Option<SocketAddr>> {
        let Some(text) = self.admin.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let address = text.trim_start_matches("http://").trim_end_matches('/');
        let address: SocketAddr = address.parse().with_context(|| {
            format!("`{text}` is not the address of a host's admin, such as `127.0.0.1:4001`")
        })?;
        anyhow::ensure!(
            address.ip().is_loopback(),
            "`{address}` is not on this machine, and the token would travel there unencrypted: open a tunnel, and name \
             its end here"
        );
        Ok(Some(address))
    }

    /// The token to show.
    ///
    /// # Errors
    /// No token is set, or what is set cannot be a token.
    pub(crate) fn token(&self) -> anyhow::Result<String> {
        let token = match &self.token_file {
            Some(file) => {
                let read = files::read_named(file, MAX_TOKEN).map_err(anyhow::Error::from);
                let text = read.and_then(|bytes| Ok(String::from_utf8(bytes)?));
                text.with_context(|| format!("cannot read the token in `{}`", file.display()))?
            }
            None => std::env::var(TOKEN_VARIABLE).with_context(|| {
                format!("the admin wants a token: name its file by `--token-file`, or set `{TOKEN_VARIABLE}`")
            })?,
        };
        let token = token.trim();
        anyhow::ensure!(
            !token.is_empty() && !token.contains(char::is_control),
            "the token is empty, or has more than one line: write it alone into its file, or into `{TOKEN_VARIABLE}`"
        );
        Ok(token.to_owned())
    }
}

/// The variable with the token to show.
const TOKEN_VARIABLE: &str = "LITHE_ADMIN_TOKEN";

/// The largest file of a token.
const MAX_TOKEN: ByteSize = ByteSize::kib(4);

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
