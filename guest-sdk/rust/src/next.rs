//! The rest of a middleware's chain.

use std::fmt;

use crate::{Event, Outcome, Result};

/// The rest of the chain that a middleware wraps, down to the handler.
///
/// A middleware that does not [`run`](Self::run) it answers in the handler's place.
pub struct Next<'a>(Rest<'a>);

type Rest<'a> = Box<dyn FnOnce(&Event) -> Result<Outcome> + 'a>;

impl<'a> Next<'a> {
    pub(crate) fn new(rest: impl FnOnce(&Event) -> Result<Outcome> + 'a) -> Self {
        Self(Box::new(rest))
    }

    /// Runs the rest of the chain, and returns its outcome.
    ///
    /// # Errors
    /// The rest has failed. `?` passes the error on, and `error.downcast_ref::<HttpError>()` looks
    /// at it.
    pub fn run(self, event: &Event) -> Result<Outcome> {
        (self.0)(event)
    }
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Next")
    }
}
