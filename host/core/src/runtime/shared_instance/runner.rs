//! Runs a shared instance: one event after the other.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::socket_handle::Assignment;
use super::{
    AnswerAndHandle, Event, GuestCalls, InstanceSource, PausedInstance, Reply, SharedInstance,
    TimerQueue,
};
use crate::capability::Sharing;
use crate::capability::event::Request;
use crate::capability::outcome::{Answer, Answered};
use crate::capability::socket::{CloseInfo, Socket};
use crate::runtime::failure::Failure;

/// How many events of others a task runs after its own, before it hands the rest to another task.
const INLINE: usize = 32;

/// Holds the instance; there is at most one runner at a time.
pub(super) struct Runner<T: InstanceSource> {
    pub shared: Arc<SharedInstance<T>>,
    pub(super) instance: Option<Box<T::Instance>>,
    running: bool,
}

impl<T: InstanceSource> Runner<T> {
    pub(crate) fn new(shared: Arc<SharedInstance<T>>, instance: Option<Box<T::Instance>>) -> Self {
        Self { shared, instance, running: true }
    }

    /// Runs the task's own event, and then those that others have left.
    pub(crate) async fn run(self, event: Event<T>) {
        self.run_then(event, INLINE).await;
    }

    async fn run_then(self, event: Event<T>, budget: usize) {
        if let Some(runner) = self.step(event).await {
            runner.drain(budget).await;
        }
    }

    /// Runs what is in the queue.
    pub(crate) async fn run_queue(mut self) {
        for left in (0..INLINE).rev() {
            match self.next_or_rest() {
                None => return,
                Some(Event::Receive(delivery)) => self.receive(delivery).await,
                // Boxed: other events than messages are rare, and take more room.
                Some(event) => return Box::pin(self.run_then(event, left)).await,
            }
        }
        self.continue_in_task();
    }

    /// Runs what others have left in a new task.
    pub(crate) fn continue_in_task(self) {
        let template = self.shared.template.clone();
        template.spawn(self.drain(INLINE));
    }

    /// Runs what others have left. After `budget` events a new task goes on, because this one has
    /// other work, too.
    async fn drain(mut self, budget: usize) {
        for _ in 0..budget {
            let Some(event) = self.next_or_rest() else { return };
            let Some(runner) = self.step(event).await else { return };
            self = runner;
        }
        self.continue_in_task();
    }

    /// The next event. If the queue is empty, the instance rests.
    fn next_or_rest(&mut self) -> Option<Event<T>> {
        let mut inner = self.shared.inner.lock();
        let event = inner.queue.pop_front();
        if event.is_none() {
            // A retired instance that nothing needs is dropped with the runner.
            let is_done = inner.is_done();
            inner.phase.rest(self.instance.take_if(|_| !is_done));
            self.running = false;
        }
        event
    }

    /// Runs one event, unless it takes the instance away.
    async fn step(mut self, event: Event<T>) -> Option<Self> {
        match event {
            Event::Pause(taker) => {
                // If nobody waits for the instance any longer, dropping it lets it go on.
                let _ = taker.send(PausedInstance::new(self));
                return None;
            }
            Event::Handle(request, reply) => self.handle(request, reply).await,
            Event::Open(assignment) => self.open(&assignment).await,
            Event::Receive(delivery) => self.receive(delivery).await,
            Event::Drain(socket) => {
                let _event = FlushAfter(&socket);
                if self.serves(&socket)
                    && let Some(instance) = self.instance(Some(&socket)).await
                {
                    let result = instance.drain(&socket).await;
                    self.after(result, Some(&socket));
                }
            }
            Event::Close(socket, info) => {
                if self.serves(&socket)
                    && let Some(instance) = self.instance(Some(&socket)).await
                {
                    let result = instance.close(&socket, &info).await;
                    self.after(result, Some(&socket));
                }
            }
            Event::Resume(socket) => {
                if let Some(instance) = self.instance(Some(&socket)).await {
                    let result = instance.resume(&socket).await;
                    self.after(result, Some(&socket));
                }
                // The socket's own task does not know about this event.
                socket.wake();
            }
            Event::Timer(id, timer) => {
                let is_done = {
                    let mut inner = self.shared.inner.lock();
                    inner.timers -= 1;
                    inner.is_done()
                };
                // The timers of a lost instance are lost with it.
                let instance = self.instance.as_mut().filter(|own| own.id() == id && !is_done);
                if let Some(instance) = instance {
                    let result = instance.timer(timer).await;
                    self.after(result, None);
                }
            }
            Event::Restore(saved, reply) => {
                let restored = self.restore(saved).await;
                // The task that asked may have stopped waiting.
                let _ = reply.send(restored);
            }
            Event::Hibernate => self.hibernate().await,
        }
        Some(self)
    }

    async fn open(&mut self, assignment: &Arc<Assignment<T>>) {
        let socket = &assignment.socket;
        let _event = FlushAfter(socket);
        if self.serves(socket)
            && let Some(instance) = self.instance(Some(socket)).await
        {
            let result = instance.open(socket).await;
            self.after(result, Some(socket));
        }
        assignment.set_opened();
        self.shared.move_late(assignment);
    }

    async fn handle(&mut self, request: Arc<Request>, reply: oneshot::Sender<Reply<T>>) {
        self.shared.inner.lock().requests -= 1;
        if reply.is_closed() {
            return;
        }
        let answered = match self.started().await {
            Ok(instance) => instance.handle(&request).await,
            Err(failure) => Err(failure),
        };
        if answered.as_ref().is_err_and(|failure| !failure.spares_the_instance()) {
            self.lose_instance();
        }
        // If the caller has gone away, the reply is dropped, now or later.
        let _ = reply.send(Reply(Some(self.connected(answered))));
        if let Some(socket) = request.end_acceptance() {
            self.abandon(&socket).await;
        }
    }

    /// Connects the socket that an answer names to this instance.
    fn connected(&self, answered: Result<Answered, Failure>) -> AnswerAndHandle<T> {
        let answered = answered?;
        let socket = answered.as_ref().ok().and_then(Answer::socket);
        let handle = socket.map(|socket| Assignment::take(&self.shared, socket));
        Ok((answered, handle))
    }

    /// Tells the guest of the end of a socket that it accepted and that will not open.
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

    /// Whether the instance has the socket's state. If the state is lost, the socket closes.
    pub(super) fn serves(&self, socket: &Arc<Socket>) -> bool {
        let Some(pinned) = socket.pinned else { return true };
        let serves = self.instance.as_ref().is_some_and(|instance| instance.id() == pinned);
        if !serves {
            socket.close(1011, "");
        }
        serves
    }

    pub(super) async fn instance(
        &mut self,
        socket: Option<&Arc<Socket>>,
    ) -> Option<&mut T::Instance> {
        if let Err(failure) = self.started().await {
            self.report(&failure, socket);
        }
        self.instance.as_deref_mut()
    }

    pub(super) async fn started(&mut self) -> Result<&mut T::Instance, Failure> {
        if self.instance.is_none() {
            // Boxed: it is rare, and each event would reserve room for it.
            Box::pin(async {
                self.start().await?;
                self.wake_up().await
            })
            .await?;
        }
        self.instance.as_deref_mut().ok_or(Failure::Stopped)
    }

    pub(super) async fn start(&mut self) -> Result<(), Failure> {
        let timer_sink = Arc::new(TimerQueue(self.shared.this.clone()));
        let sharing = Sharing { timer_sink, scope: self.shared.topics_scope() };
        self.instance = Some(Box::new(self.shared.template.instantiate(Some(sharing)).await?));
        Ok(())
    }

    pub(super) fn after<R>(&mut self, result: Result<R, Failure>, socket: Option<&Arc<Socket>>) {
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

    /// Handles the loss of the instance: sockets whose state was in it close, and the others go on
    /// with the next one. The log says that memory is lost, unless the site says that it holds
    /// nothing.
    pub(super) fn lose_instance(&mut self) {
        let context = self.shared.template.context();
        if self.instance.is_some() && !context.settings.stateless {
            let (site, plugin) = (&*context.site, &*context.plugin);
            tracing::warn!(
                target: "session", site, plugin,
                "what the instance had in memory is lost with it: the next event starts a fresh one"
            );
        }
        self.forget_instance();
    }

    /// Closes the sockets whose state was in the instance. The others go on with the next one.
    pub(super) fn forget_instance(&mut self) {
        if let Some(instance) = self.instance.take() {
            {
                let mut inner = self.shared.inner.lock();
                (inner.lost, inner.unsaved) = (true, None);
            }
            self.shared.close_pinned(instance.id());
        }
    }
}

impl<T: InstanceSource> Drop for Runner<T> {
    /// A runner reaches this with the instance only if it is dropped within a call: when the host
    /// stops, or when the host's own code has panicked. Then the instance is lost as after a trap,
    /// and the events that wait go on without it.
    fn drop(&mut self) {
        if self.running {
            self.forget_instance();
            self.shared.inner.lock().phase.rest(None);
            if std::thread::panicking() {
                self.shared.schedule();
            }
        }
    }
}

/// When this is dropped, the socket's event is finished, and what the guest has queued is written.
/// If the host has panicked in the event, the socket closes.
struct FlushAfter<'s>(&'s Socket);

impl Drop for FlushAfter<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.close(1011, "");
        }
        self.0.finish_delivery().flush();
    }
}
