//! Zig: `main.zig`, which imports the C SDK as `lithe`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::callbacks::Callbacks;
use super::clang::{self, Compiler};
use super::contract::World;
use super::tool;
use lithe_host::internals::config::GuestKind;

/// What the module `lithe` has beside the C header's functions.
const SLICES: &str = include_str!("../../../guest-sdk/c/lithe_slices.zig");

/// How Zig is run here: `zig`, or the one of the Python package `ziglang`.
pub(crate) fn find() -> Option<Vec<String>> {
    tool::first_that_works(
        &[&["zig"], &["python3", "-m", "ziglang"], &["python", "-m", "ziglang"]],
        "version",
    )
}

/// The folder's `main.zig`, if it has one.
pub(crate) fn main_file(folder: &Path) -> Option<PathBuf> {
    ["main.zig", "src/main.zig"]
        .map(|name| folder.join(name))
        .into_iter()
        .find(|path| path.is_file())
}

/// Builds `main.zig` and what it imports.
///
/// # Errors
/// There is no Zig, or it fails; or the source does not export what its kind needs.
pub(crate) fn build(main: &Path, kind: GuestKind, work: &Path) -> anyhow::Result<Vec<u8>> {
    let Some(zig) = find() else {
        bail!("there is no Zig: run `python3 -m pip install ziglang`, or install `zig`");
    };
    clang::write_sdk(work)?;
    let translated = work.join("lithe.zig");
    let mut translate = tool::command(&zig);
    // With what unit tests need: it is of this file, too, and the component leaves out what it
    // never calls.
    let header = work.join("lithe_testing.h");
    translate.args(["translate-c", "-target", "wasm32-wasi", "-lc"]).arg(header);
    let text = tool::ask(&mut translate)?;
    std::fs::write(&translated, text + SLICES)
        .with_context(|| format!("cannot write `{}`", translated.display()))?;
    let object = work.join("main.zig.o");
    let mut compile = tool::command(&zig);
    compile
        .args(["build-obj", "-target", "wasm32-wasi", "-O", "ReleaseSmall", "-lc"])
        .args(["--dep", "lithe"])
        .arg(format!("-Mroot={}", main.display()))
        .args(["-O", "ReleaseSmall", "-target", "wasm32-wasi"])
        .arg(format!("-Mlithe={}", translated.display()))
        .arg(format!("-femit-bin={}", object.display()));
    tool::run(&mut compile)?;
    let objects = [object];
    let callbacks = Callbacks::of(&objects)?;
    let world = World::new(kind, callbacks.exports(kind)?);
    clang::write_bindings(&world, &callbacks, work)?;
    let module = Compiler::of_zig(&zig).link(&objects, false, work)?;
    world.component(module)
}
