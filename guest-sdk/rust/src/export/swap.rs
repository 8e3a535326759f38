//! What a component exports for the moment in which another version takes over.

use std::thread::LocalKey;

use crate::state::Saved;
use crate::{Result, State, executor};

/// Compiles where the state is that of a component's hooks.
pub const fn state_is<T: State>() {}

/// Compiles where that is a thread-local with state.
pub const fn state_is_in<T: State + 'static>(_: &'static LocalKey<T>) {}

/// What does not compile. Hooks whose state nothing saves:
///
/// ```compile_fail,E0277
/// #[derive(Default)]
/// struct Stateless;
///
/// #[lithe_sdk::hooks(state)]
/// impl lithe_sdk::Hooks for Stateless {}
/// ```
///
/// A thread-local whose value nothing saves, and a value that is in none:
///
/// ```compile_fail,E0277
/// thread_local! {
///     static COUNT: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
/// }
///
/// #[lithe_sdk::handler(websocket, state = COUNT)]
/// fn count(_: lithe_sdk::Event) -> &'static str {
///     "one"
/// }
/// ```
///
/// ```compile_fail,E0308
/// static COUNT: u32 = 0;
///
/// #[lithe_sdk::app(websocket, state = COUNT)]
/// fn app() -> lithe_sdk::App {
///     lithe_sdk::App::new()
/// }
/// ```
///
/// A health check that has no reason:
///
/// ```compile_fail,E0308
/// #[lithe_sdk::health]
/// fn health() -> bool {
///     true
/// }
/// ```
#[cfg(doctest)]
pub struct Misuse;

/// What the instance hands over. No task runs after that: what it changed would be lost.
///
/// # Panics
/// It has no JSON form: a trap, and the version before goes on.
pub fn save<T: State>(state: &T) -> Vec<u8> {
    state.save().to_bytes().unwrap_or_else(|error| panic!("{error:#}"))
}

/// What an instance of the other version has handed over.
///
/// # Errors
/// This version cannot go on from there.
pub fn restore<T: State>(state: &T, saved: Vec<u8>) -> Result<(), String> {
    let restored = T::Saved::from_bytes(saved).and_then(|saved| state.restore(saved));
    // The tasks that it has started.
    executor::run();
    told(restored)
}

/// What the host is told of a result.
///
/// # Errors
/// The same, in words.
pub fn told(result: Result<()>) -> Result<(), String> {
    result.map_err(|error| format!("{error:#}"))
}

#[cfg(target_arch = "wasm32")]
pub use crate::bindings::{health, resume, state};

/// Exports `state`.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_state {
    ($state:path) => {
        struct WithState;
        impl $crate::export::swap::state::exports::lithe::plugin::state::Guest for WithState {
            fn save() -> ::std::vec::Vec<u8> {
                $state.with($crate::export::swap::save)
            }
            fn restore(
                saved: ::std::vec::Vec<u8>,
            ) -> ::core::result::Result<(), ::std::string::String> {
                $state.with(|state| $crate::export::swap::restore(state, saved))
            }
        }
        $crate::export::swap::state::export!(WithState with_types_in $crate::export::swap::state);
    };
}

/// Exports `resume`: `$hears` is called with each socket.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_resume {
    ($hears:expr) => {
        struct WithResume;
        impl $crate::export::swap::resume::exports::lithe::plugin::resume::Guest for WithResume {
            fn resume(socket: u32) {
                $hears(socket)
            }
        }
        $crate::export::swap::resume::export!(
            WithResume with_types_in $crate::export::swap::resume
        );
    };
}

/// Exports `health`.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_health {
    ($check:path) => {
        struct WithHealth;
        impl $crate::export::swap::health::exports::lithe::plugin::health::Guest for WithHealth {
            fn check() -> ::core::result::Result<(), ::std::string::String> {
                $crate::export::swap::told($check())
            }
        }
        $crate::export::swap::health::export!(
            WithHealth with_types_in $crate::export::swap::health
        );
    };
}
