//! Python, made into a component: an interpreter of componentize-py's, in which the author's module
//! has been imported.
//!
//! The SDK (`guest-sdk/python`) is in this binary: so it is the one of the host that the component
//! is built for.

mod call;
mod exports;
mod interpreter;
mod snapshot;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use wasmtime_wasi::FsPerms;

use super::contract::Export;
use super::stamp::Stamp;
use super::{tool, work};
use interpreter::Interpreter;
use lithe_host::internals::config::GuestKind;
use lithe_host::internals::plugin::Cache;
use snapshot::Mount;

/// The SDK.
const SDK: [(&str, &str); 28] = sdk! { "python/":
    "lithe_sdk/__init__.py"
    "lithe_sdk/_app.py"
    "lithe_sdk/_batch.py"
    "lithe_sdk/_build.py"
    "lithe_sdk/_component.py"
    "lithe_sdk/_cookie.py"
    "lithe_sdk/_entry.py"
    "lithe_sdk/_event.py"
    "lithe_sdk/_hooks.py"
    "lithe_sdk/_host.py"
    "lithe_sdk/_json.py"
    "lithe_sdk/_match.py"
    "lithe_sdk/_middleware.py"
    "lithe_sdk/_network.py"
    "lithe_sdk/_outcome.py"
    "lithe_sdk/_pattern.py"
    "lithe_sdk/_played.py"
    "lithe_sdk/_report.py"
    "lithe_sdk/_socket.py"
    "lithe_sdk/_state.py"
    "lithe_sdk/_stream.py"
    "lithe_sdk/_task.py"
    "lithe_sdk/_text.py"
    "lithe_sdk/_timers.py"
    "lithe_sdk/_topics.py"
    "lithe_sdk/_values.py"
    "lithe_sdk/py.typed"
    "lithe_sdk/testing.py"
};

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
pub(crate) fn build(
    folder: &Path,
    kind: GuestKind,
    work: &Path,
    say: &impl Fn(&str),
) -> anyhow::Result<Vec<u8>> {
    let manifest = std::fs::read_to_string(folder.join(MANIFEST))?;
    let manifest: Manifest =
        toml::from_str(&manifest).with_context(|| format!("`{MANIFEST}` is invalid"))?;
    let module = manifest.tool.lithe.module;
    let Some(tool) = find(folder) else {
        bail!("there is no componentize-py: run `python3 -m pip install componentize-py`");
    };
    // For an editor, and for unit tests.
    let sdk = work.join("sdk");
    work::write(&sdk, &SDK)?;
    let cache = cache()?;
    let interpreter = Interpreter::of(kind, &tool, &cache, work, say)?;
    let parts = [&*interpreter.digest, kind.name(), &*module].map(str::as_bytes);
    let stamp = Stamp::of(&parts).with_folder(folder)?;
    stamp.or_build(&work.join("component.wasm"), |output| {
        let component = componentize(&interpreter, folder, &module, kind, &cache, say)?;
        std::fs::write(output, component)
            .with_context(|| format!("cannot write `{}`", output.display()))
    })
}

/// Where interpreters lie, and what they are compiled to: beside the host's components.
fn cache() -> anyhow::Result<Cache> {
    let named = std::env::var_os("LITHE_CACHE").filter(|named| !named.is_empty());
    named.map_or_else(|| Ok(Cache::of_user()), |named| Cache::open(named.into()))
}

/// What the interpreter says of the module.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Loaded {
    Exports(BTreeSet<Export>),
    /// It has been imported, and is not what it has to be.
    Unfit(String),
    /// It has not been imported.
    Traceback(String),
}

/// Imports the module in the interpreter, and makes a component of it.
fn componentize(
    interpreter: &Interpreter,
    folder: &Path,
    module: &str,
    kind: GuestKind,
    cache: &Cache,
    say: &impl Fn(&str),
) -> anyhow::Result<Vec<u8>> {
    let answer = tempfile::tempdir()?;
    let packages = folder.join(PACKAGES);
    let read = |folder, name| Mount { folder, name, permissions: FsPerms::ReadOnly };
    let mut mounts = vec![read(folder, "/app"), read(&interpreter.modules, "/python")];
    if packages.is_dir() {
        mounts.push(read(&packages, "/packages"));
    }
    let permissions = FsPerms::ReadWrite;
    mounts.push(Mount { folder: answer.path(), name: "/answer", permissions });
    let arguments = serde_json::to_string(&[
        module,
        kind.name(),
        &folder.to_string_lossy(),
        "/answer/loaded.json",
    ])?;
    let text = format!("from lithe_sdk import _build\n_build.load(*{arguments})\n");
    let component = snapshot::take(interpreter, &text, &mounts, cache)?;
    let loaded = std::fs::read_to_string(answer.path().join("loaded.json"));
    match serde_json::from_str(&loaded.context("the interpreter does not answer")?)? {
        Loaded::Exports(exports) => exports::keep(&component, &exports),
        Loaded::Unfit(words) => bail!("{words}"),
        Loaded::Traceback(words) => {
            words.lines().for_each(say);
            bail!("`{module}` cannot be imported: Python's messages are above")
        }
    }
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
