//! One instance, and the calls that can be made of it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use wasmtime::Store;
use wasmtime::component::Resource;

use super::call::within;
use super::failure::{Failure, said};
use super::ledger::Taken;
use crate::bindings::error_handler;
use crate::bindings::exports::{
    batch, handler, health, hooks, middleware, resume, routes, session, state,
};
use crate::bindings::http::HttpError as WitError;
use crate::bindings::outcome::Outcome;
use crate::bindings::socket::{CloseInfoParam, MessageParam};
use crate::capability::event::{EventHandle, Request, RequestId};
use crate::capability::http::{HttpError, InvalidAnswer};
use crate::capability::meter::{Clock, Metered, OutOfCpuTime};
use crate::capability::next::{Around, Next};
use crate::capability::outcome::{Answer, Answered};
use crate::capability::socket::{CloseInfo, Delivery, Socket};
use crate::capability::turn::Turns;
use crate::capability::{InstanceId, State};
use crate::config::{Limit, Limits, bytes};
use crate::message::Borrowed;

/// A guest: its memory, and its exports. One call at a time.
pub struct Instance {
    store: Store<State>,
    clock: Arc<Clock>,
    exports: Exports,
    /// The limit of the current call's CPU time.
    cpu_limit: Limit,
    /// What it has of the pool. Given back after the store.
    _taken: Option<Taken>,
}

/// What the component exports. A call that it does not export is a failure of the host's, and is
/// answered as [`Failure::Missing`].
#[derive(Default)]
pub(super) struct Exports {
    pub handler: Option<handler::Guest>,
    pub hooks: Option<hooks::Guest>,
    pub batch: Option<batch::Guest>,
    pub session: Option<session::Guest>,
    pub middleware: Option<middleware::Guest>,
    pub error_handler: Option<error_handler::Guest>,
    pub routes: Option<routes::Guest>,
    pub state: Option<state::Guest>,
    pub resume: Option<resume::Guest>,
    pub health: Option<health::Guest>,
}

/// A route that a component names itself: its method, or any, and its pattern.
pub type NamedRoute = (Option<String>, String);

impl Instance {
    pub(super) fn new(store: Store<State>, exports: Exports, taken: Option<Taken>) -> Self {
        let clock = store.data().meter.clock().clone();
        Self { store, clock, exports, cpu_limit: Limit::RequestCpu, _taken: taken }
    }

    /// Which one it is.
    pub fn id(&self) -> InstanceId {
        self.store.data().instance
    }

    /// Whether calls are due that it has asked for.
    pub fn has_timers(&self) -> bool {
        self.store.data().has_timers()
    }

    /// Calls `handler.handle`.
    ///
    /// # Errors
    /// See [`Failure`]; the handler's own error is an answer.
    pub async fn handle(&mut self, request: &Arc<Request>) -> Result<Answered, Failure> {
        self.handle_within(request, self.limits().request_time).await
    }

    /// The same for a request of the host's own, which no client waits for.
    ///
    /// # Errors
    /// See [`Failure`]; the handler's own error is an answer.
    pub async fn handle_own(&mut self, request: &Arc<Request>) -> Result<Answered, Failure> {
        self.handle_within(request, self.limits().upkeep_time()).await
    }

    async fn handle_within(
        &mut self,
        request: &Arc<Request>,
        time: Duration,
    ) -> Result<Answered, Failure> {
        let event = self.begin_request(request)?;
        let handler = self.exports.handler.as_ref().ok_or(Failure::Missing("handler"))?;
        let call =
            within(&self.clock, time, pin!(handler.call_handle(&mut self.store, event))).await;
        let outcome = self.end(call)?;
        // An accepted socket that the answer does not name stays with the request.
        let answered = answered(outcome, |id, stream| request.take_accepted(id, stream))?;
        self.check_size(size_of(&answered))?;
        Ok(answered)
    }

    /// Calls `middleware.handle` around the rest of the chain.
    ///
    /// # Errors
    /// See [`Failure`]; the middleware's own error is an answer.
    pub async fn around(
        &mut self,
        request: &Arc<Request>,
        next: Next,
    ) -> Result<Answered, Failure> {
        let event = self.begin_request(request)?;
        self.store.data_mut().around = Around::new(next);
        // A little more than what it wraps, so that a time-out is reported of whom it is about.
        let time = self.limits().request_time.saturating_add(Duration::from_secs(1));
        let middleware = self.exports.middleware.as_ref().ok_or(Failure::Missing("middleware"))?;
        let call =
            within(&self.clock, time, pin!(middleware.call_handle(&mut self.store, event))).await;
        let mut around = std::mem::take(&mut self.store.data_mut().around);
        let outcome = self.end(call)?;
        let answered = answered(outcome, |id, stream| around.take_passed(id, stream))?;
        self.check_size(size_of(&answered))?;
        Ok(answered)
    }

    /// Calls `error-handler.handle`: a response, or the error that goes on outward.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn on_error(
        &mut self,
        request: &Arc<Request>,
        error: &HttpError,
    ) -> Result<Result<Response<Bytes>, HttpError>, Failure> {
        let event = self.begin_request(request)?;
        let time = self.limits().request_time;
        let error = error.to_wit();
        let handler =
            self.exports.error_handler.as_ref().ok_or(Failure::Missing("error-handler"))?;
        let call = handler.call_handle(&mut self.store, event, &error);
        let call = within(&self.clock, time, pin!(call)).await;
        let answered: Result<Response<Bytes>, HttpError> = match self.end(call)? {
            Ok(response) => Ok(response.try_into()?),
            Err(error) => Err(error.try_into()?),
        };
        self.check_size(match &answered {
            Ok(response) => response.body().len(),
            Err(error) => error.message.len(),
        })?;
        Ok(answered)
    }

    /// Calls `routes.all`.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn routes(&mut self) -> Result<Vec<NamedRoute>, Failure> {
        let time = self.begin_upkeep();
        let routes = self.exports.routes.as_ref().ok_or(Failure::Missing("routes"))?;
        let call = within(&self.clock, time, pin!(routes.call_all(&mut self.store))).await;
        let routes = self.end(call)?;
        Ok(routes.into_iter().map(|route| (route.method, route.pattern)).collect())
    }

    /// Calls `hooks.open`.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn open(&mut self, socket: &Arc<Socket>) -> Result<(), Failure> {
        self.begin_event(socket);
        let hooks = self.exports.hooks.as_ref().ok_or(Failure::Missing("hooks"))?;
        let time = self.limits().request_time;
        let call =
            within(&self.clock, time, pin!(hooks.call_open(&mut self.store, socket.id))).await;
        self.end(call)
    }

    /// Calls `hooks.receive` with all messages at once.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn receive(&mut self, delivery: &Delivery) -> Result<(), Failure> {
        let Delivery { socket, messages } = delivery;
        self.begin_event(socket);
        let hooks = self.exports.hooks.as_ref().ok_or(Failure::Missing("hooks"))?;
        let time = self.limits().request_time;
        let lowered: Vec<_> = messages.iter().map(lower).collect();
        let call = hooks.call_receive(&mut self.store, socket.id, &lowered);
        let call = within(&self.clock, time, pin!(call)).await;
        self.end(call)
    }

    /// Calls `batch.receive` with what the deliveries have packed, which is behind each other in `packed`.
    ///
    /// # Errors
    /// See [`Failure`]: that of the delivery whose turn it was.
    pub async fn receive_packed(
        &mut self,
        packed: &[u8],
        turns: &mut Turns,
    ) -> Result<(), Failure> {
        let Some(first) = turns.current().cloned() else { return Ok(()) };
        self.begin_event(&first);
        let batch = self.exports.batch.as_ref().ok_or(Failure::Missing("batch"))?;
        let time = self.limits().request_time;
        self.store.data_mut().turns = std::mem::take(turns);
        let call = batch.call_receive(&mut self.store, packed);
        let call = within(&self.clock, time, pin!(call)).await;
        *turns = std::mem::take(&mut self.store.data_mut().turns);
        self.end(call)
    }

    /// Calls `hooks.drain`.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn drain(&mut self, socket: &Arc<Socket>) -> Result<(), Failure> {
        self.begin_event(socket);
        let hooks = self.exports.hooks.as_ref().ok_or(Failure::Missing("hooks"))?;
        let time = self.limits().request_time;
        let call =
            within(&self.clock, time, pin!(hooks.call_drain(&mut self.store, socket.id))).await;
        self.end(call)
    }

    /// Calls `hooks.close`.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn close(&mut self, socket: &Arc<Socket>, info: &CloseInfo) -> Result<(), Failure> {
        self.begin_event(socket);
        let hooks = self.exports.hooks.as_ref().ok_or(Failure::Missing("hooks"))?;
        let time = self.limits().request_time;
        let info = CloseInfoParam { code: info.code, reason: &info.reason, clean: info.clean };
        let call =
            within(&self.clock, time, pin!(hooks.call_close(&mut self.store, socket.id, info)))
                .await;
        self.end(call)
    }

    /// Calls `hooks.timer`, unless the timer has been cancelled after it went off.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn timer(&mut self, id: u32) -> Result<(), Failure> {
        if !self.store.data_mut().take_due_timer(id) {
            return Ok(());
        }
        let cpu = self.limits().event_cpu;
        let time = self.limits().request_time;
        self.cpu_limit = Limit::EventCpu;
        self.begin(RequestId::default(), None, cpu);
        let hooks = self.exports.hooks.as_ref().ok_or(Failure::Missing("hooks"))?;
        let call = within(&self.clock, time, pin!(hooks.call_timer(&mut self.store, id))).await;
        self.end(call)
    }

    /// Calls `state.save`.
    ///
    /// # Errors
    /// See [`Failure`]; the answer is over `limits.state`.
    pub async fn save(&mut self) -> Result<Vec<u8>, Failure> {
        let time = self.begin_upkeep();
        let state = self.exports.state.as_ref().ok_or(Failure::Missing("state"))?;
        let call = within(&self.clock, time, pin!(state.call_save(&mut self.store))).await;
        let saved = self.end(call)?;
        let allowed = bytes(self.limits().state);
        if saved.len() > allowed {
            return Err(Failure::StateTooLarge { saved: saved.len(), allowed });
        }
        Ok(saved)
    }

    /// Calls `state.restore` with what an instance of another version has saved.
    ///
    /// # Errors
    /// See [`Failure`]; the guest cannot read it.
    pub async fn restore(&mut self, saved: &[u8]) -> Result<(), Failure> {
        let time = self.begin_upkeep();
        let state = self.exports.state.as_ref().ok_or(Failure::Missing("state"))?;
        let call =
            within(&self.clock, time, pin!(state.call_restore(&mut self.store, saved))).await;
        self.end(call)?.map_err(|reason| Failure::Refused("restore", reason))
    }

    /// Calls `resume.resume`.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn resume(&mut self, socket: &Arc<Socket>) -> Result<(), Failure> {
        self.begin_event(socket);
        let resume = self.exports.resume.as_ref().ok_or(Failure::Missing("resume"))?;
        let time = self.limits().request_time;
        let call =
            within(&self.clock, time, pin!(resume.call_resume(&mut self.store, socket.id))).await;
        self.end(call)
    }

    /// Calls `health.check`.
    ///
    /// # Errors
    /// See [`Failure`]; the guest is not well.
    pub async fn check(&mut self) -> Result<(), Failure> {
        let time = self.begin_upkeep();
        let health = self.exports.health.as_ref().ok_or(Failure::Missing("health"))?;
        let call = within(&self.clock, time, pin!(health.call_check(&mut self.store))).await;
        self.end(call)?.map_err(|reason| Failure::Refused("health", reason))
    }

    /// Runs a blocking session from its first message to its end.
    ///
    /// # Errors
    /// See [`Failure`]; CPU time is counted for each message.
    pub async fn run(&mut self, socket: &Arc<Socket>) -> Result<(), Failure> {
        self.begin_event(socket);
        self.store.data_mut().begin_session();
        let session = self.exports.session.as_ref().ok_or(Failure::Missing("session"))?;
        let call =
            Metered::new(pin!(session.call_run(&mut self.store, socket.id)), &self.clock).await;
        self.end(Ok(call))
    }

    fn limits(&self) -> &Limits {
        &self.store.data().context.limits
    }

    fn begin_request(&mut self, request: &Arc<Request>) -> Result<Resource<EventHandle>, Failure> {
        let cpu = self.limits().request_cpu;
        self.cpu_limit = Limit::RequestCpu;
        self.begin(request.id, None, cpu);
        let event = self.store.data_mut().push_event(request.clone());
        event.map_err(|error| Failure::Trap(format!("{error:#}")))
    }

    /// Before a call that no client has asked for; answers the wall time that it may take.
    fn begin_upkeep(&mut self) -> Duration {
        let (cpu, time) = (self.limits().request_cpu, self.limits().upkeep_time());
        self.cpu_limit = Limit::RequestCpu;
        self.begin(RequestId::default(), None, cpu);
        time
    }

    fn begin_event(&mut self, socket: &Arc<Socket>) {
        let cpu = self.limits().event_cpu;
        self.cpu_limit = Limit::EventCpu;
        self.begin(socket.request.id, Some(socket.clone()), cpu);
    }

    fn begin(&mut self, request: RequestId, socket: Option<Arc<Socket>>, cpu: Duration) {
        let state = self.store.data_mut();
        state.context.calls.begin();
        state.begin(request, socket, cpu);
        self.store.set_epoch_deadline(1);
    }

    /// What is answered is within `limits.response`.
    fn check_size(&self, size: usize) -> Result<(), Failure> {
        let limit = self.limits().response;
        if size as u64 > limit.as_u64() {
            self.store.data().context.account.exceed(Limit::Response);
            return Err(InvalidAnswer::TooLarge { size, limit }.into());
        }
        Ok(())
    }

    fn end<T>(&mut self, call: Result<wasmtime::Result<T>, Failure>) -> Result<T, Failure> {
        let cpu_limit = self.cpu_limit;
        let state = self.store.data_mut();
        state.end();
        let result = call.and_then(|call| {
            call.map_err(|error| match error.downcast_ref::<OutOfCpuTime>() {
                Some(out) => Failure::Cpu(out.clone(), cpu_limit),
                None => {
                    let trap = said(&error);
                    match state.memory.refused() {
                        Some((limit, message)) => {
                            Failure::Memory { limit: *limit, message: message.clone(), trap }
                        }
                        None => Failure::Trap(trap),
                    }
                }
            })
        });
        if let Err(failure) = &result {
            state.context.calls.fail();
            if let Some(limit) = failure.limit() {
                state.context.account.exceed(limit);
            }
        }
        result
    }
}

fn lower(message: Borrowed<'_>) -> MessageParam<'_> {
    match message {
        Borrowed::Text(text) => MessageParam::Text(text),
        Borrowed::Binary(bytes) => MessageParam::Binary(bytes),
    }
}

fn size_of(answered: &Answered) -> usize {
    match answered {
        Ok(Answer::Response(response)) => response.body().len(),
        Ok(Answer::Upgrade { .. } | Answer::Stream { .. }) => 0,
        Err(error) => error.message.len(),
    }
}

fn answered(
    outcome: Result<Outcome, WitError>,
    own: impl FnOnce(u32, bool) -> Option<Arc<Socket>>,
) -> Result<Answered, Failure> {
    Ok(match outcome {
        Ok(outcome) => Ok(Answer::from_wit(outcome, own)?),
        Err(error) => Err(error.try_into()?),
    })
}
