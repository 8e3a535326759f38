//! The shared instance: one store behind a queue, for all sockets and requests of a plugin.
//!
//! There is no task for it. Whoever brings an event and finds the instance free runs the event, and
//! then what others have left meanwhile; whoever finds it busy leaves the event and goes. So an idle
//! instance costs nothing, and a busy one is never handed around. A socket has at most one delivery
//! in the queue (its task reads no further until that is handled), which bounds the queue together
//! with `limits.queue` for requests.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::call::detach;
use super::failure::Failure;
use super::instance::Instance;
use super::template::Template;
use crate::capability::event::Request;
use crate::capability::outcome::Answered;
use crate::capability::socket::{CloseInfo, Socket};
use crate::capability::{InstanceId, TimerSink};
use crate::message::Message;

/// Events of others that a task runs after its own, before it hands the rest to a task of their own.
const INLINE: usize = 32;

/// Timer events that wait. Over it a repeating timer is late by one of its periods; one that goes off
/// once waits all the same, and there are only as many of those as an instance may set.
const MAX_TIMER_EVENTS: usize = 1_000;

/// A plugin's shared instance, started at the first event and again after a failure.
pub struct Shared {
    template: Arc<Template>,
    inner: Mutex<Inner>,
    this: Weak<Self>,
}

#[derive(Default)]
struct Inner {
    running: bool,
    /// An event came since the last sweep.
    used: bool,
    /// In the time of the sweeps.
    idle_since: Duration,
    /// The instance, while nobody runs it.
    resting: Option<Box<Instance>>,
    queue: VecDeque<Event>,
    requests: usize,
    timers: usize,
}

enum Event {
    Handle(Arc<Request>, oneshot::Sender<Reply>),
    Open(Arc<Socket>),
    Receive(Arc<Socket>, Vec<Message>),
    Drain(Arc<Socket>),
    Close(Arc<Socket>, CloseInfo),
    Timer(InstanceId, u32),
}

impl Shared {
    pub fn new(template: Arc<Template>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self { template, inner: Mutex::default(), this: this.clone() })
    }

    /// Calls the handler. The call goes on if the caller goes away: the instance is not its own.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn handle(self: &Arc<Self>, request: Arc<Request>) -> Result<Answered, Failure> {
        let max = self.template.context().limits.queue;
        {
            let mut inner = self.inner.lock();
            if inner.requests >= max {
                return Err(Failure::Busy(max, "limits.queue"));
            }
            inner.requests += 1;
        }
        let (reply, answer) = oneshot::channel();
        let shared = self.clone();
        tokio::spawn(async move { shared.deliver(Event::Handle(request, reply)).await });
        answer.await.map_err(|_| Failure::Stopped)?.take()
    }

    /// Tells the guest of an open socket.
    pub async fn open(self: &Arc<Self>, socket: &Arc<Socket>) {
        socket.begin_delivery();
        self.deliver(Event::Open(socket.clone())).await;
    }

    /// Hands messages to the guest: at once if it is free, and else to the queue, and then the socket
    /// is `delivering` until they have been handled. `messages` is empty afterwards.
    pub async fn receive(self: &Arc<Self>, socket: &Arc<Socket>, messages: &mut Vec<Message>) {
        let runner = {
            let mut inner = self.inner.lock();
            if inner.running {
                socket.begin_delivery();
                let messages = std::mem::take(messages);
                inner.queue.push_back(Event::Receive(socket.clone(), messages));
                return;
            }
            self.start(&mut inner)
        };
        runner.run_receive(socket, messages).await;
    }

    /// Tells the guest that there is room for what it was refused.
    pub async fn drain(self: &Arc<Self>, socket: &Arc<Socket>) {
        socket.begin_delivery();
        self.deliver(Event::Drain(socket.clone())).await;
    }

    /// Whether an instance rests or runs.
    pub fn has_instance(&self) -> bool {
        let inner = self.inner.lock();
        inner.running || inner.resting.is_some()
    }

    /// Drops the instance if it has had nothing to do since `idle_after` before `now`, no socket has its
    /// state in it, and no timer is set. The next event starts another.
    pub fn sweep(&self, now: Duration, idle_after: Duration) {
        let mut inner = self.inner.lock();
        if std::mem::take(&mut inner.used) || inner.running {
            inner.idle_since = now;
            return;
        }
        let Some(instance) = &inner.resting else { return };
        if idle_after.is_zero() || now.saturating_sub(inner.idle_since) < idle_after {
            return;
        }
        let id = instance.id();
        let sockets = self.template.context().sockets.all();
        if instance.has_timers() || sockets.iter().any(|socket| socket.pinned == Some(id)) {
            return;
        }
        let hibernated = inner.resting.take();
        drop(inner);
        let plugin = &*self.template.context().plugin;
        tracing::debug!(target: "session", plugin, sockets = sockets.len(), "hibernating");
        drop(hibernated);
    }

    /// Tells the guest that a socket has ended: the last event for it.
    pub async fn close(self: &Arc<Self>, socket: &Arc<Socket>, info: CloseInfo) {
        self.deliver(Event::Close(socket.clone(), info)).await;
    }

    async fn deliver(self: &Arc<Self>, event: Event) {
        let runner = {
            let mut inner = self.inner.lock();
            if inner.running {
                inner.queue.push_back(event);
                return;
            }
            self.start(&mut inner)
        };
        runner.run(event).await;
    }

    fn start(self: &Arc<Self>, inner: &mut Inner) -> Runner {
        inner.running = true;
        inner.used = true;
        Runner { shared: self.clone(), instance: inner.resting.take(), running: true }
    }

    fn timer_sink(&self) -> TimerSink {
        let this = self.this.clone();
        Arc::new(move |instance, id, repeat| {
            let Some(shared) = this.upgrade() else { return };
            {
                let mut inner = shared.inner.lock();
                if repeat && inner.timers >= MAX_TIMER_EVENTS {
                    return;
                }
                inner.timers += 1;
            }
            tokio::spawn(async move { shared.deliver(Event::Timer(instance, id)).await });
        })
    }
}

/// An answer on its way to whoever asked. If that one has gone away, the guest hears that the socket
/// which it accepted will not open.
struct Reply {
    shared: Arc<Shared>,
    answer: Option<Result<Answered, Failure>>,
}

impl Reply {
    fn take(mut self) -> Result<Answered, Failure> {
        self.answer.take().unwrap_or(Err(Failure::Stopped))
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let Some(Ok(Ok(answer))) = self.answer.take() else { return };
        let Some(socket) = answer.socket().cloned() else { return };
        let shared = self.shared.clone();
        detach(async move {
            socket.set_closed();
            shared.close(&socket, CloseInfo::lost()).await;
            shared.template.context().sockets.remove(socket.id);
        });
    }
}

/// Whoever runs the instance at the moment.
struct Runner {
    shared: Arc<Shared>,
    instance: Option<Box<Instance>>,
    running: bool,
}

impl Runner {
    async fn run(mut self, event: Event) {
        self.handle_event(event).await;
        self.drain(INLINE).await;
    }

    async fn run_receive(mut self, socket: &Arc<Socket>, messages: &mut Vec<Message>) {
        self.receive(socket, messages).await;
        messages.clear();
        self.drain(INLINE).await;
    }

    /// Runs what others left; after `budget` events a task of its own goes on.
    async fn drain(mut self, budget: usize) {
        for _ in 0..budget {
            let Some(event) = self.next_or_rest() else { return };
            self.handle_event(event).await;
        }
        tokio::spawn(async move {
            while let Some(event) = self.next_or_rest() {
                self.handle_event(event).await;
            }
        });
    }

    /// The next event; where there is none, the instance rests.
    fn next_or_rest(&mut self) -> Option<Event> {
        let mut inner = self.shared.inner.lock();
        let event = inner.queue.pop_front();
        if event.is_none() {
            inner.resting = self.instance.take();
            inner.running = false;
            self.running = false;
        }
        event
    }

    async fn handle_event(&mut self, event: Event) {
        match event {
            Event::Handle(request, reply) => self.handle(request, reply).await,
            Event::Open(socket) => {
                if self.serves(&socket)
                    && let Some(instance) = self.instance(Some(&socket)).await
                {
                    let result = instance.open(&socket).await;
                    self.after(result, Some(&socket));
                }
                socket.end_delivery();
            }
            Event::Receive(socket, messages) => {
                self.receive(&socket, &messages).await;
                socket.end_delivery();
            }
            Event::Drain(socket) => {
                if self.serves(&socket)
                    && let Some(instance) = self.instance(Some(&socket)).await
                {
                    let result = instance.drain(&socket).await;
                    self.after(result, Some(&socket));
                }
                socket.end_delivery();
            }
            Event::Close(socket, info) => {
                if self.serves(&socket)
                    && let Some(instance) = self.instance(Some(&socket)).await
                {
                    let result = instance.close(&socket, &info).await;
                    self.after(result, Some(&socket));
                }
            }
            Event::Timer(id, timer) => {
                self.shared.inner.lock().timers -= 1;
                // The timers of an instance that is gone are gone with it.
                if let Some(instance) = self.instance.as_mut().filter(|own| own.id() == id) {
                    let result = instance.timer(timer).await;
                    self.after(result, None);
                }
            }
        }
    }

    async fn handle(&mut self, request: Arc<Request>, reply: oneshot::Sender<Reply>) {
        self.shared.inner.lock().requests -= 1;
        if reply.is_closed() {
            return;
        }
        let answer = match self.started().await {
            Ok(instance) => instance.handle(&request).await,
            Err(failure) => Err(failure),
        };
        if answer.as_ref().is_err_and(|failure| !failure.spares_the_instance()) {
            self.lose_instance();
        }
        // A caller that has gone away drops it, now or later.
        let _ = reply.send(Reply { shared: self.shared.clone(), answer: Some(answer) });
        let abandoned = request.accepted.lock().take();
        if let Some(socket) = abandoned {
            self.abandon(&socket).await;
        }
    }

    /// The guest hears of the end of every socket that it accepted.
    async fn abandon(&mut self, socket: &Arc<Socket>) {
        socket.set_closed();
        if self.serves(socket)
            && let Some(instance) = self.instance.as_mut()
        {
            let result = instance.close(socket, &CloseInfo::lost()).await;
            self.after(result, None);
        }
        self.shared.template.context().sockets.remove(socket.id);
    }

    async fn receive(&mut self, socket: &Arc<Socket>, messages: &[Message]) {
        if self.serves(socket)
            && let Some(instance) = self.instance(Some(socket)).await
        {
            let result = instance.receive(socket, messages).await;
            self.after(result, Some(socket));
        }
    }

    /// Whether the instance has the socket's state. Where that is lost, the socket closes.
    fn serves(&self, socket: &Arc<Socket>) -> bool {
        let Some(pinned) = socket.pinned else { return true };
        let serves = self.instance.as_ref().is_some_and(|instance| instance.id() == pinned);
        if !serves {
            socket.close(1011, "");
        }
        serves
    }

    async fn instance(&mut self, socket: Option<&Arc<Socket>>) -> Option<&mut Instance> {
        if let Err(failure) = self.started().await {
            self.report(&failure, socket);
        }
        self.instance.as_deref_mut()
    }

    async fn started(&mut self) -> Result<&mut Instance, Failure> {
        if self.instance.is_none() {
            let sink = self.shared.timer_sink();
            let instance = self.shared.template.instantiate(Some(sink)).await?;
            return Ok(self.instance.insert(Box::new(instance)));
        }
        self.instance.as_deref_mut().ok_or(Failure::Stopped)
    }

    fn after(&mut self, result: Result<(), Failure>, socket: Option<&Arc<Socket>>) {
        if let Err(failure) = result {
            self.report(&failure, socket);
            self.lose_instance();
        }
    }

    fn report(&self, failure: &Failure, socket: Option<&Arc<Socket>>) {
        let context = self.shared.template.context();
        let (site, plugin) = (&*context.site, &*context.plugin);
        let request = socket.map(|socket| socket.request.id).unwrap_or_default();
        tracing::error!(target: "session", site, plugin, %request, %failure, "session failed");
        if let Some(socket) = socket {
            socket.close(1011, "");
        }
    }

    /// The instance is gone: sockets whose state was in it close, the others go on with the next one.
    fn lose_instance(&mut self) {
        if let Some(instance) = self.instance.take() {
            self.shared.close_pinned(instance.id());
        }
    }
}

impl Shared {
    fn close_pinned(&self, lost: InstanceId) {
        let sockets = self.template.context().sockets.all();
        for socket in sockets.iter().filter(|socket| socket.pinned == Some(lost)) {
            socket.close(1011, "");
        }
    }
}

impl Drop for Runner {
    /// Only a runner that is dropped in the middle of a call gets here with the instance: when the
    /// host stops.
    fn drop(&mut self) {
        if self.running {
            self.lose_instance();
            self.shared.inner.lock().running = false;
        }
    }
}
