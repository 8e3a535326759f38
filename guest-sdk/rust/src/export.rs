//! What the attributes expand to. Not part of the API.
//!
//! The exports exist on wasm only; elsewhere the attributes leave the function or the `impl` as it
//! is, and only check its types.

pub mod app;
pub mod swap;

pub use crate::hooks::dispatch;
pub use crate::ws::Kind;

use crate::{Event, Hooks, HttpError, IntoOutcome, IntoResponse, Next, Outcome, Response, sys};

/// Compiles where a plain handler may return `R`.
pub const fn plain_handler_returns<R: IntoResponse>() {}

/// Compiles where a handler that upgrades may return `R`.
pub const fn upgrading_handler_returns<R: IntoOutcome>() {}

/// Compiles where hooks can be made for an instance.
pub const fn hooks_are<T: Hooks + Default + 'static>() {}

/// Calls a handler: what the host is told of its result.
pub fn respond<R: IntoOutcome>(
    event: Event,
    handler: impl FnOnce(Event) -> R,
) -> Result<Outcome, HttpError> {
    answer(event, handler).map_err(|error| HttpError::of(&error))
}

/// Calls a handler, and starts the stream that it answers with.
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

/// Calls a middleware: what the host is told of its result.
pub fn wrap<R: IntoOutcome>(
    event: Event,
    next: Next<'_>,
    middleware: impl FnOnce(&Event, Next<'_>) -> R,
) -> Result<Outcome, HttpError> {
    respond(event, |event| middleware(&event, next))
}

/// Calls an error handler: what the host is told of its result.
pub fn recover<R: IntoResponse>(
    event: &Event,
    error: HttpError,
    handler: impl FnOnce(&Event, HttpError) -> R,
) -> Result<Response, HttpError> {
    handler(event, error).into_response().map_err(|error| HttpError::of(&error))
}

/// A middleware for requests with that method only.
pub fn only_middleware<R: IntoOutcome>(
    method: &'static str,
    middleware: impl Fn(&Event, Next<'_>) -> R + 'static,
) -> impl Fn(&Event, Next<'_>) -> crate::Result<Outcome> + 'static {
    move |event, next| match event.method() == method {
        true => middleware(event, next).into_outcome(),
        false => next.run(event),
    }
}

/// An error handler for requests with that method only.
pub fn only_error<R: IntoResponse>(
    method: &'static str,
    handler: impl Fn(&Event, HttpError) -> R + 'static,
) -> impl Fn(&Event, HttpError) -> crate::Result<Response> + 'static {
    move |event, error| match event.method() == method {
        true => handler(event, error).into_response(),
        false => Err(error.into()),
    }
}

/// What a middleware component's `next` runs: the host's chain.
///
/// # Errors
/// What the chain failed with, and the host's own where it has run before.
pub fn run_next(event: &Event) -> crate::Result<Outcome> {
    Ok(sys::run_next(event.handle())?)
}

#[cfg(target_arch = "wasm32")]
pub use wasm::*;

#[cfg(target_arch = "wasm32")]
mod wasm {
    use super::{Event, HttpError, IntoOutcome, IntoResponse, Kind, Next};
    use super::{recover, respond, run_next, wrap};
    use crate::bindings::turn;
    use crate::packed::{self, Packed};
    use crate::{Message, executor};

    pub use crate::bindings::{batch, error_handler, handler, hooks, middleware, routes, session};
    pub use crate::sessions::{close, drain, open, receive, resume, run};
    pub use crate::sys::{
        CloseInfoOfWit, EventHandle, HttpErrorOfWit, MessageOfWit, OutcomeOfWit, ResponseOfWit,
    };
    pub use crate::time::timer;

    /// Runs a handler for the host.
    #[inline]
    pub fn handle<R: IntoOutcome>(
        handle: EventHandle,
        kind: Kind,
        handler: impl FnOnce(Event) -> R,
    ) -> Result<OutcomeOfWit, HttpErrorOfWit> {
        let result = respond(Event::new(handle, kind), handler);
        if kind == Kind::Async {
            // The sessions that the handler has woken.
            executor::run();
        }
        match result {
            Ok(outcome) => Ok(outcome.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Runs a middleware for the host.
    pub fn handle_around<R: IntoOutcome>(
        handle: EventHandle,
        middleware: impl FnOnce(&Event, Next<'_>) -> R,
    ) -> Result<OutcomeOfWit, HttpErrorOfWit> {
        match wrap(Event::new(handle, Kind::Plain), Next::new(run_next), middleware) {
            Ok(outcome) => Ok(outcome.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Runs an error handler for the host.
    pub fn handle_error<R: IntoResponse>(
        handle: EventHandle,
        error: HttpErrorOfWit,
        handler: impl FnOnce(&Event, HttpError) -> R,
    ) -> Result<ResponseOfWit, HttpErrorOfWit> {
        match recover(&Event::new(handle, Kind::Plain), error.into(), handler) {
            Ok(response) => Ok(response.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Messages of the host.
    pub fn messages(messages: Vec<MessageOfWit>) -> impl Iterator<Item = Message> {
        messages.into_iter().map(Into::into)
    }

    /// Hands each socket its messages, and tells the host whose turn it is.
    pub fn in_turns(packed: &[u8], mut receive: impl FnMut(u32, Packed<'_>)) {
        for (before, (socket, messages)) in packed::turns(packed).enumerate() {
            if before > 0 {
                turn::begin(socket);
            }
            receive(socket, messages);
        }
    }
}

/// Exports `handler`.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_handler {
    ($component:ident, $kind:ident, $handler:expr) => {
        impl $crate::export::handler::exports::lithe::plugin::handler::Guest for $component {
            fn handle(
                event: $crate::export::EventHandle,
            ) -> ::core::result::Result<
                $crate::export::OutcomeOfWit,
                $crate::export::HttpErrorOfWit,
            > {
                $crate::export::handle(event, $crate::export::Kind::$kind, $handler)
            }
        }
        $crate::export::handler::export!($component with_types_in $crate::export::handler);
    };
}

/// Exports `hooks`, and `batch` beside it: what is called for the events of sockets.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_sessions {
    (
        $component:ident,
        open: $open:expr,
        receive: $receive:expr,
        drain: $drain:expr,
        close: $close:expr
    ) => {
        impl $crate::export::hooks::exports::lithe::plugin::hooks::Guest for $component {
            fn open(socket: u32) {
                ($open)(socket);
            }
            fn receive(socket: u32, messages: ::std::vec::Vec<$crate::export::MessageOfWit>) {
                ($receive)(socket, $crate::export::messages(messages));
            }
            fn drain(socket: u32) {
                ($drain)(socket);
            }
            fn close(socket: u32, info: $crate::export::CloseInfoOfWit) {
                ($close)(socket, info.into());
            }
            fn timer(id: u32) {
                $crate::export::timer(id);
            }
        }
        $crate::export::hooks::export!($component with_types_in $crate::export::hooks);
        impl $crate::export::batch::exports::lithe::plugin::batch::Guest for $component {
            fn receive(messages: ::std::vec::Vec<u8>) {
                $crate::export::in_turns(&messages, $receive);
            }
        }
        $crate::export::batch::export!($component with_types_in $crate::export::batch);
    };
}

/// Exports a component of a plain handler.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_plain {
    ($handler:path) => {
        struct Component;
        $crate::__export_handler!(Component, Plain, $handler);
    };
}

/// Exports a component of a handler with async sessions.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_websocket {
    ($handler:path) => {
        struct Component;
        $crate::__export_handler!(Component, Async, $handler);
        $crate::__export_sessions!(
            Component,
            open: $crate::export::open,
            receive: |socket, messages| $crate::export::receive(socket, messages),
            drain: $crate::export::drain,
            close: $crate::export::close
        );
        $crate::__export_resume!($crate::export::resume);
    };
}

/// Exports a component of a handler with blocking sessions.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_session {
    ($handler:path) => {
        struct Component;
        $crate::__export_handler!(Component, Blocking, $handler);
        impl $crate::export::session::exports::lithe::plugin::session::Guest for Component {
            fn run(socket: u32) {
                $crate::export::run(socket);
            }
        }
        $crate::export::session::export!(Component with_types_in $crate::export::session);
    };
}

/// Exports a component of hooks.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_hooks {
    ($hooks:ty) => {
        struct Component;
        ::std::thread_local! {
            static __HOOKS: $hooks = <$hooks as ::core::default::Default>::default();
        }
        $crate::__export_handler!(Component, Hooks, |event| {
            __HOOKS.with(|hooks| $crate::export::dispatch::handle(hooks, event))
        });
        $crate::__export_sessions!(
            Component,
            open: |socket| {
                __HOOKS.with(|hooks| $crate::export::dispatch::open(hooks, socket))
            },
            receive: |socket, messages| {
                __HOOKS.with(|hooks| $crate::export::dispatch::receive(hooks, socket, messages))
            },
            drain: |socket| {
                __HOOKS.with(|hooks| $crate::export::dispatch::drain(hooks, socket))
            },
            close: |socket, info| {
                __HOOKS.with(|hooks| $crate::export::dispatch::close(hooks, socket, info))
            }
        );
    };
}

/// Exports `resume` beside a component of hooks.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_resume_hooks {
    () => {
        $crate::__export_resume!(|socket| {
            __HOOKS.with(|hooks| $crate::export::dispatch::resume(hooks, socket))
        });
    };
}

/// Exports a component of a middleware.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_middleware {
    ($middleware:path) => {
        struct Component;
        impl $crate::export::middleware::exports::lithe::plugin::middleware::Guest for Component {
            fn handle(
                event: $crate::export::EventHandle,
            ) -> ::core::result::Result<
                $crate::export::OutcomeOfWit,
                $crate::export::HttpErrorOfWit,
            > {
                $crate::export::handle_around(event, $middleware)
            }
        }
        $crate::export::middleware::export!(Component with_types_in $crate::export::middleware);
    };
}

/// Exports a component of an error handler.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_error_handler {
    ($handler:path) => {
        struct Component;
        impl $crate::export::error_handler::exports::lithe::plugin::error_handler::Guest
            for Component
        {
            fn handle(
                event: $crate::export::EventHandle,
                error: $crate::export::HttpErrorOfWit,
            ) -> ::core::result::Result<
                $crate::export::ResponseOfWit,
                $crate::export::HttpErrorOfWit,
            > {
                $crate::export::handle_error(event, error, $handler)
            }
        }
        $crate::export::error_handler::export!(
            Component with_types_in $crate::export::error_handler
        );
    };
}
