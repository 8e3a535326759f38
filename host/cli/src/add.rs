//! `lithe add`.

use std::path::{Path, PathBuf};

use crate::new::{HandlerOptions, needs};
use anyhow::{Context as _, bail};
use clap::Args;
use lithe_host::internals::config::{self, SiteConfig};
use lithe_host::internals::files::Folder;
use lithe_host::internals::log;
use lithe_host::internals::site::{self, SiteDir};
use lithe_toolchains::{Kind, Project};

/// What `lithe add` is asked for.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The site's folder
    site: PathBuf,
    /// The route, as its file is named: `rooms/[id].get` answers GET /rooms/42; of middleware, its
    /// name
    route: String,
    #[command(flatten)]
    handler: HandlerOptions,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let handler = &options.handler;
    let site = SiteDir::open(&options.site)?;
    let part = if handler.kind == Kind::Middleware { "middleware" } else { "routes" };
    let output = format!("{part}/{}.wasm", options.route);
    site::check_component(&output)?;
    if site.config.build.contains_key(Path::new(&output)) || site.root.join(&output).exists() {
        bail!("the site has `{output}` already: name another route");
    }
    let name = guest_name(&options.route);
    let folder = site.root.join("guests").join(&name);
    if folder.exists() {
        bail!("`{}` is there already: name another route", folder.display());
    }
    let (project, line) =
        Project::guest_of_site(&name, handler.lang, handler.kind, &output, handler.sdk.as_deref())?;
    let settings = with_build(&site.folder, &line)?;
    for (path, text) in project.files() {
        let path = site.root.join(path);
        if path.exists() {
            continue;
        }
        let parent = path.parent().unwrap_or(&site.root);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, text))
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    site.folder
        .write(config::FILE_NAME, settings.as_bytes())
        .with_context(|| format!("cannot write `{}`", config::FILE_NAME))?;
    log::say(format_args!("made `guests/{name}`: `lithe build` makes `{output}` from it"));
    if let Some(first) = needs(handler.lang, &options.site.display().to_string()) {
        log::say(format_args!("  {first}"));
    }
    Ok(())
}

/// A package's name that says which route it is.
fn guest_name(route: &str) -> String {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let words: Vec<&str> = route.split(|c| !is_word(c)).filter(|word| !word.is_empty()).collect();
    match words.join("-") {
        name if name.starts_with(|c: char| c.is_ascii_lowercase()) => name,
        name => format!("route-{name}").trim_end_matches('-').to_owned(),
    }
}

/// The site's settings with one more line under `[build]`.
fn with_build(site: &Folder, line: &str) -> anyhow::Result<String> {
    let text = SiteConfig::text(site)?;
    let mut lines: Vec<&str> = text.lines().collect();
    match lines.iter().position(|own| own.trim() == "[build]") {
        Some(at) => lines.insert(at.saturating_add(1), line.trim_end()),
        None => lines.extend(["", "[build]", line.trim_end()]),
    }
    let text = lines.join("\n").trim_start().to_owned() + "\n";
    if !config::is_toml(&text) {
        bail!(
            "`{}` has no `[build]` to add to: write `{}` into it",
            config::FILE_NAME,
            line.trim_end()
        );
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_named_by_its_route() {
        for (route, name) in [
            ("vote", "vote"),
            ("vote/[option].post", "vote-option-post"),
            ("rooms/[id([0-9]+)]", "rooms-id-0-9"),
            ("[...path]", "path"),
            ("2024/index", "route-2024-index"),
            ("Ä", "route"),
        ] {
            assert_eq!(guest_name(route), name, "{route}");
        }
    }
}
