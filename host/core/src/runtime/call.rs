//! One call of a guest: which socket or request it is for, its CPU time and its wall time, and its
//! result.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use wasmtime::Store;
use wasmtime::component::Resource;

use super::failure::{Failure, describe};
use crate::capability::State;
use crate::capability::event::{EventHandle, Request, RequestId};
use crate::capability::http::InvalidAnswer;
use crate::capability::meter::{Clock, Metered, OutOfCpuTime};
use crate::capability::socket::Socket;
use crate::config::{Limit, Limits};

/// Runs a call within its wall time, which starts again with each turn. Only a call that does not
/// finish at its first poll pays for a timer. The caller pins the call: moving it in here would
/// reserve room for it twice.
///
/// # Errors
/// The time is up. The call is dropped, and its instance cannot be used again.
pub(crate) async fn within<T>(
    clock: &Clock,
    limit: Duration,
    call: Pin<&mut impl Future<Output = wasmtime::Result<T>>>,
) -> Result<wasmtime::Result<T>, Failure> {
    let mut call = Metered::new(call, clock);
    match futures_util::poll!(&mut call) {
        Poll::Ready(result) => Ok(result),
        Poll::Pending => loop {
            let turn = clock.turn();
            match tokio::time::timeout(limit, &mut call).await {
                Ok(result) => return Ok(result),
                Err(_) if clock.turn() != turn => {}
                Err(_) => return Err(Failure::Time(limit)),
            }
        },
    }
}

/// What an instance makes calls with: its memory, and the measurements of the current call.
pub(crate) struct Caller {
    /// The guest's memory, and the state that the host keeps for it.
    pub store: Store<State>,
    /// Measures the current call.
    pub clock: Arc<Clock>,
    /// The limit of the current call's CPU time.
    cpu_limit: Limit,
    /// Whether the current call counts as one of the version's calls.
    counts: bool,
}

/// Who asks a version for a call that no client has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// The host, to start an instance, or because it is idle.
    Instance,
    /// A swap, or the trial of one. Such a call says nothing about how the version serves, so it
    /// does not count.
    Swap,
}

impl Caller {
    /// Starts without a call.
    pub(crate) fn new(store: Store<State>) -> Self {
        let clock = store.data().meter.clock().clone();
        Self { store, clock, cpu_limit: Limit::RequestCpu, counts: true }
    }

    /// The limits of the instance's site.
    pub(crate) fn limits(&self) -> &Limits {
        &self.store.data().context.limits
    }

    /// Begins a call for a request. Returns the guest's handle of it.
    ///
    /// # Errors
    /// The guest has too many handles.
    pub(crate) fn begin_request(
        &mut self,
        request: &Arc<Request>,
    ) -> Result<Resource<EventHandle>, Failure> {
        self.begin(request.id, None, Limit::RequestCpu);
        let event = self.store.data_mut().push_event(request.clone());
        event.map_err(|error| Failure::Trap(format!("{error:#}")))
    }

    /// Begins a call for a socket. Returns the wall time that it may take.
    pub(crate) fn begin_event(&mut self, socket: &Arc<Socket>) -> Duration {
        self.begin(socket.request.id, Some(socket.clone()), Limit::EventCpu);
        self.limits().request_time
    }

    /// Begins a call for a socket that brings no message: the socket begins, goes on or ends.
    pub(crate) fn begin_notice(&mut self, socket: &Arc<Socket>) -> Duration {
        self.store.data().context.calls.notice();
        self.begin_event(socket)
    }

    /// Begins a call that the guest has scheduled. Returns the wall time that it may take.
    pub(crate) fn begin_timer(&mut self) -> Duration {
        self.store.data().context.calls.notice();
        self.begin(RequestId::default(), None, Limit::EventCpu);
        self.limits().request_time
    }

    /// Begins a call that no client has asked for. Returns the wall time that it may take.
    pub(crate) fn begin_upkeep(&mut self, upkeep: Upkeep) -> Duration {
        match upkeep {
            Upkeep::Instance => {
                self.store.data().context.calls.notice();
                self.begin(RequestId::default(), None, Limit::RequestCpu);
            }
            Upkeep::Swap => {
                self.counts = false;
                self.begin_uncounted(RequestId::default(), None, Limit::RequestCpu);
            }
        }
        self.limits().upkeep_time()
    }

    fn begin(&mut self, request: RequestId, socket: Option<Arc<Socket>>, cpu_limit: Limit) {
        self.counts = true;
        self.store.data().context.calls.begin();
        self.begin_uncounted(request, socket, cpu_limit);
    }

    fn begin_uncounted(
        &mut self,
        request: RequestId,
        socket: Option<Arc<Socket>>,
        cpu_limit: Limit,
    ) {
        self.cpu_limit = cpu_limit;
        let cpu = match cpu_limit {
            Limit::EventCpu => self.limits().event_cpu,
            _ => self.limits().request_cpu,
        };
        let state = self.store.data_mut();
        state.begin(request, socket, cpu);
        self.store.set_epoch_deadline(1);
    }

    /// Ends a call.
    ///
    /// # Errors
    /// The call failed.
    pub(crate) fn end<T>(
        &mut self,
        call: Result<wasmtime::Result<T>, Failure>,
    ) -> Result<T, Failure> {
        let cpu_limit = self.cpu_limit;
        let state = self.store.data_mut();
        state.end();
        let result = call.and_then(|call| {
            call.map_err(|error| match error.downcast_ref::<OutOfCpuTime>() {
                Some(out) => Failure::Cpu(out.clone(), cpu_limit),
                None => {
                    let trap = describe(&error);
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
            match (self.counts, failure.limit()) {
                (true, limit) => state.context.fail(limit),
                (false, Some(limit)) => state.context.account.exceed(limit),
                (false, None) => {}
            }
        }
        result
    }

    /// Checks that an answer is within `limits.response`.
    ///
    /// # Errors
    /// It is larger.
    pub(crate) fn check_size(&self, size: usize) -> Result<(), Failure> {
        let limit = self.limits().response;
        if size as u64 > limit.as_u64() {
            self.store.data().context.account.exceed(Limit::Response);
            return Err(InvalidAnswer::TooLarge { size, limit }.into());
        }
        Ok(())
    }
}
