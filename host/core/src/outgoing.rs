//! Bytes on their way to a peer.
//!
//! Short messages are copied into one buffer, one behind the other. A long message for many peers
//! exists once, and all of them share it.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf as _, Bytes};

use crate::buffers;

/// How many pieces go out in one write.
const GATHERED: usize = 16;

/// Bytes that wait to be sent, in order. Nothing that waits takes no memory.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// A borrowed buffer, whose first `gone` bytes have been sent or dropped.
    first: Vec<u8>,
    gone: usize,
    /// Shared pieces, each with a borrowed buffer for what comes behind it.
    rest: VecDeque<(Bytes, Vec<u8>)>,
    /// How many bytes `rest` has.
    rest_len: usize,
}

impl Outgoing {
    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.first.len() - self.gone + self.rest_len
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
        self.rest.push_back((piece, Vec::new()));
    }

    /// Appends everything that `other` has.
    pub(crate) fn append_all(&mut self, mut other: Self) {
        if self.is_empty() {
            std::mem::swap(self, &mut other);
            return;
        }
        self.append(|own| own.extend_from_slice(&other.first[other.gone..]));
        self.rest_len += other.rest_len;
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
            if !shared.is_empty() {
                return;
            }
            if let Some((_, behind)) = self.rest.pop_front() {
                self.rest_len -= behind.len();
                self.first = behind;
            }
        }
    }

    /// Moves the first buffer's bytes to its front if half of them are gone, so that each byte
    /// moves once on average.
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

    /// What the next write takes. [`Outgoing::advance`] drops what has been written.
    pub(crate) fn gather(&self) -> Gathered<'_> {
        if self.rest.is_empty() {
            return Gathered::One(&self.first[self.gone..]);
        }
        let mut slices = [IoSlice::new(&[]); GATHERED];
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(self.pieces()) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        Gathered::Many(slices, count)
    }
}

/// What one write takes.
pub(crate) enum Gathered<'o> {
    One(&'o [u8]),
    /// So many of these slices.
    Many([IoSlice<'o>; GATHERED], usize),
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
    fn a_shared_piece_is_not_copied() {
        let piece = Bytes::from(vec![7; 100]);
        let mut out = Outgoing::default();
        out.share(piece.clone());
        assert_eq!(out.pieces().next().unwrap().as_ptr(), piece.as_ptr());
        assert_eq!(out.pop().unwrap().as_ptr(), piece.as_ptr());
    }

    #[test]
    fn all_pieces_are_gathered_for_a_write_and_one_alone_is_not() {
        let many = |out: &Outgoing| match out.gather() {
            Gathered::One(_) => panic!("there are many"),
            Gathered::Many(slices, count) => {
                slices[..count].iter().flat_map(|slice| slice.to_vec()).collect::<Vec<_>>()
            }
        };
        assert_eq!(many(&mixed()), b"abCDefGH");
        let mut out = mixed();
        out.advance(8);
        out.append(|own| own.push(b'i'));
        assert!(matches!(out.gather(), Gathered::One(b"i")));
        (0..GATHERED).for_each(|_| out.share(Bytes::from_static(b"x")));
        assert_eq!(many(&out).len(), GATHERED, "the rest goes out in the next write");
    }

    #[test]
    fn everything_of_another_is_appended() {
        let mut out = Outgoing::default();
        out.append_all(mixed());
        out.append_all(mixed());
        assert_eq!((text(&out).as_str(), out.len()), ("abCDefGHabCDefGH", 16));
    }
}
