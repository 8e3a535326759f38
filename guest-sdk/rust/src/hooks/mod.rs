//! Sessions in the event-driven style.

mod dispatch;
mod peer;
mod shared;

pub use peer::Peer;

use crate::{CloseInfo, Event, HttpError, Message, Response, Result, UpgradeOptions};

/// A plugin in the event-driven style. Write only the hooks that you need.
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
/// A socket outlives the instance, unless `upgrade` says [`pinned`](UpgradeOptions::pinned): the
/// next event may come to a newer version of the plugin, or to a fresh instance after a trap. Put
/// what must last into the socket's [`context`](crate::Sender::context), which the host keeps. What
/// all sockets share can move to a newer version as the hooks' [`State`](crate::State), with
/// `#[lithe_sdk::hooks(state)]`.
///
/// Hooks do not wait. They may start a task that does: [`task::spawn`](crate::task::spawn), or
/// [`peer.spawn`](crate::Sender::spawn) for as long as the socket lasts.
#[allow(unused_variables)]
pub trait Hooks {
    /// A request asks for a WebSocket. The default accepts it, without options.
    ///
    /// A [`Response`] may answer instead, and the connection stays HTTP:
    /// `Ok(Response::redirect("/login").into())`.
    ///
    /// # Errors
    /// Refuses the upgrade. An [`HttpError`] is the answer, any other error is a 500.
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
    /// ([`SendError::QueueFull`](crate::SendError::QueueFull)). Now you may send again.
    ///
    /// # Errors
    /// Runs [`error`](Self::error), then closes the socket with 1011.
    fn drain(&self, peer: &Peer) -> Result<()> {
        Ok(())
    }

    /// Another version of the plugin has had this peer until now, and this instance takes it over.
    /// The host calls this once for each peer, after [`State::restore`](crate::State::restore) and
    /// before any other hook.
    ///
    /// The peer keeps its number, its [`context`](crate::Sender::context), its topics and its
    /// protocol. The other version's memory is gone. Tasks and timers of the peer have ended with
    /// it; start them again here.
    ///
    /// An `impl` without this hook costs nothing at a swap.
    ///
    /// # Errors
    /// Runs [`error`](Self::error), then closes the socket with 1011.
    fn resume(&self, peer: &Peer) -> Result<()> {
        Ok(())
    }

    /// The socket has ended. The host calls this exactly once for each socket, even if the
    /// handshake was accepted and never completed. Nothing can be sent to the peer any more.
    ///
    /// # Errors
    /// Runs [`error`](Self::error).
    fn close(&self, peer: &Peer, info: CloseInfo) -> Result<()> {
        Ok(())
    }

    /// Another hook of this peer has failed. The SDK has logged the error already.
    fn error(&self, peer: &Peer, error: &anyhow::Error) {}

    /// A request does not ask for an upgrade. The default answers with 426, and with 405 to methods
    /// other than GET.
    ///
    /// # Errors
    /// Answers as a handler's error does.
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
