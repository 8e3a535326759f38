//! A component that has been checked, ready to be instantiated.

use std::sync::Arc;

use wasmtime::component::{Component, InstancePre};
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use super::engine::Runtime;
use super::failure::Failure;
use super::instance::{Instance, Sessions};
use crate::bindings::exports::{handler, hooks, session};
use crate::capability::meter::Tick;
use crate::capability::{Context, InstanceId, State, TimerSink};

/// What a component is, by its exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `handler`: a pool of instances.
    Route,
    /// `handler` and `hooks`: one shared instance.
    Hooks,
    /// `handler` and `session`: an instance for each connection.
    Session,
}

/// Why a component cannot be a route.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unfit {
    #[error(
        "it exports no `{HANDLER}`, which every route needs; it exports {}",
        listed(.exports)
    )]
    NoHandler { exports: Vec<String> },
    #[error("it exports both `hooks` and `session`: keep one")]
    TwoKindsOfSession,
}

const HANDLER: &str = "lithe:plugin/handler@0.1.0";
const HOOKS: &str = "lithe:plugin/hooks@0.1.0";
const SESSION: &str = "lithe:plugin/session@0.1.0";

fn listed(exports: &[String]) -> String {
    if exports.is_empty() {
        return "nothing".to_owned();
    }
    let quoted: Vec<String> = exports.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

impl Kind {
    /// Reads a component's exports.
    ///
    /// # Errors
    /// They are not those of a route: what is missing.
    pub fn of(runtime: &Runtime, component: &Component) -> Result<Self, Unfit> {
        let component_type = component.component_type();
        let exports: Vec<String> =
            component_type.exports(&runtime.engine).map(|(name, _)| name.to_owned()).collect();
        let has = |name: &str| exports.iter().any(|export| export == name);
        match (has(HANDLER), has(HOOKS), has(SESSION)) {
            (false, ..) => Err(Unfit::NoHandler { exports }),
            (true, true, true) => Err(Unfit::TwoKindsOfSession),
            (true, true, false) => Ok(Self::Hooks),
            (true, false, true) => Ok(Self::Session),
            (true, false, false) => Ok(Self::Route),
        }
    }

    /// Whether its requests can become sockets.
    pub fn has_sessions(self) -> bool {
        self != Self::Route
    }
}

/// What instances are made from.
pub struct Template {
    runtime: Arc<Runtime>,
    context: Arc<Context>,
    pre: InstancePre<State>,
    handler: handler::GuestIndices,
    sessions: SessionIndices,
}

enum SessionIndices {
    None,
    Hooks(hooks::GuestIndices),
    Session(session::GuestIndices),
}

impl Template {
    /// Links the component's imports and finds its exports.
    ///
    /// # Errors
    /// It imports what the host does not have, or an export lacks a function.
    pub fn new(
        runtime: Arc<Runtime>,
        component: &Component,
        kind: Kind,
        context: Arc<Context>,
    ) -> wasmtime::Result<Self> {
        let pre = runtime.linker.instantiate_pre(component)?;
        let handler = handler::GuestIndices::new(&pre)?;
        let sessions = match kind {
            Kind::Route => SessionIndices::None,
            Kind::Hooks => SessionIndices::Hooks(hooks::GuestIndices::new(&pre)?),
            Kind::Session => SessionIndices::Session(session::GuestIndices::new(&pre)?),
        };
        Ok(Self { runtime, context, pre, handler, sessions })
    }

    /// What its instances share.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// A new instance, about 15 µs for a small component.
    ///
    /// # Errors
    /// The pool is exhausted, the component needs more than its limits, its start function traps, or
    /// an export's type is not the contract's.
    pub async fn instantiate(&self, timer_sink: Option<TimerSink>) -> Result<Instance, Failure> {
        self.try_instantiate(timer_sink).await.map_err(|error| Failure::Start(format!("{error:?}")))
    }

    async fn try_instantiate(&self, timer_sink: Option<TimerSink>) -> wasmtime::Result<Instance> {
        let id = self.runtime.next_instance();
        let mut store = self.new_store(id, timer_sink);
        let instance = self.pre.instantiate_async(&mut store).await?;
        let handler = self.handler.load(&mut store, &instance)?;
        let sessions = match &self.sessions {
            SessionIndices::None => Sessions::None,
            SessionIndices::Hooks(indices) => Sessions::Hooks(indices.load(&mut store, &instance)?),
            SessionIndices::Session(indices) => {
                Sessions::Session(indices.load(&mut store, &instance)?)
            }
        };
        Ok(Instance::new(store, handler, sessions))
    }

    /// Every limit of an instance is set here.
    fn new_store(&self, id: InstanceId, timer_sink: Option<TimerSink>) -> Store<State> {
        let limits = &self.context.limits;
        let state = State::new(self.context.clone(), id, timer_sink);
        let mut store = Store::new(&self.runtime.engine, state);
        store.limiter(|state| &mut state.memory);
        store.data_mut().meter.begin(limits.request_cpu);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(on_tick);
        // What one call may hand to the host: the largest response or message, and 1 MiB for what
        // surrounds it.
        let largest = limits.response.max(limits.message).as_u64();
        let fuel = largest.saturating_add(1024 * 1024);
        store.set_hostcall_fuel(usize::try_from(fuel).unwrap_or(usize::MAX));
        store
    }
}

fn on_tick(mut store: StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> {
    Ok(match store.data_mut().meter.tick()? {
        Tick::Continue => UpdateDeadline::Continue(1),
        // Tokio's yield lets what has become ready run first; wasmtime's would come back at once.
        Tick::Yield => UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())),
    })
}
