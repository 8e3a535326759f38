//! Blocking sessions that sleep: `?sleep=MS` is how long, whatever becomes of the socket.

use std::time::Duration;

use lithe_sdk::{Event, Outcome, Response, Result};

#[lithe_sdk::handler(session)]
fn sleep(event: Event) -> Result<Outcome> {
    let ws = event.ws();
    if !ws.is_upgrade_request() {
        return Ok(Response::text("awake").into());
    }
    let time = event.query_param_str("sleep").and_then(|time| time.parse().ok()).unwrap_or(0);
    ws.upgrade_blocking(move |_socket| {
        std::thread::sleep(Duration::from_millis(time));
        Ok(())
    })
    .accept()
}
