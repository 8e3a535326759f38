//! After the 101: frames become the guest's events, and what the guest sends becomes frames.
//!
//! One task for each socket does everything: it reads what is ready, calls the guest inline, and
//! sends what is queued with one write. Middleware and error handlers are not involved: a session
//! is not HTTP.

mod bridge;
#[cfg(all(test, feature = "shuttle"))]
mod checks;
mod closing;
mod deflate;
mod end;
mod frame;
mod stream;
mod transport;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::capability::account::Account;
use crate::capability::socket::Socket;
use crate::plugin::{Guest, Session};
use crate::runtime::{Instance, InstanceSource, Received, SocketHandle, exports};
use bridge::{Bridge, Wake};
pub use deflate::Agreed;
pub(crate) use stream::StreamBody;
pub use stream::stream;
pub(crate) use wire::{Tcp, Wire};

/// The value of `sec-websocket-accept` for a key (RFC 6455, section 4.2.2).
pub(crate) fn accept_key(key: &[u8]) -> String {
    tokio_tungstenite::tungstenite::handshake::derive_accept_key(key)
}

/// The bounds of a session's frames.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// The largest message from the peer, in bytes. A larger one closes the socket with 1009.
    pub message: usize,
    /// How many bytes may wait to be sent; at least one message.
    pub outbound: usize,
    /// How many messages the peer may send in one second. More close the socket with 1008. Zero
    /// removes the bound.
    pub messages_per_second: usize,
    /// How long the peer may take to answer a close frame.
    pub close_time: Duration,
    /// The compression of messages, if there is any.
    pub deflate: Option<Agreed>,
}

/// Runs a session until its socket is closed and the guest has been told. `read` is what the client
/// sent right behind its handshake.
pub fn run<S: Wire>(
    mut stream: S,
    read: Bytes,
    session: Session,
    limits: SessionLimits,
) -> impl Future<Output = ()> + use<S> {
    let socket = session.socket.clone();
    // Compressed messages have to pass through the session's task.
    socket.set_open(stream.take_outlet().filter(|_| limits.deflate.is_none()));
    let context = session.context().clone();
    // Boxed: otherwise the task would reserve room for it in each function that it passes through.
    let bridge = Box::new(Bridge::new(stream, read, socket.clone(), context, limits));
    let close_time = limits.close_time;
    // What has been done by now needs no room in the task.
    async move {
        // Moved whole: the socket belongs to its plugin for as long as this exists.
        let session = session;
        match session.guest {
            Guest::Shared(handle) => run_shared(bridge, &handle).await,
            Guest::Own { mut instance, permit: _permit } => {
                Box::pin(run_own(bridge, &socket, &mut instance, close_time)).await;
            }
        }
    }
}

async fn run_shared<T: InstanceSource>(
    mut bridge: Box<Bridge<impl Wire>>,
    handle: &SocketHandle<T>,
) {
    // What happens once is boxed, so that an idle session's task reserves no room for it.
    Box::pin(handle.open()).await;
    let end = loop {
        match bridge.next().await {
            Wake::Messages => {
                if handle.receive(&mut bridge.messages).await == Received::Queued {
                    bridge.set_queued();
                }
            }
            Wake::Drained => Box::pin(handle.drain()).await,
            Wake::End(end) => break end,
        }
    };
    if !bridge.messages.is_empty() {
        handle.receive(&mut bridge.messages).await;
    }
    bridge.delivered().await;
    let info = bridge.answer(end);
    Box::pin(handle.close(info)).await;
    Box::pin(bridge.finish()).await;
}

async fn run_own(
    mut bridge: Box<Bridge<impl Wire>>,
    socket: &Arc<Socket>,
    instance: &mut Instance<exports::Session>,
    close_time: Duration,
) {
    let mut guest = std::pin::pin!(run_guest(instance, socket));
    let mut returned = false;
    let end = loop {
        let event = tokio::select! {
            // The guest comes first: more is read only when it has asked for all messages.
            biased;
            () = &mut guest, if !returned && !socket.is_listening() => None,
            event = bridge.next() => Some(event),
        };
        match event {
            None => returned = true,
            Some(Wake::Messages) => socket.push_inbox(bridge.messages.take()),
            // A loop asks for the buffered amount; it does not wait for an event.
            Some(Wake::Drained) => {}
            Some(Wake::End(end)) => break end,
        }
    };
    socket.push_inbox(bridge.messages.take());
    socket.end_inbox(end.info());
    if !returned && !ends(guest, close_time, bridge.account()).await {
        let (site, request) = (socket.site(), socket.request.id);
        tracing::warn!(
            target: "session", site, %request,
            "stopped a session that went on after its socket had closed"
        );
    }
    bridge.answer(end);
    bridge.finish().await;
}

/// Waits for a guest whose socket has closed. Returns false if it has not ended in time, or its
/// site is no longer served.
async fn ends(guest: impl Future<Output = ()>, close_time: Duration, account: &Account) -> bool {
    tokio::select! {
        ended = tokio::time::timeout(close_time, guest) => ended.is_ok(),
        () = account.left() => false,
    }
}

async fn run_guest(instance: &mut Instance<exports::Session>, socket: &Arc<Socket>) {
    match instance.run(socket).await {
        Ok(()) => socket.close(1000, ""),
        Err(failure) => {
            let context = instance.context();
            let (site, plugin, request) = (&*context.site, &*context.plugin, socket.request.id);
            tracing::error!(target: "session", site, plugin, %request, %failure, "session failed");
            socket.close(1011, "");
        }
    }
}
