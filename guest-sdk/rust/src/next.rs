//! What a middleware wraps.

use std::fmt;

use crate::{Event, Outcome, Result};

/// What a middleware wraps: the rest of the chain, down to the handler.
///
/// A middleware that does not [`run`](Self::run) it answers in the handler's place.
pub struct Next<'a>(Rest<'a>);

type Rest<'a> = Box<dyn FnOnce(&Event) -> Result<Outcome> + 'a>;

impl<'a> Next<'a> {
    pub(crate) fn new(rest: impl FnOnce(&Event) -> Result<Outcome> + 'a) -> Self {
        Self(Box::new(rest))
    }

    /// Runs the rest of the chain: what comes of the event.
    ///
    /// # Errors
    /// What the rest failed with. To pass it on is `?`; to look at it,
    /// `error.downcast_ref::<HttpError>()`.
    pub fn run(self, event: &Event) -> Result<Outcome> {
        (self.0)(event)
    }
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Next")
    }
}
