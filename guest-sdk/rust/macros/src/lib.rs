//! The attributes of `lithe-sdk`: each leaves its item as it is, checks its types, and exports it from
//! the component on wasm.

mod app;
mod around;
mod handler;
mod hooks;

use proc_macro::TokenStream;

/// Makes a function the component's handler: `fn(Event) -> R`.
///
/// | attribute | exports | `R` |
/// |---|---|---|
/// | `#[handler]` | `handler` | `IntoResponse`: `Response`, text, or a `Result` of either |
/// | `#[handler(websocket)]` | `handler`, `hooks` | `IntoOutcome`: also `Outcome`; sessions by `ws.upgrade` |
/// | `#[handler(session)]` | `handler`, `session` | the same; sessions by `ws.upgrade_blocking` |
///
/// The function stays a plain function, which unit tests can call.
#[proc_macro_attribute]
pub fn handler(attribute: TokenStream, item: TokenStream) -> TokenStream {
    handler::expand(attribute.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes an `impl Hooks for T` the component: it exports `handler` and `hooks`.
///
/// `T` is `Default` and made once for each instance.
#[proc_macro_attribute]
pub fn hooks(attribute: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand(attribute.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes a function a middleware component: `fn(&Event, Next) -> R`, where `R` is `IntoOutcome`. It
/// exports `middleware`, and runs around the routes of its folder.
///
/// The function stays a plain function, which unit tests can call.
#[proc_macro_attribute]
pub fn middleware(attribute: TokenStream, item: TokenStream) -> TokenStream {
    around::expand(&around::MIDDLEWARE, attribute.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes a function an error handler component: `fn(&Event, HttpError) -> R`, where `R` is
/// `IntoResponse`. It exports `error-handler`, and answers for what fails in its folder; an error of its
/// own goes on to the next error handler outward.
///
/// The function stays a plain function, which unit tests can call.
#[proc_macro_attribute]
pub fn error_handler(attribute: TokenStream, item: TokenStream) -> TokenStream {
    around::expand(&around::ERROR_HANDLER, attribute.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes a function's `App` the component, with several routes: `fn() -> App`.
///
/// | attribute | exports | sessions |
/// |---|---|---|
/// | `#[app]` | `handler`, `routes` | none |
/// | `#[app(websocket)]` | `handler`, `routes`, `hooks` | async closures, and `App::ws`, `App::ws_with` |
/// | `#[app(session)]` | `handler`, `routes`, `session` | blocking closures |
///
/// The function is called once for each instance, and stays a plain function.
#[proc_macro_attribute]
pub fn app(attribute: TokenStream, item: TokenStream) -> TokenStream {
    app::expand(attribute.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
