//! A middleware that says when it ran: `>NAME` before, `<NAME` after.
//!
//! Before it calls `next` it appends to the local `order`; after, to the header `x-order` of
//! whatever came of it: response, upgrade, stream or error. Where that has no `x-order` yet it
//! begins with the local, so that the header tells everything: `>root >admin <admin <root`.
//!
//! The name is what a test has written into the placeholder of a copy of the component, else the
//! query's `name`, else `log`.

use std::hint::black_box;

use lithe_sdk::{Event, HttpError, Next, Outcome, Result};

/// To be overwritten in the component's bytes: 16 characters, of which trailing `_` do not count.
static PLACEHOLDER: &str = "middleware-name:________________";

#[lithe_sdk::middleware]
fn log(event: &Event, next: Next) -> Result<Outcome> {
    let name = name(event);
    let before = appended(event.local_str("order"), &format!(">{name}"));
    event.set_local_str("order", &before);
    let mark = |headers: &mut Vec<(String, String)>| {
        let inner = headers.iter().position(|(name, _)| name == "x-order");
        let inner = inner.map(|at| headers.remove(at).1);
        let order = inner.or_else(|| event.local_str("order"));
        headers.push(("x-order".into(), appended(order, &format!("<{name}"))));
    };
    match next.run(event) {
        Ok(mut outcome) => {
            mark(outcome.headers_mut());
            Ok(outcome)
        }
        Err(error) => {
            let mut error = error.downcast::<HttpError>()?;
            mark(&mut error.headers);
            Err(error.into())
        }
    }
}

fn name(event: &Event) -> String {
    let (_, name) = black_box(PLACEHOLDER).split_at("middleware-name:".len());
    match name.trim_end_matches('_') {
        "" => event.query_param_str("name").unwrap_or_else(|| "log".to_owned()),
        name => name.to_owned(),
    }
}

fn appended(order: Option<String>, mark: &str) -> String {
    match order {
        Some(order) => format!("{order} {mark}"),
        None => mark.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::TestEvent;

    #[test]
    fn it_marks_answers_upgrades_and_errors() {
        let event = || TestEvent::get("/?name=a").local("order", ">outer");
        let expected = Some(">outer >a <a");
        assert_eq!(event().call_middleware(log, |_| "").header("x-order"), expected);
        let failed = event().call_middleware(log, |_| Err::<&str, _>(HttpError::not_found()));
        assert_eq!((failed.status(), failed.header("x-order")), (404, expected));
        let upgraded = event()
            .upgrade([])
            .call_middleware(log, |event: Event| event.ws().upgrade(async |_| Ok(())).accept());
        assert_eq!((upgraded.status(), upgraded.header("x-order")), (101, expected));
    }

    #[test]
    fn an_inner_one_is_told_first() {
        let outcome = TestEvent::get("/").call_middleware(log, |_| {
            lithe_sdk::Response::empty(204).with_header("x-order", ">log >b <b")
        });
        assert_eq!(outcome.header("x-order"), Some(">log >b <b <log"));
    }
}
