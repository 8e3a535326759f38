//! The real host. Only here do the bindings' types become the SDK's own.

mod timers;
mod topics;

use std::time::Duration;

use crate::bindings::receiver::Received;
use crate::bindings::socket::{self, MessageParam};
use crate::bindings::{http, next, outcome, receiver, streams, ws};
use crate::outcome::Accepted;
use crate::stream::Started;
use crate::time::millis;
use crate::{
    AttachmentError, Body, CloseError, CloseInfo, HttpError, Message, Outcome, ReadyState,
    Response, SendError, UpgradeOptions,
};

pub(crate) use crate::bindings::event::Event as EventHandle;
pub(crate) use http::{HttpError as HttpErrorOfWit, Response as ResponseOfWit};
pub(crate) use outcome::Outcome as OutcomeOfWit;
pub(crate) use socket::{CloseInfo as CloseInfoOfWit, MessageResult as MessageOfWit};
pub(crate) use timers::{cancel_timer, monotonic, set_timer, wall_clock};
pub(crate) use topics::{members, publish, subscribe, subscriptions, unsubscribe};

pub(crate) fn is_supported() -> bool {
    ws::is_supported()
}

pub(crate) fn is_upgrade_request(event: &EventHandle) -> bool {
    ws::is_upgrade_request(event)
}

pub(crate) fn requested_protocols(event: &EventHandle) -> Vec<String> {
    ws::requested_protocols(event)
}

pub(crate) fn upgrade(
    event: &EventHandle,
    protocol: Option<&str>,
    options: &UpgradeOptions,
) -> Result<Accepted, HttpError> {
    let headers: Vec<_> =
        options.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let options = ws::UpgradeOptions {
        protocol,
        headers: &headers,
        attachment: &options.attachment,
        pinned: options.pinned,
    };
    match ws::upgrade(event, options) {
        Ok(ws::Accepted { socket, headers }) => Ok(Accepted { socket, headers }),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn run_next(event: &EventHandle) -> Result<Outcome, HttpError> {
    match next::run(event) {
        Ok(outcome) => Ok(outcome.into()),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn start(
    event: &EventHandle,
    status: u16,
    headers: &[(String, String)],
) -> Result<Started, HttpError> {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    // The body's state is in this instance's memory, so it cannot move to another.
    let options =
        streams::StreamOptions { status, headers: &headers, attachment: &[], pinned: true };
    match streams::start(event, options) {
        Ok(streams::Started { socket, status, headers }) => Ok(Started { socket, status, headers }),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn send_text(socket: u32, text: &str) -> Result<(), SendError> {
    Ok(socket::send(socket, MessageParam::Text(text))?)
}

pub(crate) fn send_binary(socket: u32, bytes: &[u8]) -> Result<(), SendError> {
    Ok(socket::send(socket, MessageParam::Binary(bytes))?)
}

pub(crate) fn close(socket: u32, code: Option<u16>, reason: &str) -> Result<(), CloseError> {
    Ok(socket::close(socket, code, reason)?)
}

pub(crate) fn fail(socket: u32, reason: &str) {
    socket::fail(socket, reason);
}

pub(crate) fn terminate(socket: u32) {
    socket::terminate(socket);
}

pub(crate) fn state(socket: u32) -> ReadyState {
    match socket::state(socket) {
        socket::ReadyState::Connecting => ReadyState::Connecting,
        socket::ReadyState::Open => ReadyState::Open,
        socket::ReadyState::Closing => ReadyState::Closing,
        socket::ReadyState::Closed => ReadyState::Closed,
    }
}

pub(crate) fn protocol(socket: u32) -> Option<String> {
    socket::protocol(socket)
}

pub(crate) fn buffered_amount(socket: u32) -> u32 {
    socket::buffered_amount(socket)
}

pub(crate) fn event_of(socket: u32) -> Option<EventHandle> {
    socket::event_of(socket)
}

pub(crate) fn attachment(socket: u32) -> Vec<u8> {
    socket::attachment(socket)
}

pub(crate) fn set_attachment(socket: u32, value: &[u8]) -> Result<(), AttachmentError> {
    Ok(socket::set_attachment(socket, value)?)
}

/// Waits for a message. Returns `None` when the time is up. Without a limit, waits for as long as
/// the session lasts.
///
/// # Errors
/// The session has ended.
pub(crate) fn receive(socket: u32, limit: Option<Duration>) -> Result<Option<Message>, CloseInfo> {
    match receiver::receive(socket, limit.map(millis)) {
        Received::Message(message) => Ok(Some(message.into())),
        Received::Closed(info) => Err(info.into()),
        Received::TimedOut => Ok(None),
    }
}

impl From<MessageOfWit> for Message {
    fn from(message: MessageOfWit) -> Self {
        match message {
            MessageOfWit::Text(text) => Self::Text(text),
            MessageOfWit::Binary(bytes) => Self::Binary(bytes),
        }
    }
}

impl From<CloseInfoOfWit> for CloseInfo {
    fn from(CloseInfoOfWit { code, reason, clean }: CloseInfoOfWit) -> Self {
        Self { code, reason, clean }
    }
}

impl From<socket::SendError> for SendError {
    fn from(error: socket::SendError) -> Self {
        match error {
            socket::SendError::Closed => Self::Closed,
            socket::SendError::TooLarge(limit) => Self::TooLarge(limit),
            socket::SendError::QueueFull => Self::QueueFull,
        }
    }
}

impl From<socket::CloseError> for CloseError {
    fn from(error: socket::CloseError) -> Self {
        match error {
            socket::CloseError::InvalidCode(code) => Self::InvalidCode(code),
            socket::CloseError::ReasonTooLong => Self::ReasonTooLong,
        }
    }
}

impl From<socket::AttachmentError> for AttachmentError {
    fn from(error: socket::AttachmentError) -> Self {
        match error {
            socket::AttachmentError::Closed => Self::Closed,
            socket::AttachmentError::TooLarge(limit) => Self::TooLarge(limit),
        }
    }
}

impl From<Outcome> for OutcomeOfWit {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Response(response) => Self::Response(response.into()),
            Outcome::Upgrade(Accepted { socket, headers }) => {
                Self::Upgrade(ws::Accepted { socket, headers })
            }
            Outcome::Stream(stream) => match stream.socket() {
                Some(socket) => {
                    let (status, headers) = (stream.status, stream.headers);
                    Self::Streamed(streams::Started { socket, status, headers })
                }
                // Who calls a handler starts its stream. The host does not know of this one.
                None => Self::Response(Response::empty(500).into()),
            },
        }
    }
}

impl From<http::HttpError> for HttpError {
    fn from(http::HttpError { status, headers, message }: http::HttpError) -> Self {
        Self { status, headers, message }
    }
}

impl From<OutcomeOfWit> for Outcome {
    fn from(outcome: OutcomeOfWit) -> Self {
        match outcome {
            OutcomeOfWit::Response(response) => Self::Response(response.into()),
            OutcomeOfWit::Upgrade(ws::Accepted { socket, headers }) => {
                Self::Upgrade(Accepted { socket, headers })
            }
            OutcomeOfWit::Streamed(streams::Started { socket, status, headers }) => {
                Self::Stream(Started { socket, status, headers }.into())
            }
        }
    }
}

impl From<http::Response> for Response {
    fn from(http::Response { status, headers, body }: http::Response) -> Self {
        let body = match body {
            http::Body::Empty => Body::Empty,
            http::Body::Text(text) => Body::Text(text),
            http::Body::Bytes(bytes) => Body::Bytes(bytes),
        };
        Self { status, headers, body }
    }
}

impl From<Response> for http::Response {
    fn from(Response { status, headers, body }: Response) -> Self {
        let body = match body {
            Body::Empty => http::Body::Empty,
            Body::Text(text) => http::Body::Text(text),
            Body::Bytes(bytes) => http::Body::Bytes(bytes),
        };
        Self { status, headers, body }
    }
}

impl From<HttpError> for HttpErrorOfWit {
    fn from(HttpError { status, headers, message }: HttpError) -> Self {
        Self { status, headers, message }
    }
}
