//! What a language's tools refuse, and that nothing is built twice.

use std::path::Path;
use std::process::{Command, Output};

use lithe_tests::TestHost;

use crate::{EXAMPLES, PROGRAM, built};

/// `lithe build`, which takes as long as it takes.
fn build(site: &Path) -> (Output, String) {
    let built = Command::new(PROGRAM).arg("build").arg(site).output();
    let built = built.expect("the program can be run");
    let said = String::from_utf8_lossy(&built.stderr).into_owned();
    (built, said)
}

/// What becomes of an example that `lithe.toml` says is of another kind.
fn refused(source: &str, kind: &str) -> String {
    let site = tempfile::tempdir().expect("a temporary folder can be made");
    let source = format!("{EXAMPLES}/guests/{source}");
    let config =
        format!("[build]\n\"routes/x.wasm\" = {{ source = {source:?}, kind = {kind:?} }}\n");
    std::fs::write(site.path().join("lithe.toml"), config).expect("it can be written");
    let (output, said) = build(site.path());
    assert_eq!(output.status.code(), Some(1), "{source}: {said}");
    said
}

#[test]
fn a_source_of_another_kind_is_told_which_it_is() {
    for (source, words) in [
        ("js/ping", ["is of the kind \"hooks\"", "not \"session\""]),
        ("python/ping", ["is of the kind \"hooks\"", "not \"session\""]),
        ("c/ping", ["lithe_on_message", "is of another kind"]),
        ("cpp/ping", ["lithe_on_message", "is of another kind"]),
        ("go/ping", ["undefined: lithe.Hooks", "is of another kind"]),
        ("zig/ping", ["lithe_on_message", "is of another kind"]),
    ] {
        let said = refused(source, "session");
        for word in words {
            assert!(said.contains(word), "{source}: no `{word}` in:\n{said}");
        }
    }
}

/// What becomes of a module in Python, and the folder that it lies in.
fn python(module: &str) -> (String, String) {
    let site = tempfile::tempdir().expect("a temporary folder can be made");
    let folder = site.path().join("guest");
    std::fs::create_dir(&folder).expect("it is new");
    let write = |path: &Path, text: &str| std::fs::write(path, text).expect("it can be written");
    write(&folder.join("pyproject.toml"), "[project]\nname = \"x\"\nversion = \"1\"\n");
    write(&folder.join("app.py"), module);
    let line = "\"routes/x.wasm\" = { source = \"guest\", kind = \"hooks\" }";
    write(&site.path().join("lithe.toml"), &format!("[build]\n{line}\n"));
    let (output, said) = build(site.path());
    assert_eq!(output.status.code(), Some(1), "{said}");
    (said, folder.display().to_string())
}

#[test]
fn what_fails_in_a_module_of_python_is_the_author_s_own_traceback() {
    let (said, folder) = python("from lithe_sdk import App\n\napp = App()\napp.got(\"/\")\n");
    let expected = format!(
        "Traceback (most recent call last):\n  File \"{folder}/app.py\", line 4, in <module>\n    \
         app.got(\"/\")\n    ^^^^^^^\nAttributeError: 'App' object has no attribute 'got'. Did you \
         mean: 'get'?\n"
    );
    assert!(said.contains(&expected), "{said}");
    let (said, folder) = python("def app(:\n");
    let expected = format!(
        "  File \"{folder}/app.py\", line 1\n    def app(:\n            ^\nSyntaxError: invalid \
         syntax\n"
    );
    assert!(said.contains(&expected) && !said.contains("Traceback"), "{said}");
}

#[test]
fn a_module_of_python_without_half_of_its_state_is_told_what_is_missing() {
    let hooks = "from lithe_sdk import Hooks, hooks\n\n@hooks\nclass Room(Hooks):\n    def save(self):\n        \
                 return 1\n";
    let (said, _) = python(hooks);
    assert!(said.contains("there is `save`, and no `restore`"), "{said}");
}

#[test]
fn what_has_not_changed_is_not_built_again() {
    let (output, said) = build(built(EXAMPLES));
    assert!(output.status.success(), "{said}");
    assert!(said.contains("components, all as they were"), "{said}");
    assert!(!said.contains("Component written"), "{said}");
}

#[tokio::test]
async fn what_a_module_imports_from_elsewhere_is_followed() {
    let outside = tempfile::tempdir().expect("a temporary folder can be made");
    let folder = outside.path();
    // As `npm install` would have done.
    let tools = format!("{EXAMPLES}/guests/js/node_modules");
    std::os::unix::fs::symlink(tools, folder.join("node_modules")).expect("it is new");
    let write = |file: &str, text: &str| {
        let path = folder.join(file);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
        std::fs::write(path, text).expect("it can be written");
    };
    write("guest/package.json", "{}");
    let module = "import { defineHandler } from \"lithe-sdk\";\n\
                  import { word } from \"../shared/word.js\";\n\
                  export default defineHandler(() => word);\n";
    write("guest/index.js", module);
    write("shared/word.js", "export const word = \"one\";\n");
    let source = folder.join("guest");
    let host = TestHost::builder(PROGRAM)
        .command("dev")
        .config(&format!(
            "[build]\n\"routes/index.wasm\" = {{ source = {source:?}, kind = \"route\" }}\n"
        ))
        .start()
        .await;
    assert_eq!(host.get("/").await.text(), "one");
    write("shared/word.js", "export const word = \"two\";\n");
    let is_two = async || (host.get("/").await.text() == "two").then_some(());
    lithe_tests::eventually("the other word", is_two).await;
}
