use lithe_sdk::{Event, Next, Outcome, Result};

pub fn middleware(event: &Event, next: Next) -> Result<Outcome> {
    let outcome = next.run(event)?;
    let order = format!("{} 1", outcome.header("x-order").unwrap_or_default());
    Ok(outcome.with_header("x-order", order.trim_start()))
}
