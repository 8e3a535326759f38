//! A decoder of RFC 6455 and RFC 7692 that has all bytes at once, and so can be simple.

use flate2::{Decompress, FlushDecompress, Status};

/// What ends a compressed message (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// How messages are compressed, either way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deflate {
    /// The window.
    pub bits: u8,
    /// Whether it stays from one message to the next.
    pub takeover: bool,
}

/// What the bytes say.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    /// Opcodes and payloads.
    pub messages: Vec<(u8, Vec<u8>)>,
    pub pings: Vec<Vec<u8>>,
    pub pongs: Vec<Vec<u8>>,
    pub end: End,
}

/// How they end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    /// Without a close frame, in the middle of a frame or behind one.
    #[default]
    Middle,
    /// With a close frame: its code and reason, if any.
    Closed(Vec<u8>),
    /// A rule is broken.
    Broken,
    /// A rule is broken in a frame that is not whole, or by a close code that the RFCs leave open:
    /// a decoder may see it or not.
    Either,
    /// From here on, what deflate makes of it is more than is known here.
    Unknown,
}

/// What a decoder knows before a frame.
struct Decoder {
    /// A client's frames are masked, and a server's not.
    masked: bool,
    max: usize,
    deflate: Option<(Decompress, Deflate)>,
    begun: Option<Message>,
}

/// A message that goes on.
struct Message {
    opcode: u8,
    compressed: bool,
    payload: Vec<u8>,
}

struct Frame {
    fin: bool,
    rsv1: bool,
    opcode: u8,
    payload: Vec<u8>,
}

impl Decoded {
    /// What a client has said.
    pub(crate) fn from_client(bytes: &[u8], deflate: Option<Deflate>, max: usize) -> Self {
        Self::of(bytes, true, deflate, max)
    }

    /// What the host has said.
    pub(crate) fn from_host(bytes: &[u8], deflate: Option<Deflate>, max: usize) -> Self {
        Self::of(bytes, false, deflate, max)
    }

    fn of(mut bytes: &[u8], masked: bool, deflate: Option<Deflate>, max: usize) -> Self {
        let window = |deflate: Deflate| Decompress::new_with_window_bits(false, deflate.bits);
        let deflate = deflate.map(|deflate| (window(deflate), deflate));
        let mut decoder = Decoder { masked, max, deflate, begun: None };
        let mut decoded = Self::default();
        let end = loop {
            match decoder.frame(&mut bytes).and_then(|frame| decoded.add(frame, &mut decoder)) {
                Ok(()) => {}
                Err(end) => break end,
            }
        };
        let is_cut_off = end == End::Middle;
        assert!(masked || is_cut_off || bytes.is_empty(), "the host closed, and said {bytes:?}");
        decoded.end = end;
        decoded
    }

    fn add(&mut self, frame: Frame, decoder: &mut Decoder) -> Result<(), End> {
        match frame.opcode {
            8 => return Err(closed(frame.payload)),
            9 => self.pings.push(frame.payload),
            10 => self.pongs.push(frame.payload),
            _ => self.messages.extend(decoder.data(frame)?),
        }
        Ok(())
    }
}

impl Decoder {
    /// The next frame, taken from the bytes.
    fn frame(&self, bytes: &mut &[u8]) -> Result<Frame, End> {
        let (&[first, second], rest) = bytes.split_first_chunk().ok_or(End::Middle)?;
        let (length, rest) = match second & 0x7F {
            126 => rest.split_at_checked(2).ok_or(End::Middle)?,
            127 => rest.split_at_checked(8).ok_or(End::Middle)?,
            _ => (&[second & 0x7F][..], rest),
        };
        let length = length.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let is_masked = second & 0x80 != 0;
        let (key, rest) = match is_masked {
            true => rest.split_first_chunk::<4>().ok_or(End::Middle)?,
            false => (&[0; 4], rest),
        };
        let (fin, rsv1, opcode) = (first & 0x80 != 0, first & 0x40 != 0, first & 0x0F);
        let is_control = opcode >= 8;
        let may_compress = self.deflate.is_some() && matches!(opcode, 1 | 2);
        let is_valid = is_masked == self.masked
            && first & 0x30 == 0
            && (!rsv1 || may_compress)
            && match opcode {
                0 => self.begun.is_some(),
                1 | 2 => self.begun.is_none(),
                8..=10 => fin && length <= 125,
                _ => false,
            };
        if !is_control && length > self.max as u64 {
            return Err(End::Broken);
        }
        let whole = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
        let Some((payload, rest)) = whole else {
            return Err(if is_valid { End::Middle } else { End::Either });
        };
        if !is_valid {
            return Err(End::Broken);
        }
        *bytes = rest;
        let payload =
            payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        Ok(Frame { fin, rsv1, opcode, payload })
    }

    /// A part of a message; answers the whole one, if this was the last.
    fn data(&mut self, frame: Frame) -> Result<Option<(u8, Vec<u8>)>, End> {
        assert!(self.masked || frame.fin, "the host sends no fragments");
        let begins =
            || Message { opcode: frame.opcode, compressed: frame.rsv1, payload: Vec::new() };
        let mut message = self.begun.take().unwrap_or_else(begins);
        match &mut self.deflate {
            Some((window, deflate)) if message.compressed => {
                let tail = if frame.fin { &TAIL[..] } else { &[] };
                inflate(window, &[&frame.payload, tail].concat(), &mut message.payload, self.max)?;
                if frame.fin && !deflate.takeover {
                    window.reset(false);
                }
            }
            _ => message.payload.extend(&frame.payload),
        }
        let text = std::str::from_utf8(&message.payload);
        let is_text = match text {
            Ok(_) => true,
            // A character may go on in the next frame.
            Err(error) => !frame.fin && error.error_len().is_none(),
        };
        if message.payload.len() > self.max || message.opcode == 1 && !is_text {
            return Err(End::Broken);
        }
        if frame.fin {
            return Ok(Some((message.opcode, message.payload)));
        }
        self.begun = Some(message);
        Ok(None)
    }
}

fn inflate(
    window: &mut Decompress,
    mut input: &[u8],
    out: &mut Vec<u8>,
    max: usize,
) -> Result<(), End> {
    loop {
        out.reserve(1024);
        let before = (window.total_in(), out.len());
        let status = window.decompress_vec(input, out, FlushDecompress::Sync);
        let used = (window.total_in() - before.0) as usize;
        input = &input[used..];
        match status {
            Ok(Status::StreamEnd) => return Err(End::Unknown),
            Err(_) => return Err(End::Broken),
            Ok(_) if out.len() > max => return Err(End::Broken),
            Ok(_) if used == 0 && out.len() == before.1 => match input {
                [] => return Ok(()),
                _ => return Err(End::Broken),
            },
            Ok(_) => {}
        }
    }
}

/// RFC 6455, section 7.4.
fn closed(payload: Vec<u8>) -> End {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { End::Closed(payload) } else { End::Broken };
    };
    match u16::from_be_bytes(*code) {
        _ if std::str::from_utf8(reason).is_err() => End::Broken,
        1000..=1003 | 1007..=1013 | 3000..=4999 => End::Closed(payload),
        0..=999 | 1005 | 1006 | 1015 | 5000.. => End::Broken,
        _ => End::Either,
    }
}
