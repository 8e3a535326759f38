//! Loading our own compiled artifacts: the only unsafe code of the host.

#![allow(unsafe_code)]

use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Maps a compiled component.
///
/// The caller has just checked that the file's content is what this host wrote, by its SHA-256. What
/// is left to trust is that nobody who can write to the cache's folder, which is ours alone, changes
/// the file while it is mapped.
///
/// # Errors
/// The artifact was compiled by another version of wasmtime or with other settings.
pub fn map(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize_file` asks for an artifact that wasmtime made and nobody changed. The
    // cache checks both before it calls this, and creates its folder for this user only.
    unsafe { Component::deserialize_file(engine, path) }
}
