//! The components of `#[lithe_sdk::app]`.

use super::Kind;
use crate::{App, CloseInfo, Message};

/// An app that its component can run.
///
/// # Panics
/// It has sockets, and the component is not the one for them: such a component does not load.
pub fn checked(app: App, kind: Kind) -> App {
    assert!(
        kind == Kind::Async || !app.has_sockets(),
        "routes of `ws` and `ws_with` need `#[lithe_sdk::app(websocket)]`"
    );
    app
}

/// The handshake is complete.
pub fn open(app: &App, socket: u32) {
    app.open(socket);
}

/// Messages have arrived.
pub fn receive(app: &App, socket: u32, messages: impl IntoIterator<Item = Message>) {
    app.receive(socket, messages);
}

/// The outbound queue has emptied after a send has found it full.
pub fn drain(app: &App, socket: u32) {
    app.drain(socket);
}

/// Another version has had the socket until now.
pub fn resume(app: &App, socket: u32) {
    app.resume(socket);
}

/// The socket has ended.
pub fn close(app: &App, socket: u32, info: CloseInfo) {
    app.close(socket, info);
}

#[cfg(target_arch = "wasm32")]
pub use wasm::*;

#[cfg(target_arch = "wasm32")]
mod wasm {
    use crate::export::{EventHandle, HttpErrorOfWit, Kind, OutcomeOfWit, routes};
    use crate::{App, export};

    use routes::exports::lithe::plugin::routes::Route;

    /// Runs an app for the host.
    pub fn handle(
        app: &App,
        event: EventHandle,
        kind: Kind,
    ) -> Result<OutcomeOfWit, HttpErrorOfWit> {
        export::handle(event, kind, |event| app.handle(event))
    }

    /// What the host asks once.
    pub fn all(app: &App) -> Vec<Route> {
        let route = |(method, pattern): (Option<&str>, &str)| Route {
            method: method.map(str::to_owned),
            pattern: pattern.to_owned(),
        };
        app.routes().map(route).collect()
    }
}

/// Exports `handler` and `routes`.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_routes {
    ($component:ident, $kind:ident, $app:path) => {
        ::std::thread_local! {
            static __APP: $crate::App = $crate::export::app::checked(
                $app(),
                $crate::export::Kind::$kind,
            );
        }
        impl $crate::export::handler::exports::lithe::plugin::handler::Guest for $component {
            fn handle(
                event: $crate::export::EventHandle,
            ) -> ::core::result::Result<
                $crate::export::OutcomeOfWit,
                $crate::export::HttpErrorOfWit,
            > {
                __APP.with(|app| {
                    $crate::export::app::handle(app, event, $crate::export::Kind::$kind)
                })
            }
        }
        $crate::export::handler::export!($component with_types_in $crate::export::handler);
        impl $crate::export::routes::exports::lithe::plugin::routes::Guest for $component {
            fn all() -> ::std::vec::Vec<
                $crate::export::routes::exports::lithe::plugin::routes::Route,
            > {
                __APP.with($crate::export::app::all)
            }
        }
        $crate::export::routes::export!($component with_types_in $crate::export::routes);
    };
}

/// Exports a component of an app without sessions.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_app {
    ($app:path) => {
        struct Component;
        $crate::__export_routes!(Component, Plain, $app);
    };
}

/// Exports a component of an app with async sessions and hooks.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_app_websocket {
    ($app:path) => {
        struct Component;
        $crate::__export_routes!(Component, Async, $app);
        $crate::__export_sessions!(
            Component,
            open: |socket| __APP.with(|app| $crate::export::app::open(app, socket)),
            receive: |socket, messages| {
                __APP.with(|app| $crate::export::app::receive(app, socket, messages))
            },
            drain: |socket| __APP.with(|app| $crate::export::app::drain(app, socket)),
            close: |socket, info| __APP.with(|app| $crate::export::app::close(app, socket, info))
        );
        $crate::__export_resume!(|socket| __APP.with(|app| $crate::export::app::resume(app, socket)));
    };
}

/// Exports a component of an app with blocking sessions.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_app_session {
    ($app:path) => {
        struct Component;
        $crate::__export_routes!(Component, Blocking, $app);
        impl $crate::export::session::exports::lithe::plugin::session::Guest for Component {
            fn run(socket: u32) {
                $crate::export::run(socket);
            }
        }
        $crate::export::session::export!(Component with_types_in $crate::export::session);
    };
}
