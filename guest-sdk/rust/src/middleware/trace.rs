//! Middleware that helps to follow a request.

use std::time::Instant;

use super::with_headers;
use crate::{Event, Next, Outcome, Result, headers};

/// Takes over the `x-request-id` of a proxy in front, if it is well-formed, and otherwise the
/// host's own id. What runs after it finds the id in the local `request-id`. The client finds it in
/// the answer's `x-request-id`.
pub fn request_id() -> impl Fn(&Event, Next<'_>) -> Result<Outcome> + 'static {
    |event, next| {
        let given = event.header("x-request-id").filter(|id| is_well_formed(id));
        let id = given.unwrap_or_else(|| event.id());
        event.set_local_str("request-id", &id);
        with_headers(next.run(event), |headers| headers::set(headers, "x-request-id", id))
    }
}

/// Writes into `server-timing` how long everything after it took. A browser's developer tools show
/// that.
pub fn timing() -> impl Fn(&Event, Next<'_>) -> Result<Outcome> + 'static {
    |event, next| {
        let start = Instant::now();
        let result = next.run(event);
        let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
        let value = format!("total;dur={milliseconds:.3}");
        with_headers(result, |headers| headers.push(("server-timing".into(), value)))
    }
}

/// Fit for a header and a log line.
fn is_well_formed(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HttpError;
    use crate::testing::TestEvent;

    fn id_of(event: TestEvent) -> (String, String) {
        let handler = |event: Event| event.local_str("request-id").unwrap_or_default();
        let outcome = event.call_middleware(request_id(), handler);
        (outcome.text(), outcome.header("x-request-id").unwrap_or_default().to_owned())
    }

    #[test]
    fn a_well_formed_id_is_taken_over_and_any_other_replaced() {
        let given = TestEvent::get("/").header("x-request-id", "abc-123");
        assert_eq!(id_of(given), ("abc-123".into(), "abc-123".into()));
        for id in ["", "a b", "a\nb", "ä", &"x".repeat(129)] {
            let (local, header) = id_of(TestEvent::get("/").header("x-request-id", id));
            assert!(local.starts_with("test-") && local == header, "{id}");
        }
    }

    #[test]
    fn errors_are_timed_too() {
        let outcome = TestEvent::get("/").call_middleware(timing(), |_| -> Result<&'static str> {
            Err(HttpError::not_found().into())
        });
        assert_eq!(outcome.status(), 404);
        assert!(outcome.header("server-timing").unwrap().starts_with("total;dur="));
    }
}
