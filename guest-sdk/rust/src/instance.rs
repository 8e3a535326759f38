//! What the host calls of an instance. Hooks and an app answer and hear; the sessions of closures
//! only hear.

use crate::{CloseInfo, Event, Message, Outcome, Result};

/// What answers the requests of an instance.
pub trait Serve {
    /// Answers a request, or accepts its upgrade.
    ///
    /// # Errors
    /// The answer is an error.
    fn serve(&self, event: Event) -> Result<Outcome>;
}

/// What hears of the sockets of an instance.
pub trait Hear {
    /// The handshake is complete.
    fn opened(&self, socket: u32);

    /// Messages have arrived.
    fn received(&self, socket: u32, messages: impl IntoIterator<Item = Message>);

    /// The outbound queue has emptied after a send has found it full.
    fn drained(&self, socket: u32);

    /// Another version has had the socket until now.
    fn resumed(&self, socket: u32);

    /// The socket has ended.
    fn closed(&self, socket: u32, info: CloseInfo);
}
