//! A plain handler that does what `?how=` says: `panic`, `loop`, `memory`, `print`, `exit`,
//! `status101`, `badheader`, `log`, `fail`, `sleep` (`&ms=`; says `sleeping` first), `about` (what
//! the event says, as JSON), `count` (which call of the instance this is), `path` (the event's),
//! `keep` (keeps the event, and says the size of the body of the one that it has kept before),
//! `status` (answers `?status=`, with the text `ok`), `local` (sets a local of `?n=` bytes), `line`
//! (prints a line of `?n=` bytes). Otherwise `ok`.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use lithe_sdk::anyhow::{Context, bail};
use lithe_sdk::{Event, Response, Result, json};

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
    static KEPT: RefCell<Option<Event>> = const { RefCell::new(None) };
}

#[lithe_sdk::handler]
fn trap(event: Event) -> Result<Response> {
    CALLS.set(CALLS.get() + 1);
    let how = event.query_param_str("how").unwrap_or_default();
    test_guests_misbehave::by_word(&how);
    match how.as_str() {
        "status101" => return Ok(Response::empty(101)),
        "badheader" => return Ok(Response::text("ok").with_header("bad name", "a\r\nb")),
        "log" => {
            println!("a line on stdout");
            eprintln!("a line on stderr");
        }
        "about" => {
            return Response::json(&json!({
                "id": event.id(),
                "method": event.method(),
                "path": event.path(),
                "route": event.route(),
                "params": event.params(),
                "body": event.bytes().len(),
                "client": event.client_address(),
                "host": event.header("host"),
                "user": event.local_str("user"),
                "request-id": event.local_str("request-id"),
            }));
        }
        "count" => return Ok(Response::text(CALLS.get().to_string())),
        "keep" => {
            let kept = KEPT.replace(Some(event));
            return Ok(Response::text(kept.map_or(0, |event| event.bytes().len()).to_string()));
        }
        "status" => {
            let status = event.query_param_str("status").context("`status` is missing")?;
            return Ok(Response::text("ok").with_status(status.parse()?));
        }
        "local" => event.set_local_str("k", &"x".repeat(number(&event)? - 1)),
        "line" => println!("{}", "Q".repeat(number(&event)?)),
        "path" => return Ok(Response::text(event.path())),
        "fail" => bail!("a secret of the guest"),
        "sleep" => {
            let ms = event.query_param_str("ms").context("`ms` is missing")?;
            println!("sleeping");
            std::thread::sleep(Duration::from_millis(ms.parse()?));
        }
        _ => {}
    }
    Ok(Response::text("ok"))
}

fn number(event: &Event) -> Result<usize> {
    event.query_param("n")?.context("`n` is missing")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::TestEvent;

    #[test]
    fn it_misbehaves_only_when_told() {
        assert_eq!(TestEvent::get("/").call(trap).text(), "ok");
        assert_eq!(TestEvent::get("/?how=log").call(trap).text(), "ok");
        assert_eq!(TestEvent::get("/?how=sleep&ms=1").call(trap).text(), "ok");
        assert_eq!(TestEvent::get("/?how=status101").call(trap).status(), 500);
        assert_eq!(TestEvent::get("/?how=fail").call(trap).text(), "Internal Server Error");
    }
}
