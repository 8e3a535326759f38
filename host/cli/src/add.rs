//! `lithe add`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use lithe_host::internals::config::{self, SiteConfig};
use lithe_host::internals::files::{FileError, Folder};
use lithe_host::internals::log;
use lithe_host::internals::plugin::Role;
use lithe_host::internals::site::{self, SiteDir};
use lithe_toolchains::{Kind, Project};
use toml_edit::DocumentMut;

use crate::new::{HandlerOptions, needs, write};

/// Where the sources of a site are.
const GUESTS: &str = "guests";

/// The longest name of a source's folder without its number, in bytes.
const MAX_NAME: usize = 64;

/// The most sources whose routes have the same name.
const MAX_NUMBER: u32 = 1_000;

/// What `lithe add` is asked for.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The site's folder
    site: PathBuf,
    /// The route, as its file is named: `rooms/[id].get` answers GET /rooms/42; of middleware, its
    /// name; or the whole file, such as `routes/admin/_middleware.wasm`
    route: String,
    #[command(flatten)]
    handler: HandlerOptions,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let handler = &options.handler;
    let site = SiteDir::open(&options.site)?;
    let output = output(&options.route, handler.kind)?;
    let is_there = site.folder.dir().symlink_metadata(&output).is_ok();
    if site.config.build.contains_key(Path::new(&output)) || is_there {
        bail!("the site has `{output}` already: name another route");
    }
    let name = free_name(&site.folder, &output)?;
    let (project, line) =
        Project::guest_of_site(&name, handler.lang, handler.kind, &output, handler.sdk.as_deref())?;
    let settings = with_build(&SiteConfig::text(&site.folder)?, &line)?;
    write(&project, &site.folder)?;
    site.folder
        .write(config::FILE_NAME, settings.as_bytes())
        .with_context(|| format!("cannot write `{}`", config::FILE_NAME))?;
    log::say(format_args!("made `{GUESTS}/{name}`: `lithe build` makes `{output}` from it"));
    if let Some(first) = needs(handler.lang, &options.site.display().to_string()) {
        log::say(format_args!("  {first}"));
    }
    Ok(())
}

/// The component's file in the site. `named` is the whole file, or its route.
///
/// # Errors
/// A component of that kind cannot be there. The message says what would be right.
fn output(named: &str, kind: Kind) -> anyhow::Result<String> {
    ensure!(
        !named.starts_with('-'),
        "`{named}` begins with `-`, as an option does: a route's name begins with another character"
    );
    ensure!(
        !named.contains(char::is_control),
        "{named:?} has a line's end or another control character: a route's name has visible characters, such \
         as `chat` or `rooms/[id].get`"
    );
    let part = if kind == Kind::Middleware { "middleware" } else { "routes" };
    let is_in_part =
        |part: &str| named.strip_prefix(part).is_some_and(|in_it| in_it.starts_with('/'));
    let is_in_site = ["routes", "middleware", "plugins"].into_iter().any(is_in_part);
    let output = match (is_in_site, named.strip_suffix(".wasm")) {
        (true, Some(_)) => named.to_owned(),
        (true, None) => bail!(
            "`{named}` could be the file `{named}.wasm` or the file `{part}/{named}.wasm`: name one of them"
        ),
        (false, stem) => format!("{part}/{}.wasm", stem.unwrap_or(named)),
    };
    match (site::role_of(&output)?, kind) {
        (Role::Route, Kind::Route | Kind::Hooks | Kind::Session)
        | (Role::Middleware, Kind::Middleware) => Ok(output),
        (Role::Middleware, _) => {
            bail!("`{output}` is a middleware's place: add `--kind middleware`")
        }
        (Role::Route, Kind::Middleware) => bail!(
            "`{output}` is a route's place: name a middleware's, such as `middleware/log.wasm` or \
             `routes/admin/_middleware.wasm`"
        ),
        (Role::Plugin, _) => bail!(
            "`{output}` is a place for a component that names its routes, such as an app, which has no template. \
             Write the source in a folder of `guests`, as the SDK's README shows, and name it in `[build]` of \
             `lithe.toml`: \"{output}\" = {{ source = \"guests/NAME\", kind = \"hooks\" }}, or without the \
             kind if it has no sockets. For a route, name it alone, such as `chat`"
        ),
        (Role::ErrorHandler, _) => bail!(
            "`{output}` is an error handler's place, which has no template. Write the source in a folder of \
             `guests`, as the SDK's README shows, and name it in `[build]` of `lithe.toml`: \"{output}\" = \
             {{ source = \"guests/NAME\", kind = \"error\" }}"
        ),
    }
}

/// The name of a new folder below `guests/`, made from the component's.
///
/// # Errors
/// `guests` is not a folder of the site.
fn free_name(site: &Folder, output: &str) -> anyhow::Result<String> {
    let name = guest_name(output);
    let guests = match site.folder(GUESTS) {
        Ok(guests) => guests,
        Err(FileError::Missing) => return Ok(name),
        Err(error) => return Err(error).with_context(|| format!("cannot write into `{GUESTS}`")),
    };
    let numbered = (2..=MAX_NUMBER).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.clone()).chain(numbered);
    let is_free = |name: &String| {
        guests
            .dir()
            .symlink_metadata(name)
            .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    };
    names.find(is_free).with_context(|| {
        format!(
            "`{GUESTS}` has {MAX_NUMBER} folders with the name `{name}`: remove what is not used"
        )
    })
}

/// A package's name that says which route it is. Several routes may have the same name.
fn guest_name(output: &str) -> String {
    let (_, route) = output.split_once('/').unwrap_or(("", output));
    let route = route.strip_suffix(".wasm").unwrap_or(route).to_ascii_lowercase();
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let words: Vec<&str> = route.split(|c| !is_word(c)).filter(|word| !word.is_empty()).collect();
    let mut name = words.join("-");
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name.insert_str(0, "route-");
    }
    name.truncate(MAX_NAME);
    name.trim_end_matches('-').to_owned()
}

/// Adds an entry to `[build]` in the text of a `lithe.toml`. Each way of TOML to write that table
/// works.
///
/// # Errors
/// It is not TOML, or `build` is not a table.
fn with_build(text: &str, line: &str) -> anyhow::Result<String> {
    let mut settings: DocumentMut = text.parse()?;
    let added: DocumentMut = line.parse()?;
    let build = settings.entry("build").or_insert_with(toml_edit::table);
    let build = build.as_table_like_mut().context("`build` is not a table")?;
    for (file, source) in added.iter() {
        build.insert(file, source.clone());
    }
    Ok(settings.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_named_by_its_route() {
        for (route, name) in [
            ("vote", "vote"),
            ("VOTE", "vote"),
            ("vote/[option].post", "vote-option-post"),
            ("rooms/[id([0-9]+)]", "rooms-id-0-9"),
            ("[...path]", "path"),
            ("2024/index", "route-2024-index"),
            ("Ä", "route"),
        ] {
            assert_eq!(guest_name(&format!("routes/{route}.wasm")), name, "{route}");
        }
        assert_eq!(guest_name(&format!("routes/{}.wasm", "a-".repeat(100))).len(), MAX_NAME - 1);
    }

    #[test]
    fn a_component_is_named_by_its_route_or_whole() {
        for (named, kind, expected) in [
            ("vote/[option].post", Kind::Hooks, "routes/vote/[option].post.wasm"),
            ("vote.wasm", Kind::Route, "routes/vote.wasm"),
            ("routes/vote.wasm", Kind::Route, "routes/vote.wasm"),
            ("routes/routes/vote.wasm", Kind::Route, "routes/routes/vote.wasm"),
            ("routesvote", Kind::Route, "routes/routesvote.wasm"),
            ("01_log", Kind::Middleware, "middleware/01_log.wasm"),
            ("middleware/01_log.wasm", Kind::Middleware, "middleware/01_log.wasm"),
            ("routes/a/_middleware.wasm", Kind::Middleware, "routes/a/_middleware.wasm"),
        ] {
            assert_eq!(output(named, kind).unwrap(), expected, "{named}");
        }
        for (named, kind, words) in [
            ("-x", Kind::Route, "`-x` begins with `-`"),
            (
                "routes/vote",
                Kind::Route,
                "`routes/vote.wasm` or the file `routes/routes/vote.wasm`",
            ),
            ("a/_middleware", Kind::Route, "add `--kind middleware`"),
            ("middleware/log.wasm", Kind::Hooks, "add `--kind middleware`"),
            ("routes/log.wasm", Kind::Middleware, "such as `middleware/log.wasm`"),
            (
                "plugins/app.wasm",
                Kind::Route,
                r#""plugins/app.wasm" = { source = "guests/NAME", kind = "hooks" }"#,
            ),
            (
                "_error",
                Kind::Route,
                r#""routes/_error.wasm" = { source = "guests/NAME", kind = "error" }"#,
            ),
            ("../x", Kind::Route, "not a component's path"),
            ("a\nb", Kind::Route, "\"a\\nb\" has a line's end"),
            ("a\u{7f}b", Kind::Middleware, "another control character"),
        ] {
            let error = output(named, kind).unwrap_err().to_string();
            assert!(error.contains(words), "{named}: {error}");
        }
    }

    #[test]
    fn a_line_is_added_however_the_table_is_written() {
        const LINE: &str = "\"routes/b.wasm\" = { source = \"guests/b\", kind = \"hooks\" }\n";
        for text in [
            "",
            "name = \"x\" # the site\n",
            "[build] # comment\n\"routes/a.wasm\" = \"guests/a\"\n\n[limits]\nbody = 1\n",
            "[ build ]\n",
            "[\"build\"]\n",
            "build = { \"routes/a.wasm\" = \"guests/a\" }\n",
            "build.\"routes/a.wasm\" = \"guests/a\"\n",
            "[build.\"routes/a.wasm\"]\nsource = \"guests/a\"\n[limits]\nbody = 1\n",
            "[limits]\nbody = 1\n[build.\"routes/a.wasm\"]\nsource = \"guests/a\"",
        ] {
            let written = with_build(text, LINE).unwrap();
            let parsed: DocumentMut = written.parse().unwrap();
            let build = &parsed["build"];
            assert_eq!(build["routes/b.wasm"]["kind"].as_str(), Some("hooks"), "{written}");
            assert_eq!(build.get("routes/a.wasm").is_some(), text.contains("a.wasm"), "{written}");
            for line in text.lines() {
                assert!(written.contains(line.trim_end_matches(" }")), "{line}: {written}");
            }
        }
    }
}
