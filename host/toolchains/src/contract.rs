//! The contract, for those who build components against it: its text, and a core module made into a
//! component of one of its worlds.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap, WorldId};

use lithe_host::internals::config::GuestKind;

/// The files of `wit/`.
pub(crate) const FILES: [(&str, &str); 22] = [
    ("batch.wit", include_str!("../../../wit/batch.wit")),
    ("error-handler.wit", include_str!("../../../wit/error-handler.wit")),
    ("event.wit", include_str!("../../../wit/event.wit")),
    ("handler.wit", include_str!("../../../wit/handler.wit")),
    ("health.wit", include_str!("../../../wit/health.wit")),
    ("hooks.wit", include_str!("../../../wit/hooks.wit")),
    ("http.wit", include_str!("../../../wit/http.wit")),
    ("middleware.wit", include_str!("../../../wit/middleware.wit")),
    ("next.wit", include_str!("../../../wit/next.wit")),
    ("outcome.wit", include_str!("../../../wit/outcome.wit")),
    ("receiver.wit", include_str!("../../../wit/receiver.wit")),
    ("resume.wit", include_str!("../../../wit/resume.wit")),
    ("routes.wit", include_str!("../../../wit/routes.wit")),
    ("session.wit", include_str!("../../../wit/session.wit")),
    ("socket.wit", include_str!("../../../wit/socket.wit")),
    ("state.wit", include_str!("../../../wit/state.wit")),
    ("streams.wit", include_str!("../../../wit/streams.wit")),
    ("timers.wit", include_str!("../../../wit/timers.wit")),
    ("topics.wit", include_str!("../../../wit/topics.wit")),
    ("turn.wit", include_str!("../../../wit/turn.wit")),
    ("worlds.wit", include_str!("../../../wit/worlds.wit")),
    ("ws.wit", include_str!("../../../wit/ws.wit")),
];

/// What a component may export besides what its kind says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Export {
    Batch,
    Health,
    Resume,
    Routes,
    State,
}

impl Export {
    pub(crate) const ALL: [Self; 5] =
        [Self::Batch, Self::Health, Self::Resume, Self::Routes, Self::State];

    /// What a component of that kind may export besides.
    pub(crate) fn of_kind(kind: GuestKind) -> &'static [Self] {
        match kind {
            GuestKind::Hooks => &Self::ALL,
            GuestKind::Route | GuestKind::Session => &[Self::Health, Self::Routes],
            GuestKind::Middleware | GuestKind::Error => &[Self::Health],
        }
    }

    /// The name of the contract's interface.
    pub(crate) fn interface(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Health => "health",
            Self::Resume => "resume",
            Self::Routes => "routes",
            Self::State => "state",
        }
    }

    /// Its name in a component.
    pub(crate) fn full_name(self) -> String {
        format!("lithe:plugin/{}@0.1.0", self.interface())
    }
}

/// The world of one component: that of its kind, with what the component exports besides.
#[derive(Clone, Debug)]
pub(crate) struct World {
    kind: GuestKind,
    exports: BTreeSet<Export>,
}

impl World {
    /// The name that it has in the contract's package.
    pub(crate) const NAME: &str = "component";

    pub(crate) fn new(kind: GuestKind, exports: impl IntoIterator<Item = Export>) -> Self {
        Self { kind, exports: exports.into_iter().collect() }
    }

    pub(crate) fn kind(&self) -> GuestKind {
        self.kind
    }

    pub(crate) fn exports(&self) -> impl Iterator<Item = Export> {
        self.exports.iter().copied()
    }

    /// In WIT.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "package lithe:plugin@0.1.0;\n\nworld {} {{\n  include {};\n",
            Self::NAME,
            self.kind.world()
        );
        if self.exports.contains(&Export::Batch) {
            text += "  import turn;\n";
        }
        for export in &self.exports {
            text += &format!("  export {};\n", export.interface());
        }
        text + "}\n"
    }

    /// Writes the contract's files into a folder, and this world as one more, for tools that read
    /// them.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        write(folder)?;
        super::work::write(folder, &[("component.wit", &self.text())])
    }

    /// The contract, and this world in it.
    ///
    /// # Errors
    /// The contract does not parse.
    pub(crate) fn resolve(&self) -> anyhow::Result<(Resolve, WorldId)> {
        let mut sources = SourceMap::default();
        for (file, text) in FILES {
            sources.push_str(file, text);
        }
        sources.push_str("component.wit", self.text());
        let mut resolve = Resolve::default();
        let group = sources.parse().map_err(|(_, error)| anyhow::Error::from(error));
        let package = resolve.push_group(group.context("the contract is invalid")?)?;
        let world = resolve.select_world(&[package], Some(Self::NAME))?;
        Ok((resolve, world))
    }

    /// Makes a component of this world from a core module, with imports of WASI preview 1 or
    /// without.
    ///
    /// # Errors
    /// The module does not fit the world: what is missing.
    pub(crate) fn component(&self, mut module: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        let (resolve, world) = self.resolve()?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
        ComponentEncoder::default()
            .module(&module)?
            .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?
            .validate(true)
            .encode()
            .with_context(|| format!("it is not a component of the kind `{}`", self.kind.name()))
    }
}

/// Writes the contract's files into a folder, for tools that read them. It removes the files of an
/// earlier contract, because tools read all that is there.
///
/// # Errors
/// The folder cannot be written to.
pub(crate) fn write(folder: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let name = entry?.file_name();
        let is_own = FILES.iter().any(|(own, _)| name == *own) || name == "component.wit";
        if !is_own && Path::new(&name).extension().is_some_and(|end| end == "wit") {
            std::fs::remove_file(folder.join(name))?;
        }
    }
    super::work::write(folder, &FILES)
}

#[cfg(test)]
mod tests;
