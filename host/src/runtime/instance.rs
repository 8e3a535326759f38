//! One instance, and the calls that can be made of it.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use wasmtime::Store;

use super::failure::Failure;
use crate::bindings::exports::{handler, hooks, session};
use crate::bindings::http::HttpError as WitError;
use crate::bindings::outcome::Outcome;
use crate::bindings::socket::{CloseInfoParam, MessageParam};
use crate::capability::event::{Request, RequestId};
use crate::capability::http::{HttpError, InvalidAnswer, response_headers};
use crate::capability::meter::{Clock, Metered, OutOfCpuTime};
use crate::capability::socket::{CloseInfo, Socket};
use crate::capability::{InstanceId, State};
use crate::message::Message;

/// A guest: its memory, and its exports. One call at a time.
pub struct Instance {
    store: Store<State>,
    clock: Arc<Clock>,
    handler: handler::Guest,
    sessions: Sessions,
}

pub(super) enum Sessions {
    None,
    Hooks(hooks::Guest),
    Session(session::Guest),
}

/// What a handler answered.
#[derive(Debug)]
pub enum Answer {
    Response(Response<Bytes>),
    Error(HttpError),
    /// The handshake is accepted; `headers` go with the 101.
    Upgrade {
        socket: Arc<Socket>,
        headers: HeaderMap,
    },
}

impl Instance {
    pub(super) fn new(store: Store<State>, handler: handler::Guest, sessions: Sessions) -> Self {
        let clock = store.data().meter.clock().clone();
        Self { store, clock, handler, sessions }
    }

    /// Which one it is.
    pub fn id(&self) -> InstanceId {
        self.store.data().instance
    }

    /// Calls the handler.
    ///
    /// # Errors
    /// See [`Failure`]; the handler's own error is an [`Answer`].
    pub async fn handle(&mut self, request: &Arc<Request>) -> Result<Answer, Failure> {
        let event = match self.store.data_mut().push_event(request.clone()) {
            Ok(event) => event,
            Err(error) => return Err(Failure::Trap(format!("{error:#}"))),
        };
        let cpu = self.limits().request_cpu;
        let time = self.limits().request_time;
        self.begin(request.id, None, cpu);
        let call =
            within(&self.clock, time, self.handler.call_handle(&mut self.store, event)).await;
        let outcome = self.end(call)?;
        Ok(answer(request, outcome)?)
    }

    /// Calls `hooks.open`.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn open(&mut self, socket: &Arc<Socket>) -> Result<(), Failure> {
        self.begin_event(socket);
        let Sessions::Hooks(hooks) = &self.sessions else { return Ok(()) };
        let time = self.limits().request_time;
        let call = within(&self.clock, time, hooks.call_open(&mut self.store, socket.id)).await;
        self.end(call)
    }

    /// Calls `hooks.receive` with all messages at once.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn receive(
        &mut self,
        socket: &Arc<Socket>,
        messages: &[Message],
    ) -> Result<(), Failure> {
        self.begin_event(socket);
        let Sessions::Hooks(hooks) = &self.sessions else { return Ok(()) };
        let time = self.limits().request_time;
        let call = match messages {
            [message] => {
                let lowered = [lower(message)];
                within(&self.clock, time, hooks.call_receive(&mut self.store, socket.id, &lowered))
                    .await
            }
            messages => {
                let lowered: Vec<MessageParam<'_>> = messages.iter().map(lower).collect();
                within(&self.clock, time, hooks.call_receive(&mut self.store, socket.id, &lowered))
                    .await
            }
        };
        self.end(call)
    }

    /// Calls `hooks.close`.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn close(&mut self, socket: &Arc<Socket>, info: &CloseInfo) -> Result<(), Failure> {
        self.begin_event(socket);
        let Sessions::Hooks(hooks) = &self.sessions else { return Ok(()) };
        let time = self.limits().request_time;
        let info = CloseInfoParam { code: info.code, reason: &info.reason, clean: info.clean };
        let call =
            within(&self.clock, time, hooks.call_close(&mut self.store, socket.id, info)).await;
        self.end(call)
    }

    /// Calls `hooks.timer`.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn timer(&mut self, id: u32) -> Result<(), Failure> {
        let cpu = self.limits().event_cpu;
        let time = self.limits().request_time;
        self.begin(RequestId::default(), None, cpu);
        let Sessions::Hooks(hooks) = &self.sessions else { return Ok(()) };
        let call = within(&self.clock, time, hooks.call_timer(&mut self.store, id)).await;
        self.end(call)
    }

    /// Runs a blocking session from its first message to its end.
    ///
    /// # Errors
    /// See [`Failure`]; CPU time is counted anew for each message.
    pub async fn run(&mut self, socket: &Arc<Socket>) -> Result<(), Failure> {
        self.begin_event(socket);
        let Sessions::Session(session) = &self.sessions else { return Ok(()) };
        let call = metered(&self.clock, session.call_run(&mut self.store, socket.id)).await;
        self.end(Ok(call))
    }

    fn limits(&self) -> &crate::config::Limits {
        &self.store.data().context.limits
    }

    fn begin_event(&mut self, socket: &Arc<Socket>) {
        let cpu = self.limits().event_cpu;
        self.begin(socket.request.id, Some(socket.clone()), cpu);
    }

    fn begin(&mut self, request: RequestId, socket: Option<Arc<Socket>>, cpu: Duration) {
        let state = self.store.data_mut();
        state.begin(request, socket, cpu);
        self.store.set_epoch_deadline(1);
    }

    fn end<T>(&mut self, call: Result<wasmtime::Result<T>, Failure>) -> Result<T, Failure> {
        let state = self.store.data_mut();
        state.end();
        call?.map_err(|error| match error.downcast_ref::<OutOfCpuTime>() {
            Some(out) => Failure::Cpu(out.clone()),
            None => {
                let trap = format!("{error:?}");
                match state.memory.refused() {
                    Some(limit) => Failure::Memory { limit: limit.to_owned(), trap },
                    None => Failure::Trap(trap),
                }
            }
        })
    }
}

/// Runs a call for as long as it takes.
async fn metered<T>(clock: &Clock, call: impl Future<Output = T>) -> T {
    let call = std::pin::pin!(call);
    Metered::new(call, clock).await
}

/// Runs a call within its wall time; only one that is not done at once pays for a timer.
async fn within<T>(
    clock: &Clock,
    limit: Duration,
    call: impl Future<Output = wasmtime::Result<T>>,
) -> Result<wasmtime::Result<T>, Failure> {
    let call = std::pin::pin!(call);
    let mut call = Metered::new(call, clock);
    match futures_util::poll!(&mut call) {
        Poll::Ready(result) => Ok(result),
        Poll::Pending => tokio::time::timeout(limit, call).await.map_err(|_| Failure::Time(limit)),
    }
}

fn lower(message: &Message) -> MessageParam<'_> {
    match message {
        Message::Text(text) => MessageParam::Text(text.as_str()),
        Message::Binary(bytes) => MessageParam::Binary(bytes),
    }
}

/// An accepted socket that the answer does not name stays in `request.accepted`.
fn answer(request: &Request, outcome: Result<Outcome, WitError>) -> Result<Answer, InvalidAnswer> {
    match outcome {
        Ok(Outcome::Response(response)) => Ok(Answer::Response(response.try_into()?)),
        Err(error) => Ok(Answer::Error(error.try_into()?)),
        Ok(Outcome::Upgrade(accepted)) => {
            let headers = response_headers(accepted.headers)?;
            let mut own = request.accepted.lock();
            match own.take_if(|socket| socket.id == accepted.socket) {
                Some(socket) => Ok(Answer::Upgrade { socket, headers }),
                None => Err(InvalidAnswer::Upgrade),
            }
        }
    }
}
