//! `lithe build`.

use std::time::Duration;

use crate::BuildOptions;
use lithe_host::internals::log;
use lithe_host::internals::site::{self, SiteDir};
use lithe_toolchains::{Built, TypeErrors};

/// How long a tool waits for a reader of standard error.
const FLUSH_TIME: Duration = Duration::from_secs(1);

pub(crate) fn run(options: &BuildOptions) -> anyhow::Result<()> {
    site::find(&options.site)?;
    let site = SiteDir::open(&options.site)?;
    build(&site, TypeErrors::Fail)?;
    Ok(())
}

/// Reports what is built, before the tool that builds it prints something.
pub(crate) fn say(line: &str) {
    log::say(line);
    log::flush(FLUSH_TIME);
}

/// Builds the site's components and reports the result.
pub(crate) fn build(site: &SiteDir, errors: TypeErrors) -> anyhow::Result<Built> {
    let count = site.config.build.len();
    let built = lithe_toolchains::build(site, errors, say)?;
    match (count, built.written.len()) {
        (0, _) => log::say("nothing to build: `lithe.toml` names nothing under `[build]`"),
        (1, 0) => log::say("built 1 component, which is as it was"),
        (1, _) => log::say("built 1 component, which is new or has changed"),
        (_, 0) => log::say(format_args!("built {count} components, all as they were")),
        (_, new) => {
            log::say(format_args!("built {count} components, {new} of them new or changed"));
        }
    }
    built.apart.iter().for_each(log::say);
    Ok(built)
}
