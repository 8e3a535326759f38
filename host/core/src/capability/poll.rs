//! `wasi:io/poll`, with a bound: a guest may not wait for more things at once than it can hold.

use wasmtime::bail;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::io::poll::{Host, HostPollable};

use super::{MAX_HANDLES, State};

impl Host for State {
    async fn poll(&mut self, awaited: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        // The same handle may be named any number of times.
        if awaited.len() > MAX_HANDLES {
            bail!("a guest may wait for {MAX_HANDLES} things at once, not for {}", awaited.len());
        }
        Host::poll(&mut self.table, awaited).await
    }
}

impl HostPollable for State {
    async fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.table.block(pollable).await
    }

    async fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        HostPollable::ready(&mut self.table, pollable).await
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        HostPollable::drop(&mut self.table, pollable)
    }
}
