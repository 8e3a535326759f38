//! Buffers that sockets borrow while they have something to send: an idle socket holds none.

use std::cell::RefCell;

/// How many bytes each thread keeps for the next socket. Buffers beyond that, and any buffer larger
/// than this, go back to the system.
const KEPT: usize = 1024 * 1024;

#[derive(Default)]
struct Pool {
    buffers: Vec<Vec<u8>>,
    /// The sum of the buffers' capacities.
    bytes: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::default();
}

/// Returns an empty buffer. A used one is preferred, because it need not grow again.
pub(crate) fn take() -> Vec<u8> {
    POOL.with_borrow_mut(|pool| {
        let buffer = pool.buffers.pop().unwrap_or_default();
        pool.bytes -= buffer.capacity();
        buffer
    })
}

/// Keeps a buffer for the next socket.
pub(crate) fn give(mut buffer: Vec<u8>) {
    let capacity = buffer.capacity();
    if capacity == 0 {
        return;
    }
    buffer.clear();
    POOL.with_borrow_mut(|pool| {
        if pool.bytes + capacity <= KEPT {
            pool.bytes += capacity;
            pool.buffers.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_is_taken_again_and_empty() {
        give(b"abc".repeat(100));
        let buffer = take();
        assert!(buffer.is_empty() && buffer.capacity() >= 300);
        assert_eq!(take().capacity(), 0);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        give(Vec::with_capacity(KEPT + 1));
        assert_eq!(take().capacity(), 0);
        for _ in 0..3 {
            give(Vec::with_capacity(KEPT / 2));
        }
        let kept: Vec<_> =
            std::iter::repeat_with(take).take_while(|one| one.capacity() > 0).collect();
        assert_eq!(kept.len(), 2);
    }
}
