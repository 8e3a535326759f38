use lithe_sdk::{Event, HttpError};

pub fn handler(event: Event) -> Result<String, HttpError> {
    event.param("path")
}
