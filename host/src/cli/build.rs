//! `lithe build`.

use super::BuildOptions;
use crate::log;
use crate::site::{self, Built, Site};

pub fn run(options: &BuildOptions) -> anyhow::Result<()> {
    let site = Site::open(&options.site)?;
    build(&site)?;
    Ok(())
}

/// Builds the site's components and says what came of it.
pub fn build(site: &Site) -> anyhow::Result<Built> {
    let count = site.config.build.len();
    let built = site::build(site, |line| log::say(line))?;
    match (count, built.written.len()) {
        (0, _) => log::say("nothing to build: `lithe.toml` names nothing under `[build]`"),
        (_, 0) => log::say(format_args!("built {count} components, all as they were")),
        (_, new) => {
            log::say(format_args!("built {count} components, {new} of them new or changed"));
        }
    }
    Ok(built)
}
