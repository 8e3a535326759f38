//! Queues messages for the peer.

use super::Socket;
use super::outbound::{Outbound, QueueFull, UNSETTLED};
use crate::capability::bindings::socket::{ReadyState, SendError};
use crate::config::Limit;
use crate::message::{Encoded, Opcode, encode_frame};

impl Socket {
    /// Queues a message, unless the socket is closing. When the outbound limit is exceeded, the
    /// site's policy decides: by default the socket closes with 1013, and what waits is dropped,
    /// because the peer does not read it.
    ///
    /// # Errors
    /// The socket is closing, the message is over the limit, or the queue is full.
    pub fn send(&self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        self.queue(payload.len(), |outbound| {
            outbound.push(payload.len(), |bytes| match self.is_stream() {
                true => bytes.extend_from_slice(payload),
                false => encode_frame(bytes, opcode, payload),
            })
        })
    }

    /// Queues a message that has been encoded once for many sockets.
    ///
    /// # Errors
    /// As [`Socket::send`].
    pub fn send_encoded(&self, message: &Encoded) -> Result<(), SendError> {
        self.queue(message.len(), |outbound| {
            let bytes = if self.is_stream() { message.payload() } else { message.frame() };
            outbound.push_shared(message.len(), bytes)
        })
    }

    fn queue(
        &self,
        payload: usize,
        push: impl FnOnce(&mut Outbound) -> Result<(), QueueFull>,
    ) -> Result<(), SendError> {
        if payload > self.bounds.message {
            self.account.exceed(Limit::Message);
            return Err(SendError::TooLarge(self.bounds.message as u64));
        }
        let mut inner = self.inner.lock();
        if !matches!(inner.ready, ReadyState::Connecting | ReadyState::Open) {
            return Err(SendError::Closed);
        }
        let waiting = inner.outbound.len();
        match push(&mut inner.outbound) {
            Ok(()) => {
                // In a delivery, most of what is queued goes out at its end.
                if !inner.delivering || inner.outbound.waiting() > UNSETTLED {
                    inner.outbound.settle();
                }
                self.liveness.mark_active();
                Ok(())
            }
            Err(QueueFull::Refuse(limit)) => {
                self.account.exceed(limit);
                Err(SendError::QueueFull)
            }
            Err(QueueFull::Close(limit)) => {
                inner.shed(limit);
                self.account.exceed(limit);
                let (site, socket, request) = (self.site(), self.id, self.request.id);
                tracing::warn!(
                    target: "session", site, socket, %request,
                    "closing with 1013: the peer reads too slowly, and {waiting} bytes wait (`{limit}`)"
                );
                Err(SendError::Closed)
            }
        }
    }
}
