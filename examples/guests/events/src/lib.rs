//! `/events`: server-sent events, one a second, until the client leaves.

use std::thread::sleep;
use std::time::Duration;

use lithe_sdk::{BlockingBodySender, Event, Response, Result, Sse, Stream};

#[lithe_sdk::handler(session)]
fn events(_event: Event) -> Stream {
    Response::sse_blocking(|body| count(&body, Duration::from_secs(1)))
}

/// Ends with the error that `send` returns once the client has left.
fn count(body: &BlockingBodySender, every: Duration) -> Result<()> {
    for number in 1_u64.. {
        body.event(Sse::data(number.to_string()))?;
        sleep(every);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::TestEvent;

    #[test]
    fn it_is_a_stream_of_events() {
        let outcome = TestEvent::get("/events").call(events);
        assert!(outcome.is_stream());
        assert_eq!(outcome.header("content-type"), Some("text/event-stream"));
    }

    #[test]
    fn it_counts_until_the_client_leaves() {
        let fast = |_: Event| Response::sse_blocking(|body| count(&body, Duration::ZERO));
        let stream = TestEvent::get("/events").call(fast).stream_until(2);
        assert_eq!(stream.text(), "data: 1\n\ndata: 2\n\n");
        assert_eq!(stream.failure(), None);
    }
}
