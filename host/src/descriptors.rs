//! The file descriptors that the process may have open: a part is kept for the host itself, and guests have
//! a part of the rest at most.
//!
//! So accepting, `status`, logs and loading go on whatever clients and guests hold open. The limit is the
//! process's own (`RLIMIT_NOFILE`), as it is when the first descriptor is counted.

use std::sync::{Arc, LazyLock};

use rustix::process::{Resource, getrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The host's own part of the limit: an eighth, and between these. The small one is enough for the listeners,
/// the admin's connections, and the folders and logs of a few sites.
const OWN_MIN: usize = 48;
const OWN_MAX: usize = 4096;

/// Guests have no more than this part of what is left.
const GUESTS: usize = 4;

/// Components have no more than this part: the system keeps a file open for each that is loaded.
const COMPONENTS: usize = 2;

/// Each of several sites has no more than this part of what components have.
const COMPONENTS_OF_SITE: usize = 4;

static ALL: LazyLock<Budget> = LazyLock::new(|| Budget::new(limit()));

/// A descriptor that is counted until this is dropped.
#[derive(Debug)]
pub struct Descriptor {
    _one: OwnedSemaphorePermit,
    /// Of the part for guests or for components.
    _part: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
struct Budget {
    all: Arc<Semaphore>,
    guests: Arc<Semaphore>,
    components: Arc<Semaphore>,
    size: usize,
}

fn limit() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

impl Budget {
    fn new(limit: usize) -> Self {
        let own = (limit / 8).clamp(OWN_MIN, OWN_MAX).min(limit / 2);
        let size = limit.saturating_sub(own).clamp(1, Semaphore::MAX_PERMITS);
        let part = |of: usize| Arc::new(Semaphore::new((size / of).max(1)));
        Self { all: part(1), guests: part(GUESTS), components: part(COMPONENTS), size }
    }

    fn try_one(&self) -> Option<Descriptor> {
        let one = self.all.clone().try_acquire_owned().ok()?;
        Some(Descriptor { _one: one, _part: None })
    }

    fn try_one_of(&self, part: &Arc<Semaphore>) -> Option<Descriptor> {
        let part = part.clone().try_acquire_owned().ok()?;
        let one = self.all.clone().try_acquire_owned().ok()?;
        Some(Descriptor { _one: one, _part: Some(part) })
    }

    fn try_one_for_guest(&self) -> Option<Descriptor> {
        self.try_one_of(&self.guests)
    }
}

/// One for a connection or a file that is served, if there is one at the moment.
pub fn try_one() -> Option<Descriptor> {
    ALL.try_one()
}

/// One for a connection, as soon as something else has been closed.
pub async fn one() -> Option<Descriptor> {
    // It is closed nowhere.
    let one = ALL.all.clone().acquire_owned().await.ok()?;
    Some(Descriptor { _one: one, _part: None })
}

/// One for a guest's file, if there is one at the moment.
pub fn try_one_for_guest() -> Option<Descriptor> {
    ALL.try_one_for_guest()
}

/// One for a component, if there is one at the moment.
pub fn try_one_for_component() -> Option<Descriptor> {
    ALL.try_one_of(&ALL.components)
}

/// Components that one of several sites may have.
pub fn components_of_site() -> usize {
    (ALL.size / COMPONENTS / COMPONENTS_OF_SITE).max(1)
}

/// How many there are for connections, guests and served files together.
pub fn count() -> usize {
    ALL.size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_a_part_for_the_host_whatever_the_limit_is() {
        for (limit, size) in [(96, 48), (1024, 896), (20_000, 17_500), (1 << 20, (1 << 20) - 4096)]
        {
            assert_eq!(Budget::new(limit).size, size, "{limit}");
        }
        assert_eq!(Budget::new(0).size, 1);
        assert_eq!(Budget::new(usize::MAX).size, Semaphore::MAX_PERMITS);
    }

    #[test]
    fn guests_leave_the_most_to_connections() {
        let budget = Budget::new(96);
        let guests: Vec<_> = std::iter::from_fn(|| budget.try_one_for_guest()).collect();
        assert_eq!(guests.len(), 12);
        let others: Vec<_> = std::iter::from_fn(|| budget.try_one()).collect();
        assert_eq!(others.len(), 36);
        drop(guests);
        assert!(budget.try_one().is_some(), "what is closed is there for others at once");
    }
}
