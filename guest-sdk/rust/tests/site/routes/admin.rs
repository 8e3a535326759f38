use lithe_sdk::{Event, HttpError};

pub fn handler(event: Event) -> Result<&'static str, HttpError> {
    match event.query_param_str("fail") {
        Some(_) => Err(HttpError::forbidden()),
        None => Ok("admin"),
    }
}
