//! `receiver`: a blocking session waits for its next message.

use std::future::poll_fn;
use std::time::Duration;

use tokio::time::timeout;

use super::State;
use crate::bindings::receiver::{self as wit, CloseInfo, Received};
use crate::bindings::socket::{MessageResult, SocketId};
use crate::message::Message;

impl wit::Host for State {
    async fn receive(
        &mut self,
        socket: SocketId,
        timeout_ms: Option<u32>,
    ) -> wasmtime::Result<Received> {
        let Some(socket) = self.socket(socket) else {
            let (code, reason) = (1006, String::new());
            return Ok(Received::Closed(CloseInfo { code, reason, clean: false }));
        };
        let next = poll_fn(|cx| socket.poll_inbox(cx));
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
            Ok(Message::Text(text)) => Received::Message(MessageResult::Text(text.as_str().into())),
            Ok(Message::Binary(bytes)) => Received::Message(MessageResult::Binary(bytes.into())),
            Err(info) => Received::Closed(CloseInfo {
                code: info.code,
                reason: info.reason,
                clean: info.clean,
            }),
        })
    }
}
