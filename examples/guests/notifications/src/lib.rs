//! `/notifications`: the server sends an update every ten seconds, or every `?every_ms=`
//! milliseconds; JSON for plain HTTP.

use std::time::Duration;

use lithe_sdk::task::{Either, select};
use lithe_sdk::{Event, HttpError, Outcome, Response, Result, json, time};

const EVERY: Duration = Duration::from_secs(10);

#[lithe_sdk::handler(websocket)]
fn notifications(event: Event) -> Result<Outcome> {
    let ws = event.ws();
    if !ws.is_upgrade_request() {
        let about = json!({
            "service": "Notification Feed",
            "mode": "HTTP",
            "connect": "Use WebSocket for real-time notifications",
        });
        return Ok(Response::json(&about)?.into());
    }
    let every = every(&event)?;
    ws.upgrade(async move |mut socket| {
        socket.send_text("Connected to notification service")?;
        let mut updates = time::interval(every);
        loop {
            match select(socket.next_message(), updates.tick()).await {
                // A feed takes no messages.
                Either::First(Some(_)) => {}
                Either::First(None) => return Ok(()),
                Either::Second(()) => {
                    let now = humantime::format_rfc3339_millis(time::now());
                    socket.send_text(format!("Server update at {now}"))?;
                }
            }
        }
    })
    .accept()
}

/// How often the client wants an update.
fn every(event: &Event) -> Result<Duration, HttpError> {
    match event.query_param("every_ms")? {
        None => Ok(EVERY),
        Some(millis @ 1..=60_000) => Ok(Duration::from_millis(millis)),
        Some(_) => Err(HttpError::bad_request("`every_ms` is not from 1 to 60000")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::{TestEvent, TestSocket, advance, timers};

    fn connect(uri: &str) -> TestSocket {
        let socket = TestEvent::get(uri).upgrade([]).call(notifications).socket();
        assert_eq!(socket.sent_text(), ["Connected to notification service"]);
        socket
    }

    #[test]
    fn an_update_comes_every_ten_seconds() {
        let socket = connect("/notifications");
        advance(Duration::from_secs(9));
        assert!(socket.sent().is_empty());
        advance(Duration::from_secs(11));
        assert_eq!(
            socket.sent_text(),
            [
                "Server update at 2026-01-01T00:00:10.000Z",
                "Server update at 2026-01-01T00:00:20.000Z"
            ]
        );
    }

    #[test]
    fn the_impatient_hear_more_often_and_what_they_say_changes_nothing() {
        let socket = connect("/notifications?every_ms=250");
        advance(Duration::from_millis(200));
        socket.send_text("hurry up");
        advance(Duration::from_millis(800));
        assert_eq!(socket.sent().len(), 4);
    }

    #[test]
    fn the_timer_stops_with_the_session() {
        let (ann, bob) = (connect("/notifications"), connect("/notifications"));
        ann.close(1000, "");
        assert_eq!(timers(), 1);
        bob.disconnect();
        assert_eq!(timers(), 0);
        assert_eq!((ann.failure(), bob.failure()), (None, None));
    }

    #[test]
    fn other_times_are_a_400() {
        let status = |value: &str| {
            let uri = format!("/notifications?every_ms={value}");
            TestEvent::get(&uri).upgrade([]).call(notifications).status()
        };
        for bad in ["0", "60001", "-1", "soon", ""] {
            assert_eq!(status(bad), 400, "{bad}");
        }
        assert_eq!((status("1"), status("60000")), (101, 101));
    }

    #[test]
    fn plain_http_is_told_how_to_connect() {
        let about: serde_json::Value = TestEvent::get("/notifications").call(notifications).json();
        assert_eq!(
            about,
            json!({
                "service": "Notification Feed",
                "mode": "HTTP",
                "connect": "Use WebSocket for real-time notifications",
            })
        );
    }
}
