//! What a group, or the app itself, puts around its routes.

use crate::{Event, HttpError, IntoOutcome, IntoResponse, Next, Outcome, Response, Result};

/// Middleware and error handlers, in the order of their registration.
#[derive(Default)]
pub(super) struct Layer {
    middleware: Vec<Middleware>,
    error_handlers: Vec<ErrorHandler>,
}

type Middleware = Box<dyn Fn(&Event, Next<'_>) -> Result<Outcome>>;
type ErrorHandler = Box<dyn Fn(&Event, HttpError) -> Result<Response>>;

impl Layer {
    pub(super) fn add_middleware<R: IntoOutcome>(
        &mut self,
        middleware: impl Fn(&Event, Next<'_>) -> R + 'static,
    ) {
        let middleware =
            move |event: &Event, next: Next<'_>| middleware(event, next).into_outcome();
        self.middleware.push(Box::new(middleware));
    }

    pub(super) fn add_error_handler<R: IntoResponse>(
        &mut self,
        handler: impl Fn(&Event, HttpError) -> R + 'static,
    ) {
        let handler = move |event: &Event, error| handler(event, error).into_response();
        self.error_handlers.push(Box::new(handler));
    }

    /// Runs what is inside of it.
    pub(super) fn around(&self, event: &Event, inside: Next<'_>) -> Result<Outcome> {
        let result = through(&self.middleware, event, inside);
        self.error_handlers.iter().fold(result, |result, handler| match result {
            Err(error) => handler(event, HttpError::of(&error)).map(Outcome::Response),
            answered => answered,
        })
    }
}

fn through(middleware: &[Middleware], event: &Event, inside: Next<'_>) -> Result<Outcome> {
    match middleware.split_first() {
        Some((first, rest)) => first(event, Next::new(|event| through(rest, event, inside))),
        None => inside.run(event),
    }
}
