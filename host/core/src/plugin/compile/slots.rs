//! How many components are compiled at once, and which is next.
//!
//! A component of usual size is compiled within a second or two. It must never wait for components
//! that take minutes, so there are short and long slots. A large component starts in a long slot. A
//! component that has used up the time of a short slot starts again in a long one, and so does, for
//! a while, everything else of its site. In each kind of slot, the component that has waited
//! longest is next. A site waits for one component at a time, so a site with many components takes
//! turns with the others.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How much CPU time compiling may take in a short slot.
const SHORT: Duration = Duration::from_secs(4);

/// How long a site's components go to the long slots after one of them has exceeded [`SHORT`].
const DISTRUST: Duration = Duration::from_secs(10 * 60);

/// A component with more bytes than this starts in a long slot.
pub(crate) const LARGE: u64 = 4 * 1024 * 1024;

/// There are as many short slots as cores, but at least two; and half as many long ones.
pub(crate) struct Slots {
    short: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

/// What is known about one site's components. None for a site that has the host for itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct History(Arc<Mutex<Option<Instant>>>);

impl History {
    fn is_trusted(&self) -> bool {
        self.0.lock().is_none_or(|overran| overran.elapsed() >= DISTRUST)
    }

    fn distrust(&self) {
        *self.0.lock() = Some(Instant::now());
    }
}

/// The right to compile one component, until this is dropped.
pub(crate) struct Slot {
    is_long: bool,
    history: History,
    /// None only if the semaphore were closed, which never happens.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Slots {
    pub(crate) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let short = cores.max(2);
        Self { short: Arc::new(Semaphore::new(short)), long: Arc::new(Semaphore::new(short / 2)) }
    }

    /// Waits for the right to compile a component of this many bytes.
    pub(crate) async fn take(&self, size: u64, history: History) -> Slot {
        let is_long = size > LARGE || !history.is_trusted();
        let slots = if is_long { &self.long } else { &self.short };
        Slot { is_long, history, _permit: slots.clone().acquire_owned().await.ok() }
    }

    /// Gives a short slot back, and waits for a long one.
    pub(crate) async fn take_long(&self, short: Slot) -> Slot {
        let history = short.history.clone();
        drop(short);
        history.distrust();
        Slot { is_long: true, history, _permit: self.long.clone().acquire_owned().await.ok() }
    }
}

impl Slot {
    /// How much CPU time the compiler has. None if only `compile.time` bounds it.
    pub(crate) fn time(&self) -> Option<Duration> {
        (!self.is_long).then_some(SHORT)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_usual_component_never_waits_for_those_that_take_long() {
        let (slots, own) = (Slots::new(), History::default());
        let mut held = Vec::new();
        while let Some(slot) = slots.take(LARGE + 1, own.clone()).now_or_never() {
            held.push(slot);
        }
        assert!(!held.is_empty() && held.iter().all(|slot| slot.time().is_none()));
        let short = slots.take(LARGE, own.clone()).now_or_never().expect("there are others for it");
        assert_eq!(short.time(), Some(SHORT));
        assert!(slots.take_long(short).now_or_never().is_none(), "it waits behind the others");
        held.clear();
        let other = History::default();
        let short = slots.take(0, other).await;
        assert!(slots.take_long(short).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_site_whose_component_took_long_holds_no_short_slot_for_a_while() {
        let (slots, slow, usual) = (Slots::new(), History::default(), History::default());
        let short = slots.take(0, slow.clone()).await;
        drop(slots.take_long(short).await);
        assert_eq!(slots.take(0, slow).await.time(), None);
        assert_eq!(slots.take(0, usual).await.time(), Some(SHORT));
    }
}
