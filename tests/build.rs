//! Builds every guest from source, and tells the tests where the components are.
//!
//! The guests have a target folder of their own, so that this cargo does not wait for the one that
//! runs it. What has not changed in it is not built again.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// Folders whose subfolders are guests.
const GUESTS: [&str; 2] = ["examples/guests", "tests/guests"];

/// What guests are built from, in addition to their own sources.
const SOURCES: [&str; 4] = ["guest-sdk/rust", "wit", "Cargo.lock", "host/cargo-guest"];

fn main() -> anyhow::Result<()> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").context("cargo sets OUT_DIR")?);
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").context("run by cargo")?);
    let root = here.parent().context("the tests are inside the repository")?;
    for path in GUESTS.iter().chain(&SOURCES) {
        println!("cargo:rerun-if-changed={}", root.join(path).display());
    }
    let target = target_folder(&out)?;
    lithe_cargo_guest::ensure_target(|line| eprintln!("{line}"))?;

    let guests_target = target.join("guests");
    let mut constants = String::new();
    let mut names = Vec::new();
    for folder in guests(root)? {
        let package = package_name(&folder)?;
        let name = package.trim_start_matches("test-guests-").replace('-', "_");
        let components = if folder.join("examples").is_dir() {
            build_examples(&folder, &guests_target)?
        } else {
            vec![(name.clone(), lithe_cargo_guest::build(&folder, Some(&guests_target))?)]
        };
        for (name, component) in components {
            writeln!(constants, "/// A component of `{package}`.")?;
            let constant = name.trim_start_matches("example_").to_uppercase();
            writeln!(constants, "pub const {constant}: &str = {component:?};")?;
        }
        names.push(name);
    }
    write_list(&mut constants, &names)?;
    writeln!(constants, "/// Where compiled components stay from one run to the next.")?;
    writeln!(constants, "pub const CACHE: &str = {:?};", target.join("guests-cache"))?;
    writeln!(constants, "/// The target folder of the guests.")?;
    writeln!(constants, "pub const TARGET: &str = {guests_target:?};")?;
    std::fs::write(out.join("artifacts.rs"), constants)?;
    Ok(())
}

/// The target folder of the outer build: above its `PROFILE/build/`.
fn target_folder(out: &Path) -> anyhow::Result<PathBuf> {
    let build = out.ancestors().find(|folder| folder.ends_with("build"));
    let target = build.and_then(|build| build.parent()?.parent());
    target.map(Path::to_owned).with_context(|| format!("`{}` is in no `build`", out.display()))
}

/// Every folder of [`GUESTS`] that makes a component, in the order of their names.
fn guests(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in GUESTS {
        for entry in std::fs::read_dir(root.join(folder))? {
            let folder = entry?.path();
            let manifest = std::fs::read_to_string(folder.join("Cargo.toml"));
            if manifest.is_ok_and(|manifest| manifest.contains("cdylib")) {
                found.push(folder);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Builds the examples of a package: each is a component, by its name.
fn build_examples(folder: &Path, target: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--release", "--examples", "--target", lithe_cargo_guest::TARGET])
        .arg("--manifest-path")
        .arg(folder.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        // These variables are the outer build's.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTC_WORKSPACE_WRAPPER");
    if !cargo.status().context("cannot run `cargo`")?.success() {
        bail!("`{}` does not build: the compiler's messages are above", folder.display());
    }
    let mut components = Vec::new();
    for entry in std::fs::read_dir(folder.join("examples"))? {
        let name = entry?.path().with_extension("");
        let name = name.file_name().and_then(|name| name.to_str()).context("names are UTF-8")?;
        let component = target.join(lithe_cargo_guest::TARGET).join("release/examples").join(name);
        components.push((name.to_owned(), component.with_extension("wasm")));
    }
    components.sort();
    Ok(components)
}

fn package_name(folder: &Path) -> anyhow::Result<String> {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml"))?;
    let line = manifest.lines().find_map(|line| line.strip_prefix("name = "));
    match line {
        Some(name) => Ok(name.trim_matches('"').to_owned()),
        None => bail!("`{}` names no package", folder.display()),
    }
}

/// Writes a macro that calls another macro for each guest, which can demand that the guest is
/// tested.
fn write_list(out: &mut String, names: &[String]) -> std::fmt::Result {
    writeln!(out, "/// Calls a macro with the name of each guest.")?;
    writeln!(out, "#[macro_export]\nmacro_rules! foreach_guest {{\n    ($call:ident) => {{")?;
    for name in names {
        writeln!(out, "        $call!({name});")?;
    }
    writeln!(out, "    }};\n}}")
}
