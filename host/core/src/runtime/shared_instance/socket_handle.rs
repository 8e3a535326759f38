//! A socket's connection to its shared instance. Its events go to the instance that serves it, also
//! after another version of the plugin has taken the socket over.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::gathering::{ENOUGH, Gathering};
use super::recycled::RecycledFuture;
use super::{Event, InstanceSource, SharedInstance};
use crate::capability::socket::{CloseInfo, Delivery, Socket};
use crate::message::Messages;
use crate::runtime::exports::Hooks;
use crate::runtime::template::Template;
use crate::sync::atomic::{AtomicBool, Ordering};

/// A session's connection to the instance of its socket. Dropping it takes the socket from the
/// instance.
pub struct SocketHandle<T: InstanceSource = Template<Hooks>> {
    assignment: Arc<Assignment<T>>,
}

/// What has happened to messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// The guest has handled them.
    Handled,
    /// The task that runs the instance has them.
    Queued,
}

/// What the session and the instance know about each other.
pub(super) struct Assignment<T: InstanceSource> {
    pub socket: Arc<Socket>,
    /// Changed only while the old instance is locked.
    shared: ArcSwap<SharedInstance<T>>,
    /// Whether the version that accepted the socket has been told that it is open.
    opened: AtomicBool,
}

impl<T: InstanceSource> SocketHandle<T> {
    /// Tells the guest of an open socket.
    pub async fn open(&self) {
        self.assignment.socket.begin_delivery();
        self.deliver(|assignment| Event::Open(assignment.clone())).await;
    }

    /// Hands messages to the guest: together with those of other sockets that are ready now or, if
    /// another task runs the instance, through the queue. The socket is `delivering` until they
    /// have been handled. `messages` is empty afterwards.
    pub async fn receive(&self, messages: &mut Messages) -> Received {
        let socket = self.assignment.socket.clone();
        socket.begin_delivery();
        let delivery = Delivery::new(socket, messages.take());
        let runner = loop {
            let shared = self.assignment.shared.load();
            let mut inner = shared.inner.lock();
            if inner.retired && !self.assignment.is_at(&shared) {
                continue;
            }
            let waits = delivery.is_packed() && shared.template.takes_batches();
            inner.used = true;
            inner.queue.push_back(Event::Receive(delivery));
            if inner.phase.is_running() {
                return Received::Queued;
            }
            if !waits || inner.queue.len() >= ENOUGH {
                break Ok(shared.start(&mut inner));
            }
            if inner.phase.is_gathering() {
                return Received::Queued;
            }
            break Err(Gathering::of(&shared, &mut inner));
        };
        match runner {
            Ok(runner) => RecycledFuture::new(runner.run_queue()).await,
            Err(gathering) => RecycledFuture::new(gathering.run_queue()).await,
        }
        Received::Handled
    }

    /// Tells the guest that there is room for what it was refused.
    pub async fn drain(&self) {
        self.assignment.socket.begin_delivery();
        self.deliver(|assignment| Event::Drain(assignment.socket.clone())).await;
    }

    /// Tells the guest that the socket has ended: its last event.
    pub async fn close(&self, info: CloseInfo) {
        self.deliver(|assignment| Event::Close(assignment.socket.clone(), info.clone())).await;
    }

    /// Tells the guest that the socket is gone, because the handshake was not completed.
    pub async fn abandon(self) {
        let socket = self.assignment.socket.clone();
        socket.set_closed();
        let sockets = self.assignment.shared.load().template.context().sockets.clone();
        self.close(CloseInfo::lost()).await;
        sockets.remove(socket.id);
    }

    async fn deliver(&self, event: impl Fn(&Arc<Assignment<T>>) -> Event<T>) {
        let runner = loop {
            let shared = self.assignment.shared.load_full();
            let mut inner = shared.inner.lock();
            if inner.retired && !self.assignment.is_at(&shared) {
                continue;
            }
            if inner.phase.is_running() {
                inner.queue.push_back(event(&self.assignment));
                return;
            }
            break shared.start(&mut inner);
        };
        runner.run(event(&self.assignment)).await;
    }
}

impl<T: InstanceSource> Drop for SocketHandle<T> {
    fn drop(&mut self) {
        let unneeded = loop {
            let shared = self.assignment.shared.load_full();
            let mut inner = shared.inner.lock();
            if !self.assignment.is_at(&shared) {
                continue;
            }
            inner.assignments.remove(&self.assignment.socket.id);
            break inner.take_unneeded();
        };
        drop(unneeded);
    }
}

impl<T: InstanceSource> Assignment<T> {
    /// Connects a socket that the instance has just accepted.
    pub(crate) fn take(shared: &Arc<SharedInstance<T>>, socket: &Arc<Socket>) -> SocketHandle<T> {
        let (socket, shared_now) = (socket.clone(), ArcSwap::new(shared.clone()));
        let opened = AtomicBool::new(false);
        let assignment = Arc::new(Self { socket, shared: shared_now, opened });
        shared.inner.lock().assignments.insert(assignment.socket.id, assignment.clone());
        SocketHandle { assignment }
    }

    /// Notes that the guest has been told that the socket is open: from now on it can move.
    pub(crate) fn set_opened(&self) {
        self.opened.store(true, Ordering::Relaxed);
    }

    /// Whether another version can take the socket over.
    pub(crate) fn can_move(&self) -> bool {
        self.socket.pinned.is_none() && self.opened.load(Ordering::Relaxed)
    }

    /// From now on the socket's events go to `shared`. The caller has locked the old instance.
    pub(crate) fn move_to(&self, shared: &Arc<SharedInstance<T>>) {
        self.shared.store(shared.clone());
    }

    fn is_at(&self, shared: &Arc<SharedInstance<T>>) -> bool {
        Arc::ptr_eq(&self.shared.load(), shared)
    }
}
