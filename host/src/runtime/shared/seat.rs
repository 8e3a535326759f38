//! A socket's place at a shared instance: where its events go, also after another version of the
//! plugin has taken the socket over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;

use super::lent::Lent;
use super::{Event, Shared};
use crate::capability::socket::{CloseInfo, Socket};
use crate::capability::turn::Delivery;
use crate::message::Messages;

/// Held by the socket's session; gives the place up when it is dropped.
pub struct Seat {
    place: Arc<Place>,
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

    /// Hands messages to the guest: with those of other sockets that are ready now, or, if it is not free, to
    /// the queue. The socket is `delivering` until they have been handled; `messages` is empty afterwards.
    pub async fn receive(&self, messages: &mut Messages) {
        let socket = self.place.socket.clone();
        socket.begin_delivery();
        let delivery = Delivery { socket, messages: messages.take() };
        let runner = loop {
            let shared = self.place.shared.load();
            let mut inner = shared.inner.lock();
            if inner.retired && !self.place.is_at(&shared) {
                continue;
            }
            if inner.running {
                inner.queue.push_back(Event::Receive(delivery));
                return;
            }
            break shared.start(&mut inner);
        };
        Lent::new(runner.run_receive(delivery)).await;
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
