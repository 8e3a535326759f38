//! What `lithe build` and `lithe new` need: each language's tools, its SDK, and templates of new
//! sites.

/// Files below a folder of `guest-sdk`: their names, and what they say.
macro_rules! sdk {
    ($folder:literal: $($file:literal)*) => {
        [$(($file, include_str!(concat!("../../../guest-sdk/", $folder, $file)))),*]
    };
}

mod callbacks;
mod clang;
mod command;
mod contract;
mod go;
mod inputs;
mod javascript;
mod new;
mod python;
mod sections;
mod stamp;
mod tool;
mod types;
mod work;
mod zig;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bytesize::ByteSize;

use inputs::Component;
use lithe_host::internals::config::{Build, Engine, GuestKind};
use lithe_host::internals::files::Folder;
use lithe_host::internals::runtime;
use lithe_host::internals::site::{SiteDir, role_of};
use wasmparser::Payload;

pub use new::{Kind, Language, Project};
pub use types::TypeErrors;

/// A component that could not be built. The compiler's own messages have gone to standard error.
#[derive(Debug, thiserror::Error)]
#[error("cannot build `{}` from `{}`", .output.display(), .source_folder.display())]
pub struct BuildError {
    pub output: PathBuf,
    pub source_folder: PathBuf,
    pub source: anyhow::Error,
}

/// What has been built.
#[derive(Debug, Default)]
pub struct Built {
    /// The components that are new or have changed.
    pub written: Vec<PathBuf>,
    /// By the folder of each source that was built: the files outside of it that its component was
    /// made from, such as those of a package beside it. Cargo, esbuild and clang report them.
    pub inputs: Inputs,
    /// Routes that are one component but not one plugin, by their source: they share neither memory
    /// nor sockets.
    pub apart: Vec<Apart>,
}

/// Routes that are built from one source, and are plugins of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apart {
    pub files: Vec<PathBuf>,
    pub build: Build,
}

impl fmt::Display for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted: Vec<String> =
            self.files.iter().map(|file| format!("`{}`", file.display())).collect();
        let (Build { source, kind, engine, command, .. }, file) = (&self.build, &self.files[0]);
        let name = source.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let mut line = format!("{file:?} = {{ source = {source:?}");
        if *kind != GuestKind::default() {
            line += &format!(", kind = {:?}", kind.name());
        }
        if *engine != Engine::default() {
            line += &format!(", engine = {:?}", engine.name());
        }
        if let Some(command) = command {
            line += &format!(", command = {command:?}");
        }
        write!(
            f,
            "warning: {} are built from `{}`, and share no memory, topics and sockets: each is a plugin of its own. \
             To make them one, give each the same `plugin` in `[build]`, as in `{line}, plugin = \"{name}\" }}`; \
             to keep them apart, give each a name of its own",
            quoted.join(" and "),
            source.display(),
        )
    }
}

/// Files, by the folder of the source whose component was made from them.
pub type Inputs = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

/// Builds every component of the site. One that fails does not keep the others from being built.
///
/// # Errors
/// A component does not build: which one and why. If there are others to build, too, `say` has said
/// why beneath the tool's own messages, and the error names all that have failed.
pub fn build(site: &SiteDir, errors: TypeErrors, say: impl Fn(&str)) -> anyhow::Result<Built> {
    build_changed(site, errors, |_| true, say)
}

/// Builds the components whose source folder `is_changed`.
///
/// # Errors
/// As [`build`]; or a file is none that the host would serve.
pub fn build_changed(
    site: &SiteDir,
    errors: TypeErrors,
    is_changed: impl Fn(&Path) -> bool,
    say: impl Fn(&str),
) -> anyhow::Result<Built> {
    let is_changed = |(_, build): &(&PathBuf, &Build)| is_changed(&site.root.join(build));
    let changed: Vec<_> = site.config.build.iter().filter(is_changed).collect();
    for (output, _) in &changed {
        // What the host would not serve is not built either.
        role_of(&output.to_string_lossy()).context("`[build]` in `lithe.toml`")?;
    }
    let mut building = Building { site, errors, say, has_target: false, made: Vec::new() };
    let mut built = Built::default();
    let mut failed: Vec<(&PathBuf, &Build)> = Vec::new();
    for &(output, build) in &changed {
        // It would fail again.
        if failed.iter().any(|(_, own)| own.makes_the_same(build)) {
            failed.push((output, build));
            continue;
        }
        if let Err(source) = building.build(output, build, &mut built) {
            let (output_name, source_folder) = (output.clone(), build.source.clone());
            let error = BuildError { output: output_name, source_folder, source };
            if changed.len() == 1 {
                return Err(error.into());
            }
            (building.say)(&format!("error: {:#}", anyhow::Error::from(error)));
            failed.push((output, build));
        }
    }
    if !failed.is_empty() {
        let names: Vec<_> =
            failed.iter().map(|(output, _)| format!("`{}`", output.display())).collect();
        bail!(
            "cannot build {} of {} components, as said above: {}",
            failed.len(),
            changed.len(),
            names.join(", ")
        );
    }
    Ok(built)
}

/// A build of several components.
struct Building<'a, S> {
    site: &'a SiteDir,
    errors: TypeErrors,
    say: S,
    /// Whether Rust's target is there. It is looked for only once.
    has_target: bool,
    /// What other files are made of, too, is built once.
    made: Vec<(&'a Build, Vec<u8>)>,
}

impl<'a, S: Fn(&str)> Building<'a, S> {
    /// Builds one component, and writes it if it has changed.
    fn build(&mut self, output: &Path, build: &'a Build, built: &mut Built) -> anyhow::Result<()> {
        let Self { site, errors, say, has_target, made } = self;
        if let Some((_, content)) = made.iter().find(|(own, _)| own.makes_the_same(build)) {
            if replace(&site.root, output, content)? {
                built.written.push(output.to_owned());
            }
            return Ok(());
        }
        let folder = site.root.join(build);
        let component = component(&folder, build, *errors, has_target, say)?;
        let same: Vec<_> =
            site.config.build.iter().filter(|(_, own)| own.makes_the_same(build)).collect();
        if same.len() > 1 {
            built.apart.extend(apart(&same, &component.content));
            made.push((build, component.content.clone()));
        }
        if replace(&site.root, output, &component.content)? {
            built.written.push(output.to_owned());
        }
        let inputs = component.inputs.into_iter().filter_map(|path| path.canonicalize().ok());
        let inside = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        let outside = inputs.filter(|path| !path.starts_with(&inside));
        built.inputs.entry(folder).or_default().extend(outside);
        Ok(())
    }
}

/// Those of these files that would share memory or sockets if they were one plugin, and for which
/// the site does not say whether they are to.
fn apart(same: &[(&PathBuf, &Build)], component: &[u8]) -> Option<Apart> {
    let routes = same.iter().filter(|(file, _)| file.starts_with("routes"));
    let (named, unnamed): (Vec<_>, Vec<_>) = routes.partition(|(_, build)| build.plugin.is_some());
    let (_, build) = *unnamed.first()?;
    if named.len() + unnamed.len() < 2 || !has_sessions(component) {
        return None;
    }
    let files = unnamed.iter().chain(&named).map(|(file, _)| (*file).clone()).collect();
    Some(Apart { files, build: (*build).clone() })
}

/// Whether a component's requests can become sockets, by its exports. False if it is malformed.
fn has_sessions(component: &[u8]) -> bool {
    let exports = sections::of(component).into_iter().flatten().filter_map(|own| match own {
        Payload::ComponentExportSection(exports) => Some(exports),
        _ => None,
    });
    let mut exports = exports.flat_map(|section| section.into_iter().flatten());
    exports.any(|export| runtime::Kind::is_of_sessions(export.name.name))
}

/// Makes one component, by the language of its source.
fn component(
    folder: &Path,
    build: &Build,
    errors: TypeErrors,
    has_target: &mut bool,
    say: &impl Fn(&str),
) -> anyhow::Result<Component> {
    let kind = build.kind;
    let work = || work::folder(folder, build);
    if let Some(command) = &build.command {
        return Ok(command::build(folder, command, &work()?)?.into());
    }
    if folder.join("Cargo.toml").is_file() {
        if !*has_target {
            lithe_cargo_guest::ensure_target(say)?;
            *has_target = true;
        }
        let component = lithe_cargo_guest::build(folder, None)?;
        let content = std::fs::read(&component)
            .with_context(|| format!("cannot read `{}`", component.display()))?;
        return Ok(Component { content, inputs: inputs::of_rule(&component.with_extension("d")) });
    }
    if folder.join(javascript::MANIFEST).is_file() {
        return javascript::build(folder, kind, build.engine, &work()?, errors, say);
    }
    if folder.join(python::MANIFEST).is_file() {
        return Ok(python::build(folder, kind, &work()?, say)?.into());
    }
    if folder.join(go::MANIFEST).is_file() {
        return Ok(go::build(folder, kind, &work()?)?.into());
    }
    if let Some(main) = zig::main_file(folder) {
        return Ok(zig::build(&main, kind, &work()?)?.into());
    }
    if !clang::sources(folder)?.is_empty() {
        return clang::build(folder, kind, &work()?);
    }
    bail!(
        "`{}` has no Cargo.toml, package.json, pyproject.toml, go.mod or main.zig, and no C or C++ \
         file; for another language, name a `command`",
        folder.display()
    )
}

/// Answers whether the component's content has changed.
fn replace(root: &Path, output: &Path, component: &[u8]) -> anyhow::Result<bool> {
    let site = Folder::open(root)?;
    let max = ByteSize::b(component.len() as u64);
    if site.read(output, max).is_ok_and(|before| before == component) {
        return Ok(false);
    }
    let path = root.join(output);
    site.write(output, component).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(true)
}
