//! The reader of a test.

use super::TestSocket;
use crate::{Message, sys};

/// The client's end of a stream.
///
/// The pieces of an async body are there once the call that made it send them returns. A blocking
/// body has run to its end. If the stream is dropped, the client leaves.
#[derive(Debug)]
pub struct TestStream {
    socket: TestSocket,
}

impl TestStream {
    pub(super) fn open(socket: TestSocket, leaves_after: Option<usize>) -> Self {
        sys::with_socket(socket.id(), |socket| socket.leaves_after = leaves_after);
        socket.open();
        socket.run_blocking();
        Self { socket }
    }

    /// The pieces that were sent since this was last asked.
    pub fn sent(&self) -> Vec<Message> {
        self.socket.sent()
    }

    /// The same as one text.
    pub fn text(&self) -> String {
        self.sent().iter().map(Message::text).collect()
    }

    /// The client leaves.
    pub fn disconnect(&self) {
        self.socket.disconnect();
    }

    /// Whether it is over: the body has ended or failed, or the client has left.
    pub fn is_ended(&self) -> bool {
        self.socket.is_closed()
    }

    /// What the body has failed with: what the host logs and the client does not see.
    pub fn failure(&self) -> Option<String> {
        self.socket.failure()
    }
}
