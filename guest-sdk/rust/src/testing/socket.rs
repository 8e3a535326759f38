//! The client of a test.

use crate::instance::Hear;
use crate::sessions::{self, SESSIONS};
use crate::sys::{self, Ended, HeardBy, next_ended, with_socket};
use crate::{Message, ReadyState};

/// The client's end of a socket.
///
/// A message reaches the session at once, and the session's answer is there when `send_text`
/// returns. A blocking session is different: it starts when the client is done, by
/// [`close`](Self::close) or [`disconnect`](Self::disconnect). Then it gets all that was sent
/// before, at the times at which it was sent.
///
/// Dropping the socket drops the connection.
#[derive(Debug)]
pub struct TestSocket {
    id: u32,
}

impl TestSocket {
    pub(super) fn new(id: u32) -> Self {
        Self { id }
    }

    /// The handshake is complete.
    pub(super) fn open(&self) {
        self.with(|socket| {
            if socket.state == ReadyState::Connecting {
                socket.state = ReadyState::Open;
            }
        });
        match self.hooks() {
            Some(hooks) => hooks.opened(self.id),
            None if sessions::is_blocking(self.id) => {}
            None => SESSIONS.with(|sessions| sessions.opened(self.id)),
        }
        settle();
    }

    /// Sends a text message.
    pub fn send_text(&self, text: impl Into<String>) {
        self.send([Message::Text(text.into())]);
    }

    /// Sends a binary message.
    pub fn send_binary(&self, bytes: impl Into<Vec<u8>>) {
        self.send([Message::Binary(bytes.into())]);
    }

    /// Sends messages that arrive together, so that the session gets them in one call.
    pub fn send(&self, messages: impl IntoIterator<Item = Message>) {
        if self.is_closed() {
            return;
        }
        let messages: Vec<_> = messages.into_iter().collect();
        match self.hooks() {
            Some(hooks) => hooks.received(self.id, messages),
            None if sessions::is_blocking(self.id) => {
                let arrival = sys::monotonic();
                let messages = messages.into_iter().map(|message| (arrival, message));
                self.with(|socket| socket.inbound.extend(messages));
            }
            None => SESSIONS.with(|sessions| sessions.received(self.id, messages)),
        }
        settle();
    }

    /// Closes from the client's side, with any code.
    pub fn close(&self, code: u16, reason: &str) {
        self.end(Ended::closed(code, reason));
    }

    /// Drops the connection without a close frame: the session sees 1006.
    pub fn disconnect(&self) {
        self.end(Ended::lost());
    }

    /// What the session has sent since this was last asked.
    pub fn sent(&self) -> Vec<Message> {
        self.with(|socket| std::mem::take(&mut socket.outbound))
    }

    /// The same as text.
    pub fn sent_text(&self) -> Vec<String> {
        self.sent().iter().map(|message| message.text().into_owned()).collect()
    }

    /// Code and reason of the close frame that ended the connection, from either side. `None` while
    /// it is open, and if it ended without a close frame.
    pub fn closed(&self) -> Option<(u16, String)> {
        self.with(|socket| socket.ended.as_ref()?.frame.clone())
    }

    /// Whether the connection is over.
    pub fn is_closed(&self) -> bool {
        self.with(|socket| socket.ended.is_some())
    }

    /// What the session has failed with: what the host logs and the client does not see.
    pub fn failure(&self) -> Option<String> {
        self.with(|socket| socket.failure.clone())
    }

    /// The protocol that the handshake chose.
    pub fn protocol(&self) -> Option<String> {
        sys::protocol(self.id)
    }

    /// The socket's number in the plugin.
    pub fn id(&self) -> u32 {
        self.id
    }

    pub(super) fn is_pinned(&self) -> bool {
        self.with(|socket| socket.pinned)
    }

    pub(super) fn end(&self, ended: Ended) {
        let opened = self.with(|socket| socket.state != ReadyState::Connecting);
        if opened && sessions::is_blocking(self.id) {
            self.with(|socket| socket.client_end = Some(ended));
            self.run_blocking();
        } else {
            self.with(|socket| socket.end(ended));
            settle();
        }
    }

    /// Runs the blocking session, if there is one that has not run.
    pub(super) fn run_blocking(&self) {
        if sessions::is_blocking(self.id) {
            sessions::run(self.id);
            sys::set_gone(self.id);
        }
        settle();
    }

    fn hooks(&self) -> HeardBy {
        self.with(|socket| socket.hooks.clone())
    }

    /// A test's socket is always known to the host in memory.
    fn with<R>(&self, f: impl FnOnce(&mut sys::PlayedSocket) -> R) -> R {
        with_socket(self.id, f).expect("the host in memory keeps every socket")
    }
}

impl Drop for TestSocket {
    fn drop(&mut self) {
        // A failing test has said enough; a session's own panic would abort the rest.
        if !std::thread::panicking() {
            self.disconnect();
        }
    }
}

/// Tells the guest of every socket that has ended, until nothing more ends.
pub(super) fn settle() {
    while let Some((id, info, hooks)) = next_ended() {
        match hooks {
            Some(hooks) => hooks.closed(id, info),
            None => SESSIONS.with(|sessions| sessions.closed(id, info)),
        }
        sys::set_gone(id);
    }
}
