//! What waits to be sent to one socket.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::capability::account::{Charge, Held, SiteMemory};
use crate::config::{Limit, OutboundPolicy};
use crate::message::SHORT;
use crate::outgoing::Outgoing;

/// How many bytes may wait during a delivery before they are charged.
pub(super) const UNSETTLED: usize = 64 * 1024;

/// The longest message that is copied while other messages wait, in bytes. Sharing it would take
/// about as much memory for each socket.
const COPIED_BEHIND_OTHERS: usize = 128;

/// Encoded frames, or a stream's bytes, that the session task has not taken yet.
#[derive(Debug)]
pub(crate) struct Outbound {
    /// The rest of a write that another task began: it goes before everything else.
    begun: Outgoing,
    queue: Outgoing,
    /// The lengths of the frames in `queue`; kept only where the policy may drop the oldest.
    frames: VecDeque<usize>,
    /// How many bytes the session task has taken and not yet handed to the network.
    unsent: usize,
    limit: usize,
    policy: OutboundPolicy,
    /// Whether the guest was refused, and waits for room.
    refused: bool,
    charge: Charge,
}

/// Why a message was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueFull {
    /// The socket must be closed, because of this bound.
    Close(Limit),
    /// The guest must wait for `drain`, because of this bound.
    Refuse(Limit),
}

impl Outbound {
    /// An empty queue, for at most `limit` bytes of payload and frame headers.
    pub(crate) fn new(limit: usize, policy: OutboundPolicy, memory: &Arc<SiteMemory>) -> Self {
        Self {
            begun: Outgoing::default(),
            queue: Outgoing::default(),
            frames: VecDeque::new(),
            unsent: 0,
            limit,
            policy,
            refused: false,
            charge: memory.charge(Held::Messages),
        }
    }

    /// Charges the site with what waits here and is not shared.
    pub(crate) fn settle(&mut self) {
        let frames = self.frames.capacity().saturating_mul(size_of::<usize>());
        self.charge.set_about(self.begun.footprint() + self.queue.footprint() + frames);
    }

    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting() + self.unsent
    }

    /// How many bytes wait here.
    pub(crate) fn waiting(&self) -> usize {
        self.begun.len() + self.queue.len()
    }

    /// How many bytes of memory wait here, what is shared included.
    pub(crate) fn held_up(&self) -> usize {
        self.begun.held_up() + self.queue.held_up()
    }

    /// Whether something waits that the session task has not taken.
    pub(crate) fn has_more(&self) -> bool {
        !self.begun.is_empty() || !self.queue.is_empty()
    }

    /// Queues a message of `payload` bytes, which `encode` appends.
    ///
    /// # Errors
    /// The queue is full, and the policy does not make room.
    pub(crate) fn push(
        &mut self,
        payload: usize,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), QueueFull> {
        self.admit(payload)?;
        let frame = self.queue.append(encode);
        self.note(frame);
        Ok(())
    }

    /// Queues a message of `payload` bytes that others have, too. It is shared, unless a copy costs
    /// less.
    ///
    /// # Errors
    /// As [`Outbound::push`].
    pub(crate) fn push_shared(&mut self, payload: usize, message: Bytes) -> Result<(), QueueFull> {
        self.admit(payload)?;
        let copied = if self.len() == 0 { SHORT } else { COPIED_BEHIND_OTHERS };
        let frame = message.len();
        match payload <= copied {
            true => drop(self.queue.append(|own| own.extend_from_slice(&message))),
            false => self.queue.share(message),
        }
        self.note(frame);
        Ok(())
    }

    fn admit(&mut self, payload: usize) -> Result<(), QueueFull> {
        let limit = match self.charge.memory().check() {
            _ if self.len() + payload > self.limit => Limit::Outbound,
            Err(over) if self.is_behind() => over.limit,
            _ => return Ok(()),
        };
        match self.policy {
            OutboundPolicy::Close => {
                self.clear();
                Err(QueueFull::Close(limit))
            }
            OutboundPolicy::Refuse => {
                self.refused = true;
                Err(QueueFull::Refuse(limit))
            }
            OutboundPolicy::DropOldest => {
                match limit {
                    Limit::Outbound => self.make_room(payload),
                    // No message may wait behind others.
                    _ => self.clear(),
                }
                Ok(())
            }
        }
    }

    /// Whether the peer reads more slowly than the guest sends. What the guest sends in one event
    /// does not tell.
    fn is_behind(&self) -> bool {
        self.unsent > 0 || !self.begun.is_empty() || self.queue.len() > UNSETTLED
    }

    fn note(&mut self, frame: usize) {
        if self.policy == OutboundPolicy::DropOldest && frame > 0 {
            self.frames.push_back(frame);
        }
    }

    /// Takes out everything that waits.
    #[must_use]
    pub(crate) fn take(&mut self) -> Outgoing {
        self.frames.clear();
        let queue = std::mem::take(&mut self.queue);
        let out = match self.begun.is_empty() {
            true => queue,
            false => {
                let mut out = std::mem::take(&mut self.begun);
                out.append_all(queue);
                out
            }
        };
        self.unsent = out.len();
        out
    }

    /// Writes what waits, unless the session task is writing. The task writes what is left over.
    /// `write` returns how many bytes the network took.
    pub(crate) fn write(&mut self, write: impl FnOnce(&Outgoing) -> usize) {
        // Where the oldest may be dropped, no frame may have begun.
        let may_write =
            self.unsent == 0 && self.begun.is_empty() && self.policy != OutboundPolicy::DropOldest;
        if !may_write || self.queue.is_empty() {
            return;
        }
        let written = write(&self.queue);
        if written > 0 {
            self.queue.advance(written);
            self.begun = std::mem::take(&mut self.queue);
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

    /// Drops what waits and has not begun, with its charge.
    pub(crate) fn clear(&mut self) {
        self.queue = Outgoing::default();
        self.frames.clear();
        self.settle();
    }

    /// Drops the oldest frames until a payload fits. What the session task has taken stays: a frame
    /// that has begun must be finished.
    fn make_room(&mut self, payload: usize) {
        while self.len() + payload > self.limit {
            let Some(oldest) = self.frames.pop_front() else { break };
            self.queue.advance(oldest);
        }
        self.queue.compact();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::account::Account;

    fn outbound(limit: usize, policy: OutboundPolicy) -> Outbound {
        Outbound::new(limit, policy, Account::new("site".into()).memory())
    }

    fn push(queue: &mut Outbound, payload: &[u8]) -> Result<(), QueueFull> {
        queue.push(payload.len(), |bytes| bytes.extend_from_slice(payload))
    }

    fn taken(queue: &mut Outbound) -> Vec<u8> {
        queue.take().pieces().collect::<Vec<_>>().concat()
    }

    #[test]
    fn closing_drops_what_waits() {
        let mut queue = outbound(4, OutboundPolicy::Close);
        push(&mut queue, b"abcd").unwrap();
        assert_eq!(push(&mut queue, b"e"), Err(QueueFull::Close(Limit::Outbound)));
        assert_eq!(taken(&mut queue), b"");
    }

    #[test]
    fn refusing_keeps_what_waits_and_tells_once_when_it_is_sent() {
        let mut queue = outbound(4, OutboundPolicy::Refuse);
        push(&mut queue, b"abcd").unwrap();
        assert_eq!(push(&mut queue, b"e"), Err(QueueFull::Refuse(Limit::Outbound)));
        assert_eq!(taken(&mut queue), b"abcd");
        assert!(!queue.take_drained());
        queue.set_unsent(0);
        assert!(queue.take_drained());
        assert!(!queue.take_drained());
    }

    #[test]
    fn what_a_write_leaves_goes_first_and_is_never_dropped() {
        let mut queue = outbound(4, OutboundPolicy::Close);
        push(&mut queue, b"abcd").unwrap();
        queue.write(|bytes| bytes.len() - 3);
        assert_eq!(queue.len(), 3);
        push(&mut queue, b"e").unwrap();
        queue.write(|_| panic!("the task writes what is left"));
        assert_eq!(push(&mut queue, b"f"), Err(QueueFull::Close(Limit::Outbound)));
        assert_eq!(taken(&mut queue), b"bcd");
        queue.write(|_| panic!("the task is writing"));
        queue.set_unsent(0);
        push(&mut queue, b"g").unwrap();
        queue.write(Outgoing::len);
        assert!(queue.len() == 0 && !queue.needs_the_task());
    }

    #[test]
    fn a_write_that_fails_leaves_all_to_the_task() {
        let mut queue = outbound(4, OutboundPolicy::Close);
        push(&mut queue, b"ab").unwrap();
        queue.write(|_| 0);
        assert!(queue.needs_the_task());
        assert_eq!(taken(&mut queue), b"ab");
    }

    #[test]
    fn a_message_for_many_is_copied_only_where_that_costs_less() {
        let (short, long) = (Bytes::from(vec![1; SHORT]), Bytes::from(vec![2; SHORT + 1]));
        let has = |queue: &Outbound, message: &Bytes| {
            queue.queue.pieces().any(|piece| piece.as_ptr() == message.as_ptr())
        };
        let mut queue = outbound(10 * SHORT, OutboundPolicy::Close);
        queue.push_shared(long.len(), long.clone()).unwrap();
        assert!(has(&queue, &long));
        queue.push_shared(short.len(), short.clone()).unwrap();
        assert!(has(&queue, &short), "the peer is behind already");
        let _ = taken(&mut queue);
        queue.set_unsent(0);
        queue.push_shared(short.len(), short.clone()).unwrap();
        assert!(!has(&queue, &short));
        assert_eq!(taken(&mut queue), short);
    }

    #[test]
    fn shared_messages_count_for_the_limit_and_are_dropped_like_others() {
        let message = Bytes::from(vec![1; 2 * SHORT]);
        let mut queue = outbound(5 * SHORT, OutboundPolicy::DropOldest);
        for _ in 0..4 {
            queue.push_shared(message.len(), message.clone()).unwrap();
        }
        assert_eq!(queue.len(), 4 * SHORT);
        let mut queue = outbound(5 * SHORT, OutboundPolicy::Close);
        let pushed: Vec<_> =
            (0..3).map(|_| queue.push_shared(message.len(), message.clone())).collect();
        assert_eq!(pushed, [Ok(()), Ok(()), Err(QueueFull::Close(Limit::Outbound))]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn a_site_without_memory_queues_nothing_behind_what_waits() {
        for (policy, expected) in [
            (OutboundPolicy::Close, Err(QueueFull::Close(Limit::SiteMemory))),
            (OutboundPolicy::Refuse, Err(QueueFull::Refuse(Limit::SiteMemory))),
        ] {
            let account = Account::new("site".into());
            account.memory().limit(10_000);
            let mut held = account.memory().charge(Held::Messages);
            held.set(20_000);
            let mut queue = Outbound::new(1_000_000, policy, account.memory());
            push(&mut queue, b"a").unwrap();
            push(&mut queue, b"b").expect("in one event");
            let _ = taken(&mut queue);
            assert_eq!(push(&mut queue, b"c"), expected);
            let mut other = Outbound::new(1_000_000, policy, account.memory());
            assert_eq!(push(&mut other, b"a"), Ok(()), "nothing waits for it");
        }
    }

    #[test]
    fn a_site_without_memory_keeps_only_the_newest_where_the_oldest_are_dropped() {
        let account = Account::new("site".into());
        account.memory().limit(10_000);
        let mut held = account.memory().charge(Held::Messages);
        held.set(20_000);
        let mut queue = Outbound::new(1_000_000, OutboundPolicy::DropOldest, account.memory());
        push(&mut queue, b"a").unwrap();
        let _ = taken(&mut queue);
        push(&mut queue, b"b").unwrap();
        push(&mut queue, b"c").unwrap();
        assert_eq!(taken(&mut queue), b"c");
    }

    #[test]
    fn dropping_the_oldest_keeps_the_newest_whole() {
        let mut queue = outbound(4, OutboundPolicy::DropOldest);
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
