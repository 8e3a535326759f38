//! `streams`: responses whose body is sent piece by piece.

use std::sync::Arc;

use http::StatusCode;
use http::header;
use wasmtime::component::Resource;

use super::State;
use super::event::{EventHandle, Request};
use super::http::{HttpError, parse_fields, status_of};
use super::socket::SocketKind;
use super::sockets::NewSocket;
use crate::capability::bindings::http::HttpError as WitError;
use crate::capability::bindings::streams::{self as wit, Started, StreamOptions};

impl wit::Host for State {
    fn start(
        &mut self,
        event: Resource<EventHandle>,
        options: StreamOptions,
    ) -> wasmtime::Result<Result<Started, WitError>> {
        let request = self.request(&event)?.clone();
        let started = self.start_stream(&request, options);
        Ok(started.map_err(|error| self.log_mistake(&request, error).to_wit()))
    }
}

impl State {
    fn start_stream(
        &self,
        request: &Arc<Request>,
        options: StreamOptions,
    ) -> Result<Started, HttpError> {
        let mistake = |error: String| HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, error);

        if !self.context.sessions {
            let message = "a streamed response needs a component that exports `hooks` or `session`";
            return Err(HttpError::new(StatusCode::NOT_IMPLEMENTED, message));
        }
        status_of(options.status).map_err(|error| mistake(error.to_string()))?;
        let headers = parse_fields(&options.headers).map_err(|error| mistake(error.to_string()))?;
        if headers.contains_key(header::CONTENT_LENGTH) {
            return Err(mistake("a streamed response has no `content-length`".to_owned()));
        }
        let socket = self.accept_socket(NewSocket {
            protocol: None,
            request: request.clone(),
            pinned: options.pinned.then_some(self.instance),
            version: self.context.version,
            attachment: options.attachment,
            kind: SocketKind::Stream,
            account: self.context.account.clone(),
        })?;
        Ok(Started { socket: socket.id, status: options.status, headers: options.headers })
    }
}
