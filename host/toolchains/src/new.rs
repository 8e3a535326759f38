//! A new site: its folder, a handler in a language, and a test.

use std::path::Path;

use anyhow::{Context as _, bail};
use clap::ValueEnum;

/// A language of handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    Rust,
    Ts,
    Js,
    Python,
    C,
    Zig,
    Go,
}

/// What the handler is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A handler without sessions
    Route,
    /// A handler with sessions as events
    Hooks,
    /// A handler with blocking sessions
    Session,
    /// Runs around a handler
    Middleware,
}

/// It becomes the name of a package in every language.
fn check_name(name: &str, language: Language) -> anyhow::Result<()> {
    let is_word = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_lowercase())
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
    };
    if !is_word(name) {
        bail!(
            "`{name}` is not a name for a site: it begins with a letter, and has only letters a to z, \
             digits, `-` and `_`"
        );
    }
    // Cargo has one package of a name. The modules of other languages are named below `guests/`, or
    // by their file.
    let package = name.replace('_', "-");
    if language == Language::Rust && matches!(&*package, "lithe-sdk" | "lithe-sdk-macros") {
        bail!(
            "`{name}` is the name of a package of the SDK, on which the site depends: use another one"
        );
    }
    Ok(())
}

/// The files of a site, by their paths in it.
pub struct Project<'a> {
    name: &'a str,
    language: Language,
    sdk: Option<&'a Path>,
    files: Vec<(String, String)>,
}

impl<'a> Project<'a> {
    /// A site of this name. `sdk` is the folder of the Rust SDK, which a handler in Rust needs.
    ///
    /// # Errors
    /// The name is not one of a package in every language, or the Rust SDK is not there.
    pub fn new(
        name: &'a str,
        language: Language,
        kind: Kind,
        sdk: Option<&'a Path>,
    ) -> anyhow::Result<Self> {
        check_name(name, language)?;
        let mut project = Self { name, language, sdk, files: Vec::new() };
        let mut build = String::from("[build]\n");
        if kind == Kind::Middleware {
            // There has to be something to run around, in a folder of its own.
            let inner = if name == "hello" { "home" } else { "hello" };
            build += &project.guest(inner, Kind::Route, "routes/index.wasm")?;
            let output = format!("middleware/01_{name}.wasm");
            build += &project.guest(name, Kind::Middleware, &output)?;
        } else {
            build += &project.guest(name, kind, "routes/index.wasm")?;
        }
        if let Some(tools) = tools(language) {
            project.add("package.json", &tools.replace("{name}", name));
        }
        project.add("lithe.toml", &format!("name = \"{name}\"\n\n{build}"));
        project
            .add(".gitignore", "*.wasm\n.lithe/\n.venv/\n__pycache__/\nnode_modules/\ntarget/\n");
        let unit_tests = unit_tests(language);
        let checks = format!("{unit_tests}{}", checks(kind)).replace("{name}", name);
        let checks = checks.replace("{kind}", kind_name(kind));
        project.add("test.sh", &include_str!("new/test.sh").replace("{checks}\n", &checks));
        Ok(project)
    }

    /// A guest for a site that exists, and its line of `[build]`. `output` is the component's file
    /// in the site. The site may have a `package.json` already: it is the author's.
    ///
    /// # Errors
    /// As [`Project::new`].
    pub fn guest_of_site(
        name: &'a str,
        language: Language,
        kind: Kind,
        output: &str,
        sdk: Option<&'a Path>,
    ) -> anyhow::Result<(Self, String)> {
        check_name(name, language)?;
        let mut project = Self { name, language, sdk, files: Vec::new() };
        let line = project.guest(name, kind, output)?;
        if let Some(tools) = tools(language) {
            project.add("package.json", &tools.replace("{name}", name));
        }
        Ok((project, line))
    }

    /// Its files: their paths in the site's folder, and what they say.
    pub fn files(&self) -> impl Iterator<Item = &(String, String)> {
        self.files.iter()
    }

    fn add(&mut self, path: &str, text: &str) {
        self.files.push((path.to_owned(), text.to_owned()));
    }

    /// Adds a guest's files, and answers its line of `lithe.toml`.
    fn guest(&mut self, guest: &str, kind: Kind, output: &str) -> anyhow::Result<String> {
        let folder = format!("guests/{guest}");
        let language = self.language;
        let kind_name = kind_name(kind);
        let main = main_file(language);
        let mut add = |path: &str, text: &str| {
            let text = text.replace("{kind}", kind_name).replace("{main}", main);
            self.files.push((format!("{folder}/{path}"), text));
        };
        // In what the guest says, the site's name; in its manifest, its own.
        add(main, &source(language, kind).replace("{name}", self.name));
        let manifest = |text: &str| text.replace("{name}", guest);
        match language {
            Language::Rust => {
                let sdk = rust_sdk(self.sdk)?;
                let text = manifest(include_str!("new/rust/Cargo.toml.txt"));
                add("Cargo.toml", &text.replace("{sdk}", &sdk));
            }
            Language::Ts | Language::Js => {
                add("package.json", &manifest(include_str!("new/script/package.json")));
                let test = script_test(kind).replace("{name}", self.name);
                add("index.test.js", &test);
                if language == Language::Ts {
                    add("tsconfig.json", include_str!("new/script/tsconfig.json"));
                }
            }
            Language::Python => {
                add("pyproject.toml", &manifest(include_str!("new/python/pyproject.toml.txt")));
                add("test_app.py", &python_test(kind).replace("{name}", self.name));
            }
            Language::C => {
                add("compile_flags.txt", "-I.lithe/{kind}\n");
                add("tests/main.c", &c_test(kind).replace("{name}", self.name));
            }
            Language::Go => {
                add("go.mod", &manifest(include_str!("new/go/go.mod.txt")));
                add("main_test.go", &go_test(kind).replace("{name}", self.name));
            }
            Language::Zig => {}
        }
        let output = key(output);
        Ok(if language == Language::Rust {
            format!("{output} = \"{folder}\"\n")
        } else {
            format!("{output} = {{ source = \"{folder}\", kind = \"{kind_name}\" }}\n")
        })
    }
}

/// A file's name as a key of TOML: it may have quotes in it.
fn key(file: &str) -> String {
    let line = toml::Table::from_iter([(file.to_owned(), toml::Value::from(0))]).to_string();
    line.trim_end().trim_end_matches("= 0").trim_end().to_owned()
}

/// The manifest of what builds the guests, in the site's folder: one installation is for all of
/// them.
fn tools(language: Language) -> Option<&'static str> {
    match language {
        Language::Ts => Some(include_str!("new/script/tools-ts.json")),
        Language::Js => Some(include_str!("new/script/tools-js.json")),
        _ => None,
    }
}

/// What to do without the Rust SDK's folder.
const NO_RUST_SDK: &str = "a handler in Rust depends on the SDK in the folder `guest-sdk/rust` of Lithe's \
    sources, and no registry has it: name the folder, as in `--sdk ../lithe/guest-sdk/rust`";

/// The dependency on the Rust SDK.
fn rust_sdk(folder: Option<&Path>) -> anyhow::Result<String> {
    let folder = folder.context(NO_RUST_SDK)?;
    let path = folder
        .canonicalize()
        .ok()
        .filter(|path| path.join("Cargo.toml").is_file())
        .with_context(|| {
            format!(
                "`{}` is not the Rust SDK's folder, which has a `Cargo.toml`: name `guest-sdk/rust` of \
                 Lithe's sources",
                folder.display()
            )
        })?;
    Ok(format!("{{ path = {:?} }}", path.display().to_string()))
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Route => "route",
        Kind::Hooks => "hooks",
        Kind::Session => "session",
        Kind::Middleware => "middleware",
    }
}

fn main_file(language: Language) -> &'static str {
    match language {
        Language::Rust => "src/lib.rs",
        Language::Ts => "index.ts",
        Language::Js => "index.js",
        Language::Python => "app.py",
        Language::C => "main.c",
        Language::Zig => "main.zig",
        Language::Go => "main.go",
    }
}

/// A template of a kind.
macro_rules! of_kind {
    ($kind:expr, $folder:literal, $extension:literal) => {
        match $kind {
            Kind::Route => template!($folder, "route.", $extension),
            Kind::Hooks => template!($folder, "hooks.", $extension),
            Kind::Session => template!($folder, "session.", $extension),
            Kind::Middleware => template!($folder, "middleware.", $extension),
        }
    };
}

/// A unit test. Clients see no difference between hooks and a session.
macro_rules! test_of_kind {
    ($kind:expr, $before:literal, $extension:literal) => {
        match $kind {
            Kind::Route => template!($before, "route.", $extension),
            Kind::Hooks | Kind::Session => template!($before, "sockets.", $extension),
            Kind::Middleware => template!($before, "middleware.", $extension),
        }
    };
}

macro_rules! template {
    ($folder:literal, $kind:literal, $extension:literal) => {
        include_str!(concat!("new/", $folder, $kind, $extension))
    };
}

fn source(language: Language, kind: Kind) -> &'static str {
    match language {
        Language::Rust => of_kind!(kind, "rust/", "rs"),
        Language::Ts | Language::Js => of_kind!(kind, "script/", "js"),
        Language::Python => of_kind!(kind, "python/", "py"),
        Language::C => of_kind!(kind, "c/", "c"),
        Language::Zig => of_kind!(kind, "zig/", "zig"),
        Language::Go => of_kind!(kind, "go/", "go"),
    }
}

fn script_test(kind: Kind) -> &'static str {
    test_of_kind!(kind, "script/", "test.js")
}

fn c_test(kind: Kind) -> &'static str {
    of_kind!(kind, "c/tests/", "c")
}

fn go_test(kind: Kind) -> &'static str {
    test_of_kind!(kind, "go/", "test.go")
}

fn python_test(kind: Kind) -> &'static str {
    test_of_kind!(kind, "python/test_", "py")
}

/// The guest's unit tests, where its template has some.
fn unit_tests(language: Language) -> &'static str {
    match language {
        Language::C | Language::Zig => "(cd guests/{name} && sh .lithe/{kind}/lithe_test.sh >&2)\n",
        Language::Ts | Language::Js => "(cd guests/{name} && npm test --silent >&2)\n",
        Language::Go => "(cd guests/{name} && go test >&2)\n",
        // The build has put the SDK there.
        Language::Python => {
            "(cd guests/{name} && PYTHONPATH=.lithe/{kind}/sdk python3 -B -m unittest -q >&2)\n"
        }
        _ => "",
    }
}

/// What the project's own test asks.
fn checks(kind: Kind) -> &'static str {
    match kind {
        Kind::Route => "expect 'Hello from /' ask\n",
        Kind::Hooks | Kind::Session => {
            "expect '426 Upgrade Required' ask\nexpect '101 Switching Protocols' upgrade\n\
             expect 'hello' upgrade\n"
        }
        Kind::Middleware => "expect 'Hello from /' ask\nexpect 'x-seen-by: {name}' ask\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_of_a_package() {
        for name in ["hello", "a1", "my-site", "my_site"] {
            check_name(name, Language::Rust).unwrap();
        }
        for name in ["", "Hello", "1a", "_a", "a b", "-a", "ä"] {
            let error = check_name(name, Language::C).unwrap_err().to_string();
            assert!(error.contains("begins with a letter, and has only"), "{name}: {error}");
        }
        for name in ["lithe-sdk", "lithe_sdk", "lithe-sdk-macros"] {
            check_name(name, Language::Go).unwrap();
            check_name(&format!("{name}-shop"), Language::Rust).unwrap();
            let error = check_name(name, Language::Rust).unwrap_err().to_string();
            assert!(error.contains("a package of the SDK"), "{error}");
        }
    }

    #[test]
    fn rust_without_its_sdk_is_told_where_that_is() {
        let new = |sdk| Project::new("shop", Language::Rust, Kind::Route, sdk).err().unwrap();
        let error = new(None).to_string();
        assert!(error.contains("`--sdk ../lithe/guest-sdk/rust`"), "{error}");
        let error = new(Some(Path::new("nowhere"))).to_string();
        assert!(error.contains("`nowhere` is not the Rust SDK's folder"), "{error}");
    }

    #[test]
    fn a_file_with_quotes_is_a_key() {
        for file in ["a", "routes/a b.wasm", "a'b", "a\"b", "a'\"b", "a = 0"] {
            let table: toml::Table = format!("{} = 1", key(file)).parse().unwrap();
            assert_eq!(table.keys().collect::<Vec<_>>(), [file]);
        }
    }

    #[test]
    fn guests_of_one_site_have_folders_of_their_own() {
        let project = Project::new("hello", Language::C, Kind::Middleware, None).unwrap();
        let mut paths: Vec<_> = project.files().map(|(path, _)| path).collect();
        paths.sort_unstable();
        let count = paths.len();
        paths.dedup();
        assert_eq!(paths.len(), count, "{paths:?}");
    }

    #[test]
    fn nothing_is_left_of_a_template() {
        for &lang in Language::value_variants() {
            for &kind in Kind::value_variants() {
                let sdk = Path::new("../../guest-sdk/rust");
                let project = Project::new("shop", lang, kind, Some(sdk)).unwrap();
                for (path, text) in &project.files {
                    for left in ["{name}", "{kind}", "{main}", "{sdk}", "{checks}"] {
                        assert!(!text.contains(left), "{lang:?} {kind:?}: {left} in {path}");
                    }
                }
            }
        }
    }
}
