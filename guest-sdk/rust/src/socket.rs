//! The socket of an async session.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::Deref;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::{CloseInfo, Message, Sender, SocketEvent};

/// The socket of an async session: a [`Sender`] that also receives.
#[derive(Debug)]
pub struct Socket {
    sender: Sender,
    inbox: Rc<Inbox>,
}

impl Socket {
    pub(crate) fn new(id: u32, inbox: Rc<Inbox>) -> Self {
        Self { sender: Sender::new(id), inbox }
    }

    /// The next event: messages in the order of their arrival, then one
    /// [`Close`](SocketEvent::Close), then `None`. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<SocketEvent> {
        poll_fn(|cx| self.inbox.poll_next(cx)).await
    }

    /// Waits for the end of the session, and takes no event.
    pub(crate) async fn ended(&self) {
        poll_fn(|cx| self.inbox.poll_ended(cx)).await;
    }

    /// The sending half, which others may keep, such as the other members of a room.
    pub fn sender(&self) -> Sender {
        self.sender
    }
}

impl Deref for Socket {
    type Target = Sender;

    fn deref(&self) -> &Sender {
        &self.sender
    }
}

/// The messages that have arrived for a session and that it has not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    events: RefCell<VecDeque<SocketEvent>>,
    closed: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

impl Inbox {
    pub(crate) fn receive(&self, messages: impl IntoIterator<Item = Message>) {
        self.events.borrow_mut().extend(messages.into_iter().map(SocketEvent::from));
        self.wake();
    }

    pub(crate) fn close(&self, info: CloseInfo) {
        self.events.borrow_mut().push_back(SocketEvent::Close(info));
        self.closed.set(true);
        self.wake();
    }

    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<SocketEvent>> {
        let event = self.events.borrow_mut().pop_front();
        if event.is_some() || self.closed.get() {
            return Poll::Ready(event);
        }
        self.wait(cx);
        Poll::Pending
    }

    fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.closed.get() {
            return Poll::Ready(());
        }
        self.wait(cx);
        Poll::Pending
    }

    fn wait(&self, cx: &mut Context<'_>) {
        let mut waiting = self.waiting.borrow_mut();
        match waiting.as_mut() {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *waiting = Some(cx.waker().clone()),
        }
    }

    fn wake(&self) {
        if let Some(waker) = self.waiting.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }
}
