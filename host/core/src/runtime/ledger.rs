//! How much of the engine's pool each site uses, where several share it.
//!
//! Each instance is charged with what its component has. A site may use its share. The last part of
//! the pool is only for sites that use little, so no site, and no group of sites, can use up all of
//! it.

use std::sync::Arc;

use crate::config::Limit;
use parking_lot::Mutex;
use wasmtime::component::Component;

/// The part of the pool that is reserved: an eighth.
const RESERVE: usize = 8;

/// A site uses little if it has at most this part of the pool.
const LITTLE: usize = 64;

/// An amount of the pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amounts {
    pub instances: usize,
    pub memories: usize,
    pub tables: usize,
}

impl Amounts {
    /// What one instance of a component takes. If that cannot be known, the most that an instance
    /// may have.
    pub(crate) fn of(component: &Component, most: Self) -> Self {
        let needed = component.resources_required();
        needed.map_or(most, |needed| Self {
            instances: 1,
            memories: needed.num_memories as usize,
            tables: needed.num_tables as usize,
        })
    }

    fn fields(self) -> [(&'static str, usize); 3] {
        [("instances", self.instances), ("memories", self.memories), ("tables", self.tables)]
    }

    fn plus(self, other: Self) -> Self {
        self.with(other, usize::saturating_add)
    }

    fn minus(self, other: Self) -> Self {
        self.with(other, usize::saturating_sub)
    }

    fn with(self, other: Self, combine: impl Fn(usize, usize) -> usize) -> Self {
        Self {
            instances: combine(self.instances, other.instances),
            memories: combine(self.memories, other.memories),
            tables: combine(self.tables, other.tables),
        }
    }
}

/// The site may not take what an instance needs from the pool.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the site has {used} of the host's {total} {what} and may not have {needed} more (`{}`)",
    Limit::PoolShare
)]
pub struct PartExceeded {
    what: &'static str,
    used: usize,
    needed: usize,
    total: usize,
}

/// The whole pool.
#[derive(Debug)]
pub(crate) struct Ledger {
    total: Amounts,
    used: Mutex<Amounts>,
}

/// A site's part of it.
#[derive(Debug)]
pub(crate) struct Part {
    share: f64,
    used: Mutex<Amounts>,
}

/// What one instance takes, until this is dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    ledger: Arc<Ledger>,
    part: Arc<Part>,
    amounts: Amounts,
}

impl Part {
    /// Makes a ledger. `share` is the part of the pool that a site may have, from 0 to 1.
    pub(crate) fn new(share: f64) -> Arc<Self> {
        Arc::new(Self { share, used: Mutex::default() })
    }
}

impl Ledger {
    pub(crate) fn new(total: Amounts) -> Arc<Self> {
        Arc::new(Self { total, used: Mutex::default() })
    }

    /// Charges a site with an instance.
    ///
    /// # Errors
    /// The site has used up what it may have.
    pub(crate) fn take(
        self: &Arc<Self>,
        part: &Arc<Part>,
        amounts: Amounts,
    ) -> Result<Taken, PartExceeded> {
        // Always locked in this order.
        let (mut all, mut own) = (self.used.lock(), part.used.lock());
        let after = own.plus(amounts).fields().into_iter();
        let after = after.zip(all.plus(amounts).fields()).zip(self.total.fields());
        let before = own.fields().into_iter().zip(amounts.fields());
        for ((((what, own), (_, all)), (_, total)), ((_, used), (_, needed))) in after.zip(before) {
            // Each site may have one instance, however small the pool is.
            if needed > 0 && used > 0 && !part.may_have(own, all, total) {
                return Err(PartExceeded { what, used, needed, total });
            }
        }
        (*all, *own) = (all.plus(amounts), own.plus(amounts));
        drop((all, own));
        Ok(Taken { ledger: self.clone(), part: part.clone(), amounts })
    }
}

impl Part {
    /// Whether a site may have `own`, if all sites have `all` together.
    fn may_have(&self, own: usize, all: usize, total: usize) -> bool {
        let share = (total as f64 * self.share) as usize;
        let little = (total / LITTLE).min(share);
        own <= little || (own <= share && all <= total - total / RESERVE)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let (mut all, mut own) = (self.ledger.used.lock(), self.part.used.lock());
        *all = all.minus(self.amounts);
        *own = own.minus(self.amounts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Arc<Ledger> {
        Ledger::new(Amounts { instances: 1024, memories: 1024, tables: 2048 })
    }

    fn amounts(instances: usize, memories: usize, tables: usize) -> Amounts {
        Amounts { instances, memories, tables }
    }

    #[test]
    fn a_site_has_its_share_of_each() {
        let (ledger, site) = (ledger(), Part::new(0.25));
        let _instances = ledger.take(&site, amounts(1, 1, 500)).unwrap();
        let full = ledger.take(&site, amounts(1, 1, 40)).unwrap_err();
        assert_eq!((full.what, full.used, full.needed, full.total), ("tables", 500, 40, 2048));
        assert!(ledger.take(&Part::new(0.25), amounts(1, 1, 40)).is_ok(), "another site");
        assert!(ledger.take(&site, amounts(1, 8, 0)).is_ok(), "without tables");
    }

    #[test]
    fn several_together_leave_the_last_of_it_to_those_that_have_little() {
        let ledger = ledger();
        let many: Vec<_> = (0..4).map(|_| Part::new(0.25)).collect();
        let mut taken = Vec::new();
        for site in &many {
            while let Ok(one) = ledger.take(site, amounts(1, 1, 1)) {
                taken.push(one);
            }
        }
        let used = ledger.used.lock().instances;
        assert!((896..1024 - 100).contains(&used), "{used}");
        assert!(ledger.take(&Part::new(0.25), amounts(1, 1, 1)).is_ok());
        drop(taken);
        assert_eq!(*ledger.used.lock(), Amounts::default());
        assert_eq!(*many[0].used.lock(), Amounts::default());
    }
}
