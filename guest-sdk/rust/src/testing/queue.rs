//! A client that reads slowly.

use super::TestSocket;
use super::socket::settle;
use crate::instance::Hear;
use crate::sessions::SESSIONS;
use crate::sys::with_socket;

impl TestSocket {
    /// Has the client read nothing until [`drain`](Self::drain). So many bytes may wait from now
    /// on; a send over that is a [`SendError::QueueFull`](crate::SendError::QueueFull). Without
    /// this call, any number may wait.
    ///
    /// ```
    /// use lithe_sdk::testing::TestEvent;
    /// use lithe_sdk::{SendError, SocketEvent};
    ///
    /// let outcome = TestEvent::get("/").upgrade([]).call(|event| {
    ///     event
    ///         .ws()
    ///         .upgrade(async |mut socket| {
    ///             while let Some(SocketEvent::Text(text)) = socket.next().await {
    ///                 while socket.send_text(&text) == Err(SendError::QueueFull) {
    ///                     socket.wait_for_drain().await;
    ///                 }
    ///             }
    ///             Ok(())
    ///         })
    ///         .accept()
    /// });
    /// let socket = outcome.socket();
    /// socket.limit_outbound(8);
    /// socket.send(["hello".into(), "world".into()]);
    /// assert_eq!(socket.sent_text(), ["hello"]);
    /// socket.drain();
    /// assert_eq!(socket.sent_text(), ["world"]);
    /// ```
    pub fn limit_outbound(&self, bytes: usize) {
        with_socket(self.id(), |socket| socket.outbound_limit = Some(bytes));
    }

    /// Has the client read all that waited. The plugin hears of it if a send has found no room.
    pub fn drain(&self) {
        let told = with_socket(self.id(), |socket| {
            socket.waiting = 0;
            let told = std::mem::take(&mut socket.found_full) && socket.ended.is_none();
            told.then(|| socket.hooks.clone())
        });
        match told.flatten() {
            Some(Some(hooks)) => hooks.drained(self.id()),
            Some(None) => SESSIONS.with(|sessions| sessions.drained(self.id())),
            None => {}
        }
        settle();
    }
}
