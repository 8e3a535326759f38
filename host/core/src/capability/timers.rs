//! `timers`: calls that a shared instance schedules. They end with the instance.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval_at, sleep};

use super::account::{Account, Charge, Held};
use super::{InstanceId, State};
use crate::capability::bindings::timers::{self as wit, TimerError};
use crate::clock;
use crate::config::Limit;

/// What a timer takes, in bytes: its task and its entry.
const TIMER: usize = 512;

/// What a timer wakes when it is due: the shared instance.
pub trait TimerSink: Send + Sync {
    /// Called when a timer is due.
    fn fire(&self, instance: InstanceId, timer: u32, repeat: bool);

    /// Runs a timer's task. Returns nothing if the host has stopped.
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) -> Option<AbortHandle>;
}

/// The timers of one instance.
pub(crate) struct Timers {
    sink: Option<Arc<dyn TimerSink>>,
    next: u32,
    /// The timers that are set. One that does not repeat stays set until the guest has been called.
    set: HashMap<u32, Timer>,
    charge: Charge,
}

struct Timer {
    task: AbortHandle,
    repeat: bool,
}

impl Timers {
    pub(crate) fn new(sink: Option<Arc<dyn TimerSink>>, account: &Account) -> Self {
        let charge = account.memory().charge(Held::Instances);
        Self { sink, next: 1, set: HashMap::new(), charge }
    }

    /// Whether any timer is set.
    pub(crate) fn any(&self) -> bool {
        !self.set.is_empty()
    }

    /// Whether a due timer is still set: it may have been cancelled in between.
    pub(crate) fn take_due(&mut self, id: u32) -> bool {
        match self.set.get(&id) {
            Some(timer) if timer.repeat => true,
            _ => self.remove(id).is_some(),
        }
    }

    fn remove(&mut self, id: u32) -> Option<Timer> {
        let timer = self.set.remove(&id);
        self.charge.set_about(self.set.len().saturating_mul(TIMER));
        timer
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        self.set.values().for_each(|timer| timer.task.abort());
    }
}

impl wit::Host for State {
    fn set(&mut self, delay_ms: u32, repeat: bool) -> wasmtime::Result<Result<u32, TimerError>> {
        let Some(sink) = self.timers.sink.clone() else {
            wasmtime::bail!("`timers.set` needs a component that exports `hooks`");
        };
        let max = self.context.limits.timers;
        if self.timers.set.len() >= max {
            self.context.account.exceed(Limit::Timers);
            return Ok(Err(TimerError::TooMany(u32::try_from(max).unwrap_or(u32::MAX))));
        }
        let weight = self.timers.set.len().saturating_add(1).saturating_mul(TIMER);
        if let Err(over) = self.timers.charge.try_set_about(weight) {
            self.context.account.exceed(over.limit);
            let set = u32::try_from(self.timers.set.len()).unwrap_or(u32::MAX);
            return Ok(Err(TimerError::TooMany(set)));
        }
        let id = self.timers.next;
        self.timers.next = self.timers.next.wrapping_add(1);
        let instance = self.instance;
        let delay = Duration::from_millis(delay_ms.into());
        let fire = sink.clone();
        let task = async move {
            if !repeat {
                sleep(delay).await;
                return fire.fire(instance, id, repeat);
            }
            let period = delay.max(Duration::from_millis(1));
            let mut ticks = interval_at(clock::after(Instant::now(), period).into(), period);
            // A guest that is behind gets one call, and not one for each period that it missed.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                fire.fire(instance, id, repeat);
            }
        };
        if let Some(task) = sink.spawn(Box::pin(task)) {
            self.timers.set.insert(id, Timer { task, repeat });
        }
        Ok(Ok(id))
    }

    fn cancel(&mut self, id: u32) -> wasmtime::Result<()> {
        if let Some(timer) = self.timers.remove(id) {
            timer.task.abort();
        }
        Ok(())
    }
}
