//! C and C++, compiled by clang or by Zig's.
//!
//! The bindings are generated here from the contract, and the SDK (`guest-sdk/c`) is in this
//! binary: so both are those of the host that the component is built for.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use wit_bindgen_core::Files;

use super::callbacks::Callbacks;
use super::contract::World;
use super::inputs::{self, Component};
use super::tool::Ended;
use super::{tool, work};
use lithe_host::internals::config::GuestKind;

/// The SDK. `lithe.c` includes the other sources.
const SDK: [(&str, &str); 44] = sdk! { "c/":
    "lithe.c"
    "lithe.h"
    "lithe_app.c"
    "lithe_app.h"
    "lithe_auth.c"
    "lithe_cookie.c"
    "lithe_cors.c"
    "lithe_dispatch.c"
    "lithe_error.c"
    "lithe_event.c"
    "lithe_handler.c"
    "lithe_hooks.c"
    "lithe_internal.h"
    "lithe_json.c"
    "lithe_json.h"
    "lithe_memory.c"
    "lithe_middleware.h"
    "lithe_next.c"
    "lithe_origin.c"
    "lithe_outcome.c"
    "lithe_played.h"
    "lithe_played_answer.c"
    "lithe_played_client.c"
    "lithe_played_clock.c"
    "lithe_played_event.c"
    "lithe_played_memory.c"
    "lithe_played_route.c"
    "lithe_played_socket.c"
    "lithe_played_swap.c"
    "lithe_played_topics.c"
    "lithe_request.c"
    "lithe_session.c"
    "lithe_socket.c"
    "lithe_stream.c"
    "lithe_swap.c"
    "lithe_table.c"
    "lithe_test.sh"
    "lithe_testing.c"
    "lithe_testing.h"
    "lithe_text.c"
    "lithe_timers.c"
    "lithe_topics.c"
    "lithe_trace.c"
    "lithe_writer.c"
};

/// The name that the bindings use for the world. The SDK is written against it.
const BINDINGS: &str = "lithe_wit";

/// Bytes of a guest's stack; it lies below everything else, so that one that overflows traps.
const STACK: u32 = 256 * 1024;

/// The option with which clang's linker puts the stack below everything else.
const STACK_FIRST: Option<&str> = Some("-Wl,--stack-first");

/// What the author is warned of. The SDK says which parameters a callback has, so one that is not
/// used is no mistake.
const WARNINGS: [&str; 3] = ["-Wall", "-Wextra", "-Wno-unused-parameter"];

/// How to compile C on this machine.
pub(crate) struct Compiler {
    c: Vec<String>,
    cpp: Vec<String>,
    /// Whether C++'s library is installed. The language alone does not need it.
    has_cpp_library: bool,
    /// The option that puts the stack below everything else. None for Zig, which does that anyway,
    /// and does not know the option.
    stack_first: Option<&'static str>,
}

impl Compiler {
    /// Finds a compiler: that of `$WASI_SDK_PATH`, a clang that finds WASI's C library, or Zig's.
    ///
    /// # Errors
    /// There is none. The message says how to install one.
    pub(crate) fn find() -> anyhow::Result<Self> {
        if let Some(sdk) = std::env::var_os("WASI_SDK_PATH") {
            let bin = Path::new(&sdk).join("bin");
            let target = |program: &str| {
                let program = bin.join(program).to_string_lossy().into_owned();
                vec![program, "--target=wasm32-wasip1".to_owned()]
            };
            let (c, cpp) = (target("clang"), target("clang++"));
            return Ok(Self { c, cpp, has_cpp_library: true, stack_first: STACK_FIRST });
        }
        for version in (16..=22).rev().map(|version| format!("-{version}")).chain([String::new()]) {
            let clang = format!("clang{version}");
            if has_library(&clang, "libc.a") && has_runtime(&clang) {
                let has_cpp_library = has_library(&clang, "libc++.a");
                let target = |program: String| vec![program, "--target=wasm32-wasi".to_owned()];
                let cpp = target(format!("clang++{version}"));
                return Ok(Self {
                    c: target(clang),
                    cpp,
                    has_cpp_library,
                    stack_first: STACK_FIRST,
                });
            }
        }
        let Some(zig) = super::zig::find() else {
            bail!(
                "there is no C compiler for WebAssembly: run `apt-get install clang-19 lld-19 \
                 wasi-libc libclang-rt-19-dev-wasm32`, or `python3 -m pip install ziglang`, or set \
                 `WASI_SDK_PATH` to an unpacked WASI SDK"
            );
        };
        Ok(Self::of_zig(&zig))
    }

    /// Zig's compiler.
    pub(crate) fn of_zig(zig: &[String]) -> Self {
        let target = |driver: &str| {
            let rest = [driver, "-target", "wasm32-wasi"].map(str::to_owned);
            zig.iter().cloned().chain(rest).collect()
        };
        Self { c: target("cc"), cpp: target("c++"), has_cpp_library: true, stack_first: None }
    }

    fn command(&self, is_cpp: bool) -> Command {
        tool::command(if is_cpp { &self.cpp } else { &self.c })
    }

    /// Compiles one file. The author sees no warnings about files of the SDK and of the bindings.
    fn compile(&self, source: &Path, work: &Path, options: &[&str]) -> anyhow::Result<PathBuf> {
        let is_cpp = is_cpp(source);
        let name = source.file_name().unwrap_or_default().to_string_lossy();
        let object = work.join(format!("{name}.o"));
        let mut compile = self.command(is_cpp);
        // Writes a rule for `make` beside the object, with the files that the author's file
        // includes.
        compile.args(["-c", "-O2", "-g0", "-MMD"]).args(options).arg("-I").arg(work);
        if is_cpp {
            // An instance has one thread.
            compile.args(["-std=c++20", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"]);
            // The SDK's options leave out what they do not choose.
            compile.arg("-Wno-missing-field-initializers");
        }
        self.run(compile.arg(source).arg("-o").arg(&object), is_cpp)?;
        Ok(object)
    }

    /// Runs the compiler or the linker.
    ///
    /// # Errors
    /// It fails, or a callback is not as `lithe.h` declares it. The message says what C++ lacks
    /// here, if that is why.
    fn run(&self, command: &mut Command, is_cpp: bool) -> anyhow::Result<()> {
        if tool::may_color() {
            command.arg("-fdiagnostics-color=always");
        }
        let Ended { is_success, said } = tool::watch(command)?;
        // The linker only warns of it, and a call of such a function is a trap.
        if said.contains("function signature mismatch: lithe_on_") {
            bail!(
                "a callback has other parameters, or another result, than in `lithe.h`: the linker names it above"
            );
        }
        if is_success {
            return Ok(());
        }
        let has = |words: &[&str]| is_cpp && words.iter().any(|word| said.contains(word));
        if has(&["exceptions disabled", "-fno-rtti", "-frtti", "__cxa_throw"]) {
            bail!("it is built without exceptions and run-time type information");
        }
        let needs_library =
            is_cpp && (misses_library(&said) || has(&["operator new", "operator delete", "std::"]));
        if needs_library && !self.has_cpp_library {
            bail!(
                "it is built without C++'s library, which is not installed: what needs it, also `new`, needs \
                 `apt-get install libc++-19-dev-wasm32`"
            );
        }
        bail!("it does not compile: the compiler's messages are above")
    }

    /// Compiles the SDK and the bindings of [`write_bindings`], and links them with the guest's
    /// objects.
    ///
    /// # Errors
    /// The compiler fails.
    pub(crate) fn link(
        &self,
        guest: &[PathBuf],
        has_cpp: bool,
        work: &Path,
    ) -> anyhow::Result<Vec<u8>> {
        let mut link = self.command(has_cpp);
        if has_cpp && !self.has_cpp_library {
            link.arg("-nostdlib++");
        }
        link.args(["-mexec-model=reactor", "-O2", "-Wl,--strip-debug"])
            .args(self.stack_first)
            .arg(format!("-Wl,-z,stack-size={STACK}"));
        for name in ["lithe.c".to_owned(), format!("{BINDINGS}.c")] {
            link.arg(self.compile(&work.join(name), work, &["-w"])?);
        }
        let module = work.join("module.wasm");
        self.run(link.args(guest).arg("-o").arg(&module), has_cpp)?;
        std::fs::read(&module).with_context(|| format!("cannot read `{}`", module.display()))
    }
}

/// Builds every C and C++ file of a folder and of its `src`.
///
/// # Errors
/// There is no compiler, or it fails; or the sources do not define what their kind needs.
pub(crate) fn build(folder: &Path, kind: GuestKind, work: &Path) -> anyhow::Result<Component> {
    let compiler = Compiler::find()?;
    write_sdk(work)?;
    let sources = sources(folder)?;
    let (mut objects, mut included) = (Vec::new(), Vec::new());
    for source in &sources {
        let object = compiler.compile(source, work, &WARNINGS)?;
        included.extend(inputs::of_rule(&object.with_extension("d")));
        objects.push(object);
    }
    let callbacks = Callbacks::of(&objects)?;
    let world = World::new(kind, callbacks.exports(kind)?);
    let has_cpp = sources.iter().any(|source| is_cpp(source));
    write_bindings(&world, &callbacks, work)?;
    let module = compiler.link(&objects, has_cpp, work)?;
    Ok(Component { content: world.component(module)?, inputs: included })
}

/// Whether clang has looked for a header of C++'s library in vain: their names have no dot.
fn misses_library(said: &str) -> bool {
    said.lines().filter_map(|line| line.split_once("' file not found")).any(|(before, _)| {
        before.rsplit_once('\'').is_some_and(|(_, header)| !header.contains('.'))
    })
}

/// Writes the SDK.
///
/// # Errors
/// The folder cannot be written to.
pub(crate) fn write_sdk(work: &Path) -> anyhow::Result<()> {
    work::write(work, &SDK)
}

/// Writes the bindings for a component of that world, and what the SDK has to know of it.
///
/// # Errors
/// The folder cannot be written to.
pub(crate) fn write_bindings(
    world: &World,
    callbacks: &Callbacks,
    work: &Path,
) -> anyhow::Result<()> {
    let mut about = format!("#define LITHE_KIND_{}\n", world.kind().name().to_uppercase());
    for export in world.exports() {
        about += &format!("#define LITHE_HAS_{}\n", export.interface().to_uppercase());
    }
    if callbacks.hear_sockets() {
        about += "#define LITHE_HEARS_SOCKETS\n";
    }
    work::write(work, &[("lithe_kind.h", &about)])?;
    let (mut resolve, id) = world.resolve()?;
    let mut files = Files::default();
    let options = wit_bindgen_c::Opts {
        rename_world: Some(BINDINGS.to_owned()),
        // The contract's types are added to the linked module.
        no_object_file: true,
        ..Default::default()
    };
    options.build().generate(&mut resolve, id, &mut files)?;
    for (name, content) in files.iter() {
        let text = str::from_utf8(content).with_context(|| format!("`{name}` is not text"))?;
        work::write(work, &[(name, text)])?;
    }
    Ok(())
}

/// The C and C++ files of a folder and of its `src`.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn sources(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in [folder.to_owned(), folder.join("src")] {
        if !folder.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if is_cpp(&path) || path.extension().is_some_and(|extension| extension == "c") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_cpp(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| ["cc", "cpp", "cxx"].contains(&extension))
}

/// Whether clang finds a library of WASI. If it does, it answers a path, and otherwise the bare
/// name.
fn has_library(clang: &str, library: &str) -> bool {
    let name = format!("--print-file-name={library}");
    let asked = Command::new(clang).args(["--target=wasm32-wasi", &name]).output();
    asked
        .is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_absolute())
}

/// Whether clang finds its own runtime library, which is a separate package. Clang names the file
/// in any case.
fn has_runtime(clang: &str) -> bool {
    let asked =
        Command::new(clang).args(["--target=wasm32-wasi", "--print-libgcc-file-name"]).output();
    asked.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_sdk_is_there() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk/c");
        let names = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        // What is about the SDK, and what is of Zig's module alone.
        names.retain(|name| name != "README.md" && name != "lithe_slices.zig");
        names.sort_unstable();
        assert_eq!(names, SDK.map(|(name, _)| name));
    }

    #[test]
    fn a_header_of_the_library_is_told_from_one_of_the_author() {
        assert!(misses_library("main.cpp:1:10: fatal error: 'vector' file not found"));
        assert!(!misses_library("main.cpp:1:10: fatal error: 'json.h' file not found"));
        assert!(!misses_library("main.cpp:9:1: error: expected expression"));
    }
}
