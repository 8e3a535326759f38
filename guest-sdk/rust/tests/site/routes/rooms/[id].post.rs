pub fn handler(_event: lithe_sdk::Event) -> &'static str {
    "posted"
}
