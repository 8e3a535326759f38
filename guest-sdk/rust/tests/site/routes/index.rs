use lithe_sdk::Event;

pub fn handler(_event: Event) -> &'static str {
    "home"
}
