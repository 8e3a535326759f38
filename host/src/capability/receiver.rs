//! `receiver`: a blocking session waits for its next message.

use std::future::poll_fn;
use std::time::Duration;

use tokio::time::timeout;

use super::State;
use crate::bindings::receiver::{self as wit, CloseInfo, Received};
use crate::bindings::socket::{MessageResult, SocketId};
use crate::message::Borrowed;

impl wit::Host for State {
    async fn receive(
        &mut self,
        socket: SocketId,
        timeout_ms: Option<u32>,
    ) -> wasmtime::Result<Received> {
        let Some(socket) = self.current.as_ref().filter(|own| own.id == socket && !self.is_event)
        else {
            let (code, reason) = (1006, String::new());
            return Ok(Received::Closed(CloseInfo { code, reason, clean: false }));
        };
        self.meter.rest();
        let next = poll_fn(|_| {
            let next = socket.poll_inbox(|message| match message {
                Borrowed::Text(text) => MessageResult::Text(text.to_owned()),
                Borrowed::Binary(bytes) => MessageResult::Binary(bytes.to_vec()),
            });
            socket.set_listening(next.is_pending() && timeout_ms.is_none());
            next
        });
        let received = match timeout_ms {
            None => next.await,
            Some(ms) => match timeout(Duration::from_millis(ms.into()), next).await {
                Ok(received) => received,
                Err(_) => {
                    self.meter.restart();
                    return Ok(Received::TimedOut);
                }
            },
        };
        self.meter.restart();
        Ok(match received {
            Ok(message) => Received::Message(message),
            Err(info) => Received::Closed(CloseInfo {
                code: info.code,
                reason: info.reason,
                clean: info.clean,
            }),
        })
    }
}
