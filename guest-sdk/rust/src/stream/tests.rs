use std::cell::{Cell, RefCell};
use std::rc::Rc;

use anyhow::anyhow;

use crate::testing::{TestEvent, TestStream};
use crate::ws::Kind;
use crate::{BodyWriter, Event, Message, Outcome, Response, SendError};

fn open(stream: crate::Stream) -> TestStream {
    TestEvent::get("/").call(|_| stream).stream()
}

#[test]
fn pieces_come_in_order_and_the_return_ends_the_body() {
    let stream = open(Response::stream(async |body| {
        body.send_text("a")?;
        body.send([0xff])?;
        Ok(())
    }));
    assert_eq!(stream.sent(), [Message::from("a"), Message::from(vec![0xff])]);
    assert!(stream.is_ended());
    assert_eq!(stream.failure(), None);
}

#[test]
fn an_error_breaks_the_body_off() {
    let stream = open(Response::stream(async |body| {
        body.send_text("half")?;
        Err(anyhow!("the disk is gone"))
    }));
    assert_eq!(stream.text(), "half");
    assert_eq!(stream.failure().as_deref(), Some("the disk is gone"));
}

#[test]
fn the_head_is_what_the_handler_says() {
    let outcome = TestEvent::get("/").call(|_| {
        Response::stream(async |_| Ok(()))
            .with_status(203)
            .with_header("Content-Type", "text/csv")
            .with_cookie(crate::Cookie::new("a", "1"))
    });
    assert!(outcome.is_stream() && !outcome.is_upgrade());
    assert_eq!((outcome.status(), outcome.header("content-type")), (203, Some("text/csv")));
    assert_eq!(outcome.header("set-cookie"), Some("a=1"));
    let events = TestEvent::get("/").call(|_| Response::sse(async |_| Ok(())));
    assert_eq!(events.header("content-type"), Some("text/event-stream"));
}

#[test]
fn a_client_that_leaves_ends_the_wait_and_refuses_what_is_sent() {
    let kept: Rc<Cell<Option<BodyWriter>>> = Rc::default();
    let left = Rc::new(Cell::new(false));
    let stream = open(Response::stream({
        let (kept, left) = (Rc::clone(&kept), Rc::clone(&left));
        async move |body| {
            kept.set(Some(body.writer()));
            body.closed().await;
            left.set(true);
            assert_eq!(body.send_text("late"), Err(SendError::Closed));
            Ok(body.send_text("later")?)
        }
    }));
    kept.get().unwrap().send_text("from elsewhere").unwrap();
    assert_eq!(stream.text(), "from elsewhere");
    assert!(!left.get());
    stream.disconnect();
    assert!(left.get());
    assert_eq!(stream.failure(), None);
}

#[test]
fn a_stream_that_is_not_returned_never_starts() {
    let ran = Rc::new(Cell::new(false));
    let outcome = TestEvent::get("/").call(|_| {
        let ran = Rc::clone(&ran);
        let _dropped = Response::stream(async move |_| {
            ran.set(true);
            Ok(())
        });
        "changed my mind"
    });
    assert!(!outcome.is_stream());
    assert!(!ran.get());
}

#[test]
fn a_blocking_body_runs_until_it_is_done_or_the_client_has_left() {
    let numbers = |count: u32| {
        move |_: Event| {
            Response::stream_blocking(move |body| {
                (0..count).try_for_each(|number| body.send_text(number.to_string()))?;
                Ok(())
            })
        }
    };
    assert_eq!(TestEvent::get("/").call(numbers(3)).stream().text(), "012");
    let stream = TestEvent::get("/").call(numbers(u32::MAX)).stream_until(2);
    assert_eq!((stream.text().as_str(), stream.failure()), ("01", None));
}

#[test]
fn a_blocking_body_can_wait_for_the_client_to_leave() {
    let seen: Rc<RefCell<Vec<&str>>> = Rc::default();
    let handler = |_: Event| {
        let seen = Rc::clone(&seen);
        Response::sse_blocking(move |mut body| {
            body.event(crate::Sse::data("x"))?;
            body.closed();
            seen.borrow_mut().push("left");
            Ok(())
        })
    };
    assert_eq!(TestEvent::get("/").call(handler).stream().text(), "data: x\n\n");
    assert_eq!(*seen.borrow(), ["left"]);
}

#[test]
fn a_body_of_the_wrong_kind_is_a_500() {
    let call = |kind, stream: fn() -> crate::Stream| {
        TestEvent::get("/").call_as(kind, |_| -> Outcome { stream().into() }).status()
    };
    let asynchronous = || Response::stream(async |_| Ok(()));
    let blocking = || Response::stream_blocking(|_| Ok(()));
    assert_eq!(call(Kind::Async, asynchronous), 200);
    assert_eq!(call(Kind::Blocking, blocking), 200);
    assert_eq!(call(Kind::Async, blocking), 500);
    assert_eq!(call(Kind::Blocking, asynchronous), 500);
}

#[test]
fn a_head_that_the_host_refuses_is_a_500() {
    let status = |stream: crate::Stream| TestEvent::get("/").call(|_| stream).status();
    assert_eq!(status(Response::stream(async |_| Ok(())).with_status(101)), 500);
    assert_eq!(status(Response::stream(async |_| Ok(())).with_header("a b", "c")), 500);
}
