//! The shared instance: one store behind a queue, for all sockets and requests of a plugin.
//!
//! There is no actor task. The task that brings an event to an idle instance runs the event, and
//! then drains the queue; after 32 events a task of its own takes over. A task that finds the
//! instance busy leaves its event in the queue and goes on. So an idle instance costs nothing, and
//! a busy one is never handed around. A socket has at most one delivery in the queue, because its
//! task reads no further until that is handled. This bounds the queue for messages, and
//! `limits.queue` bounds it for requests.
//!
//! # A message's way
//!
//! ```text
//! client                                                                            guest
//!   │ frames
//!   ▼
//! read    Bridge::next                        session/bridge.rs       the session's task
//!   │ Wake::Messages
//!   ▼
//! leave   SocketHandle::receive               socket_handle.rs        the delivery is in the queue
//!   │ if the instance is busy or another task gathers, this one goes on: `Queued`
//!   ▼
//! gather  Gathering::run_queue                gathering.rs            ready tasks leave theirs
//!   ▼
//! drive   Runner::run_queue                   runner.rs               one event after the other
//!   ▼
//! call    Runner::receive                     batch.rs
//!   │     └ Instance::receive_packed          runtime/instance.rs     ───▶ `batch.receive`
//!   │                                                                         │ `socket.send`
//!   │       State::send, Socket::send         socket/{wit,send}.rs    ◀───────┘
//!   │       └ Outbound::push                  socket/outbound.rs      the answer is queued
//!   ▼
//! write   Socket::finish_delivery             socket/delivery.rs      called by Runner::receive
//!         └ Finished::flush, Outlet::write    socket/outlet.rs        ───▶ client
//! ```
//!
//! `Runner::receive` writes every answer to the sockets of its call. The session's task writes the
//! rest: what the network has not taken at once, what is for sockets that are not of the call,
//! pongs and close frames (`Bridge::send`, `session/bridge.rs`). The folder `socket/` is
//! `capability/socket/`.

mod batch;
#[cfg(all(test, feature = "shuttle"))]
pub(super) mod checks;
mod gathering;
mod guest;
mod handover;
mod phase;
mod recycled;
mod runner;
mod saved;
mod socket_handle;

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::current::{CurrentInstances, Key};
use super::exports::Hooks;
use super::failure::Failure;
use super::template::Template;
use crate::capability::event::Request;
use crate::capability::outcome::Answered;
use crate::capability::socket::{CloseInfo, Delivery, Socket};
use crate::capability::{InstanceId, TimerSink};
use crate::config::{Limit, TopicScope};
use crate::lease::{Lease, Leased, Leases};
use crate::sync::{Mutex, MutexGuard, detach};
pub(crate) use guest::{GuestCalls, InstanceSource};
pub(crate) use handover::Moved;
pub(super) use handover::PausedInstance;
use phase::Phase;
use runner::Runner;
use socket_handle::Assignment;
pub(crate) use socket_handle::{Received, SocketHandle};

/// The most timer events that wait. Beyond that a repeating timer is late by one of its periods. A
/// timer that goes off once always waits, because an instance may set only so many.
const MAX_TIMER_EVENTS: usize = 1_000;

/// A plugin's shared instance, started at the first event and again after a failure.
pub(crate) struct SharedInstance<T: InstanceSource = Template<Hooks>> {
    template: Arc<T>,
    current: Arc<CurrentInstances<T>>,
    /// Which one of its plugin's instances it is.
    key: Key,
    inner: Mutex<Inner<T>>,
    /// Leases of what may bring an event, besides sockets: a request, a timer, a swap.
    leases: Leases,
    this: Weak<Self>,
}

struct Inner<T: InstanceSource> {
    phase: Phase<T::Instance>,
    /// Whether an event came since the last sweep.
    used: bool,
    /// By the clock of the sweeps.
    idle_since: Duration,
    /// The last save, if it has failed.
    unsaved: Option<Unsaved>,
    /// What an instance saved before it was dropped for being idle.
    hibernated: Option<Hibernated>,
    /// What the previous version has handed over, and whether an instance has been lost since.
    inherited: Option<Bytes>,
    lost: bool,
    queue: VecDeque<Event<T>>,
    /// The buffer of the last batch, empty.
    batch: Vec<Delivery>,
    requests: usize,
    timers: usize,
    /// The sockets whose events come here.
    assignments: HashMap<u32, Arc<Assignment<T>>>,
    /// Whether another version has taken over, and gets everything that can move, or the plugin is
    /// no longer served.
    retired: bool,
}

/// A save that has failed, and left the instance and its memory as they were.
struct Unsaved {
    instance: InstanceId,
    why: Arc<str>,
    /// Whether the instance stays although it is idle. It is not asked again before its next event.
    stays: bool,
    /// Whether the log says that it stays.
    is_said: bool,
}

/// What waits for the next instance.
struct Hibernated {
    saved: Bytes,
    /// Why the last instance that was given it has refused it.
    refused: Option<Arc<str>>,
}

enum Event<T: InstanceSource> {
    Handle(Arc<Request>, oneshot::Sender<Reply<T>>),
    Open(Arc<Assignment<T>>),
    Receive(Delivery),
    Drain(Arc<Socket>),
    Close(Arc<Socket>, CloseInfo),
    Timer(InstanceId, u32),
    /// A socket that another version had until now.
    Resume(Arc<Socket>),
    /// What an instance of another version has saved.
    Restore(Vec<u8>, oneshot::Sender<Result<(), Failure>>),
    /// Asks for the instance between two events.
    Pause(oneshot::Sender<PausedInstance<T>>),
    Hibernate,
}

impl<T: InstanceSource> SharedInstance<T> {
    pub(super) fn new(template: Arc<T>, current: Arc<CurrentInstances<T>>, key: Key) -> Arc<Self> {
        Arc::new_cyclic(|this| {
            let (inner, leases) = (Mutex::default(), Leases::default());
            Self { template, current, key, inner, leases, this: this.clone() }
        })
    }

    /// Calls the handler. The call goes on if the caller goes away, because others share the
    /// instance.
    ///
    /// # Errors
    /// See [`Failure`].
    pub(crate) async fn handle(
        mut shared: Lease<Self>,
        request: Arc<Request>,
    ) -> AnswerAndHandle<T> {
        let max = shared.template.context().limits.queue;
        loop {
            let heir = {
                let mut inner = shared.inner.lock();
                match inner.retired.then(|| shared.current.heir(&shared.key, &request)) {
                    Some(Ok(heir)) => heir,
                    _ if inner.requests >= max => {
                        return Err(Failure::Busy(max, Limit::Queue));
                    }
                    _ => {
                        inner.requests += 1;
                        break;
                    }
                }
            };
            shared = heir;
        }
        let (reply, answer) = oneshot::channel();
        let template = shared.template.clone();
        template.spawn(async move { shared.deliver(Event::Handle(request, reply)).await });
        answer.await.map_err(|_| Failure::Stopped)?.take()
    }

    /// The scope of its topics. `None` if they are those of the plugin.
    fn topics_scope(&self) -> Option<Arc<str>> {
        match (&self.key, self.template.context().settings.topics) {
            (Key::Param { value, .. }, TopicScope::Scope) => Some(value.clone()),
            _ => None,
        }
    }

    /// Whether dropping it loses nothing, or only an instance whose memory holds nothing.
    pub(crate) fn holds_nothing(&self) -> bool {
        let inner = self.inner.lock();
        let is_stateless = self.template.context().settings.stateless;
        inner.saved_nothing() && (is_stateless || !inner.has_instance())
    }

    /// Whether it has neither an instance nor a saved state.
    pub(crate) fn is_empty(&self) -> bool {
        let inner = self.inner.lock();
        inner.saved_nothing() && !inner.has_instance()
    }

    /// Why its instance could not save what it has in memory when it was asked last.
    pub(crate) fn cannot_save(&self) -> Option<Arc<str>> {
        Some(self.inner.lock().unsaved.as_ref()?.why.clone())
    }

    /// Why its last instance has refused what an idle one had saved.
    pub(crate) fn cannot_restore(&self) -> Option<Arc<str>> {
        self.inner.lock().hibernated.as_ref()?.refused.clone()
    }

    /// Which one of its plugin's instances it is.
    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// The sockets that another version could take over now.
    pub(crate) fn movable(&self) -> usize {
        let inner = self.inner.lock();
        inner.assignments.values().filter(|assignment| assignment.can_move()).count()
    }

    /// Whether it is needed: it has a socket, an event waits or runs, or somebody may bring one.
    pub(crate) fn is_needed(&self) -> bool {
        // The leases come first: what a lease's holder has brought is in the queue before the lease
        // is given back.
        self.leases.any() || !self.inner.lock().is_idle()
    }

    /// Since when it has been idle, by the clock of the sweeps. None if it cannot make room for
    /// another, because it is needed or has a timer.
    pub(crate) fn could_go(&self) -> Option<Duration> {
        if self.leases.any() {
            return None;
        }
        let inner = self.inner.lock();
        let has_timers = inner.phase.resting().is_some_and(GuestCalls::has_timers);
        if !inner.is_idle() || has_timers {
            return None;
        }
        // An event since the last sweep is later than anything that the sweep has seen.
        Some(if inner.used { Duration::MAX } else { inner.idle_since })
    }

    /// Drops the instance if it has been idle since `idle_after` before `now`, its memory can be
    /// saved or holds nothing, no socket is pinned to it, and no timer is set. The next event
    /// starts another instance, which gets what this one has saved.
    pub(crate) fn sweep(self: &Arc<Self>, now: Duration, idle_after: Duration) {
        let mut inner = self.inner.lock();
        if std::mem::take(&mut inner.used) || inner.phase.is_running() {
            inner.idle_since = now;
            if let Some(unsaved) = &mut inner.unsaved {
                unsaved.stays = false;
            }
            return;
        }
        let Some(instance) = inner.phase.resting() else { return };
        if idle_after.is_zero() || now.saturating_sub(inner.idle_since) < idle_after {
            return;
        }
        let stays = inner.unsaved_of(instance).is_some_and(|unsaved| unsaved.stays);
        let comes_back = self.template.has_state() && !stays;
        let may_go = comes_back || self.template.context().settings.stateless;
        if !may_go || inner.is_needed(instance) {
            return;
        }
        self.hibernate(inner);
    }

    /// Has the instance save what it has, and go.
    fn hibernate(self: &Arc<Self>, mut inner: MutexGuard<'_, Inner<T>>) {
        let runner = self.start(&mut inner);
        drop(inner);
        detach(runner.run(Event::Hibernate));
    }

    /// Gives memory back for others, if neither a socket nor an event needs the instance now: the
    /// instance saves what it has and goes. What it has is lost if it cannot save or has a timer,
    /// which would go off nowhere, or if it has gone already.
    pub(crate) fn give_up(self: &Arc<Self>) {
        let mut inner = self.inner.lock();
        if self.leases.any() || !inner.is_idle() {
            return;
        }
        let can_save =
            |instance| !inner.is_needed(instance) && inner.unsaved_of(instance).is_none();
        if self.template.has_state() && inner.phase.resting().is_some_and(can_save) {
            return self.hibernate(inner);
        }
        if inner.saved_nothing() && !inner.has_instance() {
            return;
        }
        // Dropped after the lock is given back.
        let _given_up =
            (inner.phase.take_resting(), inner.hibernated.take(), inner.inherited.take());
        (inner.lost, inner.unsaved) = (true, None);
        drop(inner);
        let context = self.template.context();
        if !context.settings.stateless {
            let (site, plugin) = (&*context.site, &*context.plugin);
            tracing::warn!(
                target: "limits", site, plugin,
                "an idle instance was dropped with what it had in memory: the site holds more than its part of \
                 `host.memory`, and other sites need it"
            );
        }
    }

    /// Drops what the previous version has handed over: this version stays.
    pub(crate) fn forget_inherited(&self) {
        self.inner.lock().inherited = None;
    }

    /// Ends the instance, because the plugin is no longer served. It stays while something needs
    /// it: a socket, or an event that somebody waits for. A timer does not keep it.
    pub(crate) fn end(&self) {
        let mut inner = self.inner.lock();
        inner.retired = true;
        let unneeded = inner.take_unneeded();
        drop(inner);
        drop(unneeded);
    }

    async fn deliver(self: &Arc<Self>, event: Event<T>) {
        let runner = {
            let mut inner = self.inner.lock();
            if inner.phase.is_running() {
                inner.queue.push_back(event);
                return;
            }
            self.start(&mut inner)
        };
        runner.run(event).await;
    }

    /// Has some task run what is in the queue.
    fn schedule(self: &Arc<Self>) {
        let mut inner = self.inner.lock();
        if !inner.phase.is_running() && !inner.queue.is_empty() {
            let runner = self.start(&mut inner);
            drop(inner);
            runner.continue_in_task();
        }
    }

    fn start(self: &Arc<Self>, inner: &mut Inner<T>) -> Runner<T> {
        inner.used = true;
        Runner::new(self.clone(), inner.phase.run())
    }

    fn close_pinned(&self, lost: InstanceId) {
        let inner = self.inner.lock();
        let sockets = inner.assignments.values().map(|assignment| &assignment.socket);
        for socket in sockets.filter(|socket| socket.pinned == Some(lost)) {
            socket.close(1011, "");
        }
    }
}

impl<T: InstanceSource> Leased for SharedInstance<T> {
    fn leases(&self) -> &Leases {
        &self.leases
    }
}

impl<T: InstanceSource> Default for Inner<T> {
    fn default() -> Self {
        Self {
            phase: Phase::default(),
            used: false,
            idle_since: Duration::ZERO,
            unsaved: None,
            hibernated: None,
            inherited: None,
            lost: false,
            queue: VecDeque::new(),
            batch: Vec::new(),
            requests: 0,
            timers: 0,
            assignments: HashMap::new(),
            retired: false,
        }
    }
}

impl<T: InstanceSource> Inner<T> {
    /// Whether it has no event, and no socket that may bring one.
    fn is_idle(&self) -> bool {
        let is_resting = matches!(self.phase, Phase::Idle(_));
        is_resting && self.queue.is_empty() && self.assignments.is_empty()
    }

    fn has_instance(&self) -> bool {
        self.phase.is_running() || self.phase.resting().is_some()
    }

    fn saved_nothing(&self) -> bool {
        self.hibernated.is_none() && self.inherited.is_none()
    }

    /// The last save of the instance, if it has failed.
    fn unsaved_of(&self, instance: &T::Instance) -> Option<&Unsaved> {
        self.unsaved.as_ref().filter(|unsaved| unsaved.instance == instance.id())
    }

    /// Whether dropping the instance would lose something that it cannot save.
    fn is_needed(&self, instance: &T::Instance) -> bool {
        let id = Some(instance.id());
        instance.has_timers()
            || self.assignments.values().any(|assignment| assignment.socket.pinned == id)
    }
}

/// Leaves an instance's due timers in its queue.
struct TimerQueue<T: InstanceSource>(Weak<SharedInstance<T>>);

impl<T: InstanceSource> TimerSink for TimerQueue<T> {
    fn fire(&self, instance: InstanceId, timer: u32, repeat: bool) {
        let Some(shared) = self.0.upgrade().map(|shared| Lease::of(&shared)) else { return };
        {
            let mut inner = shared.inner.lock();
            // Timers do not keep an instance that nothing needs.
            if inner.is_done() || (repeat && inner.timers >= MAX_TIMER_EVENTS) {
                return;
            }
            inner.timers += 1;
        }
        let template = shared.template.clone();
        template.spawn(async move { shared.deliver(Event::Timer(instance, timer)).await });
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) -> Option<AbortHandle> {
        self.0.upgrade()?.template.spawn(task)
    }
}

/// What a handler has answered, and the handle of the socket that the answer names.
pub(crate) type AnswerAndHandle<T = Template<Hooks>> =
    Result<(Answered, Option<SocketHandle<T>>), Failure>;

/// An answer on its way to the task that asked. If that task has gone away, the guest is told that
/// the socket which it accepted will not open.
struct Reply<T: InstanceSource>(Option<AnswerAndHandle<T>>);

impl<T: InstanceSource> Reply<T> {
    fn take(mut self) -> AnswerAndHandle<T> {
        self.0.take().unwrap_or(Err(Failure::Stopped))
    }
}

impl<T: InstanceSource> Drop for Reply<T> {
    fn drop(&mut self) {
        if let Some(Ok((_, Some(handle)))) = self.0.take() {
            detach(handle.abandon());
        }
    }
}
