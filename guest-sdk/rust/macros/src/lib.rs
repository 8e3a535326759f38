//! The attributes of `lithe-sdk`. Each leaves its item as it is and checks its types. On wasm it
//! also exports the item from the component.

mod app;
mod around;
mod component;
mod handler;
mod health;
mod hooks;
mod routes;
mod words;

use proc_macro::TokenStream;

/// Makes a function the component's handler: `fn(Event) -> R`.
///
/// | attribute | exports | `R` |
/// |---|---|---|
/// | `#[handler]` | `handler` | `IntoResponse`: `Response`, text, or a `Result` of either |
/// | `#[handler(websocket)]` | `handler`, `hooks`, `resume` | `IntoOutcome`: also `Outcome` and `Stream`; by `ws.upgrade`, `Response::stream`, `Response::sse` |
/// | `#[handler(session)]` | `handler`, `session` | the same; by `ws.upgrade_blocking`, `Response::stream_blocking`, `Response::sse_blocking` |
///
/// `#[handler(websocket, state = NAME)]` exports `state`, too: the value in a `thread_local!` of
/// that name, with an `impl State`, moves to the next version. The sessions themselves do not.
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
/// `T` is `Default`. Each instance makes one value of it.
///
/// | for a swap | exports |
/// |---|---|
/// | `fn resume` in the `impl` | `resume` |
/// | `#[hooks(state)]`, and an `impl State for T` | `state`, from the value of the hooks |
/// | `#[hooks(state = NAME)]`, and an `impl State` | `state`, from the value in a `thread_local!` of that name |
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
/// `IntoResponse`. It exports `error-handler`, and answers for errors in its folder. An error of
/// its own goes on to the next error handler outward.
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
/// | `#[app(websocket)]` | `handler`, `routes`, `hooks`, `resume` | async closures, and `App::ws`, `App::ws_with` |
/// | `#[app(session)]` | `handler`, `routes`, `session` | blocking closures |
///
/// `#[app(websocket, state = NAME)]` exports `state`, too: the value in a `thread_local!` of that
/// name, with an `impl State`, moves to the next version.
///
/// Each instance calls the function once. The function stays a plain function.
#[proc_macro_attribute]
pub fn app(attribute: TokenStream, item: TokenStream) -> TokenStream {
    app::expand(attribute.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Has the host ask a function before this version of the plugin serves anything:
/// `fn() -> Result<()>`. An error, with its reason in the log, keeps the version before.
///
/// It goes with any other attribute. The function stays a plain function, which unit tests can
/// call.
///
/// ```ignore
/// #[lithe_sdk::health]
/// fn health() -> Result<()> {
///     Rules::parse(include_str!("rules.txt"))?;
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn health(attribute: TokenStream, item: TokenStream) -> TokenStream {
    health::expand(attribute.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes an `App` of a folder of route files, by the rules of a site's `routes/`.
///
/// ```ignore
/// #[lithe_sdk::app]
/// fn app() -> App {
///     lithe_sdk::routes!("src/routes")
/// }
/// ```
///
/// The path of the folder begins at `Cargo.toml`. Each file is a module with a public function:
///
/// | file | function |
/// |---|---|
/// | `rooms/[id].get.rs` | `handler(event: Event)`, answers `GET /rooms/:id`; without `.get`, any method |
/// | `rooms/_middleware.rs` | `middleware(event: &Event, next: Next)`, for `/rooms` and below |
/// | `rooms/_error.rs` | `error(event: &Event, error: HttpError)`, for `/rooms` and below |
/// | `middleware/01_log.rs`, beside the folder | `middleware`, for all of them, in name order |
///
/// | name | pattern |
/// |---|---|
/// | `index`, `a/index` | `/`, `/a` |
/// | `[id]`, `[id([0-9]+)]`, `[[id]]` | `:id`, with a regular expression, optional |
/// | `[...path]`, `[[...path]]` | one segment or more, any number |
/// | `[...]`, `[_]` | any number, exactly one, without a name |
/// | `[name].[ext]`, `post-[id].json` | parameters inside a segment |
///
/// `_middleware.get.rs` and `_error.get.rs` are for that method only. The macro leaves other files
/// and folders alone that begin with `_`. Files that answer the same, or that give the same
/// parameter two names, do not compile, and the message names both.
///
/// Cargo notices a changed file like any other of the crate. For Cargo to notice a new one, the
/// package needs a `build.rs`:
///
/// ```
/// println!("cargo::rerun-if-changed=src/routes");
/// ```
///
/// Call the macro in the module of a file, not in an inline module.
#[proc_macro]
pub fn routes(input: TokenStream) -> TokenStream {
    let caller = proc_macro::Span::call_site().local_file();
    routes::expand(input.into(), caller.as_deref())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
