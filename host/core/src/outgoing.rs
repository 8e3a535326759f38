//! Bytes on their way to a peer.
//!
//! Short messages are copied into one buffer, one behind the other. A long message for many peers
//! exists once, and all of them share it.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf as _, Bytes};

use crate::buffers;
use crate::message::frame_lengths;

/// How many pieces go out in one write.
const GATHERED: usize = 16;

/// The pieces of one write.
pub(crate) type Slices<'o> = [IoSlice<'o>; GATHERED];

/// Slices for a write.
pub(crate) fn slices<'o>() -> Slices<'o> {
    [IoSlice::new(&[]); GATHERED]
}

/// Bytes that wait to be sent, in order. Nothing that waits takes no memory.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// A borrowed buffer, whose first `gone` bytes have been sent or dropped.
    first: Vec<u8>,
    gone: usize,
    /// Shared pieces, each with a borrowed buffer for what comes behind it.
    rest: VecDeque<(Bytes, Vec<u8>)>,
    /// How many bytes `rest` has, and how many of these are shared.
    rest_len: usize,
    shared_len: usize,
    /// Whether a part of the first shared piece is gone.
    shared_has_begun: bool,
}

impl Outgoing {
    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.first.len() - self.gone + self.rest_len
    }

    /// How many of these bytes no other has.
    pub(crate) fn own_len(&self) -> usize {
        self.len() - self.shared_len
    }

    /// How many bytes of memory it takes for itself: each buffer until all of it is gone, and a
    /// place for each shared piece.
    pub(crate) fn footprint(&self) -> usize {
        let places = self.rest.capacity().saturating_mul(size_of::<(Bytes, Vec<u8>)>());
        self.first.len() + (self.rest_len - self.shared_len) + places
    }

    /// How many bytes of memory wait in it, those of shared pieces included.
    pub(crate) fn held_up(&self) -> usize {
        self.footprint() + self.shared_len
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Has `write` append bytes to the last buffer. Returns how many it has appended.
    pub(crate) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        let (last, behind) = match self.rest.back_mut() {
            Some((_, own)) => (own, true),
            None => (&mut self.first, false),
        };
        if last.capacity() == 0 {
            *last = buffers::take();
        }
        let before = last.len();
        write(last);
        let appended = last.len() - before;
        if behind {
            self.rest_len += appended;
        }
        appended
    }

    /// Appends a piece that others have, too, without copying it.
    pub(crate) fn share(&mut self, piece: Bytes) {
        self.rest_len += piece.len();
        self.shared_len += piece.len();
        self.rest.push_back((piece, Vec::new()));
    }

    /// Appends everything that `other` has.
    pub(crate) fn append_all(&mut self, mut other: Self) {
        if self.is_empty() {
            std::mem::swap(self, &mut other);
            return;
        }
        let first = &other.first[other.gone..];
        if !first.is_empty() {
            self.append(|own| own.extend_from_slice(first));
        }
        self.rest_len += other.rest_len;
        self.shared_len += other.shared_len;
        self.rest.append(&mut other.rest);
    }

    /// Drops this many bytes from the front, or all.
    pub(crate) fn advance(&mut self, mut count: usize) {
        loop {
            let own = count.min(self.first.len() - self.gone);
            self.gone += own;
            count -= own;
            if self.gone < self.first.len() {
                return;
            }
            buffers::give(std::mem::take(&mut self.first));
            self.gone = 0;
            let Some((shared, _)) = self.rest.front_mut() else { return };
            let of_it = count.min(shared.len());
            shared.advance(of_it);
            count -= of_it;
            self.rest_len -= of_it;
            self.shared_len -= of_it;
            self.shared_has_begun |= of_it > 0;
            if !shared.is_empty() {
                return;
            }
            self.shared_has_begun = false;
            if let Some((_, behind)) = self.rest.pop_front() {
                self.rest_len -= behind.len();
                self.first = behind;
            }
        }
    }

    /// Drops everything but the rest of the frame that has begun. Only whole frames may have been
    /// appended.
    pub(crate) fn keep_begun_frame(&mut self) {
        let mut end = 0;
        while end < self.gone {
            let Some((head, payload)) = frame_lengths(&self.first[end..]) else { break };
            end = end.saturating_add(head).saturating_add(payload).min(self.first.len());
        }
        let keeps_shared = self.gone == self.first.len() && self.shared_has_begun;
        self.first.truncate(end.max(self.gone));
        self.rest.truncate(usize::from(keeps_shared));
        if let Some((_, own)) = self.rest.front_mut() {
            own.clear();
        }
        self.rest_len = self.rest.front().map_or(0, |(shared, _)| shared.len());
        self.shared_len = self.rest_len;
    }

    /// Moves the first buffer's bytes to its front if half of them are gone, so that each byte
    /// moves once on average. No frame may have begun: see [`Outgoing::keep_begun_frame`].
    pub(crate) fn compact(&mut self) {
        if self.gone > self.first.len() / 2 {
            self.first.drain(..self.gone);
            self.gone = 0;
        }
    }

    /// Takes the first piece out.
    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        let piece = match self.first.len() - self.gone {
            0 => self.rest.front().map(|(shared, _)| shared.clone())?,
            _ => {
                let mut piece = Bytes::from(std::mem::take(&mut self.first));
                piece.advance(std::mem::take(&mut self.gone));
                return Some(piece);
            }
        };
        self.advance(piece.len());
        Some(piece)
    }

    /// The pieces, in order.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let rest = self.rest.iter().flat_map(|(shared, own)| [&**shared, &**own]);
        let pieces = std::iter::once(&self.first[self.gone..]).chain(rest);
        pieces.filter(|piece| !piece.is_empty())
    }

    /// What the next write takes: as many pieces as `slices` has room for. What has been written is
    /// dropped by [`Outgoing::advance`].
    pub(crate) fn gather<'r, 'o>(&'o self, slices: &'r mut Slices<'o>) -> &'r [IoSlice<'o>] {
        let mut count = 0;
        if self.rest.is_empty() {
            // Nearly always.
            slices[0] = IoSlice::new(&self.first[self.gone..]);
            return &slices[..usize::from(!self.is_empty())];
        }
        for (slice, piece) in slices.iter_mut().zip(self.pieces()) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        &slices[..count]
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        buffers::give(std::mem::take(&mut self.first));
        for (_, own) in self.rest.drain(..) {
            buffers::give(own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Opcode, encode_frame};

    /// Two own pieces and two shared ones: `ab`, `CD`, `ef`, `GH`.
    fn mixed() -> Outgoing {
        let mut out = Outgoing::default();
        out.append(|own| own.extend_from_slice(b"ab"));
        out.share(Bytes::from_static(b"CD"));
        out.append(|own| own.extend_from_slice(b"ef"));
        out.share(Bytes::from_static(b"GH"));
        out
    }

    fn text(out: &Outgoing) -> String {
        String::from_utf8(out.pieces().collect::<Vec<_>>().concat()).unwrap()
    }

    #[test]
    fn what_waits_keeps_its_order_wherever_it_is_cut() {
        for count in 0..=9 {
            let mut out = mixed();
            out.advance(count);
            assert_eq!(text(&out), "abCDefGH"[count.min(8)..]);
            assert_eq!(out.len(), 8 - count.min(8));
            let own = text(&out).chars().filter(char::is_ascii_lowercase).count();
            assert_eq!(out.own_len(), own);
            out.append(|own| own.push(b'i'));
            assert!(text(&out).ends_with('i') && out.len() == 9 - count.min(8));
        }
    }

    #[test]
    fn pieces_come_out_one_after_the_other() {
        let mut out = mixed();
        out.advance(1);
        let pieces: Vec<Bytes> = std::iter::from_fn(|| out.pop()).collect();
        assert_eq!(pieces, ["b", "CD", "ef", "GH"]);
        assert!(out.is_empty() && out.pieces().next().is_none());
    }

    #[test]
    fn a_buffer_takes_memory_until_all_of_it_is_gone_and_each_shared_piece_takes_a_place() {
        let mut out = Outgoing::default();
        out.append(|own| own.resize(10_000, b'a'));
        out.advance(9_999);
        assert_eq!((out.len(), out.footprint()), (1, 10_000));
        out.advance(1);
        assert_eq!(out.footprint(), 0);
        (0..1_000).for_each(|_| out.share(Bytes::from_static(b"x")));
        assert!(out.footprint() >= 56_000 && out.own_len() == 0, "{}", out.footprint());
    }

    #[test]
    fn a_shared_piece_is_not_copied() {
        let piece = Bytes::from(vec![7; 100]);
        let mut out = Outgoing::default();
        out.share(piece.clone());
        assert_eq!(out.pieces().next().unwrap().as_ptr(), piece.as_ptr());
        assert_eq!(out.pop().unwrap().as_ptr(), piece.as_ptr());
    }

    #[test]
    fn all_pieces_are_gathered_for_a_write() {
        let all = |out: &Outgoing| -> Vec<Vec<u8>> {
            out.gather(&mut slices()).iter().map(|piece| piece.to_vec()).collect()
        };
        assert_eq!(all(&mixed()), [b"ab", b"CD", b"ef", b"GH"]);
        let mut out = mixed();
        out.advance(8);
        out.append(|own| own.push(b'i'));
        assert_eq!(all(&out), [b"i"]);
        (0..GATHERED).for_each(|_| out.share(Bytes::from_static(b"x")));
        assert_eq!(all(&out).len(), GATHERED, "the rest goes out in the next write");
    }

    #[test]
    fn only_the_frame_that_has_begun_is_kept() {
        let frame = |payload: &[u8]| {
            let mut frame = Vec::new();
            encode_frame(&mut frame, Opcode::Text, payload);
            frame
        };
        let frames = [frame(b"abc"), frame(&[b'x'; 200]), frame(b""), frame(b"z")];
        let all = frames.concat();
        let ends: Vec<usize> =
            (1..=frames.len()).map(|count| frames[..count].concat().len()).collect();
        for shared in [None, Some(1), Some(3)] {
            for gone in 0..=all.len() {
                let mut out = Outgoing::default();
                for (at, frame) in frames.iter().enumerate() {
                    match shared == Some(at) {
                        true => out.share(Bytes::from(frame.clone())),
                        false => drop(out.append(|own| own.extend_from_slice(frame))),
                    }
                }
                out.advance(gone);
                out.keep_begun_frame();
                let is_whole = gone == 0 || ends.contains(&gone);
                let end = ends.iter().copied().find(|end| *end >= gone).unwrap();
                let kept = if is_whole { &[][..] } else { &all[gone..end] };
                assert_eq!(out.pieces().collect::<Vec<_>>().concat(), kept, "{shared:?} {gone}");
                assert_eq!(out.len(), kept.len());
                assert!(out.own_len() == out.len() || out.own_len() == 0);
            }
        }
    }

    #[test]
    fn everything_of_another_is_appended() {
        let mut out = Outgoing::default();
        out.append_all(mixed());
        out.append_all(mixed());
        assert_eq!((text(&out).as_str(), out.len()), ("abCDefGHabCDefGH", 16));
    }
}
