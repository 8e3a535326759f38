//! What the attributes expand to. Not part of the API.
//!
//! The exports exist on wasm only; elsewhere the attributes leave the function or the `impl` as it
//! is, and only check its types.

pub use crate::hooks::dispatch;
pub use crate::ws::Kind;

use crate::{Hooks, HttpError, IntoOutcome, IntoResponse, Outcome};

/// Compiles where a plain handler may return `R`.
pub const fn plain_handler_returns<R: IntoResponse>() {}

/// Compiles where a handler that upgrades may return `R`.
pub const fn upgrading_handler_returns<R: IntoOutcome>() {}

/// Compiles where hooks can be made for an instance.
pub const fn hooks_are<T: Hooks + Default + 'static>() {}

/// What the host is told of a handler's result.
pub fn outcome(result: impl IntoOutcome) -> Result<Outcome, HttpError> {
    result.into_outcome().map_err(|error| HttpError::of(&error))
}

#[cfg(target_arch = "wasm32")]
pub use wasm::*;

#[cfg(target_arch = "wasm32")]
mod wasm {
    use super::{HttpError, Kind, Outcome};
    use crate::{Event, executor};

    pub use crate::bindings::{handler, hooks, session};
    pub use crate::sessions::{close, drain, open, receive, run};
    pub use crate::sys::{CloseInfoOfWit, EventHandle, HttpErrorOfWit, MessageOfWit, OutcomeOfWit};
    pub use crate::time::timer;

    /// Runs a handler for the host.
    #[inline]
    pub fn handle(
        handle: EventHandle,
        kind: Kind,
        handler: impl FnOnce(Event) -> Result<Outcome, HttpError>,
    ) -> Result<OutcomeOfWit, HttpErrorOfWit> {
        let result = handler(Event::new(handle, kind));
        if kind == Kind::Async {
            // The sessions that the handler has woken.
            executor::run();
        }
        match result {
            Ok(outcome) => Ok(outcome.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Messages of the host.
    pub fn messages(messages: Vec<MessageOfWit>) -> Vec<crate::Message> {
        messages.into_iter().map(Into::into).collect()
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
                $crate::export::handle(event, $crate::export::Kind::$kind, |event| {
                    $crate::export::outcome($handler(event))
                })
            }
        }
        $crate::export::handler::export!($component with_types_in $crate::export::handler);
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
        impl $crate::export::hooks::exports::lithe::plugin::hooks::Guest for Component {
            fn open(socket: u32) {
                $crate::export::open(socket);
            }
            fn receive(socket: u32, messages: ::std::vec::Vec<$crate::export::MessageOfWit>) {
                $crate::export::receive(socket, $crate::export::messages(messages));
            }
            fn drain(socket: u32) {
                $crate::export::drain(socket);
            }
            fn close(socket: u32, info: $crate::export::CloseInfoOfWit) {
                $crate::export::close(socket, info.into());
            }
            fn timer(id: u32) {
                $crate::export::timer(id);
            }
        }
        $crate::export::hooks::export!(Component with_types_in $crate::export::hooks);
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
            static HOOKS: $hooks = <$hooks as ::core::default::Default>::default();
        }
        $crate::__export_handler!(Component, Hooks, |event| {
            HOOKS.with(|hooks| $crate::export::dispatch::handle(hooks, event))
        });
        impl $crate::export::hooks::exports::lithe::plugin::hooks::Guest for Component {
            fn open(socket: u32) {
                HOOKS.with(|hooks| $crate::export::dispatch::open(hooks, socket));
            }
            fn receive(socket: u32, messages: ::std::vec::Vec<$crate::export::MessageOfWit>) {
                let messages = $crate::export::messages(messages);
                HOOKS.with(|hooks| $crate::export::dispatch::receive(hooks, socket, messages));
            }
            fn drain(socket: u32) {
                HOOKS.with(|hooks| $crate::export::dispatch::drain(hooks, socket));
            }
            fn close(socket: u32, info: $crate::export::CloseInfoOfWit) {
                HOOKS.with(|hooks| $crate::export::dispatch::close(hooks, socket, info.into()));
            }
            fn timer(id: u32) {
                $crate::export::timer(id);
            }
        }
        $crate::export::hooks::export!(Component with_types_in $crate::export::hooks);
    };
}
