//! The SDK's ready-made middleware, one of them as the query's `mw` says.

use std::time::Duration;

use lithe_sdk::middleware::{
    Cors, basic_auth, bearer_auth, cors, request_id, same_origin_or, timing,
};
use lithe_sdk::{Event, Next, Outcome, Result};

#[lithe_sdk::middleware]
fn ready(event: &Event, next: Next) -> Result<Outcome> {
    match event.query_param_str("mw").unwrap_or_default().as_str() {
        "cors" => {
            let settings = Cors::origins(["https://ours.example"])
                .credentials()
                .expose(["x-request-id"])
                .max_age(Duration::from_secs(60));
            cors(settings)(event, next)
        }
        "any" => cors(Cors::any_origin())(event, next),
        "bearer" => bearer_auth(["secret"])(event, next),
        "basic" => basic_auth("staff", [("ada", "secret")])(event, next),
        "origin" => same_origin_or(["https://ours.example"])(event, next),
        "id" => request_id()(event, next),
        "timing" => timing()(event, next),
        _ => next.run(event),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::TestEvent;

    fn status(uri: &str) -> u16 {
        TestEvent::get(uri).call_middleware(ready, |_| "welcome").status()
    }

    #[test]
    fn the_query_chooses() {
        assert_eq!([status("/"), status("/?mw=bearer"), status("/?mw=timing")], [200, 401, 200]);
    }
}
