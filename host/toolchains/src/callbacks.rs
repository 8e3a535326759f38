//! The `lithe_on_…` functions that a guest in C, C++ or Zig defines. They decide what its component
//! exports.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use wasmparser::{KnownCustom, Linking, Parser, Payload, SymbolFlags, SymbolInfo};

use super::contract::Export;
use lithe_host::internals::config::GuestKind::{self, Error, Hooks, Middleware, Route, Session};

/// The beginning of their names.
const PREFIX: &str = "lithe_on_";

/// The end of each name, and the kinds of components that call it.
const ALL: [(&str, &[GuestKind]); 13] = [
    ("app", &[Route, Hooks, Session]),
    ("close", &[Hooks]),
    ("drain", &[Hooks]),
    ("error", &[Error]),
    ("health", &[Route, Hooks, Session, Middleware, Error]),
    ("message", &[Hooks]),
    ("open", &[Hooks]),
    ("request", &[Route, Hooks, Session, Middleware]),
    ("restore", &[Hooks]),
    ("resume", &[Hooks]),
    ("save", &[Hooks]),
    ("session", &[Session]),
    ("timer", &[Hooks]),
];

/// The callbacks of a guest, without the prefix.
#[derive(Debug)]
pub(crate) struct Callbacks(BTreeSet<String>);

impl Callbacks {
    /// Those that compiled objects define.
    ///
    /// # Errors
    /// One of them is not an object for WebAssembly.
    pub(crate) fn of(objects: &[PathBuf]) -> anyhow::Result<Self> {
        let mut found = BTreeSet::new();
        for path in objects {
            let object =
                std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
            let defined = defined(&object);
            let defined = defined.with_context(|| format!("`{}` is malformed", path.display()))?;
            found.extend(
                defined.iter().filter_map(|name| name.strip_prefix(PREFIX)).map(str::to_owned),
            );
        }
        Ok(Self(found))
    }

    /// What the component exports besides what its kind says.
    ///
    /// # Errors
    /// The guest is of another kind, or lacks what this kind needs.
    pub(crate) fn exports(&self, kind: GuestKind) -> anyhow::Result<BTreeSet<Export>> {
        for name in &self.0 {
            let Some((_, kinds)) = ALL.iter().find(|(known, _)| known == name) else {
                bail!(
                    "the SDK never calls `{PREFIX}{name}`: see the end of `lithe.h` for the names"
                );
            };
            ensure!(
                kinds.contains(&kind),
                "`{PREFIX}{name}` is of another kind: the SDK calls it in {}, and `lithe.toml` says {:?}",
                kinds
                    .iter()
                    .map(|kind| format!("{:?}", kind.name()))
                    .collect::<Vec<_>>()
                    .join(", "),
                kind.name()
            );
        }
        ensure!(
            !(self.has("app") && self.has("request")),
            "`{PREFIX}app` answers requests by its routes, and `{PREFIX}request` answers all: define \
             one of them"
        );
        for (one, other) in [("save", "restore"), ("restore", "save")] {
            ensure!(
                !self.has(one) || self.has(other),
                "there is `{PREFIX}{one}`, and `{PREFIX}{other}` is missing: define both"
            );
        }
        let needed: &[&str] = match kind {
            Route => &["app", "request"],
            Middleware => &["request"],
            Session => &["session"],
            Error => &["error"],
            Hooks => &[],
        };
        if !needed.is_empty() && !needed.iter().any(|name| self.has(name)) {
            let names: Vec<String> =
                needed.iter().map(|name| format!("`{PREFIX}{name}`")).collect();
            bail!("the kind {:?} needs {}: define it", kind.name(), names.join(" or "));
        }
        let mut exports: BTreeSet<Export> = [
            ("app", Export::Routes),
            ("health", Export::Health),
            ("resume", Export::Resume),
            ("save", Export::State),
        ]
        .into_iter()
        .filter_map(|(name, export)| self.has(name).then_some(export))
        .collect();
        if kind == Hooks {
            // The SDK takes batches apart, which costs less than a call for each socket.
            exports.insert(Export::Batch);
        }
        Ok(exports)
    }

    /// Whether the component hears of sockets by functions of its own, and not only by the hooks of
    /// an app's routes. `resume` is for both.
    pub(crate) fn hear_sockets(&self) -> bool {
        ["close", "drain", "message", "open"].iter().any(|name| self.has(name))
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

/// The functions that an object defines for other objects.
fn defined(object: &[u8]) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(object) {
        let Payload::CustomSection(section) = payload? else { continue };
        let KnownCustom::Linking(linking) = section.as_known() else { continue };
        for part in linking {
            let Linking::SymbolTable(symbols) = part? else { continue };
            for symbol in symbols {
                if let SymbolInfo::Func { flags, name: Some(name), .. } = symbol?
                    && !flags.intersects(SymbolFlags::UNDEFINED | SymbolFlags::BINDING_LOCAL)
                {
                    names.push(name.to_owned());
                }
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callbacks(names: &[&str]) -> Callbacks {
        Callbacks(names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn refused(kind: GuestKind, names: &[&str]) -> String {
        callbacks(names).exports(kind).unwrap_err().to_string()
    }

    #[test]
    fn exports_follow_from_what_is_defined() {
        let exports = |kind, names: &[&str]| -> Vec<Export> {
            callbacks(names).exports(kind).unwrap().into_iter().collect()
        };
        assert_eq!(exports(Hooks, &[]), [Export::Batch]);
        assert_eq!(exports(Route, &["request"]), []);
        assert_eq!(exports(Route, &["app", "health"]), [Export::Health, Export::Routes]);
        assert_eq!(exports(Hooks, &["save", "restore", "resume", "health", "app"]), Export::ALL);
    }

    #[test]
    fn resume_alone_hears_no_sockets() {
        assert!(!callbacks(&["app", "resume"]).hear_sockets());
        assert!(callbacks(&["app", "open"]).hear_sockets());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (kind, names, words) in [
            (Session, &["message", "session"][..], "`lithe_on_message` is of another kind"),
            (Hooks, &["mesage"], "never calls `lithe_on_mesage`"),
            (Hooks, &["save"], "`lithe_on_restore` is missing"),
            (Hooks, &["restore"], "`lithe_on_save` is missing"),
            (Route, &["app", "request"], "define one of them"),
            (Route, &[], "`lithe_on_app` or `lithe_on_request`"),
            (Session, &["request"], "needs `lithe_on_session`"),
            (Middleware, &[], "needs `lithe_on_request`"),
            (Error, &[], "needs `lithe_on_error`"),
        ] {
            let said = refused(kind, names);
            assert!(said.contains(words), "no `{words}` in: {said}");
        }
    }

    #[test]
    fn what_is_not_an_object_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"\0asm").unwrap();
        let error = Callbacks::of(&[file.path().to_owned()]).unwrap_err();
        assert!(error.to_string().contains("is malformed"), "{error}");
    }
}
