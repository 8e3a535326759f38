//! `outcome`: the result of an event, from a guest to the host, and through middleware and back.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};

use super::State;
use super::http::{HttpError, InvalidAnswer, fields_of, response_headers, status_of};
use super::socket::{Socket, SocketKind};
use crate::capability::bindings::http::{Body, Response as WitResponse};
use crate::capability::bindings::outcome::{self as wit, Outcome};
use crate::capability::bindings::streams::Started;
use crate::capability::bindings::ws::Accepted;

/// What a handler answered, unless it failed.
#[derive(Debug)]
pub enum Answer {
    /// The whole response.
    Response(Response<Bytes>),
    /// The handshake is accepted; the headers go with the 101.
    Upgrade { socket: Arc<Socket>, headers: HeaderMap },
    /// The body follows piece by piece.
    Stream { socket: Arc<Socket>, status: StatusCode, headers: HeaderMap },
}

/// An answer, or the error that the handler returned.
pub type Answered = Result<Answer, HttpError>;

impl wit::Host for State {}

impl Answer {
    /// The status that the client sees.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Response(response) => response.status(),
            Self::Upgrade { .. } => StatusCode::SWITCHING_PROTOCOLS,
            Self::Stream { status, .. } => *status,
        }
    }

    /// Converts a guest's outcome. `own` returns the socket with this number and of this kind, if
    /// the guest may name it.
    ///
    /// # Errors
    /// HTTP cannot send the outcome, or the guest may not name its socket.
    pub fn from_wit(
        outcome: Outcome,
        own: impl FnOnce(u32, SocketKind) -> Option<Arc<Socket>>,
    ) -> Result<Self, InvalidAnswer> {
        Ok(match outcome {
            Outcome::Response(response) => Self::Response(response.try_into()?),
            Outcome::Upgrade(accepted) => {
                let headers = response_headers(accepted.headers)?;
                let socket =
                    own(accepted.socket, SocketKind::WebSocket).ok_or(InvalidAnswer::Socket)?;
                Self::Upgrade { socket, headers }
            }
            Outcome::Streamed(started) => {
                let headers = response_headers(started.headers)?;
                let status = status_of(started.status)?;
                let socket =
                    own(started.socket, SocketKind::Stream).ok_or(InvalidAnswer::Socket)?;
                Self::Stream { socket, status, headers }
            }
        })
    }

    /// The answer as middleware sees it.
    pub fn to_wit(&self) -> Outcome {
        match self {
            Self::Response(response) => {
                let body = match response.body() {
                    bytes if bytes.is_empty() => Body::Empty,
                    bytes => Body::Bytes(bytes.to_vec()),
                };
                let status = response.status().as_u16();
                Outcome::Response(WitResponse {
                    status,
                    headers: fields_of(response.headers()),
                    body,
                })
            }
            Self::Upgrade { socket, headers } => {
                Outcome::Upgrade(Accepted { socket: socket.id, headers: fields_of(headers) })
            }
            Self::Stream { socket, status, headers } => Outcome::Streamed(Started {
                socket: socket.id,
                status: status.as_u16(),
                headers: fields_of(headers),
            }),
        }
    }

    /// The socket that the answer names.
    pub fn socket(&self) -> Option<&Arc<Socket>> {
        match self {
            Self::Response(_) => None,
            Self::Upgrade { socket, .. } | Self::Stream { socket, .. } => Some(socket),
        }
    }
}
