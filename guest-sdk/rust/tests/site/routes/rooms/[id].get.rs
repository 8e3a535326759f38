use lithe_sdk::{Event, HttpError};

pub fn handler(event: Event) -> Result<String, HttpError> {
    Ok(format!("room {}", event.param::<u32>("id")?))
}
