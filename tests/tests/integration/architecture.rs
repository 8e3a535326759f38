//! The floors of the host's sources, held by a machine. Cargo holds those between its packages.

use std::fs;
use std::path::{Path, PathBuf};

/// The host's packages.
const PACKAGES: [&str; 5] = ["router", "core", "cargo-guest", "toolchains", "cli"];

/// Every source file of the host, by its path below `host/` without `src/`.
fn files() -> Vec<(String, String)> {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host");
    let mut files = Vec::new();
    for package in PACKAGES {
        let root = host.join(package).join("src");
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a package has sources") {
                let path: PathBuf = entry.expect("the folder can be read").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let name = path.strip_prefix(&root).expect("it is below").to_string_lossy();
                    let text = fs::read_to_string(&path).expect("sources are text");
                    files.push((format!("{package}/{name}"), text));
                }
            }
        }
    }
    assert!(files.len() > 100, "these are not all of the host's sources: {files:?}");
    files
}

/// Every source file of the host without its comments.
fn sources() -> Vec<(String, String)> {
    files().into_iter().map(|(file, text)| (file, without_comments(&text))).collect()
}

fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Only files whose paths begin so may have the word.
fn only(word: &str, allowed: &[&str]) {
    for (file, text) in sources() {
        let is_allowed = allowed.iter().any(|start| file.starts_with(start));
        assert!(
            is_allowed || !text.contains(word),
            "`{file}` names `{word}`: only {allowed:?} may"
        );
    }
}

/// The formatter does not wrap comments. A row of a table has one line.
#[test]
fn comments_fit_in_100_columns() {
    for (file, text) in files() {
        for line in text.lines().map(str::trim_end) {
            let comment = line.trim_start().strip_prefix("//");
            let is_row = comment.is_some_and(|text| text.contains(" | "));
            let width = line.chars().count();
            assert!(comment.is_none() || is_row || width <= 100, "`{file}`: {width}: {line}");
        }
    }
}

#[test]
fn only_the_floors_that_run_guests_name_wasmtime() {
    // And what runs Python's interpreter for a build.
    let floors = ["core/runtime/", "core/capability/", "core/plugin/", "toolchains/python"];
    only("wasmtime", &floors);
}

#[test]
fn only_what_speaks_http_names_hyper() {
    only("hyper", &["core/server/", "core/pipeline/", "core/admin/", "cli/client.rs"]);
}

#[test]
fn only_sessions_and_messages_name_tungstenite() {
    only("tungstenite", &["core/session/", "core/message.rs"]);
}

#[test]
fn only_the_cached_artifact_needs_unsafe() {
    only("unsafe {", &["core/plugin/artifact.rs"]);
    only("unsafe fn", &["core/plugin/artifact.rs"]);
    only("unsafe impl", &["core/plugin/artifact.rs"]);
}

/// Any other way to print panics or blocks if nobody reads.
#[test]
fn only_the_log_writes_to_standard_error() {
    // Python's interpreter, which a build runs as it runs other tools.
    const TOOL: &str = "toolchains/python/snapshot.rs";
    for word in ["eprint", "println!", "print!(", "dbg!("] {
        only(word, &[]);
    }
    only("stderr()", &["core/log/", "cli/progress.rs", "toolchains/tool.rs", TOOL]);
}

/// A line is charged to the site that its event names, and that site's secrets are hidden in it.
#[test]
fn events_about_guests_and_clients_name_their_site() {
    for (file, text) in sources() {
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for event in text.split("tracing::").skip(1) {
            let event = event.split(';').next().unwrap_or_default();
            let levels = ["error!(", "warn!(", "info!(", "debug!(", "trace!("];
            if !levels.iter().any(|level| event.starts_with(level)) {
                continue;
            }
            let about = ["session", "guest", "request", "access"];
            let is_about = about.iter().any(|name| event.contains(&format!("target: \"{name}\"")));
            assert!(!is_about || event.contains("site"), "`{file}`: {event}");
        }
    }
}

/// A floor imports only from those below it.
#[test]
fn no_floor_looks_back_up() {
    let floors = [
        "host",
        "admin",
        "site",
        "server",
        "pipeline",
        "session",
        "plugin",
        "runtime",
        "capability",
    ];
    for (file, text) in sources() {
        let Some(file) = file.strip_prefix("core/") else { continue };
        let Some(own) = floors.iter().position(|floor| is_of(file, floor)) else {
            let beside = [
                "clock.rs",
                "config.rs",
                "config/",
                "descriptors.rs",
                "files.rs",
                "lease.rs",
                "log/",
                "message.rs",
                "supervise.rs",
                "sync",
            ];
            if beside.iter().any(|start| file.starts_with(start)) {
                for floor in floors {
                    assert!(
                        !text.contains(&format!("crate::{floor}")),
                        "`{file}` imports `{floor}`"
                    );
                }
            }
            continue;
        };
        for above in &floors[..own] {
            assert!(!text.contains(&format!("crate::{above}")), "`{file}` imports `{above}`");
        }
    }
}

/// Whether a file is a module's, or below it.
fn is_of(file: &str, module: &str) -> bool {
    file.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}
