//! Frames as bytes (RFC 6455, section 5.2), right and wrong ones.

/// A mask that changes every byte.
const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

/// One frame of a client, or of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// FIN, the three reserved bits, and the opcode.
    pub head: u8,
    pub payload: Vec<u8>,
}

impl Frame {
    const FIN: u8 = 0x80;

    /// A whole message, or a control frame.
    pub fn new(opcode: u8, payload: impl AsRef<[u8]>) -> Self {
        Self { head: Self::FIN | opcode, payload: payload.as_ref().to_vec() }
    }

    pub fn text(payload: impl AsRef<[u8]>) -> Self {
        Self::new(1, payload)
    }

    pub fn binary(payload: impl AsRef<[u8]>) -> Self {
        Self::new(2, payload)
    }

    /// A frame that continues a message.
    pub fn continuation(payload: impl AsRef<[u8]>) -> Self {
        Self::new(0, payload)
    }

    pub fn ping(payload: impl AsRef<[u8]>) -> Self {
        Self::new(9, payload)
    }

    pub fn pong(payload: impl AsRef<[u8]>) -> Self {
        Self::new(10, payload)
    }

    pub fn close(code: u16, reason: &str) -> Self {
        Self::new(8, [&code.to_be_bytes(), reason.as_bytes()].concat())
    }

    /// The same frame, with more to follow.
    #[must_use]
    pub fn unfinished(mut self) -> Self {
        self.head &= !Self::FIN;
        self
    }

    /// Masked, as a client has to send it.
    pub fn masked(&self) -> Vec<u8> {
        let mut bytes = self.header(0x80);
        bytes.extend(MASK);
        bytes.extend(self.payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    /// Unmasked, as only a server may send it.
    pub fn unmasked(&self) -> Vec<u8> {
        let mut bytes = self.header(0);
        bytes.extend(&self.payload);
        bytes
    }

    fn header(&self, mask: u8) -> Vec<u8> {
        let mut bytes = vec![self.head];
        match self.payload.len() {
            short @ 0..126 => bytes.push(mask | short as u8),
            middle @ 126..=0xFFFF => {
                bytes.push(mask | 126);
                bytes.extend((middle as u16).to_be_bytes());
            }
            long => {
                bytes.push(mask | 127);
                bytes.extend((long as u64).to_be_bytes());
            }
        }
        bytes
    }

    /// The host's first frame in `bytes`, and its length there. None while it is not complete.
    ///
    /// # Panics
    /// The host masks it.
    pub(crate) fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let (&head, rest) = bytes.split_first()?;
        let (&length, rest) = rest.split_first()?;
        assert_eq!(length & 0x80, 0, "the host masked a frame");
        let (length, rest) = match length {
            126 => rest.split_at_checked(2).map(|(number, rest)| (big_endian(number), rest))?,
            127 => rest.split_at_checked(8).map(|(number, rest)| (big_endian(number), rest))?,
            short => (short.into(), rest),
        };
        let payload = rest.get(..length)?.to_vec();
        let end = bytes.len() - rest.len() + length;
        Some((Self { head, payload }, end))
    }
}

fn big_endian(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}
