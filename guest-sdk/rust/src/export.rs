//! What the attributes expand to. Not part of the API.
//!
//! An attribute leaves its function or `impl` as it is, and checks its types. On wasm it also makes
//! a type, implements traits of `component` for it, and exports it.

#[cfg(target_arch = "wasm32")]
mod component;
pub mod swap;

pub use crate::instance::{Hear, Serve};
pub use crate::sessions::SESSIONS;
pub use crate::ws::Kind;
#[cfg(target_arch = "wasm32")]
pub use component::*;

use crate::{
    App, Event, Hooks, HttpError, IntoOutcome, IntoResponse, Next, Outcome, Response, sys,
};

/// Compiles if a plain handler may return `R`.
pub const fn plain_handler_returns<R: IntoResponse>() {}

/// Compiles if a handler that upgrades may return `R`.
pub const fn upgrading_handler_returns<R: IntoOutcome>() {}

/// Compiles if an instance can make hooks of type `T`.
pub const fn hooks_are<T: Hooks + Default + 'static>() {}

/// An app that its component can run.
///
/// # Panics
/// The app has sockets, and the component does not run them. Such a component does not load.
pub fn checked_app(app: App, kind: Kind) -> App {
    assert!(
        kind == Kind::Async || !app.has_sockets(),
        "routes of `ws` and `ws_with` need `#[lithe_sdk::app(websocket)]`"
    );
    app
}

/// Calls a handler. The result is the one that the host is told of.
///
/// # Errors
/// The handler has failed.
pub fn respond<R: IntoOutcome>(
    event: Event,
    handler: impl FnOnce(Event) -> R,
) -> Result<Outcome, HttpError> {
    answer(event, handler).map_err(|error| HttpError::of(&error))
}

/// Calls a handler, and starts the stream if it answers with one.
pub(crate) fn answer<R: IntoOutcome>(
    event: Event,
    handler: impl FnOnce(Event) -> R,
) -> crate::Result<Outcome> {
    let request = event.clone();
    match handler(event).into_outcome()? {
        Outcome::Stream(stream) => Ok(stream.start(&request)?.into()),
        outcome => Ok(outcome),
    }
}

/// Calls a middleware. The result is the one that the host is told of.
///
/// # Errors
/// The middleware has failed.
pub fn wrap<R: IntoOutcome>(
    event: Event,
    next: Next<'_>,
    middleware: impl FnOnce(&Event, Next<'_>) -> R,
) -> Result<Outcome, HttpError> {
    respond(event, |event| middleware(&event, next))
}

/// Calls an error handler. The result is the one that the host is told of.
///
/// # Errors
/// The error handler has failed.
pub fn recover<R: IntoResponse>(
    event: &Event,
    error: HttpError,
    handler: impl FnOnce(&Event, HttpError) -> R,
) -> Result<Response, HttpError> {
    handler(event, error).into_response().map_err(|error| HttpError::of(&error))
}

/// Makes a middleware that runs for requests with that method only.
pub fn only_middleware<R: IntoOutcome>(
    method: &'static str,
    middleware: impl Fn(&Event, Next<'_>) -> R + 'static,
) -> impl Fn(&Event, Next<'_>) -> crate::Result<Outcome> + 'static {
    move |event, next| match event.method() == method {
        true => middleware(event, next).into_outcome(),
        false => next.run(event),
    }
}

/// Makes an error handler that answers for requests with that method only.
pub fn only_error<R: IntoResponse>(
    method: &'static str,
    handler: impl Fn(&Event, HttpError) -> R + 'static,
) -> impl Fn(&Event, HttpError) -> crate::Result<Response> + 'static {
    move |event, error| match event.method() == method {
        true => handler(event, error).into_response(),
        false => Err(error.into()),
    }
}

/// Runs the host's chain, for the `next` of a middleware component.
///
/// # Errors
/// The chain has failed, or it has run before for this event.
pub fn run_next(event: &Event) -> crate::Result<Outcome> {
    Ok(sys::run_next(event.handle())?)
}
