//! From what an attribute says of its component to what the component exports.
//!
//! An attribute implements some of these traits for a type of its own. Through them the type has
//! the traits `Guest` of the bindings. The bindings' `export` macros export such a type.

use std::thread::LocalKey;

use super::{Hear, Kind, run_next, swap};
use crate::bindings::turn;
use crate::packed;
use crate::sys::{
    CloseInfoOfWit, EventHandle, HttpErrorOfWit, MessageOfWit, OutcomeOfWit, ResponseOfWit,
};
use crate::{
    App, Event, HttpError, Message, Next, Outcome, Response, State, executor, sessions, time,
};

pub use crate::bindings::{
    batch, error_handler, handler, health, hooks, middleware, resume, routes, session, state,
};

/// Answers requests: may export `handler`, and `session` beside it.
pub trait Handles {
    /// Which sessions the component can run.
    const KIND: Kind;

    /// Answers a request.
    ///
    /// # Errors
    /// The answer is an error.
    fn handle(event: Event) -> Result<Outcome, HttpError>;
}

/// Hears of sockets: may export `hooks`, `batch` and `resume`.
pub trait Hears {
    /// The value that hears of them.
    fn hears() -> &'static LocalKey<impl Hear + 'static>;
}

/// Has an app: may export `routes`.
pub trait HasApp {
    /// The app.
    fn app() -> &'static LocalKey<App>;
}

/// Has state that moves to another version: may export `state`.
pub trait HasState {
    /// The state.
    fn state() -> &'static LocalKey<impl State + 'static>;
}

/// Has a health check: may export `health`.
pub trait HasHealth {
    /// Runs the check.
    ///
    /// # Errors
    /// The component must not serve.
    fn check() -> crate::Result<()>;
}

/// Runs around handlers: may export `middleware`.
pub trait Wraps {
    /// Answers a request, or passes it on.
    ///
    /// # Errors
    /// The answer is an error.
    fn wrap(event: Event, next: Next<'_>) -> Result<Outcome, HttpError>;
}

/// Answers for errors: may export `error-handler`.
pub trait Recovers {
    /// Answers for an error.
    ///
    /// # Errors
    /// The error goes on to the next error handler.
    fn recover(event: &Event, error: HttpError) -> Result<Response, HttpError>;
}

impl<C: Handles> handler::Guest for C {
    #[inline]
    fn handle(event: EventHandle) -> Result<OutcomeOfWit, HttpErrorOfWit> {
        let result = <C as Handles>::handle(Event::new(event, C::KIND));
        if C::KIND == Kind::Async {
            // The sessions that the handler has woken.
            executor::run();
        }
        of_wit(result)
    }
}

impl<C: Handles> session::Guest for C {
    fn run(socket: u32) {
        sessions::run(socket);
    }
}

impl<C: Hears> hooks::Guest for C {
    fn open(socket: u32) {
        C::hears().with(|hears| hears.opened(socket));
    }

    fn receive(socket: u32, messages: Vec<MessageOfWit>) {
        let messages = messages.into_iter().map(Message::from);
        C::hears().with(|hears| hears.received(socket, messages));
    }

    fn drain(socket: u32) {
        C::hears().with(|hears| hears.drained(socket));
    }

    fn close(socket: u32, info: CloseInfoOfWit) {
        C::hears().with(|hears| hears.closed(socket, info.into()));
    }

    fn timer(id: u32) {
        time::timer(id);
    }
}

impl<C: Hears> batch::Guest for C {
    /// Hands each socket its messages, and tells the host whose turn it is.
    fn receive(messages: Vec<u8>) {
        C::hears().with(|hears| {
            for (before, (socket, messages)) in packed::turns(&messages).enumerate() {
                if before > 0 {
                    turn::begin(socket);
                }
                hears.received(socket, messages);
            }
        });
    }
}

impl<C: Hears> resume::Guest for C {
    fn resume(socket: u32) {
        C::hears().with(|hears| hears.resumed(socket));
    }
}

impl<C: HasApp> routes::Guest for C {
    fn all() -> Vec<routes::Route> {
        let route = |(method, pattern): (Option<&str>, &str)| routes::Route {
            method: method.map(str::to_owned),
            pattern: pattern.to_owned(),
        };
        C::app().with(|app| app.routes().map(route).collect())
    }
}

impl<C: HasState> state::Guest for C {
    fn save() -> Result<Vec<u8>, String> {
        C::state().with(swap::save)
    }

    fn restore(saved: Vec<u8>) -> Result<(), String> {
        C::state().with(|state| swap::restore(state, saved))
    }
}

impl<C: HasHealth> health::Guest for C {
    fn check() -> Result<(), String> {
        swap::told(<C as HasHealth>::check())
    }
}

impl<C: Wraps> middleware::Guest for C {
    fn handle(event: EventHandle) -> Result<OutcomeOfWit, HttpErrorOfWit> {
        of_wit(C::wrap(Event::new(event, Kind::Plain), Next::new(run_next)))
    }
}

impl<C: Recovers> error_handler::Guest for C {
    fn handle(event: EventHandle, error: HttpErrorOfWit) -> Result<ResponseOfWit, HttpErrorOfWit> {
        of_wit(C::recover(&Event::new(event, Kind::Plain), error.into()))
    }
}

/// A result as the bindings have it.
fn of_wit<T: Into<W>, W>(result: Result<T, HttpError>) -> Result<W, HttpErrorOfWit> {
    match result {
        Ok(value) => Ok(value.into()),
        Err(error) => Err(error.into()),
    }
}
