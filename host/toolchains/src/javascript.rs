//! JavaScript and TypeScript: bundled by esbuild, and made into a component by the engine's own
//! tool.
//!
//! The SDK (`guest-sdk/js`) is in this binary: so it is the one of the host that the component is
//! built for.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::inputs::{self, Component};
use super::stamp::Stamp;
use super::{contract, tool, work};
use lithe_host::internals::config::{Engine, GuestKind};

macro_rules! sdk {
    ($file:literal) => {
        (concat!("sdk/", $file), include_str!(concat!("../../../guest-sdk/js/src/", $file)))
    };
}

/// The SDK.
const SDK: [(&str, &str); 26] = [
    sdk!("contract.d.ts"),
    sdk!("define.ts"),
    sdk!("engine.ts"),
    sdk!("entry/answer.ts"),
    sdk!("entry/error.ts"),
    sdk!("entry/hooks.ts"),
    sdk!("entry/middleware.ts"),
    sdk!("entry/route.ts"),
    sdk!("entry/session.ts"),
    sdk!("entry/timers.ts"),
    sdk!("event.ts"),
    sdk!("full.ts"),
    sdk!("globals.d.ts"),
    sdk!("index.ts"),
    sdk!("message.ts"),
    sdk!("outcome.ts"),
    sdk!("peer.ts"),
    sdk!("small/console.ts"),
    sdk!("small/crypto.ts"),
    sdk!("small/index.ts"),
    sdk!("small/promise.ts"),
    sdk!("small/text.ts"),
    sdk!("socket.ts"),
    sdk!("testing/host.ts"),
    sdk!("testing/index.ts"),
    sdk!("testing/run.js"),
];

/// The file that makes a folder a JavaScript source.
pub(crate) const MANIFEST: &str = "package.json";

/// Where the module is when the manifest does not say.
const MAINS: [&str; 4] = ["src/index.ts", "src/index.js", "index.ts", "index.js"];

/// Where esbuild says what it has bundled.
const METAFILE: &str = "bundle.json";

/// What the small engine's SDK needs of WASI; the engine itself brings the rest.
const WASI: [(&str, &str); 3] = [
    ("deps/io/io.wit", include_str!("wit/io.wit")),
    ("deps/cli/cli.wit", include_str!("wit/cli.wit")),
    ("deps/random/random.wit", include_str!("wit/random.wit")),
];

#[derive(Deserialize)]
struct Manifest {
    main: Option<PathBuf>,
}

/// Builds the module that `package.json` names as `main`; what has not changed is not built again.
///
/// # Errors
/// A tool is missing, or fails: the module cannot be bundled, or is of another kind.
pub(crate) fn build(
    folder: &Path,
    kind: GuestKind,
    engine: Engine,
    work: &Path,
) -> anyhow::Result<Component> {
    let componentize = match engine {
        Engine::Small => Tool::of(folder, "componentize-qjs", "componentize-qjs")?,
        Engine::Full => Tool::of(folder, "componentize-js", "@bytecodealliance/componentize-js")?,
    };
    work::write(work, &SDK)?;
    let wit = work.join("wit");
    contract::write(&wit)?;
    let imports = match engine {
        Engine::Small => {
            work::write(&wit, &WASI)?;
            "    import wasi:cli/stdout@0.2.6;\n    import wasi:cli/stderr@0.2.6;\n    \
             import wasi:random/random@0.2.6;\n"
        }
        Engine::Full => "",
    };
    let world = format!(
        "package lithe:plugin@0.1.0;\n\nworld javascript {{\n    include {};\n{imports}}}\n",
        kind.world()
    );
    work::write(&wit, &[("javascript.wit", &world)])?;
    let bundle = bundle(folder, kind, engine, work)?;

    let version = componentize.version()?;
    let stamp = Stamp::of(&[version.as_bytes(), &bundle]).with_folder(&wit)?;
    let content = stamp.or_build(&work.join("component.wasm"), |output| {
        let mut command = componentize.command();
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
        tool::run(&mut command)
    })?;
    Ok(Component { content, inputs: inputs::of_metafile(&work.join(METAFILE))? })
}

/// The module, what it imports and the SDK, as one file.
fn bundle(folder: &Path, kind: GuestKind, engine: Engine, work: &Path) -> anyhow::Result<Vec<u8>> {
    let main = main_file(folder)?;
    let (name, exports) = (kind.name(), exports(kind));
    let engine_module = match engine {
        Engine::Small => "small/index",
        Engine::Full => "full",
    };
    let main = serde_json::to_string(&main)?;
    let entry = format!(
        "import * as engine from \"./sdk/{engine_module}.ts\";\n\
         import app from {main};\n\
         import {{ component }} from \"./sdk/entry/{name}.ts\";\n\
         export const {{ {exports} }} = component(app, engine);\n"
    );
    work::write(work, &[("entry.ts", &entry)])?;
    let output = work.join("bundle.js");
    let mut esbuild = Tool::of(folder, "esbuild", "esbuild")?.command();
    esbuild
        .current_dir(work)
        .args(["entry.ts", "--bundle", "--format=esm", "--platform=neutral", "--target=es2022"])
        .args(["--main-fields=module,main", "--conditions=import,module", "--log-level=warning"])
        .args(["--external:lithe:*", "--external:wasi:*", "--alias:lithe-sdk=./sdk/index.ts"])
        .arg("--outfile=bundle.js")
        .arg(format!("--metafile={METAFILE}"));
    if engine == Engine::Small {
        // The engine never runs its own jobs, so what is asynchronous runs on the SDK's promises.
        esbuild.args(
            ["async-await", "async-generator", "for-await"]
                .map(|what| format!("--supported:{what}=false")),
        );
    }
    tool::run(&mut esbuild)?;
    std::fs::read(&output).with_context(|| format!("cannot read `{}`", output.display()))
}

fn exports(kind: GuestKind) -> &'static str {
    match kind {
        GuestKind::Route => "handler",
        GuestKind::Hooks => "handler, hooks",
        GuestKind::Session => "handler, session",
        GuestKind::Middleware => "middleware",
        GuestKind::Error => "errorHandler",
    }
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

/// A program of an npm package, in the `node_modules` of the source or of a folder around it.
struct Tool {
    program: PathBuf,
    /// The package's own manifest, which has its version.
    manifest: PathBuf,
}

impl Tool {
    fn of(folder: &Path, program: &str, package: &str) -> anyhow::Result<Self> {
        let folder = folder.canonicalize()?;
        let found = |name: String| tool::find_upward(&folder, &name);
        let program = found(format!("node_modules/.bin/{program}"));
        let manifest = found(format!("node_modules/{package}/package.json"));
        match (program, manifest) {
            (Some(program), Some(manifest)) => Ok(Self { program, manifest }),
            _ => bail!(
                "there is no {package}: run `npm install` where `package.json` has it, or \
                 `npm install --save-dev {package}` in `{}`",
                folder.display()
            ),
        }
    }

    fn command(&self) -> Command {
        Command::new(&self.program)
    }

    fn version(&self) -> anyhow::Result<String> {
        std::fs::read_to_string(&self.manifest)
            .with_context(|| format!("cannot read `{}`", self.manifest.display()))
    }
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
                    names.push(format!("sdk/{}", name.display()));
                }
            }
        }
        names.sort_unstable();
        assert_eq!(names, SDK.map(|(name, _)| name));
    }
}
