//! The handover from one version's instance to the next one's: its saved state, and its sockets.
//!
//! Everything happens between two events, while the instance is held. What arrives in that time
//! waits in the queue, and moves with the socket that it belongs to.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::socket_handle::Assignment;
use super::{Event, Inner, InstanceSource, Runner, SharedInstance};
use crate::capability::socket::Delivery;
use crate::lease::Lease;
use crate::runtime::call::Upkeep;
use crate::runtime::current::{CurrentInstances, Key};
use crate::runtime::exports::Hooks;
use crate::runtime::failure::Failure;
use crate::runtime::template::Template;
use crate::sync::detach;

/// What has happened to the sockets of retired instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// How many the other version has taken over.
    pub moved: usize,
    /// How many stay, because their state is in the instance's memory.
    pub staying: usize,
    /// The longest time for which an instance was held, and events waited.
    pub pause: Duration,
}

impl Moved {
    /// The sum of both.
    pub fn and(self, other: Self) -> Self {
        Self {
            moved: self.moved + other.moved,
            staying: self.staying + other.staying,
            pause: self.pause.max(other.pause),
        }
    }
}

/// An instance that is held between two events. Dropping this lets it go on.
pub(crate) struct PausedInstance<T: InstanceSource = Template<Hooks>> {
    runner: Option<Runner<T>>,
    since: Instant,
}

impl<T: InstanceSource> PausedInstance<T> {
    pub(super) fn new(runner: Runner<T>) -> Self {
        Self { runner: Some(runner), since: Instant::now() }
    }

    /// Which instance of its plugin it is.
    pub(crate) fn key(&self) -> Option<&Key> {
        self.runner.as_ref().map(|runner| &runner.shared.key)
    }

    /// What to hand over, if there is anything.
    ///
    /// # Errors
    /// `save` fails; see [`Failure`].
    pub(crate) async fn save(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        match &mut self.runner {
            Some(runner) => runner.save(Upkeep::Swap).await,
            None => Ok(None),
        }
    }

    /// What the previous version handed over, if an instance has been lost since then, and its
    /// memory with it.
    pub(crate) fn lost_inheritance(&self) -> Option<Vec<u8>> {
        let is_lost = self.runner.as_ref()?.shared.inner.lock().lost;
        if is_lost { self.inheritance() } else { None }
    }

    /// What the previous version handed over, as long as this one is on trial.
    pub(crate) fn inheritance(&self) -> Option<Vec<u8>> {
        let inherited = self.runner.as_ref()?.shared.inner.lock().inherited.clone();
        inherited.map(|saved| saved.to_vec())
    }

    /// Hands what can move to the instances that serve the plugin now. The rest stays here.
    pub(crate) fn retire(mut self) -> Moved {
        let Some(runner) = self.runner.take() else { return Moved::default() };
        let shared = runner.shared.clone();
        let mut moved = {
            let mut inner = shared.inner.lock();
            inner.retired = true;
            shared.move_out(&mut inner)
        };
        moved.pause = self.since.elapsed();
        runner.continue_in_task();
        moved
    }
}

impl<T: InstanceSource> Drop for PausedInstance<T> {
    fn drop(&mut self) {
        if let Some(runner) = self.runner.take() {
            runner.continue_in_task();
        }
    }
}

impl<T: InstanceSource> SharedInstance<T> {
    /// Makes a shared instance that is held from the start.
    pub(crate) fn new_paused(
        template: Arc<T>,
        current: Arc<CurrentInstances<T>>,
        key: Key,
    ) -> (Arc<Self>, PausedInstance<T>) {
        let shared = Self::new(template, current, key);
        let runner = shared.start(&mut shared.inner.lock());
        (shared, PausedInstance::new(runner))
    }

    /// Holds the instance when the current event has ended. Cancel-safe.
    ///
    /// # Errors
    /// The host is stopping.
    pub(crate) async fn pause(self: &Arc<Self>) -> Result<PausedInstance<T>, Failure> {
        let (taker, paused) = oneshot::channel();
        self.deliver(Event::Pause(taker)).await;
        paused.await.map_err(|_| Failure::Stopped)
    }

    /// Gives the instance what one of another version has saved.
    ///
    /// # Errors
    /// See [`Failure`].
    pub(crate) async fn restore(self: &Arc<Self>, saved: Vec<u8>) -> Result<(), Failure> {
        let (reply, restored) = oneshot::channel();
        let shared = Lease::of(self);
        detach(async move { shared.deliver(Event::Restore(saved, reply)).await });
        restored.await.map_err(|_| Failure::Stopped)?
    }

    /// Moves every socket that can move, with what waits for it.
    fn move_out(self: &Arc<Self>, inner: &mut Inner<T>) -> Moved {
        let movable = inner
            .assignments
            .values()
            .filter(|assignment| assignment.can_move())
            .cloned()
            .collect();
        let heirs = self.move_assignments(inner, movable);
        let staying = inner.assignments.len();
        for event in std::mem::take(&mut inner.queue) {
            self.pass_on(inner, event, &heirs);
        }
        heirs.values().for_each(|heir| heir.schedule());
        Moved { moved: heirs.len(), staying, pause: Duration::ZERO }
    }

    /// Moves a socket after the version that accepted it has been told that it is open.
    pub(super) fn move_late(self: &Arc<Self>, assignment: &Arc<Assignment<T>>) {
        let mut inner = self.inner.lock();
        if inner.retired && assignment.can_move() {
            let heirs = self.move_assignments(&mut inner, vec![assignment.clone()]);
            heirs.values().for_each(|heir| heir.schedule());
        }
    }

    /// Returns which heir has taken over which socket.
    fn move_assignments(
        self: &Arc<Self>,
        inner: &mut Inner<T>,
        assignments: Vec<Arc<Assignment<T>>>,
    ) -> HashMap<u32, Lease<Self>> {
        let mut heirs = HashMap::with_capacity(assignments.len());
        for assignment in assignments {
            let socket = &assignment.socket;
            let heir = match self.current.heir(&self.key, &socket.request) {
                Ok(heir) if !Arc::ptr_eq(&heir, self) => heir,
                Ok(_) => continue,
                Err(failure) => {
                    tracing::warn!(
                        target: "session", site = socket.site(), request = %socket.request.id, %failure,
                        "the socket stays with the previous version"
                    );
                    continue;
                }
            };
            inner.assignments.remove(&socket.id);
            // Other settings may have other scopes.
            let scope = heir.topics_scope();
            if scope != self.topics_scope() {
                self.template.context().sockets.move_topics(socket, &scope);
            }
            heir.take_in(&assignment);
            heirs.insert(socket.id, heir);
        }
        heirs
    }

    fn take_in(self: &Arc<Self>, assignment: &Arc<Assignment<T>>) {
        let mut inner = self.inner.lock();
        inner.assignments.insert(assignment.socket.id, assignment.clone());
        if self.template.resumes() {
            inner.queue.push_back(Event::Resume(assignment.socket.clone()));
        }
        assignment.socket.set_version(self.template.context().version);
        assignment.move_to(self);
    }

    /// Passes an event on: a socket's event follows its socket, a request goes where it belongs,
    /// and other events stay.
    fn pass_on(&self, inner: &mut Inner<T>, event: Event<T>, heirs: &HashMap<u32, Lease<Self>>) {
        let (heir, is_request) = match &event {
            Event::Receive(Delivery { socket, .. })
            | Event::Drain(socket)
            | Event::Close(socket, _) => (heirs.get(&socket.id).cloned(), false),
            // The instance that takes over next gets a `Resume` of its own.
            Event::Resume(socket) if heirs.contains_key(&socket.id) => return,
            Event::Handle(request, _) => (self.current.heir(&self.key, request).ok(), true),
            _ => (None, false),
        };
        match heir {
            Some(heir) if !std::ptr::eq(&**heir, self) => {
                inner.requests -= usize::from(is_request);
                let mut heirs = heir.inner.lock();
                heirs.requests += usize::from(is_request);
                heirs.queue.push_back(event);
                drop(heirs);
                heir.schedule();
            }
            _ => inner.queue.push_back(event),
        }
    }
}

impl<T: InstanceSource> Inner<T> {
    /// Whether nothing needs the instance any longer.
    pub(super) fn is_done(&self) -> bool {
        self.retired && self.assignments.is_empty()
    }

    /// Takes a resting instance that nothing needs any longer. The caller drops it without the
    /// lock.
    pub(super) fn take_unneeded(&mut self) -> Option<Box<T::Instance>> {
        if self.is_done() { self.phase.take_resting() } else { None }
    }
}
