//! JavaScript and TypeScript: bundled by esbuild, and made into a component by the engine's own
//! tool.
//!
//! The SDK (`guest-sdk/js`) is in this binary: so it is the one of the host that the component is
//! built for.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::contract::{Export, World};
use super::inputs::Component;
use super::stamp::Stamp;
use super::types::{Check, TypeErrors};
use super::{tool, work};
use lithe_host::internals::config::{Engine, GuestKind};

/// The SDK.
const SDK: [(&str, &str); 82] = sdk! { "js/src/":
    "adopted.ts"
    "app/layer.ts"
    "app/pattern.ts"
    "app/router.ts"
    "app/slots.ts"
    "awaitable.ts"
    "build/bundle.js"
    "build/map.js"
    "build/plan.ts"
    "build/probe.ts"
    "contract.d.ts"
    "cookie.ts"
    "define.ts"
    "engine.ts"
    "entry/answer.ts"
    "entry/app-hooks.ts"
    "entry/app-session.ts"
    "entry/app.ts"
    "entry/batch.ts"
    "entry/component.ts"
    "entry/dispatch.ts"
    "entry/error.ts"
    "entry/hooks.ts"
    "entry/middleware.ts"
    "entry/route.ts"
    "entry/session.ts"
    "entry/sockets.ts"
    "entry/timers.ts"
    "entry/upgrade.ts"
    "env.ts"
    "event.ts"
    "full/console.ts"
    "full/engine.ts"
    "full/globals.ts"
    "full/index.ts"
    "globals.d.ts"
    "headers.ts"
    "index.ts"
    "json.ts"
    "message.ts"
    "middleware/auth.ts"
    "middleware/cors.ts"
    "middleware/lazy.ts"
    "middleware/origin.ts"
    "middleware/outcome.ts"
    "middleware/trace.ts"
    "network.ts"
    "outcome.ts"
    "package.json"
    "peer.ts"
    "process.ts"
    "request.ts"
    "secret.ts"
    "small/console.ts"
    "small/index.ts"
    "small/json.ts"
    "small/promise.ts"
    "small/random.ts"
    "small/text.ts"
    "small/web/abort.ts"
    "small/web/body.ts"
    "small/web/clone.ts"
    "small/web/crypto.ts"
    "small/web/events.ts"
    "small/web/globals.ts"
    "small/web/hash.ts"
    "small/web/headers.ts"
    "small/web/params.ts"
    "small/web/request.ts"
    "small/web/response.ts"
    "small/web/streams.ts"
    "small/web/subtle.ts"
    "small/web/url.ts"
    "socket.ts"
    "stack.ts"
    "stream.ts"
    "streamed.ts"
    "testing/host.ts"
    "testing/index.ts"
    "testing/routes.ts"
    "testing/run.js"
    "values.ts"
};

/// The npm packages that build a component, with the versions that are known to work together.
/// Those of the full engine need each other in just these.
const SMALL: [Package; 2] = [ESBUILD, Package { name: "componentize-qjs", version: "0.4.5" }];
const FULL: [Package; 4] = [
    ESBUILD,
    Package { name: "@bytecodealliance/componentize-js", version: "0.23.0" },
    Package { name: "@bytecodealliance/jco", version: "1.35.0" },
    Package { name: "@bytecodealliance/preview2-shim", version: "0.25.0" },
];
const ESBUILD: Package = Package { name: "esbuild", version: "0.28.2" };

/// The file that makes a folder a JavaScript source.
pub(crate) const MANIFEST: &str = "package.json";

/// Where the module is when the manifest does not say.
const MAINS: [&str; 4] = ["src/index.ts", "src/index.js", "index.ts", "index.js"];

/// What `sdk/build/bundle.js` writes.
const BUNDLE: [&str; 2] = ["bundle.js", "bundle.json"];

/// What the SDK may import of WASI; the engines themselves bring the rest.
const WASI: [(&str, &str); 3] = [
    ("deps/io/io.wit", include_str!("wit/io.wit")),
    ("deps/cli/cli.wit", include_str!("wit/cli.wit")),
    ("deps/random/random.wit", include_str!("wit/random.wit")),
];

#[derive(Deserialize)]
struct Manifest {
    main: Option<PathBuf>,
}

/// What a bundle says of itself.
#[derive(Deserialize)]
struct Bundle {
    /// What the component exports, as the SDK names it.
    exports: Vec<String>,
    /// The interfaces that the bundle imports.
    imports: Vec<String>,
    /// The files that it was made from.
    inputs: Vec<PathBuf>,
}

/// Builds the module that `package.json` names as `main`; what has not changed is not built again.
///
/// # Errors
/// A tool is missing, or fails: the module cannot be bundled, is of another kind, or has errors of
/// types.
pub(crate) fn build(
    folder: &Path,
    kind: GuestKind,
    engine: Engine,
    work: &Path,
    errors: TypeErrors,
    say: &impl Fn(&str),
) -> anyhow::Result<Component> {
    let tools = Tools::of(folder, engine)?;
    work::write(&work.join("sdk"), &SDK)?;
    if engine == Engine::Full {
        // Where an author's `tsconfig.json` finds it: the small engine's.
        work::write(&work.with_file_name(kind.name()).join("sdk"), &SDK)?;
    }
    let types = Check::begin(folder)?;
    let (bundle, code) = bundle(folder, kind, engine, work)?;
    let wit = work.join("wit");
    write_world(&bundle, kind, &wit)?;

    let stamp = Stamp::of(&[tools.versions.as_bytes(), &code]).with_folder(&wit)?;
    let content = stamp.or_build(&work.join("component.wasm"), |output| {
        let mut command = Command::new(&tools.componentize);
        let bundle = work.join("bundle.js");
        match engine {
            Engine::Small => command.args(["--sync", "-j"]).arg(bundle),
            Engine::Full => command.arg(bundle),
        };
        command.args(["-n", "javascript", "-w"]).arg(&wit).arg("-o").arg(output);
        if engine == Engine::Full {
            // Without `wasi:http`, which the host does not have. Takes several values: the last
            // option.
            command.args(["-d", "http", "fetch-event"]);
        }
        tool::run(&mut command).with_context(|| tools.advice.clone())
    })?;
    types.end(errors, say)?;
    Ok(Component { content, inputs: bundle.inputs })
}

/// The module, what it imports and the SDK, as one file.
fn bundle(
    folder: &Path,
    kind: GuestKind,
    engine: Engine,
    work: &Path,
) -> anyhow::Result<(Bundle, Vec<u8>)> {
    let settings = serde_json::json!({
        "main": main_file(folder)?,
        "kind": kind.name(),
        "engine": engine.name(),
    });
    let mut node = Command::new("node");
    node.current_dir(work).arg("sdk/build/bundle.js").arg(settings.to_string());
    tool::run(&mut node)?;
    let [code, bundle] = BUNDLE.map(|name| {
        let path = work.join(name);
        std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))
    });
    Ok((serde_json::from_slice(&bundle?)?, code?))
}

/// Writes the world of the component: that of its kind, with what the module defines besides, and
/// with what it needs of WASI.
fn write_world(bundle: &Bundle, kind: GuestKind, wit: &Path) -> anyhow::Result<()> {
    let is_exported = |export: &Export| bundle.exports.iter().any(|it| it == export.interface());
    World::new(kind, Export::ALL.into_iter().filter(is_exported)).write(wit)?;
    work::write(wit, &WASI)?;
    let mut world = format!(
        "package lithe:plugin@0.1.0;\n\nworld javascript {{\n    include {};\n",
        World::NAME
    );
    for interface in bundle.imports.iter().filter(|interface| interface.starts_with("wasi:")) {
        world += &format!("    import {interface};\n");
    }
    work::write(wit, &[("javascript.wit", &(world + "}\n"))])
}

fn main_file(folder: &Path) -> anyhow::Result<PathBuf> {
    let manifest = std::fs::read_to_string(folder.join(MANIFEST))?;
    let manifest: Manifest =
        serde_json::from_str(&manifest).with_context(|| format!("`{MANIFEST}` is invalid"))?;
    let candidates = match manifest.main {
        Some(main) => vec![main],
        None => MAINS.map(PathBuf::from).to_vec(),
    };
    let found = candidates.iter().map(|name| folder.join(name)).find(|path| path.is_file());
    let Some(found) = found else {
        bail!("there is no module {candidates:?}: name it as `main` in `{MANIFEST}`");
    };
    Ok(found.canonicalize()?)
}

/// A package of npm.
#[derive(Clone, Copy)]
struct Package {
    name: &'static str,
    version: &'static str,
}

/// What builds components, in the `node_modules` of the source or of a folder around it.
struct Tools {
    componentize: PathBuf,
    /// The versions of the packages that are there.
    versions: String,
    /// What to say if they fail.
    advice: String,
}

impl Tools {
    fn of(folder: &Path, engine: Engine) -> anyhow::Result<Self> {
        let (program, packages) = match engine {
            Engine::Small => ("componentize-qjs", SMALL.as_slice()),
            Engine::Full => ("componentize-js", FULL.as_slice()),
        };
        let folder = folder.canonicalize()?;
        let install = install(&folder, packages);
        let mut versions = Vec::new();
        for Package { name, .. } in packages {
            match installed(&folder, name) {
                Some(version) => versions.push(format!("{name}@{version}")),
                None => bail!("there is no {name}: run {install}"),
            }
        }
        let componentize = tool::find_upward(&folder, &format!("node_modules/.bin/{program}"))
            .with_context(|| format!("there is no program `{program}`: run {install}"))?;
        let are_known = packages
            .iter()
            .all(|Package { name, version }| versions.contains(&format!("{name}@{version}")));
        let versions = versions.join(" ");
        let advice = if are_known {
            "the module has been bundled, and cannot be made into a component".to_owned()
        } else {
            let known = in_words(packages);
            format!("its tools are {versions}, and only {known} are known to work together")
        };
        Ok(Self { componentize, versions, advice })
    }
}

/// The version of a package that is there for a folder.
fn installed(folder: &Path, package: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Installed {
        version: String,
    }
    let manifest = tool::find_upward(folder, &format!("node_modules/{package}/{MANIFEST}"))?;
    let manifest: Installed = serde_json::from_slice(&std::fs::read(manifest).ok()?).ok()?;
    Some(manifest.version)
}

/// The command that brings packages: without names where a manifest around the source has them.
fn install(folder: &Path, packages: &[Package]) -> String {
    let names_them = |folder: &&Path| {
        let manifest = std::fs::read(folder.join(MANIFEST)).unwrap_or_default();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap_or_default();
        let has = |kind, name| manifest.get(kind).and_then(|all| all.get(name)).is_some();
        packages
            .iter()
            .all(|Package { name, .. }| has("dependencies", name) || has("devDependencies", name))
    };
    match folder.ancestors().find(names_them) {
        Some(folder) => format!("`npm install` in `{}`", folder.display()),
        None => format!(
            "`npm install --save-dev --save-exact {}` in `{}`",
            in_words(packages),
            folder.display()
        ),
    }
}

fn in_words(packages: &[Package]) -> String {
    let words = packages.iter().map(|Package { name, version }| format!("{name}@{version}"));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_sdk_is_there() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk/js/src");
        let mut names = Vec::new();
        let mut folders = vec![sources.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&sources).unwrap();
                    names.push(name.display().to_string());
                }
            }
        }
        names.sort_unstable();
        assert_eq!(names, SDK.map(|(name, _)| name));
    }

    #[test]
    fn the_examples_are_built_with_the_versions_that_are_known_to_work() {
        let manifest = include_str!("../../../examples/languages/guests/js/package.json");
        let manifest: serde_json::Value = serde_json::from_str(manifest).unwrap();
        for Package { name, version } in SMALL.into_iter().chain(FULL) {
            assert_eq!(manifest["devDependencies"][name], version, "{name}");
        }
    }

    #[test]
    fn a_missing_tool_is_told_by_the_command_that_brings_it() {
        let site = tempfile::tempdir().unwrap();
        let source = site.path().join("guest");
        std::fs::create_dir(&source).unwrap();
        let refused = |engine| Tools::of(&source, engine).err().unwrap().to_string();
        let said = refused(Engine::Full);
        let known = "@bytecodealliance/jco@1.35.0 @bytecodealliance/preview2-shim@0.25.0";
        assert!(said.contains(known), "{said}");
        let named = r#"{"devDependencies": {"esbuild": "*", "componentize-qjs": "*"}}"#;
        std::fs::write(site.path().join(MANIFEST), named).unwrap();
        let said = refused(Engine::Small);
        let folder = site.path().canonicalize().unwrap();
        assert!(said.contains(&format!("run `npm install` in `{}`", folder.display())), "{said}");
    }
}
