//! One instance, and the calls that can be made to it.

use std::mem::take;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use wasmtime::Store;

use super::call::{Caller, Upkeep, within};
use super::exports::{ErrorHandler, Handles, Hooks, Middleware, Optional, Session};
use super::failure::Failure;
use super::ledger::Taken;
use super::template::{most_of_a_call, most_of_a_save};
use crate::capability::bindings::http::HttpError as WitError;
use crate::capability::bindings::outcome::Outcome;
use crate::capability::bindings::socket::{CloseInfoParam, MessageParam};
use crate::capability::event::Request;
use crate::capability::http::HttpError;
use crate::capability::meter::Metered;
use crate::capability::next::{Around, Next};
use crate::capability::outcome::{Answer, Answered};
use crate::capability::socket::{CloseInfo, Delivery, Socket, SocketKind};
use crate::capability::turn::Turns;
use crate::capability::{Context, InstanceId, State};
use crate::message::Borrowed;

/// A guest that exports `E`: its memory and its exports. It takes one call at a time.
///
/// A call of an optional export returns nothing if the component does not have that export.
pub struct Instance<E> {
    caller: Caller,
    exports: E,
    optional: Optional,
    /// The instance's part of the pool, given back after the store.
    _taken: Option<Taken>,
}

/// A route that a component names itself: its method, or none for any, and its pattern.
pub(crate) type NamedRoute = (Option<String>, String);

/// Makes a call within a wall time, and ends it. The macro pins the call here: moving it would
/// reserve room for it twice.
macro_rules! call {
    ($caller:expr, $time:expr, $of:ident$(.$export:ident)*($($given:expr),*)) => {{
        let caller = &mut $caller;
        let call =
            within(&caller.clock, $time, pin!($of$(.$export)*(&mut caller.store $(, $given)*)))
                .await;
        caller.end(call)
    }};
}

impl<E> Instance<E> {
    pub(super) fn new(
        store: Store<State>,
        exports: E,
        optional: Optional,
        taken: Option<Taken>,
    ) -> Self {
        Self { caller: Caller::new(store), exports, optional, _taken: taken }
    }

    /// The instance's id.
    pub fn id(&self) -> InstanceId {
        self.caller.store.data().instance
    }

    /// What it shares with its plugin's other instances.
    pub(crate) fn context(&self) -> &Context {
        &self.caller.store.data().context
    }

    /// Whether the guest has scheduled calls.
    pub fn has_timers(&self) -> bool {
        self.caller.store.data().has_timers()
    }

    /// Calls `routes.all`.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn routes(&mut self) -> Result<Option<Vec<NamedRoute>>, Failure> {
        let Some(routes) = &self.optional.routes else { return Ok(None) };
        let time = self.caller.begin_upkeep(Upkeep::Instance);
        let all = call!(self.caller, time, routes.call_all())?;
        Ok(Some(all.into_iter().map(|route| (route.method, route.pattern)).collect()))
    }

    /// Calls `health.check`.
    ///
    /// # Errors
    /// See [`Failure`]; the guest is not well.
    pub async fn check(&mut self) -> Result<Option<()>, Failure> {
        let Some(health) = &self.optional.health else { return Ok(None) };
        let time = self.caller.begin_upkeep(Upkeep::Instance);
        let checked = call!(self.caller, time, health.call_check())?;
        checked.map(Some).map_err(|reason| Failure::refused("health", &reason))
    }
}

impl<E: Handles> Instance<E> {
    /// Calls `handler.handle`.
    ///
    /// # Errors
    /// See [`Failure`]. An error that the handler returns is an answer.
    pub async fn handle(&mut self, request: &Arc<Request>) -> Result<Answered, Failure> {
        self.handle_within(request, self.caller.limits().request_time).await
    }

    /// Calls `handler.handle` for a request of the host's own, which no client waits for.
    ///
    /// # Errors
    /// See [`Failure`]. An error that the handler returns is an answer.
    pub async fn handle_own(&mut self, request: &Arc<Request>) -> Result<Answered, Failure> {
        self.handle_within(request, self.caller.limits().upkeep_time()).await
    }

    async fn handle_within(
        &mut self,
        request: &Arc<Request>,
        time: Duration,
    ) -> Result<Answered, Failure> {
        let event = self.caller.begin_request(request)?;
        let handler = self.exports.handler();
        let outcome = call!(self.caller, time, handler.call_handle(event))?;
        // An accepted socket that the answer does not name stays with the request.
        let answered = answered(outcome, |id, kind| request.take_accepted(id, kind))?;
        self.caller.check_size(size_of(&answered))?;
        Ok(answered)
    }
}

impl Instance<Middleware> {
    /// Calls `middleware.handle` around the rest of the chain.
    ///
    /// # Errors
    /// See [`Failure`]. An error that the middleware returns is an answer.
    pub async fn around(
        &mut self,
        request: &Arc<Request>,
        next: Next,
    ) -> Result<Answered, Failure> {
        let event = self.caller.begin_request(request)?;
        self.caller.store.data_mut().around = Around::new(next);
        // A little more than the time of what it wraps, so that a time-out is reported for the
        // guest that caused it.
        let time = self.caller.limits().request_time.saturating_add(Duration::from_secs(1));
        let outcome = call!(self.caller, time, self.exports.middleware.call_handle(event));
        let mut around = take(&mut self.caller.store.data_mut().around);
        let answered = answered(outcome?, |id, kind| around.take_passed(id, kind))?;
        self.caller.check_size(size_of(&answered))?;
        Ok(answered)
    }
}

impl Instance<ErrorHandler> {
    /// Calls `error-handler.handle`. Returns a response, or the error for the next handler outward.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn on_error(
        &mut self,
        request: &Arc<Request>,
        error: &HttpError,
    ) -> Result<Result<Response<Bytes>, HttpError>, Failure> {
        let event = self.caller.begin_request(request)?;
        let time = self.caller.limits().request_time;
        let error = error.to_wit();
        let answered =
            call!(self.caller, time, self.exports.error_handler.call_handle(event, &error))?;
        let answered: Result<Response<Bytes>, HttpError> = match answered {
            Ok(response) => Ok(response.try_into()?),
            Err(error) => Err(error.try_into()?),
        };
        self.caller.check_size(match &answered {
            Ok(response) => response.body().len(),
            Err(error) => error.message.len(),
        })?;
        Ok(answered)
    }
}

impl Instance<Hooks> {
    /// Calls `hooks.open`.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn open(&mut self, socket: &Arc<Socket>) -> Result<(), Failure> {
        let time = self.caller.begin_notice(socket);
        call!(self.caller, time, self.exports.hooks.call_open(socket.id))
    }

    /// Calls `hooks.receive` with all messages at once.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn receive(&mut self, delivery: &Delivery) -> Result<(), Failure> {
        let Delivery { socket, messages, .. } = delivery;
        let time = self.caller.begin_event(socket);
        let lowered: Vec<_> = messages.iter().map(lower).collect();
        call!(self.caller, time, self.exports.hooks.call_receive(socket.id, &lowered))
    }

    /// Calls `batch.receive` with what the deliveries have packed, concatenated in `packed`.
    ///
    /// # Errors
    /// See [`Failure`]. It belongs to the delivery that was being handled.
    pub async fn receive_packed(
        &mut self,
        packed: &[u8],
        turns: &mut Turns,
    ) -> Result<Option<()>, Failure> {
        let Some(batch) = &self.optional.batch else { return Ok(None) };
        let Some(first) = turns.current() else { return Ok(Some(())) };
        let time = self.caller.begin_event(first);
        self.caller.store.data_mut().turns = take(turns);
        let received = call!(self.caller, time, batch.call_receive(packed));
        *turns = take(&mut self.caller.store.data_mut().turns);
        received.map(Some)
    }

    /// Calls `hooks.drain`.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn drain(&mut self, socket: &Arc<Socket>) -> Result<(), Failure> {
        let time = self.caller.begin_notice(socket);
        call!(self.caller, time, self.exports.hooks.call_drain(socket.id))
    }

    /// Calls `hooks.close`.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn close(&mut self, socket: &Arc<Socket>, info: &CloseInfo) -> Result<(), Failure> {
        let time = self.caller.begin_notice(socket);
        let info = CloseInfoParam { code: info.code, reason: &info.reason, clean: info.clean };
        call!(self.caller, time, self.exports.hooks.call_close(socket.id, info))
    }

    /// Calls `hooks.timer`, unless the timer has been cancelled after it went off.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn timer(&mut self, id: u32) -> Result<(), Failure> {
        if !self.caller.store.data_mut().take_due_timer(id) {
            return Ok(());
        }
        let time = self.caller.begin_timer();
        call!(self.caller, time, self.exports.hooks.call_timer(id))
    }

    /// Calls `resume.resume`.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn resume(&mut self, socket: &Arc<Socket>) -> Result<Option<()>, Failure> {
        let Some(resume) = &self.optional.resume else { return Ok(None) };
        let time = self.caller.begin_notice(socket);
        call!(self.caller, time, resume.call_resume(socket.id)).map(Some)
    }

    /// Calls `state.save`.
    ///
    /// # Errors
    /// See [`Failure`]; the guest cannot save, or the answer is over `limits.state`.
    pub async fn save(&mut self, upkeep: Upkeep) -> Result<Option<Vec<u8>>, Failure> {
        let Some(state) = &self.optional.state else { return Ok(None) };
        let time = self.caller.begin_upkeep(upkeep);
        let limits = &self.caller.store.data().context.limits;
        let (usual, whole) = (most_of_a_call(limits), most_of_a_save(limits));
        self.caller.store.set_hostcall_fuel(whole);
        let saved = call!(self.caller, time, state.call_save());
        self.caller.store.set_hostcall_fuel(usual);
        let saved = saved?.map_err(|reason| Failure::refused("save", &reason))?;
        let allowed = self.context().account.state_limit();
        match saved.len() <= allowed {
            true => Ok(Some(saved)),
            false => Err(Failure::StateTooLarge { saved: saved.len(), allowed }),
        }
    }

    /// Calls `state.restore` with what an instance of another version has saved.
    ///
    /// # Errors
    /// See [`Failure`]; the guest cannot read it.
    pub async fn restore(&mut self, saved: &[u8], upkeep: Upkeep) -> Result<Option<()>, Failure> {
        let Some(state) = &self.optional.state else { return Ok(None) };
        let time = self.caller.begin_upkeep(upkeep);
        let restored = call!(self.caller, time, state.call_restore(saved))?;
        restored.map(Some).map_err(|reason| Failure::refused("restore", &reason))
    }
}

impl Instance<Session> {
    /// Runs a blocking session to its end.
    ///
    /// # Errors
    /// See [`Failure`]. CPU time is counted for each message.
    pub async fn run(&mut self, socket: &Arc<Socket>) -> Result<(), Failure> {
        self.caller.begin_notice(socket);
        let Caller { store, clock, .. } = &mut self.caller;
        store.data_mut().begin_session();
        let call = Metered::new(pin!(self.exports.session.call_run(store, socket.id)), clock).await;
        self.caller.end(Ok(call))
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
    own: impl FnOnce(u32, SocketKind) -> Option<Arc<Socket>>,
) -> Result<Answered, Failure> {
    Ok(match outcome {
        Ok(outcome) => Ok(Answer::from_wit(outcome, own)?),
        Err(error) => Err(error.try_into()?),
    })
}
