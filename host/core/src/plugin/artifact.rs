//! Loads our own compiled artifacts: the only unsafe code of the host.

#![allow(unsafe_code)]

use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Maps a compiled component.
///
/// The caller has just checked by SHA-256 that the file's content is what this host wrote. It
/// remains to trust that nobody who can write to the cache's folder, which is only ours, changes
/// the file while it is mapped.
///
/// # Errors
/// The artifact was compiled by another version of wasmtime or with other settings.
pub(crate) fn map(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize_file` requires an artifact that wasmtime made and nobody changed. The
    // cache checks both before it calls this, and creates its folder for this user only.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Loads a compiled component from memory.
///
/// The caller got it from our own compiler, in this process or in a child process of ours.
///
/// # Errors
/// The component needs more than the engine's pool has for one component.
pub(crate) fn take(engine: &Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` requires an artifact that wasmtime made and nobody changed. The bytes
    // come over a pipe from a process that is this program and that this process started.
    unsafe { Component::deserialize(engine, compiled) }
}
