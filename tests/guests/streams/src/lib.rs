//! Streams that do what `?how=` says: `open` sends `first` and waits; `say` (`&text=`) goes to all
//! open ones, and `fault` traps while they are open; `count` is how many there are. Otherwise
//! `first`, and then what `how` says: `panic`, `fail`, `flood`, `empty`, `download`, `teapot`.

#![allow(clippy::panic, reason = "guests misbehave on purpose")]

use std::cell::RefCell;

use lithe_sdk::anyhow::bail;
use lithe_sdk::{Event, Outcome, Response, SendError, Sender};

thread_local! {
    static STREAMS: RefCell<Vec<Sender>> = const { RefCell::new(Vec::new()) };
}

#[lithe_sdk::handler(websocket)]
fn streams(event: Event) -> Outcome {
    let how = event.query_param_str("how").unwrap_or_default();
    match how.as_str() {
        "say" => {
            let text = event.query_param_str("text").unwrap_or_default();
            let streams = STREAMS.with_borrow(Clone::clone);
            let heard = streams.iter().filter(|stream| stream.send_text(&text).is_ok()).count();
            return Response::text(heard.to_string()).into();
        }
        "fault" => panic!("as told"),
        "count" => return Response::text(STREAMS.with_borrow(Vec::len).to_string()).into(),
        _ => {}
    }
    let status = if how == "teapot" { 418 } else { 200 };
    let stream = Response::stream(async move |body| {
        body.send_text("first")?;
        match how.as_str() {
            "open" => {
                let sender = body.sender();
                STREAMS.with_borrow_mut(|streams| streams.push(sender));
                body.closed().await;
                STREAMS.with_borrow_mut(|streams| streams.retain(|other| *other != sender));
            }
            "panic" => panic!("as told"),
            "fail" => bail!("a secret of the guest"),
            "flood" => loop {
                body.send([b'x'; 64 * 1024])?;
            },
            "empty" => body.send([])?,
            "download" => {
                let mut refused = 0;
                for number in 0..400 {
                    let piece = format!("{number:.<65000}");
                    while let Err(error) = body.send_text(&piece) {
                        let SendError::QueueFull = error else { return Err(error.into()) };
                        refused += 1;
                        body.sender().wait_for_drain().await;
                    }
                }
                body.sender().wait_for_drain().await;
                body.send_text(format!("refused {refused} times"))?;
            }
            _ => {}
        }
        Ok(())
    });
    stream.with_status(status).with_header("content-type", "text/plain").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::TestEvent;

    #[test]
    fn nobody_listens_before_a_stream_is_open() {
        assert_eq!(TestEvent::get("/?how=count").call(streams).text(), "0");
        assert_eq!(TestEvent::get("/?how=say&text=hello").call(streams).text(), "0");
        assert_eq!(TestEvent::get("/?how=teapot").call(streams).status(), 418);
    }
}
