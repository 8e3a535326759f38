//! What a language's tools refuse, and that nothing is built twice.

use lithe_tests::{Refusal, TestHost};

use crate::{PROGRAM, built};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/languages");

/// What becomes of an example that `lithe.toml` says is of another kind.
async fn of_kind(source: &str, kind: &str) -> Refusal {
    let source = format!("{EXAMPLES}/guests/{source}");
    let build =
        format!("[build]\n\"routes/x.wasm\" = {{ source = {source:?}, kind = {kind:?} }}\n");
    TestHost::builder(PROGRAM).command("build").config(&build).end().await
}

#[tokio::test]
async fn a_source_of_another_kind_is_told_which_it_is() {
    for source in ["js/ping", "python/ping"] {
        of_kind(source, "session").await.says(&["is of the kind \"hooks\"", "not \"session\""]);
    }
    for source in ["c/ping", "zig/ping"] {
        of_kind(source, "session").await.says(&["lithe_on_message", "is of another kind"]);
    }
}

#[tokio::test]
async fn what_has_not_changed_is_not_built_again() {
    let site = built(EXAMPLES);
    let refusal = TestHost::builder(PROGRAM).command("build").folder(site).end().await;
    assert!(refusal.stderr.contains("components, all as they were"), "{}", refusal.stderr);
    assert!(!refusal.stderr.contains("Component written"), "{}", refusal.stderr);
}
