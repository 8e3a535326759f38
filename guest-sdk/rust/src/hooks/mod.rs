//! Sessions in the event-driven style.

pub mod dispatch;
mod peer;
mod shared;

pub use peer::Peer;

use crate::{CloseInfo, Event, HttpError, Message, Response, Result, UpgradeOptions};

/// A plugin in the event-driven style. Only the hooks that are needed have to be written.
///
/// `#[lithe_sdk::hooks]` on the `impl` makes it the component. The value is made once for each
/// instance, by `Default`, and all sockets and requests of the instance share it.
///
/// ```
/// use lithe_sdk::{Hooks, Message, Peer, Result};
///
/// #[derive(Default)]
/// struct Ping;
///
/// #[lithe_sdk::hooks]
/// impl Hooks for Ping {
///     fn message(&self, peer: &Peer, message: Message) -> Result<()> {
///         if message.text() == "ping" {
///             peer.send_text("pong")?;
///         }
///         Ok(())
///     }
/// }
/// ```
///
/// Unless `upgrade` says [`pinned`](UpgradeOptions::pinned), a socket outlives the instance: the next
/// event may come to a newer version of the plugin, or to a fresh instance after a trap. What must
/// last belongs into the socket's [`context`](crate::Sender::context), which the host keeps. What all
/// sockets share can move to a newer version as the hooks' [`State`](crate::State), which takes
/// `#[lithe_sdk::hooks(state)]`.
///
/// Hooks do not wait, but may start what does: [`task::spawn`](crate::task::spawn), or
/// [`peer.spawn`](crate::Sender::spawn) for as long as the socket lasts.
#[allow(unused_variables)]
pub trait Hooks {
    /// A request asks for a WebSocket. The default accepts it with nothing special.
    ///
    /// A [`Response`] may answer instead, and the connection stays HTTP:
    /// `Ok(Response::redirect("/login").into())`.
    ///
    /// # Errors
    /// Refuses the upgrade: an [`HttpError`] answers as it is, any other error as a 500.
    fn upgrade(&self, event: &Event) -> Result<UpgradeOptions> {
        Ok(UpgradeOptions::default())
    }

    /// The handshake is complete.
    ///
    /// # Errors
    /// Runs [`error`](Self::error), then closes the socket with 1011.
    fn open(&self, peer: &Peer) -> Result<()> {
        Ok(())
    }

    /// A message has arrived.
    ///
    /// # Errors
    /// Runs [`error`](Self::error), then closes the socket with 1011. The peer's messages that have
    /// already arrived are dropped.
    fn message(&self, peer: &Peer, message: Message) -> Result<()> {
        Ok(())
    }

    /// The peer's outbound queue has emptied, after a send has found it full
    /// ([`SendError::QueueFull`](crate::SendError::QueueFull)): send on.
    ///
    /// # Errors
    /// Runs [`error`](Self::error), then closes the socket with 1011.
    fn drain(&self, peer: &Peer) -> Result<()> {
        Ok(())
    }

    /// Another version of the plugin has had this peer until now, and this instance takes it over: once
    /// for each peer, after [`State::restore`](crate::State::restore) and before any other hook.
    ///
    /// The peer is as it was: its number, [`context`](crate::Sender::context), topics and protocol.
    /// What was in the other version's memory is not there: tasks and timers of the peer have ended
    /// with it, and may be started again here.
    ///
    /// An `impl` without this hook costs nothing at a swap.
    ///
    /// # Errors
    /// Runs [`error`](Self::error), then closes the socket with 1011.
    fn resume(&self, peer: &Peer) -> Result<()> {
        Ok(())
    }

    /// The socket has ended, whatever ended it: exactly once, also where the handshake was accepted
    /// and never completed. Nothing can be sent to it any more.
    ///
    /// # Errors
    /// Runs [`error`](Self::error).
    fn close(&self, peer: &Peer, info: CloseInfo) -> Result<()> {
        Ok(())
    }

    /// Another hook of this peer has failed. The error is logged in any case.
    fn error(&self, peer: &Peer, error: &anyhow::Error) {}

    /// A request that asks for no upgrade. The default answers 426, to methods other than GET 405.
    ///
    /// # Errors
    /// The answer, as from a handler.
    fn fallback(&self, event: Event) -> Result<Response> {
        Err(match event.method().as_str() {
            "GET" => HttpError::upgrade_required(),
            _ => HttpError::method_not_allowed("GET"),
        }
        .into())
    }
}

#[cfg(test)]
mod tests;
