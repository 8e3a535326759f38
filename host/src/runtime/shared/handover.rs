//! From one version's instance to the next one's: its memory's essence, and its sockets.
//!
//! All of it happens between two events, while the instance is held: what comes meanwhile waits in
//! the queue, and goes along with the socket that it belongs to.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::seat::Place;
use super::{Event, Inner, Runner, Shared};
use crate::capability::turn::Delivery;
use crate::runtime::failure::Failure;
use crate::runtime::lane::{Key, Lane};
use crate::runtime::template::Template;

/// What has become of the sockets of retired instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// The other version has them.
    pub moved: usize,
    /// They stay: their state is in the instance's memory.
    pub staying: usize,
    /// The longest time for which an instance was held, and events waited.
    pub pause: Duration,
}

impl Moved {
    /// What has become of both.
    pub fn and(self, other: Self) -> Self {
        Self {
            moved: self.moved + other.moved,
            staying: self.staying + other.staying,
            pause: self.pause.max(other.pause),
        }
    }
}

/// An instance that is held between two events. It goes on when this is dropped.
pub struct Frozen {
    runner: Option<Runner>,
    since: Instant,
}

impl Frozen {
    pub(super) fn new(runner: Runner) -> Self {
        Self { runner: Some(runner), since: Instant::now() }
    }

    /// Which instance of its plugin it is.
    pub fn key(&self) -> Option<&Key> {
        self.runner.as_ref().map(|runner| &runner.shared.key)
    }

    /// What is to be handed over, if there is something.
    ///
    /// # Errors
    /// `save` fails; see [`Failure`].
    pub async fn save(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        match &mut self.runner {
            Some(runner) => runner.save().await,
            None => Ok(None),
        }
    }

    /// What the version before has handed over, if an instance has been lost since, and its memory with
    /// it.
    pub fn lost_inheritance(&self) -> Option<Vec<u8>> {
        let inner = self.runner.as_ref()?.shared.inner.lock();
        inner.inherited.clone().filter(|_| inner.lost)
    }

    /// Whoever serves the plugin now takes over what can move; the rest goes on here.
    pub fn retire(mut self) -> Moved {
        let Some(runner) = self.runner.take() else { return Moved::default() };
        let shared = runner.shared.clone();
        let mut moved = {
            let mut inner = shared.inner.lock();
            inner.retired = true;
            shared.move_out(&mut inner)
        };
        moved.pause = self.since.elapsed();
        runner.go_on();
        moved
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        if let Some(runner) = self.runner.take() {
            runner.go_on();
        }
    }
}

impl Shared {
    /// One whose instance is held from the start.
    pub fn new_frozen(template: Arc<Template>, lane: Arc<Lane>, key: Key) -> (Arc<Self>, Frozen) {
        let shared = Self::new(template, lane, key);
        let runner = shared.start(&mut shared.inner.lock());
        (shared, Frozen::new(runner))
    }

    /// Holds the instance when the current event has ended. Cancel-safe.
    ///
    /// # Errors
    /// The host is stopping.
    pub async fn freeze(self: &Arc<Self>) -> Result<Frozen, Failure> {
        let (taker, frozen) = oneshot::channel();
        self.deliver(Event::Freeze(taker)).await;
        frozen.await.map_err(|_| Failure::Stopped)
    }

    /// Gives the instance what one of another version has saved.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn restore(self: &Arc<Self>, saved: Vec<u8>) -> Result<(), Failure> {
        let (reply, restored) = oneshot::channel();
        let shared = self.clone();
        tokio::spawn(async move { shared.deliver(Event::Restore(saved, reply)).await });
        restored.await.map_err(|_| Failure::Stopped)?
    }

    /// Moves every socket that can, and what waits for it.
    fn move_out(self: &Arc<Self>, inner: &mut Inner) -> Moved {
        let movable = inner.places.values().filter(|place| place.can_move()).cloned().collect();
        let heirs = self.move_places(inner, movable);
        let staying = inner.places.len();
        for event in std::mem::take(&mut inner.queue) {
            self.pass_on(inner, event, &heirs);
        }
        heirs.values().for_each(Self::kick);
        Moved { moved: heirs.len(), staying, pause: Duration::ZERO }
    }

    /// The version that accepted a socket has been told that it is open: now it can move, too.
    pub(super) fn move_late(self: &Arc<Self>, place: &Arc<Place>) {
        let mut inner = self.inner.lock();
        if inner.retired && place.can_move() {
            let heirs = self.move_places(&mut inner, vec![place.clone()]);
            heirs.values().for_each(Self::kick);
        }
    }

    /// Answers who has taken which socket over.
    fn move_places(
        self: &Arc<Self>,
        inner: &mut Inner,
        places: Vec<Arc<Place>>,
    ) -> HashMap<u32, Arc<Self>> {
        let mut heirs = HashMap::with_capacity(places.len());
        for place in places {
            let socket = &place.socket;
            let heir = match self.lane.heir(&self.key, &socket.request) {
                Ok(heir) if !Arc::ptr_eq(&heir, self) => heir,
                Ok(_) => continue,
                Err(failure) => {
                    tracing::warn!(
                        target: "session", site = socket.site(), request = %socket.request.id, %failure,
                        "the socket stays with the version before"
                    );
                    continue;
                }
            };
            inner.places.remove(&socket.id);
            heir.take_in(&place);
            heirs.insert(socket.id, heir);
        }
        heirs
    }

    fn take_in(self: &Arc<Self>, place: &Arc<Place>) {
        let mut inner = self.inner.lock();
        inner.places.insert(place.socket.id, place.clone());
        if self.template.resumes() {
            inner.queue.push_back(Event::Resume(place.socket.clone()));
        }
        place.socket.set_version(self.template.context().version);
        place.move_to(self);
    }

    /// An event goes where its socket went, a request where it belongs; others stay.
    fn pass_on(&self, inner: &mut Inner, event: Event, heirs: &HashMap<u32, Arc<Self>>) {
        let (heir, is_request) = match &event {
            Event::Receive(Delivery { socket, .. })
            | Event::Drain(socket)
            | Event::Close(socket, _) => (heirs.get(&socket.id).cloned(), false),
            // Whoever takes over from the one that took over has it told anew.
            Event::Resume(socket) if heirs.contains_key(&socket.id) => return,
            Event::Handle(request, _) => (self.lane.heir(&self.key, request).ok(), true),
            _ => (None, false),
        };
        match heir {
            Some(heir) if !std::ptr::eq(&*heir, self) => {
                inner.requests -= usize::from(is_request);
                let mut heirs = heir.inner.lock();
                heirs.requests += usize::from(is_request);
                heirs.queue.push_back(event);
                drop(heirs);
                heir.kick();
            }
            _ => inner.queue.push_back(event),
        }
    }
}

impl Inner {
    /// Whether nothing needs the instance any more.
    pub(super) fn is_done(&self) -> bool {
        self.retired && self.places.is_empty()
    }
}
