//! `lithe inspect`.

use std::path::Path;
use std::process::{Command, Output};

use lithe_tests::artifacts::{ADMIN_AUTH, CACHE, LEGACY, LOOP, PING};

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
        (LOOP, "session-plugin: sessions as loops"),
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
