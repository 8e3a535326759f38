//! The interpreter that a component is made from: Python with the SDK, of one kind of component,
//! and with all that a component of that kind may export.
//!
//! componentize-py takes many seconds to make one, and the author's module is not in it. So it is
//! made once for all sources, and lies beside the host's compiled components.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use lithe_host::internals::config::GuestKind;
use lithe_host::internals::plugin::{Cache, Digest};

use super::SDK;
use crate::contract::{Export, World};
use crate::{tool, work};

/// The module that the host calls.
const MODULE: &str = "lithe_component";

/// It keeps Python's own modules, which the author's module may import.
const MODULE_TEXT: &str = r#""""The component, as the host calls it."""

import os

from lithe_sdk import _build
from lithe_sdk._entry import *  # noqa: F403

for folder, _, names in os.walk("/python"):
    kept = os.path.dirname(__file__) + folder
    os.mkdir(kept)
    for name in names:
        with open(f"{folder}/{name}", "rb") as read, open(f"{kept}/{name}", "wb") as write:
            write.write(read.read())
"#;

/// How long an interpreter is used. After that it is made again, and its folder is removed.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// An interpreter, and the folder of Python's own modules.
pub(super) struct Interpreter {
    component: PathBuf,
    /// The digest of the component's bytes, which may differ each time that it is made.
    pub digest: String,
    pub modules: PathBuf,
}

impl Interpreter {
    /// The interpreter for components of that kind, made by that componentize-py. Makes it if it
    /// does not exist.
    ///
    /// # Errors
    /// componentize-py fails, or the folder cannot be written to.
    pub(super) fn of(
        kind: GuestKind,
        tool: &[String],
        cache: &Cache,
        work: &Path,
        say: &impl Fn(&str),
    ) -> anyhow::Result<Self> {
        let version = tool::ask(tool::command(tool).arg("--version"))?;
        let world = World::new(kind, Export::of_kind(kind).iter().copied());
        let shared = cache.folder().unwrap_or(work);
        let name = format!("python-{}", kind.name());
        let folder = shared.join(format!("{name}-{}", digest(&version, &world)));
        if !folder.is_dir() {
            let kind = kind.name();
            say(&format!(
                "making the interpreter of Python's components of the kind `{kind}`, once"
            ));
            remove_old(shared, &name);
            let new = tempfile::Builder::new().prefix(".python").tempdir_in(shared)?;
            make(&world, tool, new.path())?;
            // Another build may have been faster.
            if let Err(error) = std::fs::rename(new.path(), &folder)
                && !folder.is_dir()
            {
                return Err(error).with_context(|| format!("cannot make `{}`", folder.display()));
            }
        }
        let noted = folder.join(DIGEST);
        let digest = std::fs::read_to_string(&noted).with_context(|| unreadable(&noted))?;
        Ok(Self { component: folder.join(COMPONENT), digest, modules: folder.join("sdk/python") })
    }

    /// The component's bytes.
    ///
    /// # Errors
    /// They cannot be read.
    pub(super) fn component(&self) -> anyhow::Result<Vec<u8>> {
        std::fs::read(&self.component).with_context(|| unreadable(&self.component))
    }
}

fn unreadable(file: &Path) -> String {
    format!("cannot read `{}`: remove its folder", file.display())
}

/// The files of an interpreter's folder: the component, and its digest.
const COMPONENT: &str = "interpreter.wasm";
const DIGEST: &str = "interpreter.sha256";

/// The digest of everything that an interpreter is made from, and of its files' names.
fn digest(version: &str, world: &World) -> String {
    let mut made_from = format!("{version}\n{COMPONENT} {DIGEST}\n{}\n{MODULE_TEXT}", world.text());
    for (name, text) in crate::contract::FILES.iter().chain(&SDK) {
        made_from += &format!("{name}: {}\n{text}", text.len());
    }
    Digest::of(made_from.as_bytes()).to_string()
}

fn make(world: &World, tool: &[String], folder: &Path) -> anyhow::Result<()> {
    let (sdk, wit) = (folder.join("sdk"), folder.join("wit"));
    work::write(&sdk, &SDK)?;
    work::write(&sdk, &[(&format!("{MODULE}.py"), MODULE_TEXT)])?;
    world.write(&wit)?;
    let mut componentize = tool::command(tool);
    componentize.args(["--quiet", "-w", World::NAME, "-d"]).arg(&wit);
    componentize.arg("componentize").arg("-p").arg(&sdk);
    // Its own packages, and not those of the person who builds.
    componentize.env_remove("VIRTUAL_ENV").env("PYTHONNOUSERSITE", "1");
    let component = folder.join(COMPONENT);
    tool::run(componentize.args([MODULE, "-o"]).arg(&component))?;
    let component = std::fs::read(&component).with_context(|| unreadable(&component))?;
    Ok(std::fs::write(folder.join(DIGEST), Digest::of(&component).to_string())?)
}

/// What cannot be removed stays, and is looked at the next time.
fn remove_old(shared: &Path, name: &str) {
    for entry in std::fs::read_dir(shared).into_iter().flatten().flatten() {
        let is_one = entry.file_name().to_string_lossy().starts_with(name);
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| modified.elapsed().ok());
        if is_one && age.is_some_and(|age| age > LIFETIME) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
