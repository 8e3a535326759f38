//! The middleware around a handler, and the error handlers around both.
//!
//! An error is offered to the error handlers where it arises, so that the middleware further out
//! sees the response that they make of it. An error that none of them handles goes on as an error,
//! and is not offered to them again.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use parking_lot::Mutex;

use super::response;
use crate::capability::Context;
use crate::capability::event::Request;
use crate::capability::http::HttpError;
use crate::capability::next::Next;
use crate::capability::outcome::{Answer, Answered};
use crate::config::Limit;
use crate::plugin::{ErrorHandler, Handled, Handler, Middleware, Session};
use crate::runtime::Failure;
use crate::sync::detach;

/// What a request runs through.
pub(crate) struct Chain {
    pub request: Arc<Request>,
    /// Outermost first.
    pub middleware: Vec<Arc<Middleware>>,
    /// Nearest first.
    pub errors: Vec<Arc<ErrorHandler>>,
    pub innermost: Innermost,
    state: Mutex<ChainState>,
}

/// The innermost part of the chain.
pub(crate) enum Innermost {
    Route(Arc<Handler>),
    /// OPTIONS, for a path that has routes: the methods of the routes.
    Options(Vec<Method>),
    /// The path has no route, or none for the method.
    Error(StatusCode, Vec<Method>),
}

/// What the parts of the chain have left for those around them.
#[derive(Default)]
struct ChainState {
    /// The session that the handler's answer starts, if middleware lets it through.
    session: Option<Session>,
    unhandled: Option<Unhandled>,
    /// A plugin of the chain has failed. Those around it only pass that on.
    has_failed: bool,
}

/// An error that no error handler has handled. The middleware around it may pass it on, by a copy
/// in the guest's memory, so what it says identifies it.
#[derive(PartialEq, Eq)]
struct Unhandled {
    status: StatusCode,
    message: String,
}

impl Unhandled {
    fn of(error: &HttpError) -> Self {
        Self { status: error.status, message: error.message.clone() }
    }
}

impl Drop for ChainState {
    /// A chain has a session left only if it is dropped on its way, together with the client's
    /// connection.
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            detach(session.abandon());
        }
    }
}

impl Chain {
    pub(crate) fn new(
        request: Arc<Request>,
        middleware: Vec<Arc<Middleware>>,
        errors: Vec<Arc<ErrorHandler>>,
        innermost: Innermost,
    ) -> Arc<Self> {
        Arc::new(Self { request, middleware, errors, innermost, state: Mutex::default() })
    }

    /// Runs the whole chain. A session that the answer does not name is abandoned.
    pub(crate) async fn run(self: Arc<Self>) -> Handled {
        let answered = self.clone().step(0).await;
        // A guest may keep an event for as long as it lives, and many events: their bodies are
        // dropped.
        *self.request.body.lock() = Bytes::new();
        let session = self.state.lock().session.take();
        let named = answered.as_ref().ok().and_then(Answer::socket).map(|socket| socket.id);
        let session = match session {
            Some(session) if named == Some(session.socket.id) => Some(session),
            Some(session) => {
                Box::pin(session.abandon()).await;
                None
            }
            None => None,
        };
        Handled { answered, session }
    }

    fn step(self: Arc<Self>, at: usize) -> Pin<Box<dyn Future<Output = Answered> + Send>> {
        Box::pin(async move {
            let answered = match self.middleware.get(at) {
                None => self.innermost().await,
                Some(middleware) => {
                    let chain = self.clone();
                    let next: Next = Box::new(move || chain.step(at + 1));
                    let answered = middleware.around(&self.request, next).await;
                    self.counted(middleware.context(), answered)
                }
            };
            match answered {
                Ok(answer) => Ok(answer),
                Err(error) => self.on_error(error).await,
            }
        })
    }

    async fn innermost(&self) -> Answered {
        match &self.innermost {
            Innermost::Route(handler) => {
                let handled = handler.handle(self.request.clone()).await;
                let answered = handled.map(|handled| {
                    self.state.lock().session = handled.session;
                    handled.answered
                });
                self.counted(handler.context(), answered)
            }
            Innermost::Options(allow) => {
                let mut response = Response::new(bytes::Bytes::new());
                *response.status_mut() = StatusCode::NO_CONTENT;
                *response.headers_mut() = response::allow(allow);
                Ok(Answer::Response(response))
            }
            Innermost::Error(status, allow) => {
                let text = status.canonical_reason().unwrap_or_default().to_ascii_lowercase();
                let mut error = HttpError::new(*status, text);
                if !allow.is_empty() {
                    error.headers = response::allow(allow);
                }
                Err(error)
            }
        }
    }

    /// Charges a plugin with a failure, unless it only passes on that of a plugin inside of it.
    fn counted(&self, context: &Context, answered: Result<Answered, Failure>) -> Answered {
        // The other failures are counted where they end a call.
        let is_error = |failure: &Failure| matches!(failure, Failure::Invalid(_));
        let is_counted = answered.as_ref().err().is_none_or(is_error);
        let answered = answered.unwrap_or_else(|failure| Err(self.failed(context, &failure)));
        let status = answered.as_ref().map_or_else(|error| error.status, Answer::status);
        if status.is_server_error()
            && !std::mem::replace(&mut self.state.lock().has_failed, true)
            && is_counted
        {
            context.calls.error();
        }
        answered
    }

    /// Offers an error to the error handlers, nearest first.
    async fn on_error(&self, mut error: HttpError) -> Answered {
        let known = self.state.lock().unhandled.take();
        if known.is_some_and(|known| known == Unhandled::of(&error)) {
            self.leave_unhandled(&error);
            return Err(error);
        }
        for handler in &self.errors {
            match handler.on_error(&self.request, &error).await {
                Ok(Ok(response)) => return Ok(Answer::Response(response)),
                Ok(Err(next)) => error = next,
                // A handler that fails has not handled the error: the next one gets the original
                // error.
                Err(failure) => drop(self.failed(handler.context(), &failure)),
            }
        }
        self.leave_unhandled(&error);
        Err(error)
    }

    fn leave_unhandled(&self, error: &HttpError) {
        self.state.lock().unhandled = Some(Unhandled::of(error));
    }

    /// Logs a failure with all details. The client's answer contains no detail of the guest.
    fn failed(&self, context: &Context, failure: &Failure) -> HttpError {
        let (site, plugin, request) = (&*context.site, &*context.plugin, self.request.id);
        tracing::error!(target: "request", site, plugin, %request, %failure, "request failed");
        // The other limits are counted where they stop a call.
        if let Failure::Busy(..) | Failure::Full(_) = failure
            && let Some(limit) = failure.limit()
        {
            context.account.exceed(limit);
        }
        let status = match failure {
            Failure::Cpu(..) | Failure::Time(_) | Failure::AtLoad => StatusCode::GATEWAY_TIMEOUT,
            Failure::Busy(..)
            | Failure::Full(_)
            | Failure::Stopped
            | Failure::Start(_)
            | Failure::Memory { limit: Limit::SiteMemory | Limit::HostMemory, .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Failure::Trap(_)
            | Failure::Memory { .. }
            | Failure::Invalid(_)
            | Failure::StateTooLarge { .. }
            | Failure::Refused(..) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let error = HttpError::new(status, status.canonical_reason().unwrap_or_default());
        match status {
            StatusCode::SERVICE_UNAVAILABLE => error.with(http::header::RETRY_AFTER, "1"),
            _ => error,
        }
    }
}
