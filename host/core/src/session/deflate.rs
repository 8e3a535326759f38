//! `permessage-deflate` (RFC 7692), as a layer between the byte stream and tungstenite.
//!
//! Incoming bytes are rewritten frame by frame: a compressed message becomes the same message
//! uncompressed, and everything else passes as it is, so that tungstenite still checks every rule
//! of RFC 6455. Outgoing messages are compressed when they are taken from the socket's queue,
//! because dropped messages must not be in the peer's window.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use http::HeaderMap;
use http::header::SEC_WEBSOCKET_EXTENSIONS;

use crate::config;
use crate::message::{Opcode, encode_header, frame_lengths};

/// The smallest window that zlib supports for raw deflate, as a power of two.
const MIN_BITS: u8 = 9;
const MAX_BITS: u8 = 15;

/// The end of a message's last block (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const MASKED: u8 = 0x80;
/// The bit that marks an opcode as a control frame's.
const CONTROL: u8 = 0x08;

/// The parameters that both sides have agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The window that we compress with.
    server_bits: u8,
    server_takeover: bool,
    /// The window that the peer compresses with.
    client_bits: u8,
    client_takeover: bool,
    /// Whether the answer may name the peer's window.
    name_client_bits: bool,
}

impl Agreed {
    /// The first offer that can be accepted.
    pub fn on(headers: &HeaderMap, site: &config::Deflate) -> Option<Self> {
        let lists = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter();
        let offers = lists.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(','));
        offers.filter_map(|offer| Self::on_offer(offer, site)).next()
    }

    fn on_offer(offer: &str, site: &config::Deflate) -> Option<Self> {
        let mut parts = offer.split(';').map(str::trim);
        if parts.next()? != "permessage-deflate" {
            return None;
        }
        let own_bits = site.window_bits.clamp(MIN_BITS, MAX_BITS);
        let mut agreed = Self {
            server_bits: own_bits,
            server_takeover: site.context_takeover,
            client_bits: MAX_BITS,
            client_takeover: site.context_takeover,
            name_client_bits: false,
        };
        let mut seen = Vec::new();
        for part in parts {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
                None => (part, None),
            };
            if seen.contains(&name) {
                return None;
            }
            seen.push(name);
            match (name, value) {
                ("server_no_context_takeover", None) => agreed.server_takeover = false,
                ("client_no_context_takeover", None) => agreed.client_takeover = false,
                ("server_max_window_bits", Some(value)) => {
                    agreed.server_bits = bits(value)?.min(own_bits);
                }
                ("client_max_window_bits", None) => {
                    agreed.client_bits = own_bits;
                    agreed.name_client_bits = true;
                }
                ("client_max_window_bits", Some(value)) => {
                    agreed.client_bits = bits(value)?.min(own_bits);
                    agreed.name_client_bits = true;
                }
                _ => return None,
            }
        }
        Some(agreed)
    }

    /// What both windows take, with their tables, in bytes.
    pub fn memory(&self) -> usize {
        // As zlib-rs has it. To compress: four times the window, 128 KiB of tables, and 112 KiB of
        // buffers, of which most sockets touch less than half. To decompress: a window of the
        // largest size, even if the two sides have agreed on a smaller one, and its state.
        (4 << self.server_bits) + (128 << 10) + (56 << 10) + (32 << 10) + (16 << 10)
    }

    /// The value of `sec-websocket-extensions` in the 101.
    pub fn answer(&self) -> String {
        let mut answer = "permessage-deflate".to_owned();
        if !self.server_takeover {
            answer += "; server_no_context_takeover";
        }
        if !self.client_takeover {
            answer += "; client_no_context_takeover";
        }
        if self.server_bits < MAX_BITS {
            answer += &format!("; server_max_window_bits={}", self.server_bits);
        }
        if self.name_client_bits && self.client_bits < MAX_BITS {
            answer += &format!("; client_max_window_bits={}", self.client_bits);
        }
        answer
    }
}

/// Reads a window that zlib supports.
fn bits(text: &str) -> Option<u8> {
    let valid = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|bits| valid && (MIN_BITS..=MAX_BITS).contains(bits))
}

/// Compresses outgoing messages.
pub(crate) struct Deflater {
    compress: Compress,
    takeover: bool,
}

impl Deflater {
    pub(crate) fn new(agreed: &Agreed) -> Self {
        let compress =
            Compress::new_with_window_bits(Compression::fast(), false, agreed.server_bits);
        Self { compress, takeover: agreed.server_takeover }
    }

    /// Compresses `frames` into `out`. Each frame is a whole message, made by `encode_frame`.
    pub(crate) fn frames(&mut self, frames: &[u8], out: &mut Vec<u8>) {
        let mut rest = frames;
        while let Some((opcode, payload, after)) = split_frame(rest) {
            let compressed = self.message(payload);
            encode_header(out, FIN | RSV1 | opcode, compressed.len());
            out.extend_from_slice(&compressed);
            rest = after;
        }
    }

    fn message(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut compressed = Vec::with_capacity(payload.len() / 2 + 64);
        let start = self.compress.total_in();
        loop {
            let done = usize::try_from(self.compress.total_in() - start).unwrap_or(usize::MAX);
            let input = payload.get(done..).unwrap_or_default();
            let status = self.compress.compress_vec(input, &mut compressed, FlushCompress::Sync);
            // If room is left over, everything has been flushed.
            let flushed = compressed.len() < compressed.capacity();
            if !matches!(status, Ok(Status::Ok)) || flushed {
                break;
            }
            compressed.reserve(compressed.capacity().max(64));
        }
        if compressed.ends_with(&TAIL) {
            compressed.truncate(compressed.len() - TAIL.len());
        }
        if compressed.is_empty() {
            // Section 7.2.3.6: an empty message is one empty block.
            compressed.push(0);
        }
        if !self.takeover {
            self.compress.reset();
        }
        compressed
    }
}

/// Splits off the first of our own frames.
fn split_frame(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (head, payload) = frame_lengths(bytes)?;
    let end = head.checked_add(payload)?;
    Some((bytes[0] & 0x0F, bytes.get(head..end)?, &bytes[end..]))
}

/// Rewrites incoming bytes.
pub(crate) struct Inflater {
    decompress: Decompress,
    takeover: bool,
    max_message: usize,
    /// The head of the current frame, while it is incomplete.
    head: Vec<u8>,
    frame: Frame,
    /// Whether the current message is compressed.
    compressed: bool,
    /// How many bytes of it have been inflated.
    inflated: usize,
    /// Whether a message has begun that continues in the next frames.
    fragmented: bool,
}

/// What the next bytes belong to.
enum Frame {
    /// A frame's head.
    Head,
    /// The rest of a payload that passes as it is.
    Plain { left: u64 },
    /// The rest of a compressed payload, and what has been inflated.
    Compressed { first: u8, left: u64, key: [u8; 4], at: usize, payload: Vec<u8> },
    /// The stream is broken: tungstenite has been given something to refuse.
    Broken,
}

impl Inflater {
    pub(crate) fn new(agreed: &Agreed, max_message: usize) -> Self {
        Self {
            decompress: Decompress::new_with_window_bits(false, agreed.client_bits),
            takeover: agreed.client_takeover,
            max_message,
            head: Vec::new(),
            frame: Frame::Head,
            compressed: false,
            inflated: 0,
            fragmented: false,
        }
    }

    /// Whether neither a frame nor a fragmented message has begun.
    pub(crate) fn is_between_messages(&self) -> bool {
        matches!(self.frame, Frame::Head) && self.head.is_empty() && !self.fragmented
    }

    /// How many bytes are kept of a compressed frame that is not complete.
    pub(crate) fn kept(&self) -> usize {
        match &self.frame {
            Frame::Compressed { payload, .. } => payload.len(),
            Frame::Head | Frame::Plain { .. } | Frame::Broken => 0,
        }
    }

    /// Appends the rewritten `input` to `out`.
    pub(crate) fn push(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        while !input.is_empty() {
            match &mut self.frame {
                Frame::Head => {
                    self.head.push(input[0]);
                    input = &input[1..];
                    if self.head.len() == head_length(&self.head) {
                        self.begin(out);
                    }
                }
                Frame::Plain { left } => {
                    let taken = take(&mut input, *left);
                    *left -= taken.len() as u64;
                    out.extend_from_slice(taken);
                    if *left == 0 {
                        self.frame = Frame::Head;
                    }
                }
                Frame::Compressed { left, key, at, payload, .. } => {
                    let taken = take(&mut input, *left);
                    *left -= taken.len() as u64;
                    payload.extend(taken.iter().enumerate().map(|(i, b)| b ^ key[(*at + i) % 4]));
                    *at += taken.len();
                    if *left == 0 {
                        self.end(out);
                    }
                }
                Frame::Broken => return,
            }
        }
    }

    /// Handles a complete head.
    fn begin(&mut self, out: &mut Vec<u8>) {
        let head = std::mem::take(&mut self.head);
        let (first, second) = (head[0], head[1]);
        let (opcode, masked) = (first & 0x0F, second & MASKED != 0);
        let left = payload_length(&head);
        if opcode & CONTROL == 0 {
            self.fragmented = first & FIN == 0;
        }
        let begins = matches!(opcode, 1 | 2) && first & RSV1 != 0 && !self.compressed;
        let goes_on = opcode == 0 && first & RSV1 == 0 && self.compressed;
        let fits = left <= self.max_message as u64;
        if !masked || !(begins || goes_on) || !fits {
            // A message that is too long is refused by its length, and an invalid one by its fault.
            let refused_by_length = (begins || goes_on) && !fits;
            out.push(if refused_by_length { first & !RSV1 } else { first });
            out.extend_from_slice(&head[1..]);
            self.frame = if left == 0 { Frame::Head } else { Frame::Plain { left } };
            return;
        }
        self.compressed = true;
        let mut key = [0; 4];
        key.copy_from_slice(&head[head.len() - 4..]);
        let first = first & !RSV1;
        self.frame = Frame::Compressed { first, left, key, at: 0, payload: Vec::new() };
        if left == 0 {
            self.end(out);
        }
    }

    /// Handles a complete compressed frame.
    fn end(&mut self, out: &mut Vec<u8>) {
        let Frame::Compressed { first, mut payload, .. } =
            std::mem::replace(&mut self.frame, Frame::Head)
        else {
            return;
        };
        let is_last = first & FIN != 0;
        if is_last {
            payload.extend_from_slice(&TAIL);
        }
        let mut inflated = Vec::new();
        let whole = self.inflate(&payload, &mut inflated);
        self.inflated += inflated.len();
        if self.inflated > self.max_message {
            // A length over the limit, which tungstenite answers with 1009.
            encode_masked_header(out, first, self.max_message as u64 + 1);
            self.frame = Frame::Broken;
            return;
        }
        if !whole {
            // Reserved bits, which tungstenite answers with 1002.
            encode_masked_header(out, first | 0x70, 0);
            self.frame = Frame::Broken;
            return;
        }
        encode_masked_header(out, first, inflated.len() as u64);
        out.extend_from_slice(&inflated);
        if is_last {
            self.compressed = false;
            self.inflated = 0;
            if !self.takeover {
                self.decompress.reset(false);
            }
        }
    }

    /// Inflates `input`. Returns whether it was valid, and stops when the message exceeds its
    /// limit.
    fn inflate(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> bool {
        while !input.is_empty() && self.inflated + out.len() <= self.max_message {
            out.reserve(input.len().max(1024));
            let before = (self.decompress.total_in(), out.len());
            let status = self.decompress.decompress_vec(input, out, FlushDecompress::Sync);
            let used = usize::try_from(self.decompress.total_in() - before.0).unwrap_or(usize::MAX);
            input = input.get(used..).unwrap_or_default();
            match status {
                Ok(Status::StreamEnd) => {
                    // A final block ends the stream, but not the message (section 7.2.3.4): what
                    // follows starts another stream, and our tail may be left over.
                    self.decompress.reset(false);
                    if TAIL.ends_with(input) {
                        return true;
                    }
                }
                Ok(_) if used == 0 && out.len() == before.1 => return false,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        // What is still inside comes out when there is room.
        while self.inflated + out.len() <= self.max_message && out.len() == out.capacity() {
            out.reserve(1024);
            let before = out.len();
            if self.decompress.decompress_vec(&[], out, FlushDecompress::Sync).is_err()
                || out.len() == before
            {
                break;
            }
        }
        true
    }
}

fn take<'i>(input: &mut &'i [u8], most: u64) -> &'i [u8] {
    let count = input.len().min(usize::try_from(most).unwrap_or(usize::MAX));
    let (taken, rest) = input.split_at(count);
    *input = rest;
    taken
}

/// The length of the head that begins so; at least two bytes.
fn head_length(head: &[u8]) -> usize {
    let Some(second) = head.get(1) else { return 2 };
    let length = match second & 0x7F {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    length + if second & MASKED != 0 { 4 } else { 0 }
}

/// The payload's length in a complete head.
fn payload_length(head: &[u8]) -> u64 {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
    match head[1] & 0x7F {
        126 => number(&head[2..4]),
        127 => number(&head[2..10]),
        short => u64::from(short),
    }
}

/// A head as a client sends it, with a mask that changes nothing.
fn encode_masked_header(out: &mut Vec<u8>, first: u8, length: u64) {
    let start = out.len();
    encode_header(out, first, usize::try_from(length).unwrap_or(usize::MAX));
    out[start + 1] |= MASKED;
    out.extend_from_slice(&[0; 4]);
}

/// Makes the compiler notice if the opcodes that frames are split by change.
const _: () = assert!(Opcode::Text as u8 == 1 && Opcode::Binary as u8 == 2);

#[cfg(test)]
mod tests;
