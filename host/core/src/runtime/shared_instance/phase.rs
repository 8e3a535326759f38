//! Who has the instance.

use std::mem::{replace, take};

/// Every transition of a shared instance. An instance that has not been started, or was lost, is none.
pub(super) enum Phase<I> {
    /// It rests. The task that brings the next event runs it.
    Idle(Option<Box<I>>),
    /// It rests, and a task that has left an event comes back to run it, after all tasks that are ready
    /// have left theirs.
    Gathering(Option<Box<I>>),
    /// A [`Runner`](super::runner::Runner) has it.
    Running,
}

impl<I> Default for Phase<I> {
    fn default() -> Self {
        Self::Idle(None)
    }
}

impl<I> Phase<I> {
    /// Idle or gathering to running: the new runner gets the instance.
    pub fn run(&mut self) -> Option<Box<I>> {
        match replace(self, Self::Running) {
            Self::Idle(instance) | Self::Gathering(instance) => instance,
            Self::Running => None,
        }
    }

    /// Running to idle: the runner gives the instance back.
    pub fn rest(&mut self, instance: Option<Box<I>>) {
        *self = Self::Idle(instance);
    }

    /// Idle to gathering.
    pub fn gather(&mut self) {
        if let Self::Idle(instance) = self {
            *self = Self::Gathering(instance.take());
        }
    }

    /// Gathering to idle. Answers whether it was gathering: another task may have run the instance since.
    pub fn stop_gathering(&mut self) -> bool {
        match take(self) {
            Self::Gathering(instance) => {
                *self = Self::Idle(instance);
                true
            }
            other => {
                *self = other;
                false
            }
        }
    }

    /// Takes an instance that rests, which nothing needs any more.
    pub fn take_resting(&mut self) -> Option<Box<I>> {
        match self {
            Self::Idle(instance) | Self::Gathering(instance) => instance.take(),
            Self::Running => None,
        }
    }

    pub fn resting(&self) -> Option<&I> {
        match self {
            Self::Idle(instance) | Self::Gathering(instance) => instance.as_deref(),
            Self::Running => None,
        }
    }

    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running)
    }

    pub fn is_gathering(&self) -> bool {
        matches!(self, Self::Gathering(_))
    }
}
