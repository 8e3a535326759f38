//! The sockets of the host in memory.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use super::{ATTACHMENT_LIMIT, EventHandle, HOST, Request, monotonic};
use crate::{
    AttachmentError, CloseError, CloseInfo, Hooks, Message, ReadyState, SendError, UpgradeOptions,
};

/// The site's message limit, in bytes.
pub(crate) const MESSAGE_LIMIT: usize = 1024 * 1024;

/// The hooks that hear of a socket; none if a closure does.
pub(crate) type HeardBy = Option<Rc<dyn Hooks>>;

/// One socket, from its upgrade to the end of the thread.
pub(crate) struct PlayedSocket {
    request: Rc<Request>,
    pub state: ReadyState,
    protocol: Option<String>,
    attachment: Vec<u8>,
    pub pinned: bool,
    pub hooks: HeardBy,
    /// What a blocking session has not yet received, and when it came.
    pub inbound: VecDeque<(Duration, Message)>,
    pub outbound: Vec<Message>,
    /// How many messages the client waits for before it leaves.
    pub leaves_after: Option<usize>,
    /// How the client ends it once a blocking session has received all that is inbound.
    pub client_end: Option<Ended>,
    /// How the guest or the client has ended it.
    pub ended: Option<Ended>,
    /// What the session failed with.
    pub failure: Option<String>,
    /// Whether the guest has had its last call.
    pub gone: bool,
    /// What time it is for a blocking session: it runs after all that it hears of.
    pub session_time: Duration,
    /// How many bytes may wait to be sent; `None` is any number.
    pub outbound_limit: Option<usize>,
    /// How many bytes wait, if there is a limit.
    pub waiting: usize,
    /// Whether a send has found no room.
    pub found_full: bool,
}

/// The end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub info: CloseInfo,
    /// The close frame that goes to the client, if there is one.
    pub frame: Option<(u16, String)>,
}

impl Ended {
    /// With a close frame, answered by the other side.
    pub(crate) fn closed(code: u16, reason: &str) -> Self {
        let info = CloseInfo { code, reason: reason.to_owned(), clean: true };
        Self { info, frame: Some((code, reason.to_owned())) }
    }

    /// Without one.
    pub(crate) fn lost() -> Self {
        let info = CloseInfo { code: 1006, reason: String::new(), clean: false };
        Self { info, frame: None }
    }
}

impl PlayedSocket {
    pub(super) fn new(
        request: Rc<Request>,
        protocol: Option<&str>,
        options: &UpgradeOptions,
    ) -> Self {
        Self {
            request,
            state: ReadyState::Connecting,
            protocol: protocol.map(str::to_owned),
            attachment: options.attachment.clone(),
            pinned: options.pinned,
            hooks: None,
            inbound: VecDeque::new(),
            outbound: Vec::new(),
            leaves_after: None,
            client_end: None,
            ended: None,
            failure: None,
            gone: false,
            session_time: monotonic(),
            outbound_limit: None,
            waiting: 0,
            found_full: false,
        }
    }

    fn is_sendable(&self) -> bool {
        matches!(self.state, ReadyState::Connecting | ReadyState::Open)
    }

    /// Lets so many bytes wait, if there is room for them.
    fn take_room(&mut self, bytes: usize) -> Result<(), SendError> {
        let Some(limit) = self.outbound_limit else { return Ok(()) };
        if self.waiting + bytes > limit {
            self.found_full = true;
            return Err(SendError::QueueFull);
        }
        self.waiting += bytes;
        Ok(())
    }

    /// Starts the end, if it has not started. Returns how it has ended.
    pub(crate) fn end(&mut self, ended: Ended) -> CloseInfo {
        if self.ended.is_none() {
            self.state = ReadyState::Closing;
        }
        self.ended.get_or_insert(ended).info.clone()
    }
}

/// Runs `f` with the socket, if there ever was one of that number.
pub(crate) fn with_socket<R>(socket: u32, f: impl FnOnce(&mut PlayedSocket) -> R) -> Option<R> {
    HOST.with(|host| host.sockets.borrow_mut().get_mut(&socket).map(f))
}

/// The next socket that has ended and of which the guest does not know yet. It is closed from now
/// on, and gone once the guest knows.
pub(crate) fn next_ended() -> Option<(u32, CloseInfo, HeardBy)> {
    HOST.with(|host| {
        host.sockets.borrow_mut().iter_mut().find_map(|(id, socket)| {
            let ended = socket.ended.as_ref().filter(|_| socket.state == ReadyState::Closing)?;
            socket.state = ReadyState::Closed;
            Some((*id, ended.info.clone(), socket.hooks.clone()))
        })
    })
}

/// The sockets that go to another version: those of hooks that are not pinned.
pub(crate) fn movable() -> Vec<u32> {
    HOST.with(|host| {
        let sockets = host.sockets.borrow();
        let movable = sockets
            .iter()
            .filter(|(_, socket)| socket.hooks.is_some() && !socket.pinned && !socket.gone);
        movable.map(|(id, _)| *id).collect()
    })
}

/// Runs `f` with the socket, while the guest may still ask about it.
fn with_known<R>(socket: u32, f: impl FnOnce(&mut PlayedSocket) -> R) -> Option<R> {
    with_socket(socket, |socket| (!socket.gone).then(|| f(socket))).flatten()
}

/// Whether the guest may still ask about the socket.
pub(super) fn is_known(socket: u32) -> bool {
    with_known(socket, |_| ()).is_some()
}

pub(crate) fn send_text(socket: u32, text: &str) -> Result<(), SendError> {
    send(socket, text.len(), || text.into())
}

pub(crate) fn send_binary(socket: u32, bytes: &[u8]) -> Result<(), SendError> {
    send(socket, bytes.len(), || bytes.to_vec().into())
}

fn send(socket: u32, size: usize, message: impl FnOnce() -> Message) -> Result<(), SendError> {
    with_known(socket, |socket| {
        if !socket.is_sendable() {
            return Err(SendError::Closed);
        }
        socket.take_room(size)?;
        if size > MESSAGE_LIMIT {
            return Err(SendError::TooLarge(MESSAGE_LIMIT as u64));
        }
        socket.outbound.push(message());
        if socket.leaves_after.is_some_and(|count| socket.outbound.len() >= count) {
            socket.end(Ended::lost());
        }
        Ok(())
    })
    .unwrap_or(Err(SendError::Closed))
}

pub(crate) fn close(socket: u32, code: Option<u16>, reason: &str) -> Result<(), CloseError> {
    let code = code.unwrap_or(1000);
    if code != 1000 && !(3000..=4999).contains(&code) {
        return Err(CloseError::InvalidCode(code));
    }
    if reason.len() > 123 {
        return Err(CloseError::ReasonTooLong);
    }
    with_known(socket, |socket| socket.end(Ended::closed(code, reason)));
    Ok(())
}

pub(crate) fn fail(socket: u32, reason: &str) {
    with_known(socket, |socket| {
        socket.failure.get_or_insert_with(|| reason.to_owned());
        socket.end(Ended::closed(1011, ""));
    });
}

pub(crate) fn terminate(socket: u32) {
    with_known(socket, |socket| {
        socket.outbound.clear();
        socket.end(Ended::lost());
    });
}

pub(crate) fn state(socket: u32) -> ReadyState {
    with_known(socket, |socket| socket.state).unwrap_or(ReadyState::Closed)
}

pub(crate) fn protocol(socket: u32) -> Option<String> {
    with_known(socket, |socket| socket.protocol.clone()).flatten()
}

pub(crate) fn buffered_amount(socket: u32) -> u32 {
    with_known(socket, |socket| match socket.outbound_limit {
        Some(_) => socket.waiting,
        None => socket.outbound.iter().map(|message| message.bytes().len()).sum(),
    })
    .map_or(0, |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX))
}

pub(crate) fn event_of(socket: u32) -> Option<EventHandle> {
    with_known(socket, |socket| EventHandle(Rc::clone(&socket.request)))
}

pub(crate) fn attachment(socket: u32) -> Vec<u8> {
    with_known(socket, |socket| socket.attachment.clone()).unwrap_or_default()
}

pub(crate) fn set_attachment(socket: u32, value: &[u8]) -> Result<(), AttachmentError> {
    with_known(socket, |socket| {
        if value.len() > ATTACHMENT_LIMIT {
            return Err(AttachmentError::TooLarge(ATTACHMENT_LIMIT as u64));
        }
        socket.attachment = value.to_vec();
        Ok(())
    })
    .unwrap_or(Err(AttachmentError::Closed))
}

/// What a blocking session receives: first what the test has queued, then the end that it has
/// chosen. Returns `None` if the client was silent for longer than the limit.
pub(crate) fn receive(socket: u32, limit: Option<Duration>) -> Result<Option<Message>, CloseInfo> {
    with_socket(socket, |socket| {
        let arrival = socket.inbound.front().map_or_else(monotonic, |(arrival, _)| *arrival);
        if let Some(up) = limit.map(|limit| socket.session_time.saturating_add(limit))
            && up < arrival
        {
            socket.session_time = up;
            return Ok(None);
        }
        socket.session_time = socket.session_time.max(arrival);
        if let Some((_, message)) = socket.inbound.pop_front() {
            return Ok(Some(message));
        }
        let end = socket.client_end.take().unwrap_or_else(Ended::lost);
        let info = socket.end(end);
        socket.state = ReadyState::Closed;
        Err(info)
    })
    .unwrap_or_else(|| Err(Ended::lost().info))
}
