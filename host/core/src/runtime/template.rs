//! A component that has been checked, ready to be instantiated.

use std::pin::pin;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use wasmtime::component::{self, Component, InstancePre};
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use super::call::within;
use super::engine::{MOST, Runtime};
use super::failure::{Failure, said};
use super::instance::{Exports, Instance};
use super::ledger::Amounts;
use super::share::Share;
use crate::bindings::error_handler;
use crate::bindings::exports::{
    batch, handler, health, hooks, middleware, resume, routes, session, state,
};
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
    /// `middleware`: a pool of instances.
    Middleware,
    /// `error-handler`: a pool of instances.
    ErrorHandler,
}

/// Why a component is of no kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unfit {
    #[error(
        "it exports none of `{HANDLER}` (a route), `{MIDDLEWARE}` and `{ERROR_HANDLER}`; it exports {}",
        listed(.exports)
    )]
    Nothing { exports: Vec<String> },
    #[error("it exports both `{0}` and `{1}`: keep one")]
    Both(&'static str, &'static str),
}

const HANDLER: &str = "lithe:plugin/handler@0.1.0";
const HOOKS: &str = "lithe:plugin/hooks@0.1.0";
const SESSION: &str = "lithe:plugin/session@0.1.0";
const MIDDLEWARE: &str = "lithe:plugin/middleware@0.1.0";
const ERROR_HANDLER: &str = "lithe:plugin/error-handler@0.1.0";
const BATCH: &str = "lithe:plugin/batch@0.1.0";
const ROUTES: &str = "lithe:plugin/routes@0.1.0";
const STATE: &str = "lithe:plugin/state@0.1.0";
const RESUME: &str = "lithe:plugin/resume@0.1.0";
const HEALTH: &str = "lithe:plugin/health@0.1.0";

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
    /// They are those of no kind, or of two.
    pub fn of(runtime: &Runtime, component: &Component) -> Result<Self, Unfit> {
        let exports = exports_of(runtime, component);
        let has = |name: &str| exports.iter().any(|export| export == name);
        let kinds = [
            (HOOKS, Self::Hooks),
            (SESSION, Self::Session),
            (MIDDLEWARE, Self::Middleware),
            (ERROR_HANDLER, Self::ErrorHandler),
        ];
        let mut found = kinds.into_iter().filter(|(name, _)| has(name));
        match (has(HANDLER), found.next(), found.next()) {
            (_, Some((one, _)), Some((other, _))) => Err(Unfit::Both(one, other)),
            (true, Some((name @ (MIDDLEWARE | ERROR_HANDLER), _)), None) => {
                Err(Unfit::Both(HANDLER, name))
            }
            (true, Some((_, kind)), None) => Ok(kind),
            (true, None, _) => Ok(Self::Route),
            (false, Some((_, kind @ (Self::Middleware | Self::ErrorHandler))), None) => Ok(kind),
            (false, ..) => Err(Unfit::Nothing { exports }),
        }
    }

    /// Whether its requests can become sockets.
    pub fn has_sessions(self) -> bool {
        matches!(self, Self::Hooks | Self::Session)
    }

    /// Whether it answers requests.
    pub fn is_route(self) -> bool {
        matches!(self, Self::Route | Self::Hooks | Self::Session)
    }
}

fn exports_of(runtime: &Runtime, component: &Component) -> Vec<String> {
    let component_type = component.component_type();
    component_type.exports(&runtime.engine).map(|(name, _)| name.to_owned()).collect()
}

/// What instances are made from.
pub struct Template {
    runtime: Arc<Runtime>,
    context: Arc<Context>,
    share: Option<Arc<Share>>,
    /// What an instance takes of the pool.
    needs: Amounts,
    pre: InstancePre<State>,
    handler: Option<handler::GuestIndices>,
    hooks: Option<hooks::GuestIndices>,
    batch: Option<batch::GuestIndices>,
    session: Option<session::GuestIndices>,
    middleware: Option<middleware::GuestIndices>,
    error_handler: Option<error_handler::GuestIndices>,
    routes: Option<routes::GuestIndices>,
    state: Option<state::GuestIndices>,
    resume: Option<resume::GuestIndices>,
    health: Option<health::GuestIndices>,
}

impl Template {
    /// Links the component's imports and finds its exports.
    ///
    /// # Errors
    /// It imports what the host does not have, or an export lacks a function.
    pub fn new(
        runtime: Arc<Runtime>,
        component: &Component,
        context: Arc<Context>,
        share: Option<Arc<Share>>,
    ) -> wasmtime::Result<Self> {
        let pre = runtime.linker.instantiate_pre(component)?;
        let exports = exports_of(&runtime, component);
        let has = |name: &str| exports.iter().any(|export| export == name);
        let handler = has(HANDLER).then(|| handler::GuestIndices::new(&pre)).transpose()?;
        let hooks = has(HOOKS).then(|| hooks::GuestIndices::new(&pre)).transpose()?;
        let batch = has(BATCH).then(|| batch::GuestIndices::new(&pre)).transpose()?;
        let session = has(SESSION).then(|| session::GuestIndices::new(&pre)).transpose()?;
        let middleware =
            has(MIDDLEWARE).then(|| middleware::GuestIndices::new(&pre)).transpose()?;
        let error_handler =
            has(ERROR_HANDLER).then(|| error_handler::GuestIndices::new(&pre)).transpose()?;
        let routes = has(ROUTES).then(|| routes::GuestIndices::new(&pre)).transpose()?;
        let state = has(STATE).then(|| state::GuestIndices::new(&pre)).transpose()?;
        let resume = has(RESUME).then(|| resume::GuestIndices::new(&pre)).transpose()?;
        let health = has(HEALTH).then(|| health::GuestIndices::new(&pre)).transpose()?;
        Ok(Self {
            needs: Amounts::of(component, MOST),
            runtime,
            context,
            share,
            pre,
            handler,
            hooks,
            batch,
            session,
            middleware,
            error_handler,
            routes,
            state,
            resume,
            health,
        })
    }

    /// Whether the component names its routes itself.
    pub fn names_routes(&self) -> bool {
        self.routes.is_some()
    }

    /// Whether it takes short messages of several sockets in one call.
    pub fn takes_batches(&self) -> bool {
        self.batch.is_some()
    }

    /// Whether its instances can hand over what is in their memory.
    pub fn has_state(&self) -> bool {
        self.state.is_some()
    }

    /// Whether it wants to hear of sockets that it takes over.
    pub fn resumes(&self) -> bool {
        self.resume.is_some()
    }

    /// Whether it can be asked how it is.
    pub fn has_health(&self) -> bool {
        self.health.is_some()
    }

    /// What its instances share.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Does something in a task of its own, which its site is charged with. A host that has stopped has
    /// nobody left to do it.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        let front = Handle::try_current().ok()?;
        let task = match self.share.clone() {
            None => front.spawn(work),
            Some(share) => front.spawn(share.run(work)),
        };
        Some(task.abort_handle())
    }

    /// Does work in its site's share.
    pub async fn run<W>(&self, work: W) -> W::Output
    where
        W: Future + Send + 'static,
        W::Output: Send + 'static,
    {
        match self.share.clone() {
            None => work.await,
            Some(share) => share.run(work).await,
        }
    }

    /// A new instance, about 15 µs for a small component.
    ///
    /// # Errors
    /// The pool or the site's part of it is used up, the component needs more than its limits, its start
    /// function traps or takes too long, or an export's type is not the contract's.
    pub async fn instantiate(
        &self,
        timer_sink: Option<Arc<dyn TimerSink>>,
    ) -> Result<Instance, Failure> {
        let share = self.share.as_ref();
        let taken = share.map(|share| self.runtime.ledger.take(share.pool(), self.needs));
        let taken = taken.transpose()?;
        let started = self.try_instantiate(timer_sink).await;
        let failed = |failure: Failure| {
            self.context.calls.begin();
            self.context.calls.fail();
            if let Some(limit) = failure.limit() {
                self.context.account.exceed(limit);
            }
            failure
        };
        let (store, exports) = started.map_err(failed)?;
        Ok(Instance::new(store, exports, taken))
    }

    async fn try_instantiate(
        &self,
        timer_sink: Option<Arc<dyn TimerSink>>,
    ) -> Result<(Store<State>, Exports), Failure> {
        let id = self.runtime.next_instance();
        let mut store = self.new_store(id, timer_sink);
        let clock = store.data().meter.clock().clone();
        let time = self.context.limits.upkeep_time();
        // What runs when it starts may wait for WASI's clocks.
        let started = within(&clock, time, pin!(self.pre.instantiate_async(&mut store))).await?;
        let instance = started.map_err(|error| match store.data().memory.refused() {
            Some((limit, message)) => {
                self.context.account.exceed(*limit);
                error.context(message.clone())
            }
            None => error,
        });
        let exports = instance.and_then(|instance| self.exports(&mut store, &instance));
        match exports {
            Ok(exports) => Ok((store, exports)),
            Err(error) => Err(Failure::Start(said(&error))),
        }
    }

    fn exports(
        &self,
        mut store: &mut Store<State>,
        instance: &component::Instance,
    ) -> wasmtime::Result<Exports> {
        let mut exports = Exports::default();
        if let Some(indices) = &self.handler {
            exports.handler = Some(indices.load(&mut store, instance)?);
        }
        if let Some(indices) = &self.hooks {
            exports.hooks = Some(indices.load(&mut store, instance)?);
        }
        if let Some(indices) = &self.batch {
            exports.batch = Some(indices.load(&mut store, instance)?);
        }
        if let Some(indices) = &self.session {
            exports.session = Some(indices.load(&mut store, instance)?);
        }
        if let Some(indices) = &self.middleware {
            exports.middleware = Some(indices.load(&mut store, instance)?);
        }
        if let Some(indices) = &self.error_handler {
            exports.error_handler = Some(indices.load(&mut store, instance)?);
        }
        if let Some(indices) = &self.routes {
            exports.routes = Some(indices.load(&mut store, instance)?);
        }
        if let Some(indices) = &self.state {
            exports.state = Some(indices.load(&mut store, instance)?);
        }
        if let Some(indices) = &self.resume {
            exports.resume = Some(indices.load(&mut store, instance)?);
        }
        if let Some(indices) = &self.health {
            exports.health = Some(indices.load(&mut store, instance)?);
        }
        Ok(exports)
    }

    /// Every limit of an instance is set here.
    fn new_store(&self, id: InstanceId, timer_sink: Option<Arc<dyn TimerSink>>) -> Store<State> {
        let limits = &self.context.limits;
        let state = State::new(self.context.clone(), id, timer_sink);
        let mut store = Store::new(&self.runtime.engine, state);
        store.limiter(|state| &mut state.memory);
        store.data_mut().meter.begin(limits.request_cpu);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(on_tick);
        // What one call may hand to the host: the largest response, message or state, and 1 MiB for what
        // surrounds it.
        let largest = limits.response.max(limits.message).max(limits.state).as_u64();
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
