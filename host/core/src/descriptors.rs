//! The file descriptors that the process may have open. The host keeps a part for itself, and
//! guests may have only a part of the rest. Each of several sites may have only a part of that.
//!
//! So accepting, `status`, logging and loading go on, however much clients and guests hold open.
//! The limit is the process's own (`RLIMIT_NOFILE`) at the moment when the first descriptor is
//! counted.

use std::sync::{Arc, LazyLock};

use rustix::process::{Resource, getrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The host's own part of the limit is an eighth, between these bounds. The smaller one is enough
/// for the listeners, the admin's connections, and the folders and logs of a few sites.
const OWN_MIN: usize = 48;
const OWN_MAX: usize = 4096;

/// The part of the rest that guests may have.
const GUESTS: usize = 4;

/// The part of the rest that components may have: the system keeps a file open for each loaded
/// component.
const COMPONENTS: usize = 2;

/// The part of that which each of several sites may have.
const COMPONENTS_OF_SITE: usize = 4;

/// The part of the guests' descriptors that one of several sites may have, and how many it may have
/// in any case.
const SITE: usize = 4;
const SITE_MIN: usize = 8;

static ALL: LazyLock<Budget> = LazyLock::new(|| Budget::new(limit()));

/// A descriptor, counted until this is dropped.
#[derive(Debug)]
pub(crate) struct Descriptor {
    _one: OwnedSemaphorePermit,
    /// Its place in the part for guests or for components.
    _part: Option<OwnedSemaphorePermit>,
    _site: Option<OwnedSemaphorePermit>,
}

/// How many of the guests' descriptors one site may have.
#[derive(Debug)]
pub struct SitePart(Option<Arc<Semaphore>>);

impl SitePart {
    /// All of them, for a site that has the host for itself.
    pub fn all() -> Self {
        Self(None)
    }

    /// A part of them, for one of several sites.
    pub fn one_of_several() -> Self {
        ALL.part()
    }
}

#[derive(Debug)]
struct Budget {
    all: Arc<Semaphore>,
    guests: Arc<Semaphore>,
    components: Arc<Semaphore>,
    size: usize,
    /// How many the guests of one of several sites may have.
    of_site: usize,
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
        let of_site = (size / GUESTS / SITE).max(SITE_MIN);
        let (all, guests, components) = (part(1), part(GUESTS), part(COMPONENTS));
        Self { all, guests, components, size, of_site }
    }

    fn part(&self) -> SitePart {
        SitePart(Some(Arc::new(Semaphore::new(self.of_site))))
    }

    fn try_one(&self) -> Option<Descriptor> {
        let one = self.all.clone().try_acquire_owned().ok()?;
        Some(Descriptor { _one: one, _part: None, _site: None })
    }

    fn try_one_of(&self, part: &Arc<Semaphore>) -> Option<Descriptor> {
        let part = part.clone().try_acquire_owned().ok()?;
        let one = self.all.clone().try_acquire_owned().ok()?;
        Some(Descriptor { _one: one, _part: Some(part), _site: None })
    }

    fn try_one_for_guest(&self, part: &SitePart) -> Option<Descriptor> {
        let site = match &part.0 {
            Some(part) => Some(part.clone().try_acquire_owned().ok()?),
            None => None,
        };
        Some(Descriptor { _site: site, ..self.try_one_of(&self.guests)? })
    }
}

/// A descriptor for a connection or a served file, if one is free.
pub(crate) fn try_one() -> Option<Descriptor> {
    ALL.try_one()
}

/// A descriptor for a connection, as soon as one is free.
pub(crate) async fn one() -> Option<Descriptor> {
    // The semaphore is never closed.
    let one = ALL.all.clone().acquire_owned().await.ok()?;
    Some(Descriptor { _one: one, _part: None, _site: None })
}

/// A descriptor for a file of a site's guest, if one is free.
pub(crate) fn try_one_for_guest(part: &SitePart) -> Option<Descriptor> {
    ALL.try_one_for_guest(part)
}

/// A descriptor for a component, if one is free.
pub(crate) fn try_one_for_component() -> Option<Descriptor> {
    ALL.try_one_of(&ALL.components)
}

/// How many components one of several sites may have.
pub(crate) fn components_of_site() -> usize {
    (ALL.size / COMPONENTS / COMPONENTS_OF_SITE).max(1)
}

/// How many descriptors connections, guests and served files may have together.
pub(crate) fn count() -> usize {
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
        let guests: Vec<_> =
            std::iter::from_fn(|| budget.try_one_for_guest(&SitePart::all())).collect();
        assert_eq!(guests.len(), 12);
        let others: Vec<_> = std::iter::from_fn(|| budget.try_one()).collect();
        assert_eq!(others.len(), 36);
        drop(guests);
        assert!(budget.try_one().is_some(), "what is closed is there for others at once");
    }

    #[test]
    fn one_site_leaves_the_most_to_its_neighbours() {
        for (limit, most) in [(1024, 56), (96, 8), (20_000, 1_093)] {
            let budget = Budget::new(limit);
            let (one, other) = (budget.part(), budget.part());
            let take = |part| -> Vec<_> {
                std::iter::from_fn(|| budget.try_one_for_guest(part)).collect()
            };
            let taken = take(&one);
            assert_eq!(taken.len(), most, "{limit}");
            assert!(budget.try_one_for_guest(&other).is_some(), "a neighbour has its own");
            drop(taken);
            assert_eq!(take(&one).len(), most, "what is closed is there again");
        }
    }
}
