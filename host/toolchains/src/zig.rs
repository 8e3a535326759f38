//! Zig: `main.zig`, which imports the C SDK as `lithe`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::clang::Compiler;
use super::{contract, tool};
use lithe_host::internals::config::GuestKind;

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
    let objects = Compiler::of_zig(&zig).sdk(kind, work)?;
    let translated = work.join("lithe.zig");
    let mut translate = tool::command(&zig);
    translate.args(["translate-c", "-target", "wasm32-wasi", "-lc"]).arg(work.join("lithe.h"));
    let text = tool::ask(&mut translate)?;
    std::fs::write(&translated, text)
        .with_context(|| format!("cannot write `{}`", translated.display()))?;
    let module = work.join("module.wasm");
    let mut build = tool::command(&zig);
    build
        .args(["build-exe", "-target", "wasm32-wasi", "-mexec-model=reactor", "-fno-entry"])
        .args(["-O", "ReleaseSmall", "-rdynamic", "--stack", "262144", "-lc"])
        .args(["--dep", "lithe"])
        .arg(format!("-Mroot={}", main.display()))
        .args(["-O", "ReleaseSmall", "-target", "wasm32-wasi"])
        .arg(format!("-Mlithe={}", translated.display()))
        .args(&objects)
        .arg(format!("-femit-bin={}", module.display()));
    tool::run(&mut build).context(
        "a missing `lithe_on_…` is to be exported, and one that is defined twice is of another kind \
         than `lithe.toml` says",
    )?;
    contract::component(std::fs::read(&module)?, kind.world())
}
