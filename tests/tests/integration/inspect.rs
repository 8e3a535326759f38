//! `lithe inspect`.

use std::path::Path;
use std::process::{Command, Output};

use lithe_tests::artifacts::{ADMIN_AUTH, BENCH_HELLO, CACHE, LEGACY, LOOP, PING};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::by_hand::run;
use crate::host;

fn inspect(file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lithe-under-test"))
        .arg("inspect")
        .arg(file)
        .args(["--cache", CACHE])
        .output()
        .expect("the program can be run")
}

#[test]
fn a_component_that_fits_is_described() {
    for (component, world) in [
        (PING, "hooks-plugin: sessions as events"),
        (LOOP, "session-plugin: blocking sessions"),
        (ADMIN_AUTH, "middleware-plugin"),
        (LEGACY, "it names its routes: for `plugins/`"),
    ] {
        let output = inspect(Path::new(component));
        let text = String::from_utf8(output.stdout).expect("it is text");
        assert!(output.status.success(), "{text}");
        for word in [
            world,
            "sha256:",
            "bytes)",
            "lithe:plugin/event@0.1.0",
            "granted",
            "wasi:cli/environment@0.2",
            "without any variable",
            "rustc",
            "language      Rust",
        ] {
            assert!(text.contains(word), "{component}: no `{word}` in:\n{text}");
        }
    }
}

#[test]
fn one_that_fits_nowhere_is_told_the_difference() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("x.wasm");
    let ping = std::fs::read(PING).expect("the component has been built");
    // The same length, so that everything else stays as it is.
    let other_version =
        replaced(&ping, b"lithe:plugin/handler@0.1.0", b"lithe:plugin/handler@0.1.9");
    let other_import =
        replaced(&ping, b"lithe:plugin/streams@0.1.0", b"lithe:plugin/screams@0.1.0");
    for (bytes, words) in [
        (b"\0asm\x0d\0\x01\0".to_vec(), ["it exports nothing", "lithe:plugin/handler@0.1.0"]),
        (b"\0asm\x01\0\0\0".to_vec(), ["is a core module", "wasm32-wasip2"]),
        (b"GIF89a".to_vec(), ["is not WebAssembly", "x.wasm"]),
        (other_version, ["lithe:plugin/handler@0.1.9", "it exports none of"]),
        (other_import, ["it cannot be linked", "lithe:plugin/screams@0.1.0"]),
    ] {
        std::fs::write(&file, bytes).expect("the file can be written");
        let output = inspect(&file);
        let error = String::from_utf8(output.stderr).expect("it is text");
        assert_eq!(output.status.code(), Some(1), "{error}");
        for word in words {
            assert!(error.contains(word), "no `{word}` in:\n{error}");
        }
    }
}

#[tokio::test]
async fn one_that_imports_what_the_host_does_not_have_is_not_loaded() {
    let ping = std::fs::read(PING).expect("the component has been built");
    let other = replaced(&ping, b"lithe:plugin/streams@0.1.0", b"lithe:plugin/screams@0.1.0");
    let refused = crate::host().file("routes/ping.wasm", other).end().await;
    refused.says(&[
        "`routes/ping.wasm`",
        "imports `lithe:plugin/screams@0.1.0`",
        "`lithe inspect`",
    ]);
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut replaced = bytes.to_vec();
    let places: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, part)| *part == from)
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty(), "it is not there");
    for at in places {
        replaced[at..at + to.len()].copy_from_slice(to);
    }
    replaced
}

#[tokio::test]
async fn a_named_pipe_is_refused_by_every_command_and_not_waited_for() {
    let site = host().route("a", BENCH_HELLO);
    let pipe = site.site_folder().join("pipe.wasm");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("pipes can be made");
    let host = site.start().await;
    let pipe = pipe.to_str().expect("it is text");
    let mut inspect = Command::new(env!("CARGO_BIN_EXE_lithe-under-test"));
    run(inspect.args(["inspect", pipe])).await.says(&["pipe.wasm", "regular file"]);
    let deploy = host.command("deploy", &["routes/a.wasm", pipe]).await;
    deploy.says(&["pipe.wasm", "regular file"]);
    assert_eq!(host.get("/a").await.text(), "hello world");
}
