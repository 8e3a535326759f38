//! Builds a Rust guest for `wasm32-wasip2`.
//!
//! A package of its own, which needs nothing of the host: the tests' build script uses it, too.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// The target that guests are built for.
pub const TARGET: &str = "wasm32-wasip2";

/// Adds the target to the toolchain if it is missing, and calls `say` before.
///
/// # Errors
/// `rustc` is missing, or the target cannot be added. The message says which command would add it.
pub fn ensure_target(say: impl FnOnce(&str)) -> anyhow::Result<()> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .context("cannot run `rustc`: install Rust by rustup")?;
    let folder = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && Path::new(folder.trim()).is_dir() {
        return Ok(());
    }
    say(&format!("adding the target {TARGET} to the Rust toolchain"));
    let added = Command::new("rustup").args(["target", "add", TARGET]).status();
    match added {
        Ok(status) if status.success() => Ok(()),
        _ => bail!("the target {TARGET} is missing: run `rustup target add {TARGET}`"),
    }
}

/// Builds the package in `folder` in release mode, and returns the component's path. Cargo's
/// progress and the compiler's messages go to standard error. Without a target folder, Cargo
/// chooses its own.
///
/// # Errors
/// Cargo fails, or the package has no library of the type `cdylib`.
pub fn build(folder: &Path, target_folder: Option<&Path>) -> anyhow::Result<PathBuf> {
    let manifest = folder.join("Cargo.toml");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--release", "--target", TARGET])
        .arg("--message-format=json-render-diagnostics")
        .arg("--manifest-path")
        .arg(&manifest)
        // Inside a build script or clippy these are the outer build's.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .stdout(Stdio::piped());
    if let Some(target_folder) = target_folder {
        cargo.arg("--target-dir").arg(target_folder);
    }
    let mut child = cargo.spawn().context("cannot run `cargo`")?;
    let stdout = child.stdout.take().context("cargo has no output")?;
    let mut component = None;
    for line in BufReader::new(stdout).lines() {
        let message: serde_json::Value = serde_json::from_str(&line?).unwrap_or_default();
        if let Some(file) = component_of(&message, &manifest) {
            component = Some(file);
        }
    }
    if !child.wait()?.success() {
        bail!("`{}` does not build: the compiler's messages are above", folder.display());
    }
    component.with_context(|| {
        format!(
            "`{}` makes no component: its `[lib]` needs `crate-type = [\"cdylib\"]`",
            manifest.display()
        )
    })
}

/// The `.wasm` file in cargo's message about this package's artifacts.
fn component_of(message: &serde_json::Value, manifest: &Path) -> Option<PathBuf> {
    let own = message.get("manifest_path")?.as_str()?;
    if Path::new(own).canonicalize().ok()? != manifest.canonicalize().ok()? {
        return None;
    }
    let files = message.get("filenames")?.as_array()?;
    files
        .iter()
        .filter_map(|file| file.as_str())
        .find(|file| file.ends_with(".wasm"))
        .map(PathBuf::from)
}
