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

/// Takes a compiled component that is in no file.
///
/// The caller has it from our own compiler, in this process or in a child of ours.
///
/// # Errors
/// The component needs more than the engine's pool has for one.
pub fn take(engine: &Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` asks for an artifact that wasmtime made and nobody changed. The bytes come
    // over a pipe from a process that is this program and was started by this one.
    unsafe { Component::deserialize(engine, compiled) }
}
