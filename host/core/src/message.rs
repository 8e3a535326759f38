//! The messages that travel between a socket and a guest, and the frame of an outgoing message.
//!
//! Short messages are packed into one buffer, which goes to the guest as it is. Long ones are
//! shared rather than copied. Their text type is tungstenite's, which has checked the text once,
//! when it arrived.

use bytes::Bytes;
pub(crate) use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::buffers;

/// A data message (RFC 6455, section 5.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Text(Utf8Bytes),
    Binary(Bytes),
}

impl Message {
    /// The payload's length in bytes.
    pub fn len(&self) -> usize {
        self.borrow().len()
    }

    /// Whether the payload is empty.
    pub fn is_empty(&self) -> bool {
        self.borrow().is_empty()
    }

    /// The message, borrowed.
    pub fn borrow(&self) -> Borrowed<'_> {
        match self {
            Self::Text(text) => Borrowed::Text(text.as_str()),
            Self::Binary(bytes) => Borrowed::Binary(bytes),
        }
    }
}

/// A borrowed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Borrowed<'m> {
    Text(&'m str),
    Binary(&'m [u8]),
}

/// The longest message that is packed, in bytes. Copying it costs less than handling it as a
/// message of its own.
pub(crate) const SHORT: usize = 1024;

/// The length of the head of a packed message: its socket's number, and its length times two, plus
/// one for a binary message. Both are little-endian.
const PACKED_HEAD: usize = 8;

/// The messages that have arrived on one socket, in order: first short ones, then the others.
#[derive(Debug)]
pub struct Messages {
    socket: u32,
    /// The short messages, in the format of `batch.receive`.
    packed: Vec<u8>,
    packed_count: usize,
    rest: Vec<Message>,
}

impl Messages {
    /// No messages yet, for this socket.
    pub fn of(socket: u32) -> Self {
        Self { socket, packed: Vec::new(), packed_count: 0, rest: Vec::new() }
    }

    /// Takes all messages out and leaves none.
    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::replace(self, Self::of(self.socket))
    }

    /// The number of messages.
    pub fn len(&self) -> usize {
        self.packed_count + self.rest.len()
    }

    /// How many bytes the messages take.
    pub fn bytes(&self) -> usize {
        self.packed.len() + self.rest.iter().map(Message::len).sum::<usize>()
    }

    /// Whether there are no messages.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a message of this length may be appended: a short message is packed, so it cannot
    /// follow a message that is not.
    pub fn takes(&self, length: usize) -> bool {
        self.rest.is_empty() || length > SHORT
    }

    /// Appends a message.
    pub fn push(&mut self, message: Message) {
        match &message {
            _ if message.len() > SHORT || !self.rest.is_empty() => self.rest.push(message),
            Message::Text(text) => self.pack(Opcode::Text, text.as_bytes()),
            Message::Binary(bytes) => self.pack(Opcode::Binary, bytes),
        }
    }

    fn pack(&mut self, opcode: Opcode, payload: &[u8]) {
        self.push_packed(opcode, payload, |_| {});
    }

    /// Appends a short message: `payload`, after `decode` has changed it. Returns whether it is
    /// valid: text has to be UTF-8.
    pub fn push_packed(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        decode: impl FnOnce(&mut [u8]),
    ) -> bool {
        if self.packed.capacity() == 0 {
            self.packed = buffers::take();
        }
        let before = self.packed.len();
        // A short message's length fits.
        let length = (payload.len() as u32) << 1 | u32::from(opcode == Opcode::Binary);
        self.packed.extend_from_slice(&self.socket.to_le_bytes());
        self.packed.extend_from_slice(&length.to_le_bytes());
        self.packed.extend_from_slice(payload);
        let own = &mut self.packed[before + PACKED_HEAD..];
        decode(own);
        let is_message = opcode == Opcode::Binary || std::str::from_utf8(own).is_ok();
        match is_message {
            true => self.packed_count += 1,
            false => self.packed.truncate(before),
        }
        is_message
    }

    /// Takes the short messages out.
    #[must_use]
    pub fn take_packed(&mut self) -> Vec<u8> {
        self.packed_count = 0;
        std::mem::take(&mut self.packed)
    }

    /// The short messages, in the format of `batch.receive`.
    pub fn packed(&self) -> &[u8] {
        &self.packed
    }

    /// The messages after the short ones.
    pub fn rest(&self) -> &[Message] {
        &self.rest
    }

    /// All messages, borrowed.
    pub fn iter(&self) -> impl Iterator<Item = Borrowed<'_>> {
        self.iter_packed().chain(self.rest.iter().map(Message::borrow))
    }

    /// All messages, each on its own.
    pub fn into_messages(mut self) -> impl Iterator<Item = Message> {
        let rest = std::mem::take(&mut self.rest);
        let packed: Vec<_> = self.iter_packed().map(|one| one.to_message()).collect();
        packed.into_iter().chain(rest)
    }

    /// The short messages, borrowed.
    pub fn iter_packed(&self) -> impl Iterator<Item = Borrowed<'_>> {
        let mut left = &*self.packed;
        std::iter::from_fn(move || {
            let (message, rest) = first_packed(left)?;
            left = rest;
            Some(message)
        })
    }

    /// Keeps the first `count` messages.
    pub fn truncate(&mut self, count: usize) {
        self.rest.truncate(count.saturating_sub(self.packed_count));
        if count < self.packed_count {
            let kept: usize =
                self.iter_packed().take(count).map(|one| PACKED_HEAD + one.len()).sum();
            self.packed.truncate(kept);
            self.packed_count = count;
        }
    }

    /// Removes all messages.
    pub fn clear(&mut self) {
        self.truncate(0);
    }
}

/// Messages that are taken one by one.
#[derive(Debug)]
pub(crate) struct Inbox {
    messages: Messages,
    /// How many of the packed bytes have been taken.
    at: usize,
    rest: std::vec::IntoIter<Message>,
}

impl From<Messages> for Inbox {
    fn from(mut messages: Messages) -> Self {
        let rest = std::mem::take(&mut messages.rest).into_iter();
        Self { messages, at: 0, rest }
    }
}

impl Inbox {
    /// Whether all messages have been taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.messages.packed.len() && self.rest.len() == 0
    }

    /// The next message, as `take` makes it.
    pub(crate) fn next<T>(&mut self, take: impl FnOnce(Borrowed<'_>) -> T) -> Option<T> {
        let packed = &*self.messages.packed;
        match first_packed(&packed[self.at..]) {
            Some((message, left)) => {
                self.at = packed.len() - left.len();
                Some(take(message))
            }
            None => self.rest.next().map(|message| take(message.borrow())),
        }
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        buffers::give(std::mem::take(&mut self.packed));
    }
}

/// Splits the first message from packed ones.
fn first_packed(packed: &[u8]) -> Option<(Borrowed<'_>, &[u8])> {
    let (_, packed) = packed.split_first_chunk::<4>()?;
    let (length, packed) = packed.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length);
    let (payload, rest) = packed.split_at_checked((length >> 1) as usize)?;
    let message = match length & 1 {
        // It was checked when it was packed.
        0 => Borrowed::Text(std::str::from_utf8(payload).ok()?),
        _ => Borrowed::Binary(payload),
    };
    Some((message, rest))
}

impl Borrowed<'_> {
    /// The payload's length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether the payload is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies the borrowed message.
    pub fn to_message(self) -> Message {
        match self {
            Self::Text(text) => Message::Text((*text).into()),
            Self::Binary(bytes) => Message::Binary(Bytes::copy_from_slice(bytes)),
        }
    }
}

/// The opcode of a data frame (RFC 6455, section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    Text = 1,
    Binary = 2,
}

/// Appends one final, unmasked data frame to `out`: what a server sends (RFC 6455, section 5.1).
pub(crate) fn encode_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    const FIN: u8 = 0x80;
    out.reserve(payload.len() + 10);
    encode_header(out, FIN | opcode as u8, payload.len());
    out.extend_from_slice(payload);
}

/// Appends the head of an unmasked frame: its first byte, and its length in the shortest form.
pub(crate) fn encode_header(out: &mut Vec<u8>, first: u8, length: usize) {
    out.push(first);
    match length {
        short @ 0..=125 => out.push(short as u8),
        medium @ 126..=0xFFFF => {
            out.push(126);
            out.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            out.push(127);
            out.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
}

/// The lengths of the head and of the payload of the unmasked frame that these bytes begin with.
pub(crate) fn frame_lengths(bytes: &[u8]) -> Option<(usize, usize)> {
    let (head, payload) = match *bytes.get(1)? {
        126 => (4, u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
        short => (2, u64::from(short)),
    };
    Some((head, usize::try_from(payload).ok()?))
}

/// A message for many sockets, whose frame is encoded once.
#[derive(Debug)]
pub struct Encoded {
    frame: Bytes,
    /// The length of the frame's head.
    head: usize,
}

impl Encoded {
    /// Encodes the frame. `share` makes it one that many can have.
    pub fn new(opcode: Opcode, payload: &[u8], share: impl FnOnce(Vec<u8>) -> Bytes) -> Self {
        let mut frame = Vec::new();
        encode_frame(&mut frame, opcode, payload);
        let head = frame.len() - payload.len();
        Self { frame: share(frame), head }
    }

    /// The payload's length in bytes.
    pub fn len(&self) -> usize {
        self.frame.len() - self.head
    }

    /// What WebSockets send.
    pub fn frame(&self) -> Bytes {
        self.frame.clone()
    }

    /// What streams send: they have no frames.
    pub fn payload(&self) -> Bytes {
        self.frame.slice(self.head..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode_frame(&mut out, Opcode::Binary, payload);
        out
    }

    fn text(length: usize) -> Message {
        Message::Text("a".repeat(length).into())
    }

    #[test]
    fn short_messages_are_packed_and_what_follows_a_long_one_is_not() {
        let all =
            [text(0), Message::Binary(vec![0xFF; 3].into()), text(SHORT), text(SHORT + 1), text(1)];
        let mut messages = Messages::of(7);
        all.iter().for_each(|one| messages.push(one.clone()));
        assert_eq!((messages.len(), messages.rest().len()), (5, 2));
        assert_eq!(messages.iter().map(|one| one.to_message()).collect::<Vec<_>>(), all);
        let first = [[7, 0, 0, 0], [0, 0, 0, 0], [7, 0, 0, 0], [7, 0, 0, 0]].concat();
        assert_eq!(messages.packed()[..19], [&first[..], &[0xFF; 3]].concat());
    }

    #[test]
    fn an_inbox_has_each_once_and_in_order() {
        let all = [text(1), text(SHORT), text(SHORT + 1), text(2)];
        let mut messages = Messages::of(7);
        all.iter().for_each(|one| messages.push(one.clone()));
        let mut inbox = Inbox::from(messages);
        for message in all {
            assert!(!inbox.is_empty());
            assert_eq!(inbox.next(|one| one.to_message()), Some(message));
        }
        assert!(inbox.is_empty() && inbox.next(|_| ()).is_none());
    }

    #[test]
    fn what_is_no_text_is_not_packed() {
        let mut messages = Messages::of(1);
        assert!(messages.push_packed(Opcode::Text, b"b", |own| own[0] = b'a'));
        assert!(!messages.push_packed(Opcode::Text, b"b", |own| own[0] = 0xFF));
        assert_eq!(messages.iter().collect::<Vec<_>>(), [Borrowed::Text("a")]);
    }

    #[test]
    fn the_first_ones_are_kept() {
        for count in 0..=4 {
            let mut messages = Messages::of(1);
            let all = [text(1), text(2), text(SHORT + 1), text(3)];
            all.iter().for_each(|one| messages.push(one.clone()));
            messages.truncate(count);
            let kept: Vec<_> = messages.iter().map(|one| one.to_message()).collect();
            assert_eq!((kept.as_slice(), messages.len()), (&all[..count], count));
        }
    }

    #[test]
    fn encodes_each_length_in_its_shortest_form() {
        assert_eq!(encoded(b"ab"), [0x82, 2, b'a', b'b']);
        assert_eq!(encoded(&[7; 125])[..2], [0x82, 125]);
        assert_eq!(encoded(&[7; 126])[..4], [0x82, 126, 0, 126]);
        assert_eq!(encoded(&[7; 65535])[..4], [0x82, 126, 0xFF, 0xFF]);
        assert_eq!(encoded(&[7; 65536])[..10], [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn marks_text_with_opcode_1() {
        let mut out = Vec::new();
        encode_frame(&mut out, Opcode::Text, b"hi");
        assert_eq!(out, [0x81, 2, b'h', b'i']);
    }
}
