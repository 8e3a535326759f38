//! The WIT interface: what a guest may do with the sockets of its plugin.

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Resource, WasmList, WasmStr};

use crate::capability::State;
use crate::capability::bindings::socket::{
    self as wit, AttachmentError, CloseError, MessageResult, ReadyState, SendError, SocketId,
};
use crate::capability::event::EventHandle;
use crate::config::Limit;
use crate::message::Opcode;

/// The longest reason of a close frame, in bytes (RFC 6455, section 5.5: 125 with the code).
const MAX_REASON: usize = 123;

/// A message that is still in the guest's memory.
#[derive(ComponentType, Lift)]
#[component(variant)]
enum GuestMessage {
    #[component(name = "text")]
    Text(WasmStr),
    #[component(name = "binary")]
    Binary(WasmList<u8>),
}

/// Links `send` by hand. The generated code copies each message before it calls the host; here the
/// message goes from the guest's memory to the queue at once.
///
/// # Errors
/// Never, if the generated code has linked the interface before.
pub(crate) fn link_send(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    type Sent = (Result<(), SendError>,);
    let send = |store: StoreContextMut<'_, State>, (to, message): (SocketId, GuestMessage)| {
        let sent = match &message {
            GuestMessage::Text(text) => {
                let text = text.to_str(&store)?;
                store.data().send(to, Opcode::Text, text.as_bytes())
            }
            GuestMessage::Binary(bytes) => {
                store.data().send(to, Opcode::Binary, bytes.as_le_slice(&store))
            }
        };
        wasmtime::Result::<Sent>::Ok((sent,))
    };
    linker.allow_shadowing(true);
    let linked = linker
        .instance("lithe:plugin/socket@0.1.0")
        .and_then(|mut socket| socket.func_wrap("send", send));
    linker.allow_shadowing(false);
    linked
}

impl State {
    fn send(&self, to: SocketId, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        match &self.current {
            // When a call of an event returns, the task that made it sends what is queued. A loop
            // is polled by its socket's task, which sends then; a stream is sent by another task.
            Some(current) if current.id == to && (self.is_event || !current.is_stream()) => {
                current.send(opcode, payload)
            }
            _ => {
                let socket = self.socket(to).ok_or(SendError::Closed)?;
                let sent = socket.send(opcode, payload);
                socket.wake();
                sent
            }
        }
    }
}

impl wit::Host for State {
    /// Replaced by [`link_send`].
    fn send(
        &mut self,
        to: SocketId,
        message: MessageResult,
    ) -> wasmtime::Result<Result<(), SendError>> {
        Ok(match &message {
            MessageResult::Text(text) => State::send(self, to, Opcode::Text, text.as_bytes()),
            MessageResult::Binary(bytes) => State::send(self, to, Opcode::Binary, bytes),
        })
    }

    fn close(
        &mut self,
        socket: SocketId,
        code: Option<u16>,
        reason: String,
    ) -> wasmtime::Result<Result<(), CloseError>> {
        let code = code.unwrap_or(1000);
        if !matches!(code, 1000 | 3000..=4999) {
            return Ok(Err(CloseError::InvalidCode(code)));
        }
        if reason.len() > MAX_REASON {
            return Ok(Err(CloseError::ReasonTooLong));
        }
        if let Some(socket) = self.socket(socket) {
            socket.close(code, reason);
        }
        Ok(Ok(()))
    }

    fn fail(&mut self, socket: SocketId, reason: String) -> wasmtime::Result<()> {
        if let Some(socket) = self.socket(socket) {
            let (site, plugin) = (&*self.context.site, &*self.context.plugin);
            let request = &socket.request.id;
            tracing::error!(target: "session", site, plugin, %request, failure = reason, "session failed");
            self.context.calls.error();
            socket.close(1011, "");
        }
        Ok(())
    }

    fn terminate(&mut self, socket: SocketId) -> wasmtime::Result<()> {
        if let Some(socket) = self.socket(socket) {
            socket.terminate();
        }
        Ok(())
    }

    fn state(&mut self, socket: SocketId) -> wasmtime::Result<ReadyState> {
        Ok(self.socket(socket).map_or(ReadyState::Closed, |socket| socket.state()))
    }

    fn protocol(&mut self, socket: SocketId) -> wasmtime::Result<Option<String>> {
        Ok(self.socket(socket).and_then(|socket| socket.protocol.clone()))
    }

    fn buffered_amount(&mut self, socket: SocketId) -> wasmtime::Result<u32> {
        let buffered = self.socket(socket).map_or(0, |socket| socket.buffered());
        Ok(u32::try_from(buffered).unwrap_or(u32::MAX))
    }

    fn event_of(&mut self, socket: SocketId) -> wasmtime::Result<Option<Resource<EventHandle>>> {
        match self.socket(socket) {
            Some(socket) => self.push_event(socket.request.clone()).map(Some),
            None => Ok(None),
        }
    }

    fn attachment(&mut self, socket: SocketId) -> wasmtime::Result<Vec<u8>> {
        let socket = self.socket(socket);
        Ok(socket.map(|socket| socket.inner.lock().attachment.clone()).unwrap_or_default())
    }

    fn set_attachment(
        &mut self,
        socket: SocketId,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), AttachmentError>> {
        let Some(socket) = self.socket(socket) else { return Ok(Err(AttachmentError::Closed)) };
        let max = socket.bounds.attachment;
        if value.len() > max {
            self.context.account.exceed(Limit::Attachment);
            return Ok(Err(AttachmentError::TooLarge(max as u64)));
        }
        let mut inner = socket.inner.lock();
        inner.attachment = value;
        inner.weigh();
        Ok(Ok(()))
    }
}
