//! `timers`: calls that a shared instance asks for. They end with the instance.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::{InstanceId, State};
use crate::bindings::timers::{self as wit, TimerError};

/// Timers that one instance may have at once.
const MAX_TIMERS: usize = 10_000;

/// Where timers go off: the queue of the shared instance.
pub type TimerSink = Arc<dyn Fn(InstanceId, u32) + Send + Sync>;

/// The timers of one instance.
pub struct Timers {
    sink: Option<TimerSink>,
    next: u32,
    running: HashMap<u32, AbortHandle>,
}

impl Timers {
    pub fn new(sink: Option<TimerSink>) -> Self {
        Self { sink, next: 1, running: HashMap::new() }
    }

    /// Whether one is set.
    pub fn any(&self) -> bool {
        self.running.values().any(|timer| !timer.is_finished())
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        self.running.values().for_each(AbortHandle::abort);
    }
}

impl wit::Host for State {
    fn set(&mut self, delay_ms: u32, repeat: bool) -> wasmtime::Result<Result<u32, TimerError>> {
        let Some(sink) = self.timers.sink.clone() else {
            wasmtime::bail!("`timers.set` needs a component that exports `hooks`");
        };
        self.timers.running.retain(|_, timer| !timer.is_finished());
        if self.timers.running.len() >= MAX_TIMERS {
            return Ok(Err(TimerError::TooMany(MAX_TIMERS as u32)));
        }
        let id = self.timers.next;
        self.timers.next = self.timers.next.wrapping_add(1);
        let instance = self.instance;
        let delay = Duration::from_millis(delay_ms.into());
        let task = async move {
            if !repeat {
                sleep(delay).await;
                return sink(instance, id);
            }
            let period = delay.max(Duration::from_millis(1));
            let mut ticks = interval_at(Instant::now() + period, period);
            // A guest that is behind gets one call, and not all that it missed.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                sink(instance, id);
            }
        };
        self.timers.running.insert(id, tokio::spawn(task).abort_handle());
        Ok(Ok(id))
    }

    fn cancel(&mut self, id: u32) -> wasmtime::Result<()> {
        if let Some(timer) = self.timers.running.remove(&id) {
            timer.abort();
        }
        Ok(())
    }
}
