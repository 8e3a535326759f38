//! Middleware and error handlers for one handler.

use crate::export::answer;
use crate::{Event, HttpError, IntoOutcome, IntoResponse, Next, Outcome, Result};

/// Puts middleware and error handlers around one handler, in place of a group of one.
///
/// ```
/// use lithe_sdk::middleware::basic_auth;
/// use lithe_sdk::testing::TestEvent;
/// use lithe_sdk::{App, Event, HandlerExt};
///
/// fn secret(_event: Event) -> &'static str {
///     "the treasure is below the tree"
/// }
///
/// let app = App::new().get(
///     "/secret",
///     secret.with(basic_auth("pirates", [("ann", "bonny")])).on_error(|_, _| "go away"),
/// );
///
/// assert_eq!(TestEvent::get("/secret").call_app(&app).text(), "go away");
/// ```
pub trait HandlerExt<R: IntoOutcome + 'static>: Fn(Event) -> R + Sized + 'static {
    /// The handler, with this middleware around it.
    fn with<M, O>(self, middleware: M) -> impl Fn(Event) -> Result<Outcome> + 'static
    where
        M: Fn(&Event, Next<'_>) -> O + 'static,
        O: IntoOutcome + 'static,
    {
        move |event| {
            let next = Next::new(|event| answer(event.clone(), &self));
            middleware(&event, next).into_outcome()
        }
    }

    /// The handler, with this answering for its errors.
    fn on_error<E, O>(self, handler: E) -> impl Fn(Event) -> Result<Outcome> + 'static
    where
        E: Fn(&Event, HttpError) -> O + 'static,
        O: IntoResponse + 'static,
    {
        move |event| {
            answer(event.clone(), &self).or_else(|error| {
                handler(&event, HttpError::of(&error)).into_response().map(Outcome::Response)
            })
        }
    }
}

impl<F, R> HandlerExt<R> for F
where
    F: Fn(Event) -> R + 'static,
    R: IntoOutcome + 'static,
{
}
