//! `lithe inspect`.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Context as _, bail};
use bytesize::ByteSize;

use crate::InspectOptions;
use crate::progress::Progress;
use crate::serve::{block_on, loader_of_one};
use lithe_host::internals::log;
use lithe_host::internals::plugin::{Fit, Grant, Inspection};
use lithe_host::internals::runtime::Kind;

pub(crate) fn run(options: &InspectOptions) -> anyhow::Result<()> {
    let file = &options.file;
    let shown = file.display().to_string();
    block_on(async {
        let loader = loader_of_one(&options.cache)?;
        let progress = Progress::start();
        let compiling = || progress.step(format!("compiling {shown}"));
        let report = loader.inspect(file, compiling).await;
        drop(progress);
        let report = report.with_context(|| format!("`{shown}`"))?;
        std::io::stdout()
            .write_all(text(&shown, &report).as_bytes())
            .context("cannot write to standard output")?;
        match report.fits {
            Ok(_) => Ok(()),
            Err(difference) => bail!("`{shown}` fits nowhere: {difference}"),
        }
    })
}

fn text(file: &str, report: &Inspection) -> String {
    let mut text = format!("{}\n", log::escape(file));
    let mut line = |field: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {:14}{}", log::escape(field), log::escape(value));
    };
    let size = u64::try_from(report.size).unwrap_or(u64::MAX);
    line("digest", &format!("sha256:{}", report.digest));
    line("size", &format!("{} ({size} bytes)", ByteSize::b(size)));
    match &report.fits {
        Ok(fit) => line("world", &world(*fit)),
        Err(difference) => line("world", &format!("none: {difference}")),
    }
    let width = report.imports.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let imports =
        report.imports.iter().map(|(name, grant)| format!("{name:width$}  {}", said(*grant)));
    list("imports", imports, &mut line);
    list("exports", report.exports.iter().cloned(), &mut line);
    for (field, values) in &report.producers {
        let mut values: Vec<String> = values.iter().cloned().collect();
        if field == "language" {
            // The guest's own language stands before that of the C library, which nearly every
            // component contains.
            values.sort_by_key(|language| language.starts_with('C'));
        }
        list(field, values, &mut line);
    }
    text
}

/// A field with several values: its name stands before the first.
fn list(field: &str, values: impl IntoIterator<Item = String>, line: &mut impl FnMut(&str, &str)) {
    let mut values = values.into_iter().peekable();
    if values.peek().is_none() {
        line(field, "none");
    }
    for (index, value) in values.enumerate() {
        line(if index == 0 { field } else { "" }, &value);
    }
}

fn world(fit: Fit) -> String {
    let world = match fit.kind {
        Kind::Route => "route: no sessions; a pool of instances",
        Kind::Hooks => "hooks-plugin: sessions as events; one shared instance",
        Kind::Session => "session-plugin: blocking sessions; an instance for each connection",
        Kind::Middleware => "middleware-plugin: runs around the handlers of its scope",
        Kind::ErrorHandler => "error-plugin: answers for the failures of its scope",
    };
    let place = if fit.names_routes { "; it names its routes: for `plugins/`" } else { "" };
    format!("{world}{place}")
}

fn said(grant: Grant) -> String {
    match grant {
        Grant::Granted => "granted".to_owned(),
        Grant::Without(what) => format!("granted, without {what}"),
        Grant::Denied => "denied: the host does not have it".to_owned(),
    }
}
