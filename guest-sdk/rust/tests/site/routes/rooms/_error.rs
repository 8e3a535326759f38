use lithe_sdk::{Event, HttpError};

pub fn error(_event: &Event, error: HttpError) -> String {
    format!("rooms: {error}")
}
