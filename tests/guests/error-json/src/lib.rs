//! An error handler that answers `{"status":…,"message":…}` with the error's status and headers.
//!
//! `?eh=pass` passes the error on, `?eh=new` another one (`599 instead`), `?eh=fail` one without an
//! HTTP answer; `?eh=panic`, `loop`, `memory` and `exit` do that. The header `x-answered-by` is
//! `error-json`.

use lithe_sdk::anyhow::bail;
use lithe_sdk::{Event, HttpError, Response, Result, json};

#[lithe_sdk::error_handler]
fn on_error(event: &Event, error: HttpError) -> Result<Response> {
    let how = event.query_param_str("eh").unwrap_or_default();
    test_guests_misbehave::by_word(&how);
    match how.as_str() {
        "pass" => return Err(error.into()),
        "new" => return Err(HttpError::new(599, "instead").into()),
        "fail" => bail!("a secret of the guest"),
        _ => {}
    }
    let body = Response::json(&json!({ "status": error.status, "message": error.message }))?;
    let response = error
        .headers
        .into_iter()
        .filter(|(name, _)| name != "content-type")
        .fold(body, |response, (name, value)| response.with_added_header(name, value));
    Ok(response.with_status(error.status).with_header("x-answered-by", "error-json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::{TestEvent, TestOutcome};

    fn answer(uri: &str) -> TestOutcome {
        TestEvent::get(uri).call_error_handler(on_error, HttpError::upgrade_required())
    }

    #[test]
    fn an_error_becomes_json_and_keeps_status_and_headers() {
        let outcome = answer("/");
        assert_eq!(outcome.status(), 426);
        assert_eq!(outcome.text(), r#"{"message":"Upgrade Required","status":426}"#);
        assert_eq!(outcome.header("upgrade"), Some("websocket"));
        assert_eq!(outcome.header("content-type"), Some("application/json"));
    }

    #[test]
    fn it_passes_on_only_when_told() {
        assert_eq!(answer("/?eh=pass").text(), "Upgrade Required");
        assert_eq!((answer("/?eh=new").status(), answer("/?eh=fail").status()), (599, 500));
    }
}
