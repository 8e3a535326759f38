//! The seam: what the SDK asks of a host. A component asks the real host through the bindings. A
//! native build asks a host in memory, which [`testing`](crate::testing) drives.

#[cfg(target_arch = "wasm32")]
mod wasm;
#[cfg(target_arch = "wasm32")]
pub(crate) use wasm::*;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod played;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use played::*;
