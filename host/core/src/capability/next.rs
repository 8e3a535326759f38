//! `next`: what a middleware wraps.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::StatusCode;
use wasmtime::component::Resource;

use super::State;
use super::event::EventHandle;
use super::http::HttpError;
use super::outcome::Answered;
use super::socket::{Socket, SocketKind};
use crate::capability::bindings::http::HttpError as WitError;
use crate::capability::bindings::next as wit;
use crate::capability::bindings::outcome::Outcome;

/// The rest of the chain, which runs at most once.
pub type Next = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = Answered> + Send>> + Send>;

/// The middleware's side of one event.
#[derive(Default)]
pub struct Around {
    next: Option<Next>,
    /// The socket that `next` answered with: the middleware may answer with it, too.
    passed: Option<Arc<Socket>>,
}

impl Around {
    pub fn new(next: Next) -> Self {
        Self { next: Some(next), passed: None }
    }

    /// Takes the socket that `next` answered with, if it has this number and is of this kind.
    pub fn take_passed(&mut self, id: u32, kind: SocketKind) -> Option<Arc<Socket>> {
        self.passed.take_if(|socket| socket.id == id && socket.kind == kind)
    }
}

impl wit::Host for State {
    async fn run(
        &mut self,
        event: Resource<EventHandle>,
    ) -> wasmtime::Result<Result<Outcome, WitError>> {
        let Some(next) = self.around.next.take() else {
            let request = self.request(&event)?.clone();
            let message = "the middleware ran `next` twice for one event";
            let error = HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, message);
            return Ok(Err(self.log_mistake(&request, error).to_wit()));
        };
        // The CPU time of the rest of the chain is not the middleware's.
        let clock = self.meter.clock().clone();
        clock.suspend();
        let answered = next().await;
        clock.resume();
        Ok(match answered {
            Ok(answer) => {
                self.around.passed = answer.socket().cloned();
                Ok(answer.to_wit())
            }
            Err(error) => Err(error.to_wit()),
        })
    }
}
