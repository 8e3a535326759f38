//! The contract, for those who build components against it: its text, and a core module made into a
//! component of one of its worlds.

use std::path::Path;

use anyhow::Context as _;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap, WorldId};

/// The files of `wit/`.
pub(crate) const FILES: [(&str, &str); 18] = [
    ("batch.wit", include_str!("../../../wit/batch.wit")),
    ("error-handler.wit", include_str!("../../../wit/error-handler.wit")),
    ("event.wit", include_str!("../../../wit/event.wit")),
    ("handler.wit", include_str!("../../../wit/handler.wit")),
    ("hooks.wit", include_str!("../../../wit/hooks.wit")),
    ("http.wit", include_str!("../../../wit/http.wit")),
    ("middleware.wit", include_str!("../../../wit/middleware.wit")),
    ("outcome.wit", include_str!("../../../wit/outcome.wit")),
    ("receiver.wit", include_str!("../../../wit/receiver.wit")),
    ("routes.wit", include_str!("../../../wit/routes.wit")),
    ("session.wit", include_str!("../../../wit/session.wit")),
    ("socket.wit", include_str!("../../../wit/socket.wit")),
    ("streams.wit", include_str!("../../../wit/streams.wit")),
    ("swap.wit", include_str!("../../../wit/swap.wit")),
    ("timers.wit", include_str!("../../../wit/timers.wit")),
    ("topics.wit", include_str!("../../../wit/topics.wit")),
    ("worlds.wit", include_str!("../../../wit/worlds.wit")),
    ("ws.wit", include_str!("../../../wit/ws.wit")),
];

/// Writes the contract's files into a folder, for tools that read them.
///
/// # Errors
/// The folder cannot be written to.
pub(crate) fn write(folder: &Path) -> anyhow::Result<()> {
    super::work::write(folder, &FILES)
}

/// One world of the contract.
///
/// # Errors
/// There is no world of that name.
pub(crate) fn world(name: &str) -> anyhow::Result<(Resolve, WorldId)> {
    let mut sources = SourceMap::default();
    for (file, text) in FILES {
        sources.push_str(file, text);
    }
    let mut resolve = Resolve::default();
    let group = sources.parse().map_err(|(_, error)| anyhow::Error::from(error));
    let package = resolve.push_group(group.context("the contract is invalid")?)?;
    let world = resolve.select_world(&[package], Some(name))?;
    Ok((resolve, world))
}

/// A core module, with imports of WASI preview 1 or without, as a component of a world.
///
/// # Errors
/// The module does not fit the world: what is missing.
pub(crate) fn component(mut module: Vec<u8>, world_name: &str) -> anyhow::Result<Vec<u8>> {
    let (resolve, world) = world(world_name)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default()
        .module(&module)?
        .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?
        .validate(true)
        .encode()
        .with_context(|| format!("it is not a component of the world `{world_name}`"))
}

#[cfg(test)]
mod tests;
