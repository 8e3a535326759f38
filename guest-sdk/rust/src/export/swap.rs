//! What the exports `state` and `health` do when another version takes over.

use std::thread::LocalKey;

use crate::state::Saved;
use crate::{Result, State, executor};

/// Compiles if hooks of type `T` have state.
pub const fn state_is<T: State>() {}

/// Compiles if a thread-local has state.
pub const fn state_is_in<T: State + 'static>(_: &'static LocalKey<T>) {}

/// Examples that do not compile. Hooks without an `impl State`:
///
/// ```compile_fail,E0277
/// #[derive(Default)]
/// struct Stateless;
///
/// #[lithe_sdk::hooks(state)]
/// impl lithe_sdk::Hooks for Stateless {}
/// ```
///
/// A thread-local without an `impl State`, and a value that is not a thread-local:
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
/// A health check that gives no reason:
///
/// ```compile_fail,E0308
/// #[lithe_sdk::health]
/// fn health() -> bool {
///     true
/// }
/// ```
#[cfg(doctest)]
pub struct Misuse;

/// Saves the state. No task runs after that, for its changes would be lost.
///
/// # Errors
/// The state cannot be saved now, or has no JSON form.
pub fn save<T: State>(state: &T) -> Result<Vec<u8>, String> {
    told(state.save().and_then(Saved::to_bytes))
}

/// Restores what an instance of the other version has saved.
///
/// # Errors
/// This version cannot go on from there.
pub fn restore<T: State>(state: &T, saved: Vec<u8>) -> Result<(), String> {
    let restored = T::Saved::from_bytes(saved).and_then(|saved| state.restore(saved));
    // Runs the tasks that it has started.
    executor::run();
    told(restored)
}

/// Puts an error into words for the host.
///
/// # Errors
/// The result is an error.
pub fn told<T>(result: Result<T>) -> Result<T, String> {
    result.map_err(|error| format!("{error:#}"))
}
