//! Decodes the most common frames, which contain a whole message each, without any state. The
//! decoder handles all others (RFC 6455, section 5), and every invalid frame.

use crate::message::{Message, Messages, Opcode, SHORT};

/// A complete, final, masked data frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Whole<'b> {
    pub opcode: Opcode,
    mask: [u8; 4],
    /// Masked.
    pub payload: &'b [u8],
    /// The frame's length in bytes.
    pub length: usize,
}

impl<'b> Whole<'b> {
    /// The frame at the beginning of `bytes`, if it is of this kind and its payload has at most
    /// `max` bytes.
    pub(crate) fn first(bytes: &'b [u8], max: usize) -> Option<Self> {
        let opcode = match bytes.first()? {
            0x81 => Opcode::Text,
            0x82 => Opcode::Binary,
            _ => return None,
        };
        let Head { length: head, payload, is_masked: true } = Head::first(bytes)? else {
            return None;
        };
        let payload = usize::try_from(payload).ok().filter(|payload| *payload <= max)?;
        let mask = bytes.get(head - MASK..head)?.try_into().ok()?;
        let length = head + payload;
        Some(Self { opcode, mask, payload: bytes.get(head..length)?, length })
    }

    /// Appends the message. Returns whether it is valid: text has to be UTF-8.
    pub(crate) fn append_to(&self, batch: &mut Messages) -> bool {
        if self.payload.len() <= SHORT {
            return batch.push_packed(self.opcode, self.payload, |payload| self.unmask(payload));
        }
        let mut payload = self.payload.to_vec();
        self.unmask(&mut payload);
        let message = match self.opcode {
            Opcode::Text => payload.try_into().ok().map(Message::Text),
            Opcode::Binary => Some(Message::Binary(payload.into())),
        };
        message.map(|message| batch.push(message)).is_some()
    }

    /// Unmasks a payload (RFC 6455, section 5.3).
    fn unmask(&self, payload: &mut [u8]) {
        let [a, b, c, d] = self.mask;
        let mask = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let mut words = payload.chunks_exact_mut(8);
        for word in &mut words {
            let mut masked = [0; 8];
            masked.copy_from_slice(word);
            word.copy_from_slice(&(u64::from_ne_bytes(masked) ^ mask).to_ne_bytes());
        }
        for (byte, mask) in words.into_remainder().iter_mut().zip(self.mask.iter().cycle()) {
            *byte ^= mask;
        }
    }
}

/// The length of a masking key, in bytes.
const MASK: usize = 4;

/// The head of any frame: the lengths of the head and of the payload, in bytes.
struct Head {
    length: usize,
    payload: u64,
    is_masked: bool,
}

impl Head {
    /// The head of the frame at the beginning of `bytes`, if its length is complete.
    fn first(bytes: &[u8]) -> Option<Self> {
        let second = *bytes.get(1)?;
        let (payload, length) = match second & 0x7F {
            126 => (u16::from_be_bytes(*bytes[2..].first_chunk()?).into(), 4),
            127 => (u64::from_be_bytes(*bytes[2..].first_chunk()?), 10),
            short => (short.into(), 2),
        };
        let is_masked = second & 0x80 != 0;
        Some(Self { length: length + if is_masked { MASK } else { 0 }, payload, is_masked })
    }
}

/// The decoder's position in a stream of frames. The decoder gets one frame at a time, so that the
/// next frame can be decoded without it if it has nothing left.
#[derive(Debug, Default)]
pub(crate) struct Position {
    /// The head of the current frame, while its length is incomplete.
    head: Vec<u8>,
    /// How many bytes of the current frame are missing.
    missing: u64,
    /// Whether a message has begun that continues in the next frames.
    fragmented: bool,
}

impl Position {
    /// Whether neither a frame nor a fragmented message has begun.
    pub(crate) fn is_between_messages(&self) -> bool {
        self.head.is_empty() && self.missing == 0 && !self.fragmented
    }

    /// Passes over the next bytes. Returns how many of them belong to the current frame.
    pub(crate) fn pass(&mut self, bytes: &[u8]) -> usize {
        if self.missing == 0 {
            let before = self.head.len();
            // The longest head has two bytes, eight of length, and the mask.
            self.head.extend(bytes.iter().take(14 - before));
            let Some(head) = Head::first(&self.head) else { return self.head.len() - before };
            let is_control = self.head[0] & 0x08 != 0;
            if !is_control {
                self.fragmented = self.head[0] & 0x80 == 0;
            }
            self.head.clear();
            // The length was completed just now, so the frame continues after what came before.
            self.missing = (head.length as u64).saturating_add(head.payload) - before as u64;
        }
        let passed = usize::try_from(self.missing).unwrap_or(usize::MAX).min(bytes.len());
        self.missing -= passed as u64;
        passed
    }
}

/// A client's frame, masked with a key that changes every byte.
#[cfg(test)]
pub(super) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const KEY: [u8; 4] = [1, 2, 3, 4];
    let mut bytes = Vec::new();
    crate::message::encode_header(&mut bytes, first, payload.len());
    bytes[1] |= 0x80;
    bytes.extend(KEY);
    bytes.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> Option<(Opcode, Vec<u8>, usize)> {
        let whole = Whole::first(bytes, 70_000)?;
        let mut payload = whole.payload.to_vec();
        whole.unmask(&mut payload);
        Some((whole.opcode, payload, whole.length))
    }

    #[test]
    fn a_whole_message_is_decoded_and_what_follows_left() {
        for length in [0, 1, 3, 4, 7, 8, 9, 125, 126, 65_535, 65_536] {
            let payload: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let bytes = masked(0x82, &payload);
            let followed = [&bytes[..], b"more"].concat();
            assert_eq!(decoded(&followed), Some((Opcode::Binary, payload, bytes.len())));
            for cut in [0, 1, 2, 5, bytes.len() - 1] {
                assert_eq!(decoded(&bytes[..cut.min(bytes.len() - 1)]), None, "{cut} of {length}");
            }
        }
        assert_eq!(decoded(&masked(0x81, b"hi")), Some((Opcode::Text, b"hi".to_vec(), 8)));
    }

    #[test]
    fn whatever_else_there_is_is_left_to_the_decoder() {
        let fragment = [0x01, 0x02, 0x00, 0x80];
        let control = [0x88, 0x89, 0x8A];
        let reserved = [0x91, 0xA2, 0xC1, 0x83, 0x8B];
        for first in [&fragment[..], &control, &reserved].concat() {
            assert_eq!(decoded(&masked(first, b"hi")), None, "{first:#x}");
        }
        assert_eq!(decoded(&[0x81, 2, b'h', b'i', 0, 0, 0, 0]), None, "it is not masked");
        assert_eq!(Whole::first(&masked(0x82, &[0; 9]), 8), None, "it is over the limit");
        assert_eq!(decoded(&[&[0x82, 0xFF][..], &[0xFF; 20]].concat()), None, "no such length");
    }

    /// The frames' lengths, and whether each of them ends between two messages.
    fn frames_of(bytes: &[u8], piece: usize) -> Vec<(usize, bool)> {
        let (mut position, mut ends) = (Position::default(), Vec::new());
        let (mut at, mut begun) = (0, 0);
        while at < bytes.len() {
            let passed = position.pass(&bytes[at..bytes.len().min(at + piece)]);
            assert!(passed > 0);
            at += passed;
            if position.head.is_empty() && position.missing == 0 {
                ends.push((at - begun, position.is_between_messages()));
                begun = at;
            }
        }
        ends
    }

    #[test]
    fn frames_are_told_apart_however_they_come() {
        let frames = [
            (masked(0x82, b""), true),
            (masked(0x01, &[0; 300]), false),
            (masked(0x89, b"ping"), false),
            (masked(0x00, b""), false),
            (masked(0x80, &[0; 66_000]), true),
            (masked(0x8A, b""), true),
            (vec![0x81, 1, b'a'], true),
            (masked(0x81, b"hi"), true),
        ];
        let bytes = frames.each_ref().map(|(bytes, _)| bytes.clone()).concat();
        let expected: Vec<_> = frames.iter().map(|(bytes, ends)| (bytes.len(), *ends)).collect();
        for piece in [1, 2, 3, 7, 13, 1000, bytes.len()] {
            assert_eq!(frames_of(&bytes, piece), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_length_beyond_all_bounds_is_no_overflow() {
        let mut position = Position::default();
        let bytes = [&[0x82, 0xFF][..], &[0xFF; 100]].concat();
        assert_eq!(position.pass(&bytes), bytes.len());
        assert!(!position.is_between_messages());
    }
}
