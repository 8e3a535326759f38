//! What the guest was told about each socket. A wrong order, or an end that the guest was not told
//! of, fails the check.

use std::collections::HashMap;
use std::future::poll_fn;
use std::task::{Poll, Waker};

use parking_lot::Mutex;

use crate::capability::socket::Socket;

/// By all versions of a plugin. No lock is held where another task may go on.
#[derive(Default)]
pub(crate) struct Told {
    sockets: Mutex<HashMap<u32, Life>>,
    wakers: Mutex<Vec<Waker>>,
}

#[derive(Debug, Default)]
struct Life {
    open: bool,
    heard: Vec<String>,
    closed: bool,
}

impl Told {
    pub(crate) fn accepted(&self, socket: &Socket) {
        self.tell(socket, |life| assert!(!life.open && !life.closed, "accepted, {life:?}"));
    }

    pub(crate) fn open(&self, socket: &Socket) {
        self.tell(socket, |life| {
            assert!(!life.open && !life.closed, "open, {life:?}");
            life.open = true;
        });
    }

    pub(crate) fn message(&self, socket: &Socket, text: &str) {
        self.tell(socket, |life| {
            assert!(life.open && !life.closed, "a message, {life:?}");
            life.heard.push(text.to_owned());
        });
    }

    pub(crate) fn close(&self, socket: &Socket) {
        self.tell(socket, |life| {
            assert!(!life.closed, "close, {life:?}");
            life.closed = true;
        });
    }

    /// The messages of a socket, once its close has been told.
    pub(crate) async fn heard(&self, socket: u32) -> Vec<String> {
        poll_fn(|cx| match self.sockets.lock().get(&socket) {
            Some(life) if life.closed => Poll::Ready(life.heard.clone()),
            _ => {
                self.wakers.lock().push(cx.waker().clone());
                Poll::Pending
            }
        })
        .await
    }

    fn tell(&self, socket: &Socket, tell: impl FnOnce(&mut Life)) {
        tell(self.sockets.lock().entry(socket.id).or_default());
        self.wakers.lock().drain(..).for_each(Waker::wake);
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let sockets = self.sockets.get_mut();
        let is_closed = sockets.values().all(|life| life.closed);
        assert!(is_closed || std::thread::panicking(), "each hears of its end: {sockets:?}");
    }
}
