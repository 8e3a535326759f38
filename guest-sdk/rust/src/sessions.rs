//! The sessions of this instance, from `accept` to their end: what the exports `hooks` and
//! `session` do for closures.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::rc::Rc;

use crate::executor::{self, TaskId};
use crate::instance::Hear;
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

/// The sessions of an instance, by the socket's number. A session that has ended by itself has no
/// entry any more. Never dropped, as an instance's memory is not.
#[derive(Default)]
pub struct Sessions(ManuallyDrop<RefCell<BTreeMap<u32, Entry>>>);

thread_local! {
    /// Those of this instance.
    pub static SESSIONS: Sessions = Sessions::default();
}

impl Sessions {
    fn insert(&self, socket: u32, entry: Entry) {
        let _replaced = self.0.borrow_mut().insert(socket, entry);
    }

    fn remove(&self, socket: u32) -> Option<Entry> {
        self.0.borrow_mut().remove(&socket)
    }
}

/// Keeps the session until the handshake is complete.
pub(crate) fn accepted(socket: u32, session: Session) {
    SESSIONS.with(|sessions| sessions.insert(socket, Entry::Accepted(session)));
}

impl Hear for Sessions {
    /// Starts the async session.
    fn opened(&self, socket: u32) {
        let Some(Entry::Accepted(Session::Async(session))) = self.remove(socket) else {
            return Sender::new(socket).fail("no session of this instance waits for this socket");
        };
        let inbox = Rc::new(Inbox::default());
        let running = session(Socket::new(socket, Rc::clone(&inbox)));
        let task = executor::spawn(async move {
            let result = running.await;
            task::end_tasks_of(socket);
            let open = SESSIONS.with(|sessions| sessions.remove(socket)).is_some();
            ended(socket, result, open);
        });
        self.insert(socket, Entry::Open { inbox, task });
        executor::run();
    }

    /// Hands messages to the session, if it still listens.
    fn received(&self, socket: u32, messages: impl IntoIterator<Item = Message>) {
        let inbox = match self.0.borrow().get(&socket) {
            Some(Entry::Open { inbox, .. }) => Rc::clone(inbox),
            _ => return,
        };
        inbox.receive(messages);
        executor::run();
    }

    fn drained(&self, socket: u32) {
        drain::over(socket);
        executor::run();
    }

    /// Hooks of another version have had the socket. A closure cannot begin in the middle, and a
    /// socket that nothing hears would be silent for ever.
    fn resumed(&self, socket: u32) {
        Sender::new(socket).fail("no hooks of this version hear this socket");
    }

    /// Ends the session and its tasks. The session gets its `Close`, and as many polls as it needs
    /// without waiting. Tasks end even if the session has ended before.
    fn closed(&self, socket: u32, info: CloseInfo) {
        let session = self.remove(socket);
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
}

/// Runs the blocking session.
pub(crate) fn run(socket: u32) {
    let session = SESSIONS.with(|sessions| sessions.remove(socket));
    let Some(Entry::Accepted(Session::Blocking(session))) = session else {
        return Sender::new(socket).fail("no session of this instance waits for this socket");
    };
    let result = session(BlockingSocket::new(socket));
    ended(socket, result, true);
}

/// Whether a session of this instance waits for the socket's handshake, or runs on it.
pub(crate) fn is_known(socket: u32) -> bool {
    SESSIONS.with(|sessions| sessions.0.borrow().contains_key(&socket))
}

/// Whether a blocking session waits to be run.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn is_blocking(socket: u32) -> bool {
    SESSIONS.with(|sessions| {
        matches!(sessions.0.borrow().get(&socket), Some(Entry::Accepted(Session::Blocking(_))))
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
