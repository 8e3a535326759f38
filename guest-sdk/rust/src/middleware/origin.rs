//! Which sites' pages may open a WebSocket.

use crate::{Event, HttpError, Next, Outcome, Result};

/// Refuses upgrades that another site's page asks for, with 403.
///
/// A browser lets any page open a WebSocket to any host, and sends the host's cookies with it. So a
/// route that trusts cookies needs this, against cross-site WebSocket hijacking. Clients other than
/// browsers send no `origin`, and pass.
///
/// ```
/// use lithe_sdk::Event;
/// use lithe_sdk::middleware::same_origin;
/// use lithe_sdk::testing::TestEvent;
///
/// let ask = |origin| {
///     TestEvent::get("/chat").upgrade([]).header("origin", origin).call_middleware(
///         same_origin(),
///         |event: Event| event.ws().upgrade(async |_| Ok(())).accept(),
///     )
/// };
/// assert_eq!(ask("http://localhost").status(), 101);
/// assert_eq!(ask("https://evil.example").status(), 403);
/// ```
pub fn same_origin() -> impl Fn(&Event, Next<'_>) -> Result<Outcome> + 'static {
    same_origin_or([] as [String; 0])
}

/// The same, and lets these other sites pass, such as `https://example.com`.
pub fn same_origin_or<O: Into<String>>(
    origins: impl IntoIterator<Item = O>,
) -> impl Fn(&Event, Next<'_>) -> Result<Outcome> + 'static {
    let origins: Vec<String> = origins.into_iter().map(Into::into).collect();
    move |event, next| {
        if event.ws().is_upgrade_request()
            && let Some(origin) = event.header("origin")
            && !is_own(event, &origin)
            && !origins.contains(&origin)
        {
            return Err(HttpError::forbidden().into());
        }
        next.run(event)
    }
}

/// Does not compare the scheme: behind a proxy that ends TLS, the host does not know it.
fn is_own(event: &Event, origin: &str) -> bool {
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_some_and(|host| host.eq_ignore_ascii_case(&event.authority()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestEvent;

    fn status(event: TestEvent) -> u16 {
        event
            .call_middleware(same_origin_or(["https://friend.example"]), |event: Event| {
                event.ws().upgrade(async |_| Ok(())).accept()
            })
            .status()
    }

    #[test]
    fn only_our_pages_and_our_friends_open_sockets() {
        let upgrade = |origin| {
            let event = TestEvent::get("/").upgrade([]).header("host", "Ours.example:4000");
            status(event.header("origin", origin))
        };
        assert_eq!(upgrade("https://ours.example:4000"), 101);
        assert_eq!(upgrade("https://friend.example"), 101);
        let others =
            ["https://ours.example", "https://friend.example:1", "null", "ours.example:4000"];
        for origin in others {
            assert_eq!(upgrade(origin), 403, "{origin}");
        }
    }

    #[test]
    fn clients_that_are_no_browsers_and_plain_requests_pass() {
        assert_eq!(status(TestEvent::get("/").upgrade([])), 101);
        let plain = TestEvent::get("/").header("origin", "https://evil.example");
        assert_eq!(plain.call_middleware(same_origin(), |_| "fine").status(), 200);
    }
}
