//! What a language's tools refuse, and that nothing is built twice.

use std::path::Path;
use std::process::{Command, Output};

use lithe_tests::TestHost;

use crate::{EXAMPLES, PROGRAM, built};

/// `lithe build`, however long it takes.
fn build(site: &Path) -> (Output, String) {
    let built = Command::new(PROGRAM).arg("build").arg(site).output();
    let built = built.expect("the program can be run");
    let said = String::from_utf8_lossy(&built.stderr).into_owned();
    (built, said)
}

/// The result for an example whose kind in `lithe.toml` is wrong.
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

#[test]
fn a_callback_with_other_parameters_is_refused() {
    let site = tempfile::tempdir().expect("a temporary folder can be made");
    let config = "[build]\n\"routes/x.wasm\" = { source = \"guest\", kind = \"hooks\" }\n";
    write(site.path(), "lithe.toml", config);
    // Without `lithe.h`, the compiler does not notice.
    let main = "int lithe_on_open(int socket, int more) { return socket + more; }\n";
    write(site.path(), "guest/main.c", main);
    let (output, said) = build(site.path());
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("a callback has other parameters"), "{said}");
}

#[test]
fn a_module_of_go_that_serves_nothing_is_told_what_to_call() {
    let site = tempfile::tempdir().expect("a temporary folder can be made");
    write(site.path(), "lithe.toml", "[build]\n\"plugins/x.wasm\" = \"guest\"\n");
    write(site.path(), "guest/go.mod", "module guest\n\ngo 1.25\n");
    let module = |serve: &str| {
        format!(
            "package main\n\nimport \"lithe\"\n\nfunc init() {{\n\tapp := lithe.NewApp()\n\t\
             app.Get(\"/\", func(*lithe.Event) (lithe.Outcome, error) {{ return lithe.Text(200, \"x\"), nil }})\n\t\
             {serve}\n}}\n\nfunc main() {{}}\n"
        )
    };
    write(site.path(), "guest/main.go", &module(""));
    let (output, said) = build(site.path());
    assert_eq!(output.status.code(), Some(1), "{said}");
    let words = "the module serves nothing: call `Serve` in a `func init()`, such as `app.Serve()`";
    assert!(said.contains(words), "{said}");
    write(site.path(), "guest/main.go", &module("app.Serve()"));
    let (output, said) = build(site.path());
    assert!(output.status.success(), "{said}");
}

#[test]
fn a_component_that_fails_does_not_keep_the_others_from_being_built() {
    let site = tempfile::tempdir().expect("a temporary folder can be made");
    let config = "[build]\n\"routes/a.wasm\" = \"guests/a\"\n\"routes/b.wasm\" = \"guests/b\"\n\
                  \"routes/c.wasm\" = \"guests/c\"\n\"routes/d.wasm\" = \"guests/a\"\n";
    write(site.path(), "lithe.toml", config);
    write(site.path(), "guests/a/main.c", "int broken(void) { return missing; }\n");
    write(
        site.path(),
        "guests/b/main.c",
        include_str!("../../../host/toolchains/src/new/c/route.c"),
    );
    write(site.path(), "guests/c/README", "");
    let (output, said) = build(site.path());
    assert_eq!(output.status.code(), Some(1), "{said}");
    for words in [
        "error: cannot build `routes/a.wasm` from `guests/a`",
        "error: cannot build `routes/c.wasm` from `guests/c`",
        "cannot build 3 of 4 components, as said above: `routes/a.wasm`, `routes/c.wasm`, `routes/d.wasm`",
    ] {
        assert_eq!(said.matches(words).count(), 1, "{words}: {said}");
    }
    assert!(site.path().join("routes/b.wasm").is_file(), "{said}");
}

/// The result for a module in Python, and its folder.
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

/// A folder with JavaScript's tools, as `npm install` would have made it, and a guest's manifest.
fn with_javascript() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let tools = format!("{EXAMPLES}/guests/js/node_modules");
    std::os::unix::fs::symlink(tools, folder.path().join("node_modules")).expect("it is new");
    write(folder.path(), "guest/package.json", "{}");
    folder
}

fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    std::fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
    std::fs::write(path, text).expect("it can be written");
}

/// A site whose one route is the guest.
const GUEST: &str = "[build]\n\"routes/index.wasm\" = { source = \"guest\", kind = \"route\" }\n";

#[test]
fn a_module_that_makes_no_component_says_why() {
    let site = with_javascript();
    write(site.path(), "lithe.toml", GUEST);
    for (module, words) in [
        (
            "throw new Error('as told');",
            ["while it is loaded, at build time: Error: as told", "index.js:1"],
        ),
        ("export default {};", ["not made by a `define…` of `lithe-sdk`", "index.wasm"]),
        (
            "import { defineApp } from 'lithe-sdk';\nexport default defineApp((app) => app.ws('/live', {}));",
            ["the app accepts WebSockets at `/live`", "\"hooks\", not \"route\""],
        ),
        (
            "import { defineHandler, members } from 'lithe-sdk';\nmembers();\nexport default defineHandler(() => '');",
            ["it calls the host (`members` of lithe:plugin/topics@0.1.0)", "index.js:2"],
        ),
        (
            "import 'node:fs';\nimport { defineHandler } from 'lithe-sdk';\nexport default defineHandler(() => '');",
            [
                "`node:fs` is a module of Node's, and a component has none of them",
                "\n    index.js:1:7:",
            ],
        ),
    ] {
        write(site.path(), "guest/index.js", module);
        let (output, said) = build(site.path());
        assert_eq!(output.status.code(), Some(1), "{module}: {said}");
        for word in words {
            assert!(said.contains(word), "{module}: no `{word}` in:\n{said}");
        }
    }
}

#[test]
fn what_a_module_reads_of_the_environment_too_early_is_said() {
    let site = with_javascript();
    write(site.path(), "lithe.toml", GUEST);
    let module = "import { defineHandler, env } from 'lithe-sdk';\nconst both = [env.ONE, process.env.TWO];\n\
                  export default defineHandler(() => both);\n";
    write(site.path(), "guest/index.js", module);
    let (output, said) = build(site.path());
    assert!(output.status.success(), "{said}");
    for word in ["the module reads `ONE`", "the module reads `TWO`", "index.js:2"] {
        assert!(said.contains(word), "no `{word}` in:\n{said}");
    }
}

#[test]
fn errors_of_types_fail_a_build() {
    let site = with_javascript();
    write(site.path(), "lithe.toml", GUEST);
    let settings = r#"{ "compilerOptions": {
        "target": "es2022", "lib": ["es2022", "esnext.disposable"], "module": "esnext", "moduleResolution": "bundler", "types": [],
        "allowImportingTsExtensions": true, "noEmit": true, "strict": true, "noUncheckedIndexedAccess": false,
        "paths": { "lithe-sdk": ["./.lithe/route/sdk/index.ts"] }
    }, "include": ["*.ts", ".lithe/route/sdk/*.d.ts"] }"#;
    write(site.path(), "guest/tsconfig.json", settings);
    let module = |status: &str| {
        format!(
            "import {{ HttpError, defineHandler }} from \"lithe-sdk\";\n\
             export default defineHandler(() => {{ throw new HttpError({status}); }});\n"
        )
    };
    write(site.path(), "guest/index.ts", &module("\"404\""));
    let (output, said) = build(site.path());
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("index.ts(2,58): error TS2345"), "{said}");
    assert!(!site.path().join("routes/index.wasm").exists(), "{said}");
    write(site.path(), "guest/index.ts", &module("404"));
    let (output, said) = build(site.path());
    assert!(output.status.success(), "{said}");
}

#[tokio::test]
async fn what_a_module_imports_from_elsewhere_is_followed() {
    let outside = with_javascript();
    let folder = outside.path();
    let write = |file, text| write(folder, file, text);
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
