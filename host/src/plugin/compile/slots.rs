//! How many components are compiled at once, and who is next.
//!
//! A component of usual size is compiled within a second or a few. So that it never waits for those that
//! take minutes, these have slots of their own: what is large begins there, and what has used up the time
//! of a short slot begins again there. In each kind, the one that has waited longest is next; a site waits
//! for one component at a time, so a site with many components takes turns with the others.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// CPU time that compiling may take in a short slot.
const SHORT: Duration = Duration::from_secs(15);

/// A component of more bytes than this is not expected to be done in [`SHORT`].
const LARGE: u64 = 4 * 1024 * 1024;

/// As many short slots as there are cores, but two at least; half as many long ones.
pub struct Slots {
    short: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

/// The right to compile one component, until it is dropped.
pub struct Slot {
    is_long: bool,
    /// None only where the semaphore was closed, which nobody does.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Slots {
    pub fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let short = cores.max(2);
        Self { short: Arc::new(Semaphore::new(short)), long: Arc::new(Semaphore::new(short / 2)) }
    }

    /// Waits for the right to compile a component of so many bytes.
    pub async fn take(&self, size: u64) -> Slot {
        let is_long = size > LARGE;
        let slots = if is_long { &self.long } else { &self.short };
        Slot { is_long, _permit: slots.clone().acquire_owned().await.ok() }
    }

    /// Gives a short slot back, and waits for a long one.
    pub async fn take_long(&self, short: Slot) -> Slot {
        drop(short);
        Slot { is_long: true, _permit: self.long.clone().acquire_owned().await.ok() }
    }
}

impl Slot {
    /// The CPU time that the compiler has; none, where only `compile.time` bounds it.
    pub fn time(&self) -> Option<Duration> {
        (!self.is_long).then_some(SHORT)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_usual_component_never_waits_for_those_that_take_long() {
        let slots = Slots::new();
        let mut held = Vec::new();
        while let Some(slot) = slots.take(LARGE + 1).now_or_never() {
            held.push(slot);
        }
        assert!(!held.is_empty() && held.iter().all(|slot| slot.time().is_none()));
        let short = slots.take(LARGE).now_or_never().expect("there are others for it");
        assert_eq!(short.time(), Some(SHORT));
        assert!(slots.take_long(short).now_or_never().is_none(), "it waits behind the others");
        held.clear();
        let short = slots.take(0).await;
        assert!(slots.take_long(short).now_or_never().is_some());
    }
}
