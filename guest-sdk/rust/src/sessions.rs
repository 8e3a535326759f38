//! The sessions of this instance, from `accept` to their end: what the `hooks` and `session` exports
//! do for closures.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::rc::Rc;

use crate::executor::{self, TaskId};
use crate::socket::Inbox;
use crate::{BlockingSocket, CloseInfo, Message, Result, Sender, Socket, drain, task};

type Running = Pin<Box<dyn Future<Output = Result<()>>>>;

/// A session that waits for its handshake.
pub(crate) enum Session {
    Async(Box<dyn FnOnce(Socket) -> Running>),
    Blocking(Box<dyn FnOnce(BlockingSocket) -> Result<()>>),
}

impl Session {
    pub(crate) fn of_async<F>(session: F) -> Self
    where
        F: AsyncFnOnce(Socket) -> Result<()> + 'static,
    {
        Self::Async(Box::new(|socket| Box::pin(async move { session(socket).await })))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Async(_) => "Async",
            Self::Blocking(_) => "Blocking",
        })
    }
}

enum Entry {
    Accepted(Session),
    Open { inbox: Rc<Inbox>, task: TaskId },
}

thread_local! {
    /// By the socket's number. A session that has ended by itself has no entry any more. Never
    /// dropped, as an instance's memory is not.
    static SESSIONS: ManuallyDrop<RefCell<BTreeMap<u32, Entry>>> = ManuallyDrop::default();
}

fn insert(socket: u32, entry: Entry) {
    let _replaced = SESSIONS.with(|sessions| sessions.borrow_mut().insert(socket, entry));
}

fn remove(socket: u32) -> Option<Entry> {
    SESSIONS.with(|sessions| sessions.borrow_mut().remove(&socket))
}

/// Keeps the session until the handshake is complete.
pub(crate) fn accepted(socket: u32, session: Session) {
    insert(socket, Entry::Accepted(session));
}

/// The handshake is complete: starts the async session.
pub fn open(socket: u32) {
    let Some(Entry::Accepted(Session::Async(session))) = remove(socket) else {
        return Sender::new(socket).fail("no session of this instance waits for this socket");
    };
    let inbox = Rc::new(Inbox::default());
    let running = session(Socket::new(socket, Rc::clone(&inbox)));
    let task = executor::spawn(async move {
        let result = running.await;
        task::end_tasks_of(socket);
        ended(socket, result, remove(socket).is_some());
    });
    insert(socket, Entry::Open { inbox, task });
    executor::run();
}

/// Hands messages to the session, if it still listens.
pub fn receive(socket: u32, messages: impl IntoIterator<Item = Message>) {
    let inbox = SESSIONS.with(|sessions| match sessions.borrow().get(&socket) {
        Some(Entry::Open { inbox, .. }) => Some(Rc::clone(inbox)),
        _ => None,
    });
    if let Some(inbox) = inbox {
        inbox.receive(messages);
        executor::run();
    }
}

/// The outbound queue has emptied after a send has found it full.
pub fn drain(socket: u32) {
    drain::over(socket);
    executor::run();
}

/// Another version has had the socket until now, in hooks. A closure cannot begin in the middle, and a
/// socket that nothing hears would be silent for ever.
pub fn resume(socket: u32) {
    Sender::new(socket).fail("no hooks of this version hear this socket");
}

/// Ends the session: it gets its `Close`, and as many polls as it needs without waiting. So do its
/// tasks, also where it has ended before.
pub fn close(socket: u32, info: CloseInfo) {
    let session = remove(socket);
    drain::over(socket);
    if let Some(Entry::Open { inbox, task }) = session {
        inbox.close(info);
        executor::run();
        executor::cancel(task);
    }
    task::end_tasks_of(socket);
    // What the destructors have woken.
    executor::run();
}

/// Runs the blocking session.
pub fn run(socket: u32) {
    let Some(Entry::Accepted(Session::Blocking(session))) = remove(socket) else {
        return Sender::new(socket).fail("no session of this instance waits for this socket");
    };
    let result = session(BlockingSocket::new(socket));
    ended(socket, result, true);
}

/// Whether a session of this instance waits for the socket's handshake, or runs on it.
pub(crate) fn is_known(socket: u32) -> bool {
    SESSIONS.with(|sessions| sessions.borrow().contains_key(&socket))
}

/// Whether a blocking session waits to be run.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn is_blocking(socket: u32) -> bool {
    SESSIONS.with(|sessions| {
        matches!(sessions.borrow().get(&socket), Some(Entry::Accepted(Session::Blocking(_))))
    })
}

/// The session has returned; `open` says whether the host still knows its socket.
fn ended(socket: u32, result: Result<()>, open: bool) {
    let sender = Sender::new(socket);
    match result {
        Err(error) if !sender.is_own_end(&error) => {
            if open {
                sender.fail(&format!("{error:#}"));
            } else {
                eprintln!("{error:#}");
            }
        }
        // 1000 is never refused, and a socket that is closing is left as it is.
        _ if open => drop(sender.close(1000, "")),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
