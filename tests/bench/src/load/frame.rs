//! The frames of the measured messages.

use lithe_tests::Frame;

/// A masked text frame with a payload of this length.
pub(crate) fn text(size: usize) -> Vec<u8> {
    of(size).masked()
}

/// The length of the same frame from the server.
pub(crate) fn answered(size: usize) -> usize {
    of(size).unmasked().len()
}

fn of(size: usize) -> Frame {
    Frame::text((0..size).map(|at| b'a' + (at % 26) as u8).collect::<Vec<u8>>())
}
