//! `lithe status`.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::Context as _;
use bytesize::ByteSize;

use crate::StatusOptions;
use crate::deploy::client;
use crate::serve::block_on;
use crate::table::aligned;
use lithe_host::EmptyMemory;
use lithe_host::internals::log;

use lithe_host::internals::site::{MemoryStatus, Serving, Status};

pub(crate) fn run(options: &StatusOptions) -> anyhow::Result<()> {
    let client = client(&options.site)?;
    block_on(async {
        let status = client.status().await?;
        let text = match options.json {
            true => log::escape_json(&serde_json::to_string_pretty(&status)?) + "\n",
            false => table(&status),
        };
        std::io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")
    })
}

fn table(status: &Status) -> String {
    let mut text = format!("site {}\n\n", log::escape(&status.site));
    let head = [
        "COMPONENT",
        "VERSION",
        "SOCKETS",
        "CALLS",
        "TRAPS",
        "LIMITS",
        "ERRORS",
        "MEMORY",
        "BEFORE",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(status.plugins.iter().map(row));
    text += &aligned(&rows);
    // Writing to a string cannot fail.
    if let Some(canary) = &status.canary {
        let _ = writeln!(text, "\ncanary, for {}:\n", log::escape(&canary.split));
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(canary.plugins.iter().map(row));
        text += &aligned(&rows);
    }
    if let Some(why) = &status.refused {
        let _ = writeln!(
            text,
            "\nthe folder has a change that is refused, and what was served before goes on: {}",
            log::escape(why)
        );
    }
    for serving in status.plugins.iter().filter(|serving| !serving.files.is_empty()) {
        let (plugin, files) = (log::escape(&serving.plugin), serving.files.join(" "));
        let _ = writeln!(text, "\n{plugin} has the files {}", log::escape(&files));
    }
    let canaries = status.canary.iter().flat_map(|canary| &canary.plugins);
    for serving in status.plugins.iter().chain(canaries) {
        let plugin = log::escape(&serving.plugin);
        match serving.empty_memory {
            None => {}
            Some(reason @ EmptyMemory::LastSwap) => {
                let _ = writeln!(
                    text,
                    "\n{plugin} has gone on with the memory that was handed over at the last swap, and what came \
                     after is lost: {reason}"
                );
            }
            Some(reason) => {
                let _ = writeln!(text, "\n{plugin} has begun with empty memory: {reason}");
            }
        }
        if let Some(reason) = &serving.lost_memory {
            let reason = log::escape(reason);
            let _ = writeln!(
                text,
                "\n{plugin} has lost what it had in memory, because `save` has failed, and began again with \
                 empty memory: {reason}"
            );
        }
        if let Some(reason) = &serving.cannot_save {
            let reason = log::escape(reason);
            let _ = writeln!(text, "\n{plugin} could not save its memory, and keeps it: {reason}");
        }
        if let Some(reason) = &serving.cannot_restore {
            let reason = log::escape(reason);
            let _ =
                writeln!(text, "\n{plugin} could not restore its memory, and keeps it: {reason}");
        }
    }
    if !status.draining.is_empty() {
        text += "\ndraining:\n\n";
        let head = ["COMPONENT", "VERSION", "SOCKETS", "TIME LEFT"].map(str::to_owned);
        let mut rows = vec![head.to_vec()];
        rows.extend(status.draining.iter().map(|version| {
            let left = format!("{} s", version.left.as_secs());
            let digest = format!("{:.12}", version.version);
            vec![version.plugin.clone(), digest, version.sockets.to_string(), left]
        }));
        text += &aligned(&rows);
    }
    if !status.exceeded.is_empty() {
        text += "\nexceeded:\n\n";
        let mut rows = vec![["LIMIT", "TIMES"].map(str::to_owned).to_vec()];
        let counts = status.exceeded.iter();
        rows.extend(counts.map(|(limit, times)| vec![limit.clone(), times.to_string()]));
        text += &aligned(&rows);
    }
    text + &lowered(status) + &memory_of_all(&status.memory)
}

/// What the operator allows where it is less than the site's own setting.
fn lowered(status: &Status) -> String {
    if status.lowered.is_empty() {
        return String::new();
    }
    let mut rows = vec![["SETTING", "THE SITE'S", "ALLOWED", "HOLDS"].map(str::to_owned).to_vec()];
    rows.extend(status.lowered.iter().map(|own| {
        let holds = if own.waits { "from the next version on" } else { "now" };
        vec![own.setting.clone(), own.from.clone(), own.to.clone(), holds.to_owned()]
    }));
    format!("\nlowered to what the host allows:\n\n{}", aligned(&rows))
}

/// What the host holds in memory for the site.
fn memory_of_all(memory: &MemoryStatus) -> String {
    let shown = |bytes: usize| ByteSize::b(bytes as u64).display().iec().to_string();
    let held = memory.held.iter().filter(|(_, bytes)| **bytes > 0);
    let held: Vec<_> = held.map(|(what, bytes)| format!("{what} {}", shown(*bytes))).collect();
    let of = if held.is_empty() { String::new() } else { format!(": {}", held.join(", ")) };
    let (used, bound, highest) = (shown(memory.used), shown(memory.bound), shown(memory.highest));
    format!("\nmemory: {used} of {bound}, at most {highest} until now{of}\n")
}

fn row(serving: &Serving) -> Vec<String> {
    let before: Vec<String> = serving.before.iter().map(|own| format!("{own:.12}")).collect();
    let before = if before.is_empty() { "-".to_owned() } else { before.join(" ") };
    vec![
        serving.plugin.clone(),
        format!("{:.12}", serving.version),
        serving.sockets.to_string(),
        serving.calls.to_string(),
        serving.traps.to_string(),
        serving.limits.to_string(),
        serving.errors.to_string(),
        memory(serving).to_owned(),
        before,
    ]
}

/// What becomes of the version's memory when another version takes over.
fn memory(serving: &Serving) -> &'static str {
    match serving.state {
        Some(true) if serving.cannot_save.is_some() => "stuck",
        Some(true) => "moves",
        Some(false) => "ends",
        None => "-",
    }
}
