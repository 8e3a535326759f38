//! The floors of the host's sources, held by a machine.

use std::fs;
use std::path::{Path, PathBuf};

/// Every source file of the host, by its path below `src/`, without its comments.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/src");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the host has sources") {
            let path: PathBuf = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).expect("it is below").to_string_lossy();
                let text = fs::read_to_string(&path).expect("sources are text");
                files.push((name.replace('\\', "/"), without_comments(&text)));
            }
        }
    }
    assert!(files.len() > 30, "these are not all of the host's sources: {files:?}");
    files
}

fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Only files that begin so may have the word.
fn only(word: &str, allowed: &[&str]) {
    for (file, text) in sources() {
        let is_allowed = allowed.iter().any(|start| file.starts_with(start));
        assert!(
            is_allowed || !text.contains(word),
            "`{file}` names `{word}`: only {allowed:?} may"
        );
    }
}

#[test]
fn only_the_floors_that_run_guests_name_wasmtime() {
    only("wasmtime", &["runtime/", "capability/", "bindings", "plugin/"]);
}

#[test]
fn only_what_speaks_http_names_hyper() {
    only("hyper", &["server/", "pipeline/", "admin/"]);
}

#[test]
fn only_sessions_and_messages_name_tungstenite() {
    only("tungstenite", &["session/", "message.rs"]);
}

#[test]
fn only_the_cached_artifact_needs_unsafe() {
    only("unsafe {", &["plugin/artifact.rs"]);
    only("unsafe fn", &["plugin/artifact.rs"]);
    only("unsafe impl", &["plugin/artifact.rs"]);
}

/// A floor imports only from those below it.
#[test]
fn no_floor_looks_back_up() {
    let floors = [
        "cli",
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
        let Some(own) = floors.iter().position(|floor| file.starts_with(&format!("{floor}/")))
        else {
            let beside = [
                "router/",
                "config.rs",
                "config/",
                "message.rs",
                "files.rs",
                "clock.rs",
                "supervise.rs",
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
