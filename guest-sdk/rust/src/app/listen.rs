//! WebSockets in the oldest style: a closure gets the socket, and registers what listens.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::Context;

use crate::{CloseInfo, Event, Message, Outcome, Result, SendError, Sender, Socket, SocketEvent};

/// The socket of [`App::ws_with`](crate::App::ws_with). It is a number: copy and keep it as you
/// like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebSocket {
    sender: Sender,
}

#[derive(Default)]
struct Listeners {
    message: Option<Box<dyn FnMut(Message) -> Result<()>>>,
    done: Option<Box<dyn FnOnce(CloseInfo)>>,
}

thread_local! {
    /// By the socket's number, while its session runs.
    static LISTENERS: RefCell<BTreeMap<u32, Listeners>> = RefCell::default();
}

impl WebSocket {
    /// Calls `listener` with every message from now on, in place of the listener before. An error
    /// closes the socket with 1011. A message that arrives while nothing listens is dropped.
    pub fn listen(&self, listener: impl FnMut(Message) -> Result<()> + 'static) {
        self.change(|listeners| listeners.message.replace(Box::new(listener)));
    }

    /// Calls `listener` when the socket has ended.
    pub fn on_done(&self, listener: impl FnOnce(CloseInfo) + 'static) {
        self.change(|listeners| listeners.done.replace(Box::new(listener)));
    }

    /// Queues a message: text, bytes, or one that was received. Never blocks.
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn add(&self, message: impl Into<Message>) -> Result<(), SendError> {
        self.sender.send(&message.into())
    }

    /// Queues messages, one after the other.
    ///
    /// # Errors
    /// See [`SendError`]. The messages after the failing one are not sent.
    pub fn add_stream<M: Into<Message>>(
        &self,
        messages: impl IntoIterator<Item = M>,
    ) -> Result<(), SendError> {
        messages.into_iter().try_for_each(|message| self.add(message))
    }

    /// Closes the socket with 1000, after what is queued. [`Sender::close`] takes a code and a
    /// reason.
    pub fn close(&self) {
        // 1000 without a reason is never refused.
        let _ = self.sender.close(1000, "");
    }

    /// The sending half, which others may keep.
    pub fn sender(&self) -> Sender {
        self.sender
    }

    /// Changes the listeners, unless the socket has ended. Drops the listener before when the map
    /// is free again.
    fn change<T>(&self, change: impl FnOnce(&mut Listeners) -> Option<T>) {
        let _before = LISTENERS
            .with_borrow_mut(|listeners| listeners.get_mut(&self.sender.id()).and_then(change));
    }
}

/// Accepts an upgrade with such a closure as its session.
pub(super) fn accept(
    event: &Event,
    session: Rc<impl Fn(WebSocket, &Event) -> Result<()> + 'static>,
) -> Result<Outcome> {
    event.ws().upgrade(async move |socket| run(socket, &*session).await).accept()
}

async fn run(mut socket: Socket, session: &impl Fn(WebSocket, &Event) -> Result<()>) -> Result<()> {
    let listening = Listening::begin(socket.id());
    let event = socket.event().context("the socket has ended")?;
    session(WebSocket { sender: socket.sender() }, &event)?;
    drop(event);
    while let Some(event) = socket.next().await {
        match event {
            SocketEvent::Text(text) => listening.hear(Message::Text(text))?,
            SocketEvent::Binary(bytes) => listening.hear(Message::Binary(bytes))?,
            SocketEvent::Close(info) => listening.end(info),
        }
    }
    Ok(())
}

/// The listeners of a session that runs. They are dropped with it.
struct Listening(u32);

impl Listening {
    fn begin(socket: u32) -> Self {
        LISTENERS.with_borrow_mut(|listeners| listeners.insert(socket, Listeners::default()));
        Self(socket)
    }

    fn hear(&self, message: Message) -> Result<()> {
        let Some(mut listener) = self.take(|listeners| listeners.message.take()) else {
            return Ok(());
        };
        let result = listener(message);
        // Puts it back, unless it has registered another in its place.
        let _replaced = LISTENERS.with_borrow_mut(|listeners| match listeners.get_mut(&self.0) {
            Some(Listeners { message: message @ None, .. }) => message.replace(listener),
            _ => Some(listener),
        });
        result
    }

    fn end(&self, info: CloseInfo) {
        if let Some(listener) = self.take(|listeners| listeners.done.take()) {
            listener(info);
        }
    }

    fn take<T>(&self, take: impl FnOnce(&mut Listeners) -> Option<T>) -> Option<T> {
        LISTENERS.with_borrow_mut(|listeners| listeners.get_mut(&self.0).and_then(take))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _listeners = LISTENERS.with_borrow_mut(|listeners| listeners.remove(&self.0));
    }
}
