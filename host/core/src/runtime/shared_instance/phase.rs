//! Who holds the instance.

use std::mem::{replace, take};

/// The phases of a shared instance, with every transition. The instance is none if it has not been
/// started, or was lost.
pub(super) enum Phase<I> {
    /// The instance rests. The task that brings the next event runs it.
    Idle(Option<Box<I>>),
    /// The instance rests. A task that has left an event comes back to run it, after all ready
    /// tasks have left theirs.
    Gathering(Option<Box<I>>),
    /// A [`Runner`](super::runner::Runner) holds the instance.
    Running,
}

impl<I> Default for Phase<I> {
    fn default() -> Self {
        Self::Idle(None)
    }
}

impl<I> Phase<I> {
    /// From idle or gathering to running: the new runner gets the instance.
    pub(crate) fn run(&mut self) -> Option<Box<I>> {
        match replace(self, Self::Running) {
            Self::Idle(instance) | Self::Gathering(instance) => instance,
            Self::Running => None,
        }
    }

    /// From running to idle: the runner gives the instance back.
    pub(crate) fn rest(&mut self, instance: Option<Box<I>>) {
        *self = Self::Idle(instance);
    }

    /// From idle to gathering.
    pub(crate) fn gather(&mut self) {
        if let Self::Idle(instance) = self {
            *self = Self::Gathering(instance.take());
        }
    }

    /// From gathering to idle. Returns whether it was gathering: another task may have run the
    /// instance in between.
    pub(crate) fn stop_gathering(&mut self) -> bool {
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

    /// Takes a resting instance that nothing needs any longer.
    pub(crate) fn take_resting(&mut self) -> Option<Box<I>> {
        match self {
            Self::Idle(instance) | Self::Gathering(instance) => instance.take(),
            Self::Running => None,
        }
    }

    pub(crate) fn resting(&self) -> Option<&I> {
        match self {
            Self::Idle(instance) | Self::Gathering(instance) => instance.as_deref(),
            Self::Running => None,
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self, Self::Running)
    }

    pub(crate) fn is_gathering(&self) -> bool {
        matches!(self, Self::Gathering(_))
    }
}
