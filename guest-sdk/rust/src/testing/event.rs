//! The request of a test.

use std::cell::Cell;
use std::rc::Rc;

use super::TestOutcome;
use super::routing::{self, Found};
use crate::export::{answer, recover, respond};
use crate::instance::Serve;
use crate::query::percent_decode;
use crate::sys::{EventHandle, Request, allow_upgrades};
use crate::ws::Kind;
use crate::{App, Event, Hooks, HttpError, IntoOutcome, IntoResponse, Next, Outcome};

thread_local! {
    static LAST_ID: Cell<u32> = const { Cell::new(0) };
}

/// A request to call a handler with.
#[derive(Debug, Clone)]
pub struct TestEvent {
    request: Request,
    upgrades: bool,
}

impl TestEvent {
    /// A GET request for that path and query.
    pub fn get(uri: &str) -> Self {
        Self::new("GET", uri)
    }

    /// A POST request for that path and query.
    pub fn post(uri: &str) -> Self {
        Self::new("POST", uri)
    }

    /// A request with any method, in upper case.
    pub fn new(method: &str, uri: &str) -> Self {
        let path = percent_decode(uri.split_once('?').map_or(uri, |(path, _)| path));
        let request = Request {
            method: method.to_owned(),
            uri: uri.to_owned(),
            route: path.clone(),
            path,
            scheme: "http".to_owned(),
            headers: vec![("host".into(), "localhost".into())],
            client_address: "127.0.0.1:50000".to_owned(),
            ..Request::default()
        };
        Self { request, upgrades: true }
    }

    /// Makes the request a well-formed WebSocket handshake that offers these protocols, in order.
    #[must_use]
    pub fn upgrade<'a>(self, protocols: impl IntoIterator<Item = &'a str>) -> Self {
        let offered = protocols.into_iter().collect::<Vec<_>>().join(", ");
        let event = self
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        if offered.is_empty() { event } else { event.header("sec-websocket-protocol", &offered) }
    }

    /// Sets a header, in place of any other of that name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = name.to_ascii_lowercase();
        self.request.headers.retain(|(other, _)| *other != name);
        self.request.headers.push((name, value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.request.body = body.as_ref().to_vec();
        self
    }

    /// Sets the pattern that matched. By default it is the path.
    #[must_use]
    pub fn route(mut self, pattern: &str) -> Self {
        self.request.route = pattern.to_owned();
        self
    }

    /// Adds a parameter of the route.
    #[must_use]
    pub fn param(mut self, name: &str, value: &str) -> Self {
        self.request.params.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets a value that middleware would have left.
    #[must_use]
    pub fn local(mut self, key: &str, value: &str) -> Self {
        self.request.locals.get_mut().insert(key.to_owned(), value.to_owned());
        self
    }

    /// Sets the client's `IP:PORT`. By default it is `127.0.0.1:50000`.
    #[must_use]
    pub fn client_address(mut self, address: &str) -> Self {
        self.request.client_address = address.to_owned();
        self
    }

    /// Makes the site one that does not allow upgrades.
    #[must_use]
    pub fn without_upgrades(mut self) -> Self {
        self.upgrades = false;
        self
    }

    /// The event, for a function that is not a handler.
    pub fn build(self) -> Event {
        self.build_as(Kind::Any)
    }

    /// Calls a handler.
    pub fn call<R: IntoOutcome>(self, handler: impl FnOnce(Event) -> R) -> TestOutcome {
        self.call_as(Kind::Any, handler)
    }

    /// Calls a middleware around a handler.
    ///
    /// ```
    /// use lithe_sdk::testing::TestEvent;
    /// use lithe_sdk::{Event, Next, Outcome, Result};
    ///
    /// #[lithe_sdk::middleware]
    /// fn mark(event: &Event, next: Next) -> Result<Outcome> {
    ///     Ok(next.run(event)?.with_header("x-mark", "seen"))
    /// }
    ///
    /// let outcome = TestEvent::get("/").call_middleware(mark, |_| "hello");
    /// assert_eq!((outcome.text().as_str(), outcome.header("x-mark")), ("hello", Some("seen")));
    /// ```
    pub fn call_middleware<M: IntoOutcome, R: IntoOutcome>(
        self,
        middleware: impl FnOnce(&Event, Next<'_>) -> M,
        handler: impl FnOnce(Event) -> R,
    ) -> TestOutcome {
        let next = Next::new(|event| answer(event.clone(), handler));
        self.call(|event| middleware(&event, next).into_outcome())
    }

    /// Calls an error handler with what a handler would have failed with.
    ///
    /// ```
    /// use lithe_sdk::testing::TestEvent;
    /// use lithe_sdk::{Event, HttpError, Response, Result, json};
    ///
    /// #[lithe_sdk::error_handler]
    /// fn on_error(event: &Event, error: HttpError) -> Result<Response> {
    ///     Ok(Response::json(&json!({ "error": error.message }))?.with_status(error.status))
    /// }
    ///
    /// let outcome = TestEvent::get("/").call_error_handler(on_error, HttpError::not_found());
    /// assert_eq!((outcome.status(), outcome.text()), (404, r#"{"error":"Not Found"}"#.into()));
    /// ```
    pub fn call_error_handler<R: IntoResponse>(
        self,
        handler: impl FnOnce(&Event, HttpError) -> R,
        error: HttpError,
    ) -> TestOutcome {
        self.call(|event| recover(&event, error, handler))
    }

    /// Calls the app's route for the path, with its middleware and error handlers. If no route
    /// fits, the outcome is 404 or 405, as the host answers. Regular expressions in patterns fit
    /// any text.
    pub fn call_app(mut self, app: &App) -> TestOutcome {
        match routing::find(app, &self.request.method, &self.request.path) {
            Found::Route(pattern, params) => {
                self.request.params = params;
                self.route(pattern).call(|event| app.serve(event)).heard_by_app(app)
            }
            Found::WrongMethod(allowed) => {
                let error = HttpError::method_not_allowed(allowed.join(", "));
                self.call(|_| Err::<Outcome, _>(error))
            }
            Found::Nothing => self.call(|_| Err::<Outcome, _>(HttpError::not_found())),
        }
    }

    /// Calls hooks, as `#[lithe_sdk::hooks]` makes the host do.
    pub fn call_hooks<T: Hooks + 'static>(self, hooks: &Rc<T>) -> TestOutcome {
        let called = self.call_as(Kind::Hooks, |event| hooks.serve(event));
        let hooks: Rc<dyn Hooks> = hooks.clone();
        called.heard_by(hooks)
    }

    pub(crate) fn call_as<R: IntoOutcome>(
        self,
        kind: Kind,
        handler: impl FnOnce(Event) -> R,
    ) -> TestOutcome {
        let event = self.build_as(kind);
        let EventHandle(request) = EventHandle::clone(event.handle());
        TestOutcome::new(respond(event, handler), &request)
    }

    pub(crate) fn build_as(mut self, kind: Kind) -> Event {
        allow_upgrades(self.upgrades);
        let id = LAST_ID.get() + 1;
        LAST_ID.set(id);
        self.request.id = format!("test-{id}");
        Event::new(EventHandle(Rc::new(self.request)), kind)
    }
}
