//! The messages of a blocking session, which takes one after the other.

use std::task::Poll;

use super::{CloseInfo, Socket};
use crate::capability::account::Held;
use crate::message::{Borrowed, Messages};
use crate::sync::atomic::Ordering;

impl Socket {
    /// Hands messages to a blocking session. The session is polled by its socket's task, which also
    /// calls this, so nothing has to be woken. They are charged until it has taken the last.
    pub fn push_inbox(&self, messages: Messages) {
        if !messages.is_empty() {
            let charge = self.account.memory().charge_about(Held::Messages, messages.bytes());
            self.inner.lock().inbox.push_back((messages.into(), charge));
            self.set_listening(false);
        }
    }

    /// Tells a blocking session how it ended, after the messages that it has not read yet.
    pub fn end_inbox(&self, info: CloseInfo) {
        self.inner.lock().ended.get_or_insert(info);
        self.set_listening(false);
    }

    /// The next message for a blocking session, as `take` makes it, or how the session ended.
    pub fn poll_inbox<T>(
        &self,
        take: impl FnOnce(Borrowed<'_>) -> T,
    ) -> Poll<Result<T, CloseInfo>> {
        let mut inner = self.inner.lock();
        if let Some((inbox, _)) = inner.inbox.front_mut()
            && let Some(message) = inbox.next(take)
        {
            if inbox.is_empty() {
                inner.inbox.pop_front();
            }
            return Poll::Ready(Ok(message));
        }
        match &inner.ended {
            Some(info) => Poll::Ready(Err(info.clone())),
            None => Poll::Pending,
        }
    }

    /// Whether a blocking session waits only for its next message or its end: until then it need
    /// not be polled.
    pub fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    pub(in crate::capability) fn set_listening(&self, listening: bool) {
        self.listening.store(listening, Ordering::Relaxed);
    }
}
