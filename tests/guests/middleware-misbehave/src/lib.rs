//! A middleware that does what `?mw=` says:
//!
//! | word | |
//! |---|---|
//! | `panic`, `loop`, `memory`, `exit` | before `next` |
//! | `late-panic` | after `next` |
//! | `twice` | calls `next` a second time, and returns what comes of that |
//! | `drop` | calls `next`, throws away what came of it, and answers `dropped` |
//! | `short` | answers `short` and never calls `next` |
//! | `error` | fails with 403 and `refused` |
//! | `fail` | fails with an error that has no HTTP answer |
//! | `rewrap` | replaces all headers of what came of `next` with `x-rewrapped: yes` |
//! | `status101` | answers a plain response with status 101 |
//!
//! Otherwise it passes on.

#![allow(clippy::panic, reason = "guests misbehave on purpose")]

use lithe_sdk::anyhow::bail;
use lithe_sdk::export::run_next;
use lithe_sdk::{Event, HttpError, Next, Outcome, Response, Result};

#[lithe_sdk::middleware]
fn misbehave(event: &Event, next: Next) -> Result<Outcome> {
    let how = event.query_param_str("mw").unwrap_or_default();
    test_guests_misbehave::by_word(&how);
    match how.as_str() {
        "late-panic" => {
            let _outcome = next.run(event)?;
            panic!("as told");
        }
        "twice" => {
            let _outcome = next.run(event)?;
            // A `Next` cannot run twice, but a component that goes around the SDK can.
            run_next(event)
        }
        "drop" => {
            let _outcome = next.run(event)?;
            Ok(Response::text("dropped").into())
        }
        "short" => Ok(Response::text("short").into()),
        "error" => Err(HttpError::new(403, "refused").into()),
        "fail" => bail!("a secret of the guest"),
        "rewrap" => {
            let mut outcome = next.run(event)?;
            *outcome.headers_mut() = vec![("x-rewrapped".into(), "yes".into())];
            Ok(outcome)
        }
        "status101" => Ok(Response::empty(101).into()),
        _ => next.run(event),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::{TestEvent, TestOutcome};

    fn ask(uri: &str) -> TestOutcome {
        TestEvent::get(uri).upgrade([]).call_middleware(misbehave, |event: Event| {
            event.ws().upgrade(async |_| Ok(())).header("x-inner", "1").accept()
        })
    }

    #[test]
    fn it_misbehaves_only_when_told() {
        assert_eq!(ask("/").header("x-inner"), Some("1"));
        assert_eq!((ask("/?mw=short").text().as_str(), ask("/?mw=short").status()), ("short", 200));
        assert_eq!(ask("/?mw=drop").text(), "dropped");
        assert_eq!(ask("/?mw=error").status(), 403);
        assert_eq!(ask("/?mw=fail").status(), 500);
        assert_eq!(ask("/?mw=status101").status(), 500);
        assert_eq!(ask("/?mw=twice").status(), 500);
    }

    #[test]
    fn new_headers_do_not_cancel_the_upgrade() {
        let outcome = ask("/?mw=rewrap");
        assert!(outcome.is_upgrade());
        assert_eq!(outcome.headers(), [("x-rewrapped".into(), "yes".into())]);
    }
}
