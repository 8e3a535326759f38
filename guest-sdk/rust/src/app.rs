//! One component with several routes.

mod compose;
mod dispatch;
mod layer;
mod listen;
mod pattern;
mod slots;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

pub use compose::HandlerExt;
pub use listen::WebSocket;

use crate::{Event, Hooks, HttpError, IntoOutcome, IntoResponse, Next, Result};
use layer::Layer;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use pattern::{Part, Pattern, Repeat, Segment};
use slots::{Answerer, Route, Slots};

/// One component with several routes, made by [`#[lithe_sdk::app]`](macro@crate::app).
///
/// ```
/// use lithe_sdk::testing::TestEvent;
/// use lithe_sdk::{App, Event, HttpError, Result};
///
/// #[lithe_sdk::app]
/// fn app() -> App {
///     App::new()
///         .get("/rooms/:id", room)
///         .post("/rooms", |event: Event| event.text())
///         .group("/admin", |admin| {
///             admin
///                 .middleware(lithe_sdk::middleware::bearer_auth(["secret"]))
///                 .get("/", |_| "only for some")
///         })
///         .on_error(|_, error| format!("sorry: {error}"))
/// }
///
/// fn room(event: Event) -> Result<String> {
///     match event.param("id")? {
///         42 => Ok("the answer".into()),
///         _ => Err(HttpError::not_found().into()),
///     }
/// }
///
/// let get = |uri| TestEvent::get(uri).call_app(&app()).text();
/// assert_eq!(get("/rooms/42"), "the answer");
/// assert_eq!(get("/rooms/43"), "sorry: Not Found");
/// assert_eq!(get("/admin"), "sorry: Unauthorized");
/// ```
///
/// # Patterns
///
/// The host matches paths with patterns, and tells the app which one it was. Patterns are those of
/// a site: `/rooms/:id`, `:id(\\d+)` with a regular expression, `:id?` optional, `:path+` one
/// segment or more, `:path*` any number, `*` one segment without a name, `**` any number without
/// one.
///
/// # Order
///
/// The app's middleware runs around a handler first, then that of its groups, from the broadest to
/// the most specific. Each runs in the order of registration, wherever it stands among the routes.
/// An error, also one of a middleware, goes to the error handlers of the nearest group or app
/// around it. An error of theirs goes on outward, and at last to the site's error handlers. So a
/// middleware sees an error of its own group as an `Err`, and an error that a group inside of it
/// has answered as a response.
///
/// # Panics
///
/// A method that adds a route panics if the pattern is malformed, or if the app has the route
/// already. Such an app does not load, and the log says why.
#[must_use = "an app does nothing until `#[lithe_sdk::app]` exports it"]
#[derive(Default)]
pub struct App {
    layer: Layer,
    /// By pattern.
    slots: BTreeMap<String, Slots>,
    /// The hooks of the sockets that this instance has seen, by the socket's number.
    sockets: RefCell<BTreeMap<u32, Rc<dyn Hooks>>>,
}

impl App {
    /// An app without routes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers GET, and HEAD if nothing else does.
    #[track_caller]
    pub fn get<R: IntoOutcome>(
        self,
        pattern: &str,
        handler: impl Fn(Event) -> R + 'static,
    ) -> Self {
        self.on("GET", pattern, handler)
    }

    /// Answers POST.
    #[track_caller]
    pub fn post<R: IntoOutcome>(
        self,
        pattern: &str,
        handler: impl Fn(Event) -> R + 'static,
    ) -> Self {
        self.on("POST", pattern, handler)
    }

    /// Answers PUT.
    #[track_caller]
    pub fn put<R: IntoOutcome>(
        self,
        pattern: &str,
        handler: impl Fn(Event) -> R + 'static,
    ) -> Self {
        self.on("PUT", pattern, handler)
    }

    /// Answers PATCH.
    #[track_caller]
    pub fn patch<R: IntoOutcome>(
        self,
        pattern: &str,
        handler: impl Fn(Event) -> R + 'static,
    ) -> Self {
        self.on("PATCH", pattern, handler)
    }

    /// Answers DELETE.
    #[track_caller]
    pub fn delete<R: IntoOutcome>(
        self,
        pattern: &str,
        handler: impl Fn(Event) -> R + 'static,
    ) -> Self {
        self.on("DELETE", pattern, handler)
    }

    /// Answers HEAD.
    #[track_caller]
    pub fn head<R: IntoOutcome>(
        self,
        pattern: &str,
        handler: impl Fn(Event) -> R + 'static,
    ) -> Self {
        self.on("HEAD", pattern, handler)
    }

    /// Answers OPTIONS, in place of the host.
    #[track_caller]
    pub fn options<R: IntoOutcome>(
        self,
        pattern: &str,
        handler: impl Fn(Event) -> R + 'static,
    ) -> Self {
        self.on("OPTIONS", pattern, handler)
    }

    /// Answers that method, in upper case.
    #[track_caller]
    pub fn on<R: IntoOutcome>(
        mut self,
        method: &str,
        pattern: &str,
        handler: impl Fn(Event) -> R + 'static,
    ) -> Self {
        let route = Route::new(Answerer::handler(handler));
        self.slots_of(pattern).add(Some(method), route);
        self
    }

    /// Answers every method for which the pattern has no other handler.
    #[track_caller]
    pub fn any<R: IntoOutcome>(
        mut self,
        pattern: &str,
        handler: impl Fn(Event) -> R + 'static,
    ) -> Self {
        let route = Route::new(Answerer::handler(handler));
        self.slots_of(pattern).add(None, route);
        self
    }

    /// Accepts WebSockets in the event-driven style, for `#[lithe_sdk::app(websocket)]`.
    ///
    /// Requests that ask for no upgrade go to the handlers of the same pattern. Without such
    /// handlers, they go to the hooks' [`fallback`](Hooks::fallback).
    #[track_caller]
    pub fn ws(mut self, pattern: &str, hooks: impl Hooks + 'static) -> Self {
        let route = Route::new(Answerer::Hooks(Rc::new(hooks)));
        self.slots_of(pattern).add_sockets(route);
        self
    }

    /// Accepts WebSockets in the oldest style, for `#[lithe_sdk::app(websocket)]`: the closure runs
    /// once the handshake is complete, and registers what listens.
    ///
    /// The socket stays open until either side closes it. An error of the closure, or of what
    /// listens, closes it with 1011. Requests that ask for no upgrade go to the handlers of the
    /// same pattern. Without such handlers, they are answered with 426.
    ///
    /// ```
    /// use lithe_sdk::App;
    /// use lithe_sdk::testing::TestEvent;
    ///
    /// let app = App::new().ws_with("/echo", |ws, event| {
    ///     println!("connected: {}", event.client_address());
    ///     ws.listen(move |message| Ok(ws.add(message)?));
    ///     Ok(())
    /// });
    ///
    /// let socket = TestEvent::get("/echo").upgrade([]).call_app(&app).socket();
    /// socket.send_text("hello");
    /// assert_eq!(socket.sent_text(), ["hello"]);
    /// ```
    #[track_caller]
    pub fn ws_with(
        mut self,
        pattern: &str,
        session: impl Fn(WebSocket, &Event) -> Result<()> + 'static,
    ) -> Self {
        let session = Rc::new(session);
        let accept = move |event: Event| listen::accept(&event, Rc::clone(&session));
        let route = Route::new(Answerer::Listener(Box::new(accept)));
        self.slots_of(pattern).add_sockets(route);
        self
    }

    /// Adds the routes of another app below a prefix, with that app's middleware and error handlers
    /// around them. The prefix may have parameters, and may be empty.
    #[track_caller]
    pub fn group(mut self, prefix: &str, build: impl FnOnce(Self) -> Self) -> Self {
        let Self { layer, slots, sockets: _ } = build(Self::new());
        let layer = Rc::new(layer);
        for (pattern, slots) in slots {
            self.slots_of(&format!("{prefix}/{pattern}")).merge(slots.within(&layer));
        }
        self
    }

    /// Runs around every route of this app or group.
    pub fn middleware<R: IntoOutcome>(
        mut self,
        middleware: impl Fn(&Event, Next<'_>) -> R + 'static,
    ) -> Self {
        self.layer.add_middleware(middleware);
        self
    }

    /// Answers for errors in this app or group. An error of its own goes to the error handler that
    /// was registered next, then outward.
    pub fn on_error<R: IntoResponse>(
        mut self,
        handler: impl Fn(&Event, HttpError) -> R + 'static,
    ) -> Self {
        self.layer.add_error_handler(handler);
        self
    }

    /// The routes that the host is told of: methods (`None` is any method) and patterns.
    pub fn routes(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.slots.iter().flat_map(|(pattern, slots)| {
            slots.methods().map(move |method| (method, pattern.as_str()))
        })
    }

    #[allow(clippy::panic, reason = "an app with a malformed pattern must not load")]
    #[track_caller]
    fn slots_of(&mut self, pattern: &str) -> &mut Slots {
        match pattern::canonical(pattern) {
            Ok(pattern) => {
                self.slots.entry(pattern).or_insert_with_key(|pattern| Slots::new(pattern.clone()))
            }
            Err(error) => panic!("pattern `{pattern}` is malformed: {error}"),
        }
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.routes()).finish()
    }
}

#[cfg(test)]
mod tests;
