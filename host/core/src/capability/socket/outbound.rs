//! What waits to be sent to one socket.

use std::collections::VecDeque;
use std::io;

use crate::buffers;
use crate::config::OutboundPolicy;

/// Encoded frames, or a stream's bytes, that the session task has not taken yet.
#[derive(Debug)]
pub(crate) struct Outbound {
    /// The rest of a write that another task began: it goes before everything else.
    begun: Vec<u8>,
    /// A borrowed buffer. None if nothing waits.
    bytes: Vec<u8>,
    /// How many bytes have been dropped from the front of `bytes`.
    dropped: usize,
    /// The lengths of the frames in `bytes`. Kept only if the policy may drop the oldest.
    frames: VecDeque<usize>,
    /// How many bytes the session task has taken and not yet handed to the network.
    unsent: usize,
    limit: usize,
    policy: OutboundPolicy,
    /// Whether the guest was refused, and waits for room.
    refused: bool,
}

/// Why a message was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// The socket must be closed.
    Close,
    /// The guest must wait for `drain`.
    Refuse,
}

impl Outbound {
    /// An empty queue, for at most `limit` bytes of payload and frame headers.
    pub(crate) fn new(limit: usize, policy: OutboundPolicy) -> Self {
        Self {
            begun: Vec::new(),
            bytes: Vec::new(),
            dropped: 0,
            frames: VecDeque::new(),
            unsent: 0,
            limit,
            policy,
            refused: false,
        }
    }

    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.begun.len() + self.bytes.len() - self.dropped + self.unsent
    }

    /// Whether something waits that the session task has not taken.
    pub(crate) fn has_more(&self) -> bool {
        !self.begun.is_empty() || self.bytes.len() > self.dropped
    }

    /// Queues a message of `payload` bytes, which `encode` appends.
    ///
    /// # Errors
    /// The queue is full, and the policy does not make room.
    pub(crate) fn push(
        &mut self,
        payload: usize,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Full> {
        if self.len() + payload > self.limit {
            match self.policy {
                OutboundPolicy::Close => {
                    self.clear();
                    return Err(Full::Close);
                }
                OutboundPolicy::Refuse => {
                    self.refused = true;
                    return Err(Full::Refuse);
                }
                OutboundPolicy::DropOldest => self.make_room(payload),
            }
        }
        if self.bytes.capacity() == 0 {
            self.bytes = buffers::take();
        }
        let before = self.bytes.len();
        encode(&mut self.bytes);
        if self.policy == OutboundPolicy::DropOldest {
            self.frames.push_back(self.bytes.len() - before);
        }
        Ok(())
    }

    /// Moves what is queued to `out`, which is empty, together with its buffer.
    pub(crate) fn take(&mut self, out: &mut Vec<u8>) {
        self.bytes.drain(..self.dropped);
        self.dropped = 0;
        self.frames.clear();
        std::mem::swap(out, &mut self.bytes);
        if !self.begun.is_empty() {
            self.begun.append(out);
            std::mem::swap(out, &mut self.begun);
        }
        self.unsent = out.len();
    }

    /// Writes what waits, unless the session task is writing. The task writes what is left over.
    pub(crate) fn write(&mut self, write: impl FnOnce(&[u8]) -> io::Result<usize>) {
        // Where the oldest may be dropped, no frame may have begun.
        if self.unsent > 0 || !self.begun.is_empty() || self.policy == OutboundPolicy::DropOldest {
            return;
        }
        // The session task will see the same error.
        let written = match self.has_more() {
            true => write(&self.bytes[self.dropped..]).unwrap_or(0),
            false => 0,
        };
        if written == 0 {
            return;
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.drain(..self.dropped + written);
        self.dropped = 0;
        match bytes.is_empty() {
            true => buffers::give(bytes),
            false => self.begun = bytes,
        }
    }

    /// Whether the session task has something to do: to write, or to tell the guest that there is
    /// room.
    pub(crate) fn needs_the_task(&self) -> bool {
        self.has_more() || self.refused
    }

    /// Notes how much of what was taken is still unsent.
    pub(crate) fn set_unsent(&mut self, unsent: usize) {
        self.unsent = unsent;
    }

    /// Whether the guest waits for room and everything is sent. This is true once.
    pub(crate) fn take_drained(&mut self) -> bool {
        let drained = self.refused && self.len() == 0;
        self.refused &= !drained;
        drained
    }

    /// Drops what waits and has not begun.
    pub(crate) fn clear(&mut self) {
        buffers::give(std::mem::take(&mut self.bytes));
        self.dropped = 0;
        self.frames.clear();
    }

    /// Drops the oldest frames until a payload fits. What the session task has taken stays: a frame
    /// that has begun must be finished.
    fn make_room(&mut self, payload: usize) {
        while self.len() + payload > self.limit {
            let Some(oldest) = self.frames.pop_front() else { break };
            self.dropped += oldest;
        }
        // The bytes move only when half of them are dropped, so that each byte moves once on
        // average.
        if self.dropped > self.bytes.len() / 2 {
            self.bytes.drain(..self.dropped);
            self.dropped = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(queue: &mut Outbound, payload: &[u8]) -> Result<(), Full> {
        queue.push(payload.len(), |bytes| bytes.extend_from_slice(payload))
    }

    fn taken(queue: &mut Outbound) -> Vec<u8> {
        let mut out = Vec::new();
        queue.take(&mut out);
        out
    }

    #[test]
    fn closing_drops_what_waits() {
        let mut queue = Outbound::new(4, OutboundPolicy::Close);
        push(&mut queue, b"abcd").unwrap();
        assert_eq!(push(&mut queue, b"e"), Err(Full::Close));
        assert_eq!(taken(&mut queue), b"");
    }

    #[test]
    fn refusing_keeps_what_waits_and_tells_once_when_it_is_sent() {
        let mut queue = Outbound::new(4, OutboundPolicy::Refuse);
        push(&mut queue, b"abcd").unwrap();
        assert_eq!(push(&mut queue, b"e"), Err(Full::Refuse));
        assert_eq!(taken(&mut queue), b"abcd");
        assert!(!queue.take_drained());
        queue.set_unsent(0);
        assert!(queue.take_drained());
        assert!(!queue.take_drained());
    }

    #[test]
    fn what_a_write_leaves_goes_first_and_is_never_dropped() {
        let mut queue = Outbound::new(4, OutboundPolicy::Close);
        push(&mut queue, b"abcd").unwrap();
        queue.write(|bytes| Ok(bytes.len() - 3));
        assert_eq!(queue.len(), 3);
        push(&mut queue, b"e").unwrap();
        queue.write(|_| panic!("the task writes what is left"));
        assert_eq!(push(&mut queue, b"f"), Err(Full::Close));
        assert_eq!(taken(&mut queue), b"bcd");
        queue.write(|_| panic!("the task is writing"));
        queue.set_unsent(0);
        push(&mut queue, b"g").unwrap();
        queue.write(|bytes| Ok(bytes.len()));
        assert!(queue.len() == 0 && !queue.needs_the_task());
    }

    #[test]
    fn a_write_that_fails_leaves_all_to_the_task() {
        let mut queue = Outbound::new(4, OutboundPolicy::Close);
        push(&mut queue, b"ab").unwrap();
        queue.write(|_| Err(io::ErrorKind::WouldBlock.into()));
        assert!(queue.needs_the_task());
        assert_eq!(taken(&mut queue), b"ab");
    }

    #[test]
    fn dropping_the_oldest_keeps_the_newest_whole() {
        let mut queue = Outbound::new(4, OutboundPolicy::DropOldest);
        for payload in [b"ab", b"cd", b"ef", b"gh"] {
            push(&mut queue, payload).unwrap();
        }
        assert_eq!(taken(&mut queue), b"efgh");
        assert_eq!(queue.len(), 4);
        push(&mut queue, b"ij").unwrap();
        push(&mut queue, b"kl").unwrap();
        queue.set_unsent(0);
        assert_eq!(taken(&mut queue), b"kl");
    }
}
