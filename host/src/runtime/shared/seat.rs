//! A socket's place at a shared instance: where its events go, also after another version of the
//! plugin has taken the socket over.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use arc_swap::ArcSwap;

use super::lent::Lent;
use super::{Event, Inner, Shared};
use crate::capability::socket::{CloseInfo, Socket};
use crate::capability::turn::Delivery;
use crate::message::Messages;

/// So many sockets that wait are enough for a call; fewer wait until no other is ready. A call for several costs
/// each of them less, up to here; one for many more would let their clients wait for each other.
const ENOUGH: usize = 64;

/// Held by the socket's session; gives the place up when it is dropped.
pub struct Seat {
    place: Arc<Place>,
}

/// What has become of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// The guest has handled them.
    Handled,
    /// Whoever runs the instance has them.
    Queued,
}

/// What the session and the instance know of each other.
pub(super) struct Place {
    pub socket: Arc<Socket>,
    /// Changed only while the instance that it leaves is locked.
    shared: ArcSwap<Shared>,
    /// The version that accepted the socket has been told that it is open.
    opened: AtomicBool,
}

impl Seat {
    /// Tells the guest of an open socket.
    pub async fn open(&self) {
        self.place.socket.begin_delivery();
        self.deliver(|place| Event::Open(place.clone())).await;
    }

    /// Hands messages to the guest: with those of other sockets that are ready now, or, if others run it, by
    /// the queue. The socket is `delivering` until they have been handled; `messages` is empty afterwards.
    pub async fn receive(&self, messages: &mut Messages) -> Received {
        let socket = self.place.socket.clone();
        socket.begin_delivery();
        let delivery = Delivery { socket, messages: messages.take() };
        let runner = loop {
            let shared = self.place.shared.load();
            let mut inner = shared.inner.lock();
            if inner.retired && !self.place.is_at(&shared) {
                continue;
            }
            let waits = delivery.is_packed() && shared.template.takes_batches();
            inner.used = true;
            inner.queue.push_back(Event::Receive(delivery));
            if inner.running {
                return Received::Queued;
            }
            if !waits || inner.queue.len() >= ENOUGH {
                break Ok(shared.start(&mut inner));
            }
            if inner.expected {
                return Received::Queued;
            }
            break Err(Expected::of(&shared, &mut inner));
        };
        match runner {
            Ok(runner) => Lent::new(runner.run_queue()).await,
            Err(expected) => Lent::new(expected.run_queue()).await,
        }
        Received::Handled
    }

    /// Tells the guest that there is room for what it was refused.
    pub async fn drain(&self) {
        self.place.socket.begin_delivery();
        self.deliver(|place| Event::Drain(place.socket.clone())).await;
    }

    /// Tells the guest that the socket has ended: the last event for it.
    pub async fn close(&self, info: CloseInfo) {
        self.deliver(|place| Event::Close(place.socket.clone(), info.clone())).await;
    }

    /// The handshake was not completed: the guest hears that the socket is gone.
    pub async fn abandon(self) {
        let socket = self.place.socket.clone();
        socket.set_closed();
        let sockets = self.place.shared.load().template.context().sockets.clone();
        self.close(CloseInfo::lost()).await;
        sockets.remove(socket.id);
    }

    async fn deliver(&self, event: impl Fn(&Arc<Place>) -> Event) {
        let runner = loop {
            let shared = self.place.shared.load_full();
            let mut inner = shared.inner.lock();
            if inner.retired && !self.place.is_at(&shared) {
                continue;
            }
            if inner.running {
                inner.queue.push_back(event(&self.place));
                return;
            }
            break shared.start(&mut inner);
        };
        runner.run(event(&self.place)).await;
    }
}

/// Somebody who comes back to run what is in the queue then, if nobody else has.
struct Expected(Option<Arc<Shared>>);

impl Expected {
    fn of(shared: &Arc<Shared>, inner: &mut Inner) -> Self {
        inner.expected = true;
        Self(Some(shared.clone()))
    }

    /// Lets the tasks that are ready now bring theirs first.
    async fn run_queue(mut self) {
        after_the_ready().await;
        let Some(shared) = self.0.take() else { return };
        let runner = {
            let mut inner = shared.inner.lock();
            inner.expected = false;
            if inner.running || inner.queue.is_empty() {
                return;
            }
            shared.start(&mut inner)
        };
        runner.run_queue().await;
    }
}

impl Drop for Expected {
    /// It does not come: the host stops, or nobody waits for its socket any more.
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            shared.inner.lock().expected = false;
            shared.kick();
        }
    }
}

/// Goes to the end of the tasks that this thread has to poll.
async fn after_the_ready() {
    let mut went = false;
    poll_fn(|cx| match std::mem::replace(&mut went, true) {
        true => Poll::Ready(()),
        false => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

impl Drop for Seat {
    fn drop(&mut self) {
        let unneeded = loop {
            let shared = self.place.shared.load_full();
            let mut inner = shared.inner.lock();
            if !self.place.is_at(&shared) {
                continue;
            }
            inner.places.remove(&self.place.socket.id);
            break if inner.is_done() { inner.resting.take() } else { None };
        };
        drop(unneeded);
    }
}

impl Place {
    /// Takes a place for a socket that the instance has just accepted.
    pub fn take(shared: &Arc<Shared>, socket: &Arc<Socket>) -> Seat {
        let (socket, shared_now) = (socket.clone(), ArcSwap::new(shared.clone()));
        let opened = AtomicBool::new(false);
        let place = Arc::new(Self { socket, shared: shared_now, opened });
        shared.inner.lock().places.insert(place.socket.id, place.clone());
        Seat { place }
    }

    /// The guest has been told that the socket is open: from now on it can move.
    pub fn set_opened(&self) {
        self.opened.store(true, Ordering::Relaxed);
    }

    /// Whether another version can take the socket over.
    pub fn can_move(&self) -> bool {
        self.socket.pinned.is_none() && self.opened.load(Ordering::Relaxed)
    }

    /// From now on its events go there. The instance that it leaves is locked.
    pub fn move_to(&self, shared: &Arc<Shared>) {
        self.shared.store(shared.clone());
    }

    fn is_at(&self, shared: &Arc<Shared>) -> bool {
        Arc::ptr_eq(&self.shared.load(), shared)
    }
}
