//! Python, made into a component by componentize-py: the interpreter, the module and what it
//! imports.
//!
//! The SDK (`guest-sdk/python`) is in this binary: so it is the one of the host that the component
//! is built for.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::contract::World;
use super::stamp::Stamp;
use super::{tool, work};
use lithe_host::internals::config::GuestKind;

macro_rules! sdk {
    ($file:literal) => {
        (
            concat!("lithe_sdk/", $file),
            include_str!(concat!("../../../guest-sdk/python/lithe_sdk/", $file)),
        )
    };
}
/// The SDK.
const SDK: [(&str, &str); 13] = [
    sdk!("__init__.py"),
    sdk!("_app.py"),
    sdk!("_entry.py"),
    sdk!("_event.py"),
    sdk!("_fake.py"),
    sdk!("_hooks.py"),
    sdk!("_host.py"),
    sdk!("_outcome.py"),
    sdk!("_socket.py"),
    sdk!("_timers.py"),
    sdk!("_topics.py"),
    sdk!("py.typed"),
    sdk!("testing.py"),
];

/// The file that makes a folder a Python source.
pub(crate) const MANIFEST: &str = "pyproject.toml";

/// A folder beside the module for packages that it imports: `pip install --target python_modules`.
const PACKAGES: &str = "python_modules";

#[derive(Default, Deserialize)]
struct Manifest {
    #[serde(default)]
    tool: Tools,
}

#[derive(Default, Deserialize)]
struct Tools {
    #[serde(default)]
    lithe: Settings,
}

/// `[tool.lithe]`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The module with the decorator. Default: `app`.
    module: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { module: "app".to_owned() }
    }
}

/// Builds the module that `pyproject.toml` names; what has not changed is not built again.
///
/// # Errors
/// There is no componentize-py, or it fails: the module cannot be imported, or is of another kind.
pub(crate) fn build(folder: &Path, kind: GuestKind, work: &Path) -> anyhow::Result<Vec<u8>> {
    let manifest = std::fs::read_to_string(folder.join(MANIFEST))?;
    let manifest: Manifest =
        toml::from_str(&manifest).with_context(|| format!("`{MANIFEST}` is invalid"))?;
    let module = manifest.tool.lithe.module;
    let Some(tool) = find(folder) else {
        bail!("there is no componentize-py: run `python3 -m pip install componentize-py`");
    };
    let sdk = work.join("sdk");
    work::write(&sdk, &SDK)?;
    let entry = format!(
        "\"\"\"The component: `{module}`, as the host calls it.\"\"\"\n\n\
         import {module}\n\
         from lithe_sdk._entry import *  # noqa: F403\n\
         from lithe_sdk._entry import check\n\n\
         check(\"{}\", \"{module}\")\n",
        kind.name()
    );
    work::write(&sdk, &[("lithe_component.py", &entry)])?;
    let wit = work.join("wit");
    World::new(kind, []).write(&wit)?;

    let version = tool::ask(tool::command(&tool).arg("--version"))?;
    let stamp = Stamp::of(&[version.as_bytes(), kind.name().as_bytes()])
        .with_folder(folder)?
        .with_folder(&sdk)?
        .with_folder(&wit)?;
    stamp.or_build(&work.join("component.wasm"), |output| {
        let mut componentize = tool::command(&tool);
        componentize.args(["--quiet", "-w", World::NAME, "-d"]).arg(&wit);
        componentize.arg("componentize").arg("-p").arg(folder).arg("-p").arg(&sdk);
        if folder.join(PACKAGES).is_dir() {
            componentize.arg("-p").arg(folder.join(PACKAGES));
        }
        // Its own packages, and not those of the person who builds.
        componentize.env_remove("VIRTUAL_ENV").env("PYTHONNOUSERSITE", "1");
        tool::run(componentize.args(["lithe_component", "-o"]).arg(output))
    })
}

/// How componentize-py is run here: the one of a `.venv` around the source, or the one on the path.
fn find(folder: &Path) -> Option<Vec<String>> {
    let own = tool::find_upward(folder, ".venv/bin/componentize-py");
    if let Some(own) = own {
        return Some(vec![own.to_string_lossy().into_owned()]);
    }
    tool::first_that_works(
        &[&["componentize-py"], &["python3", "-m", "componentize_py"]],
        "--version",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_sdk_is_there() {
        let sources =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk/python/lithe_sdk");
        let files = std::fs::read_dir(sources).unwrap().map(|entry| entry.unwrap().path());
        let mut names: Vec<String> = files
            .filter(|path| path.is_file())
            .map(|path| format!("lithe_sdk/{}", path.file_name().unwrap().display()))
            .collect();
        names.sort_unstable();
        assert_eq!(names, SDK.map(|(name, _)| name));
    }
}
