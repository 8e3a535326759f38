//! `receiver`: a blocking session waits for its next message.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::timeout;

use super::State;
use crate::capability::bindings::receiver::{self as wit, CloseInfo, Received};
use crate::capability::bindings::socket::{MessageResult, SocketId};
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
        let mut waited = false;
        let mut next = pin!(poll_fn(|_| {
            let next = socket.poll_inbox(|message| match message {
                Borrowed::Text(text) => MessageResult::Text(text.to_owned()),
                Borrowed::Binary(bytes) => MessageResult::Binary(bytes.to_vec()),
            });
            waited |= next.is_pending();
            socket.set_listening(next.is_pending() && timeout_ms.is_none());
            next
        }));
        let received = match timeout_ms {
            // A call that does not wait does not restart the time: otherwise a guest that asks
            // again and again would never run out of it.
            Some(0) => match next.as_mut().now_or_never() {
                Some(received) => received,
                None => return Ok(Received::TimedOut),
            },
            Some(ms) => {
                self.meter.rest();
                match timeout(Duration::from_millis(ms.into()), next.as_mut()).await {
                    Ok(received) => received,
                    Err(_) => {
                        self.meter.restart();
                        return Ok(Received::TimedOut);
                    }
                }
            }
            None => {
                self.meter.rest();
                next.as_mut().await
            }
        };
        // An end that is reported again is not new.
        match received.is_ok() || waited {
            true => self.meter.restart(),
            false => self.meter.continue_call(),
        }
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
