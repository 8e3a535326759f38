//! `lithe audit`.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::Context as _;

use crate::AuditOptions;
use crate::client::Client;
use crate::deploy::client_for_all;
use crate::serve::block_on;
use crate::table::aligned;
use lithe_host::internals::admin::{Line, Lines, Outcome};
use lithe_host::internals::log;

/// What is said if there are more lines than one answer has. Only the operator has the files.
const OLDER: &str = "older lines are left out: ask the host's operator for the files of the audit";

pub(crate) fn run(options: &AuditOptions) -> anyhow::Result<()> {
    let client: Client = client_for_all(options.site.as_deref(), &options.host)?;
    block_on(async {
        let audit = client.audit(options.since.as_deref()).await?;
        let text = match options.json {
            true => json(&audit)?,
            false => table(&audit),
        };
        if options.json && audit.more {
            // The standard output has lines of JSON only.
            log::say(OLDER);
        }
        std::io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")
    })
}

/// A line of JSON for each line.
fn json(audit: &Lines) -> anyhow::Result<String> {
    let mut text = String::new();
    for line in &audit.lines {
        text += &log::escape_json(&serde_json::to_string(line)?);
        text.push('\n');
    }
    Ok(text)
}

fn table(audit: &Lines) -> String {
    let head = ["TIME", "BY", "FROM", "SITE", "CHANGE", "COMPONENTS", "RESULT"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(audit.lines.iter().map(row));
    let mut text = aligned(&rows);
    if audit.more {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{OLDER}");
    }
    text
}

fn row(line: &Line) -> Vec<String> {
    let from = match (&line.from, line.uid) {
        (Some(address), _) => address.clone(),
        (None, Some(uid)) => format!("user {uid}"),
        (None, None) => "-".to_owned(),
    };
    let mut components: Vec<String> = line
        .components
        .iter()
        .map(|own| match &own.digest {
            Some(digest) => format!("{} {digest:.12}", own.plugin),
            None => own.plugin.clone(),
        })
        .collect();
    if line.more_components > 0 {
        components.push(format!("{} more", line.more_components));
    }
    let components = if components.is_empty() { "-".to_owned() } else { components.join(", ") };
    let why = line.why.as_deref().unwrap_or("the host has failed in it");
    let result = match line.result {
        Outcome::Ok if line.canary => "ok, as a canary".to_owned(),
        Outcome::Ok => "ok".to_owned(),
        Outcome::Refused => format!("refused: {why}"),
        Outcome::Failed => format!("failed: {why}"),
    };
    let change = line.change.name().to_owned();
    vec![line.time.clone(), line.by.clone(), from, line.site.clone(), change, components, result]
}
