//! Leases: the owner of a value can tell whether somebody else still uses it.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the leases of a value. The value holds it.
#[derive(Debug, Default)]
pub struct Leases(AtomicUsize);

/// A value that can be leased.
pub trait Leased {
    /// The count of its leases.
    fn leases(&self) -> &Leases;
}

/// A right to use a value, counted while this lives. A mere `Arc` keeps the value in memory without
/// being counted.
pub struct Lease<T: Leased>(Arc<T>);

impl Leases {
    /// Whether a lease exists. If not, the caller sees everything that was done before the last one
    /// was given back.
    pub fn any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

impl<T: Leased> Lease<T> {
    /// Leases this value.
    pub fn of(value: &Arc<T>) -> Self {
        value.leases().0.fetch_add(1, Ordering::Relaxed);
        Self(value.clone())
    }
}

impl<T: Leased> Clone for Lease<T> {
    fn clone(&self) -> Self {
        Self::of(&self.0)
    }
}

impl<T: Leased> Deref for Lease<T> {
    type Target = Arc<T>;

    fn deref(&self) -> &Arc<T> {
        &self.0
    }
}

impl<T: Leased> Drop for Lease<T> {
    fn drop(&mut self) {
        self.0.leases().0.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Room(Leases);

    impl Leased for Room {
        fn leases(&self) -> &Leases {
            &self.0
        }
    }

    #[test]
    fn a_value_is_leased_for_as_long_as_a_lease_lives() {
        let room = Arc::new(Room::default());
        assert!(!room.leases().any());
        let lease = Lease::of(&room);
        let other = lease.clone();
        drop(lease);
        assert!(room.leases().any());
        drop(other);
        assert!(!room.leases().any());
    }

    #[test]
    fn an_arc_alone_does_not_count() {
        let room = Arc::new(Room::default());
        let kept = Arc::clone(&Lease::of(&room));
        assert!(Arc::ptr_eq(&kept, &room) && !room.leases().any());
    }
}
