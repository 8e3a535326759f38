//! What travels between a socket and a guest: one whole message, and its frame on the way out.
//!
//! Text is tungstenite's UTF-8 bytes: it has been checked once, when it arrived, and is shared
//! rather than copied from there to the guest.

use bytes::Bytes;
pub use tokio_tungstenite::tungstenite::Utf8Bytes;

/// A data message (RFC 6455, section 5.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Text(Utf8Bytes),
    Binary(Bytes),
}

impl Message {
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
}

/// The opcode of a data frame (RFC 6455, section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    Text = 1,
    Binary = 2,
}

/// Appends one final, unmasked data frame to `out`: what a server sends (RFC 6455, section 5.1).
pub fn encode_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    const FIN: u8 = 0x80;
    out.reserve(payload.len() + 10);
    encode_header(out, FIN | opcode as u8, payload.len());
    out.extend_from_slice(payload);
}

/// Appends the head of an unmasked frame: its first byte, and its length in the shortest form.
pub fn encode_header(out: &mut Vec<u8>, first: u8, length: usize) {
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

/// A message for many sockets: its payload, and its frame, encoded once.
#[derive(Debug)]
pub struct Encoded<'p> {
    /// For streams, which have no frames.
    pub payload: &'p [u8],
    /// For WebSockets.
    pub frame: Vec<u8>,
}

impl<'p> Encoded<'p> {
    /// Encodes it.
    pub fn new(opcode: Opcode, payload: &'p [u8]) -> Self {
        let mut frame = Vec::new();
        encode_frame(&mut frame, opcode, payload);
        Self { payload, frame }
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
