//! A checked component, ready to be instantiated.

use std::pin::pin;
use std::sync::Arc;

use bytesize::ByteSize;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use wasmtime::component::{Component, InstancePre};
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use super::call::within;
use super::engine::{MOST, Runtime};
use super::exports::{Exports, Optional, OptionalIndices};
use super::failure::{Failure, describe};
use super::instance::Instance;
use super::ledger::Amounts;
use super::share::Share;
use crate::capability::meter::Tick;
use crate::capability::{Context, InstanceId, Sharing, State};
use crate::config::{self, Limits};

/// What instances that export `E` are made from.
pub struct Template<E: Exports> {
    runtime: Arc<Runtime>,
    context: Arc<Context>,
    share: Option<Arc<Share>>,
    /// What an instance takes of the pool.
    needs: Amounts,
    pre: InstancePre<State>,
    exports: E::Indices,
    optional: OptionalIndices,
}

impl<E: Exports> Template<E> {
    /// Links the component's imports and finds its exports.
    ///
    /// # Errors
    /// It imports what the host does not have, or lacks an export or a function of one.
    pub fn new(
        runtime: Arc<Runtime>,
        component: &Component,
        context: Arc<Context>,
        share: Option<Arc<Share>>,
    ) -> wasmtime::Result<Self> {
        let pre = runtime.linker.instantiate_pre(component)?;
        Ok(Self {
            needs: Amounts::of(component, MOST),
            exports: E::find(&pre)?,
            optional: Optional::find(&pre)?,
            runtime,
            context,
            share,
            pre,
        })
    }

    /// The same for instances that are apart from their plugin: see [`Context::apart`].
    pub fn apart(&self) -> Self {
        Self {
            runtime: self.runtime.clone(),
            context: Arc::new(self.context.apart()),
            share: self.share.clone(),
            needs: self.needs,
            pre: self.pre.clone(),
            exports: self.exports.clone(),
            optional: self.optional.clone(),
        }
    }

    /// Whether the component takes short messages of several sockets in one call.
    pub fn takes_batches(&self) -> bool {
        self.optional.batch.is_some()
    }

    /// Whether its instances can save their memory's state.
    pub fn has_state(&self) -> bool {
        self.optional.state.is_some()
    }

    /// Whether it wants to be told of sockets that it takes over.
    pub fn resumes(&self) -> bool {
        self.optional.resume.is_some()
    }

    /// What its instances share.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Its site's share of the machine, if the site has neighbours.
    pub fn share(&self) -> Option<&Arc<Share>> {
        self.share.as_ref()
    }

    /// Runs work in a task of its own, which its site is charged for. If the host has stopped, the
    /// work is dropped.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        let front = Handle::try_current().ok()?;
        Some(Share::spawn(self.share(), &front, work).abort_handle())
    }

    /// A new instance, about 15 µs for a small component.
    ///
    /// # Errors
    /// The pool or the site's part of it is used up, the component needs more than its limits, its
    /// start function traps or takes too long, or an export's type is not the contract's.
    pub async fn instantiate(&self, sharing: Option<Sharing>) -> Result<Instance<E>, Failure> {
        let share = self.share.as_ref();
        let taken = share.map(|share| self.runtime.ledger.take(share.pool(), self.needs));
        let taken = taken.transpose()?;
        let started = self.try_instantiate(sharing).await;
        let failed = |failure: Failure| {
            self.context.calls.begin();
            self.context.fail(failure.limit());
            failure
        };
        let (store, exports, optional) = started.map_err(failed)?;
        Ok(Instance::new(store, exports, optional, taken))
    }

    async fn try_instantiate(
        &self,
        sharing: Option<Sharing>,
    ) -> Result<(Store<State>, E, Optional), Failure> {
        let id = self.runtime.next_instance();
        let mut store = self.new_store(id, sharing);
        let clock = store.data().meter.clock().clone();
        let time = self.context.limits.upkeep_time();
        // What runs at the start may wait for WASI's clocks.
        let started = within(&clock, time, pin!(self.pre.instantiate_async(&mut store))).await?;
        let instance = started.map_err(|error| match store.data().memory.refused() {
            Some((limit, message)) => {
                self.context.account.exceed(*limit);
                error.context(message.clone())
            }
            None => error,
        });
        let loaded = instance.and_then(|instance| {
            let exports = E::load(&self.exports, &mut store, &instance)?;
            Ok((exports, Optional::load(&self.optional, &mut store, &instance)?))
        });
        match loaded {
            Ok((exports, optional)) => Ok((store, exports, optional)),
            Err(error) => Err(Failure::Start(describe(&error))),
        }
    }

    /// Makes a store. Every limit of an instance is set here.
    fn new_store(&self, id: InstanceId, sharing: Option<Sharing>) -> Store<State> {
        let limits = &self.context.limits;
        let state = State::new(self.context.clone(), id, sharing);
        let mut store = Store::new(&self.runtime.engine, state);
        store.limiter(|state| &mut state.memory);
        store.data_mut().meter.begin(limits.request_cpu);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(on_tick);
        store.set_hostcall_fuel(most_of_a_call(limits));
        store
    }
}

/// The most that one call may hand to the host, in bytes: the largest response, message or state,
/// and 1 MiB for what surrounds it.
pub(super) fn most_of_a_call(limits: &Limits) -> usize {
    with_rest(limits.response.max(limits.message).max(limits.state))
}

/// The most that a call of `save` may hand to the host, in bytes: all that an instance can have. A
/// state over `limits.state` is refused when it is there: running out in the middle of the call
/// would cost the instance.
pub(super) fn most_of_a_save(limits: &Limits) -> usize {
    with_rest(limits.memory)
}

fn with_rest(size: ByteSize) -> usize {
    config::bytes(size).saturating_add(1024 * 1024)
}

fn on_tick(mut store: StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> {
    Ok(match store.data_mut().meter.tick()? {
        Tick::Continue => UpdateDeadline::Continue(1),
        // Tokio's yield lets other ready tasks run first; wasmtime's would come back at once.
        Tick::Yield => UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())),
    })
}
