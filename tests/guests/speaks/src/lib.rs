//! Says a text wherever the host's log may show it: `print`, `print-late` (after so many other
//! bytes that the host cuts the line in it), `debug` (prints it as a string of Rust), `error`,
//! `panic`, `named-panic` (in a function of a long name), `header-name`. It is the query's `how`; a
//! socket's message `fail:` is an error. The text is the request's body, what follows `fail:`, a
//! variable (`env=NAME`), or `x`, `size=` times. `health` says the variable `HEALTH`, if there is
//! one.

#![allow(clippy::panic, reason = "guests misbehave on purpose")]

use std::env;

use lithe_sdk::anyhow::bail;
use lithe_sdk::{Event, Hooks, Message, Peer, Response, Result, UpgradeOptions};

/// The longest line has room for three bytes more.
const ALMOST_A_LINE: usize = 8 * 1024 - 3;

#[derive(Default)]
struct Speaks;

#[lithe_sdk::hooks]
impl Hooks for Speaks {
    fn upgrade(&self, _: &Event) -> Result<UpgradeOptions> {
        Ok(UpgradeOptions::default())
    }

    fn message(&self, peer: &Peer, message: Message) -> Result<()> {
        let text = message.text();
        match text.split_once(':') {
            Some(("fail", text)) => bail!("{text}"),
            Some(("fail-env", name)) => bail!("{}", env::var(name)?),
            _ => Ok(peer.send(&message)?),
        }
    }

    fn fallback(&self, event: Event) -> Result<Response> {
        let asked = |name| event.query_param_str(name);
        let text = match (asked("env"), asked("size")) {
            (Some(name), _) => env::var(name)?,
            (None, Some(size)) => "x".repeat(size.parse()?),
            (None, None) => String::from_utf8_lossy(&event.bytes()).into_owned(),
        };
        match asked("how").as_deref() {
            Some("print") => println!("{text}"),
            Some("print-late") => println!("{}{text}", "y".repeat(ALMOST_A_LINE)),
            Some("debug") => println!("{text:?}"),
            Some("error") => bail!("{text}"),
            Some("panic") => panic!("{text}"),
            Some("named-panic") => a_function_whose_name_a_test_replaces_by_something_else(),
            Some("header-name") => return Ok(Response::text("ok").with_header(text, "value")),
            _ => {}
        }
        Ok(Response::text("ok"))
    }
}

#[lithe_sdk::health]
fn health() -> Result<()> {
    match env::var("HEALTH") {
        Ok(text) => bail!("{text}"),
        Err(_) => Ok(()),
    }
}

#[inline(never)]
fn a_function_whose_name_a_test_replaces_by_something_else() -> ! {
    panic!("as told")
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use lithe_sdk::testing::TestEvent;

    #[test]
    fn it_speaks_only_when_told() {
        let speaks = Rc::new(Speaks);
        assert_eq!(TestEvent::get("/").call_hooks(&speaks).text(), "ok");
        assert_eq!(TestEvent::get("/?how=print&size=3").call_hooks(&speaks).text(), "ok");
        assert_eq!(TestEvent::get("/?how=error&size=3").call_hooks(&speaks).status(), 500);
    }
}
