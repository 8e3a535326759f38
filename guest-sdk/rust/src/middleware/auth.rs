//! Who makes a request.

use std::hint::black_box;

use base64::prelude::{BASE64_STANDARD, Engine};

use crate::{Event, HttpError, Next, Outcome, Result};

/// Lets requests and upgrades pass that have one of these tokens (`authorization: Bearer TOKEN`,
/// RFC 6750). Others get 401. An empty token lets nobody pass.
///
/// The function that makes an `App` runs in each instance, with its environment, so a secret may be
/// the token: `bearer_auth(std::env::var("TOKEN"))`. If the site does not grant it, nobody passes.
///
/// ```
/// use lithe_sdk::middleware::bearer_auth;
/// use lithe_sdk::testing::TestEvent;
///
/// let ask = |header| {
///     TestEvent::get("/admin")
///         .header("authorization", header)
///         .call_middleware(bearer_auth(["secret"]), |_| "welcome")
/// };
/// assert_eq!(ask("Bearer secret").text(), "welcome");
/// assert_eq!(ask("Bearer guess").status(), 401);
/// ```
pub fn bearer_auth<T: Into<String>>(
    tokens: impl IntoIterator<Item = T>,
) -> impl Fn(&Event, Next<'_>) -> Result<Outcome> + 'static {
    let tokens: Vec<String> = tokens.into_iter().map(Into::into).collect();
    move |event, next| {
        let token = bearer_token(event).unwrap_or_default();
        if !is_any(&tokens, &token) {
            return Err(HttpError::unauthorized("Bearer").into());
        }
        next.run(event)
    }
}

/// Lets requests pass that have the name and the password of one of these users
/// (`authorization: Basic …`, RFC 7617), and leaves the name as the local `user`. Others get 401,
/// for which a browser asks its user for name and password, and shows the realm. A user with an
/// empty password cannot pass.
///
/// ```
/// use lithe_sdk::Event;
/// use lithe_sdk::middleware::basic_auth;
/// use lithe_sdk::testing::TestEvent;
///
/// let outcome = TestEvent::get("/")
///     .header("authorization", "Basic YWRhOnNlY3JldA==")
///     .call_middleware(basic_auth("staff", [("ada", "secret")]), |event: Event| {
///         format!("welcome, {}", event.local_str("user").unwrap_or_default())
///     });
/// assert_eq!(outcome.text(), "welcome, ada");
/// ```
pub fn basic_auth<N: Into<String>, P: Into<String>>(
    realm: &str,
    users: impl IntoIterator<Item = (N, P)>,
) -> impl Fn(&Event, Next<'_>) -> Result<Outcome> + 'static {
    let pair = |(name, password): (N, P)| {
        let password = password.into();
        (!password.is_empty()).then(|| format!("{}:{password}", name.into()))
    };
    let users: Vec<String> = users.into_iter().filter_map(pair).collect();
    let realm = realm.replace(['"', '\\'], "'");
    let challenge = format!("Basic realm=\"{realm}\", charset=\"UTF-8\"");
    move |event, next| {
        let user = basic_credentials(event).unwrap_or_default();
        if !is_any(&users, &user) {
            return Err(HttpError::unauthorized(&challenge).into());
        }
        // A name has no colon; a password may (RFC 7617, 2).
        let name = user.split_once(':').map_or("", |(name, _)| name);
        event.set_local_str("user", name);
        next.run(event)
    }
}

/// The token of an `authorization: Bearer` header (RFC 6750, 2.1).
pub fn bearer_token(event: &Event) -> Option<String> {
    credentials(event, "bearer")
}

/// Whether two secrets are the same. The time that it takes does not tell where they differ, only
/// whether their lengths do.
pub fn constant_time_eq(a: impl AsRef<[u8]>, b: impl AsRef<[u8]>) -> bool {
    let (a, b) = (a.as_ref(), b.as_ref());
    let difference = a.iter().zip(b).fold(0, |difference, (a, b)| black_box(difference | (a ^ b)));
    a.len() == b.len() && difference == 0
}

/// Compares with all of them, so that the time does not tell which one fits.
fn is_any(secrets: &[String], given: &str) -> bool {
    !given.is_empty()
        && secrets.iter().fold(false, |found, secret| found | constant_time_eq(secret, given))
}

fn basic_credentials(event: &Event) -> Option<String> {
    let decoded = BASE64_STANDARD.decode(credentials(event, "basic")?).ok()?;
    String::from_utf8(decoded).ok()
}

fn credentials(event: &Event, scheme: &str) -> Option<String> {
    let header = event.header("authorization")?;
    let (given, credentials) = header.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| credentials.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestEvent, TestOutcome};

    fn bearer(header: Option<&str>) -> TestOutcome {
        let event = TestEvent::get("/").upgrade([]);
        let event = match header {
            Some(header) => event.header("authorization", header),
            None => event,
        };
        event.call_middleware(bearer_auth(["one", "two"]), |event: Event| {
            event.ws().upgrade(async |_| Ok(())).accept()
        })
    }

    #[test]
    fn a_token_guards_upgrades_too() {
        assert!(bearer(Some("Bearer one")).is_upgrade());
        assert!(bearer(Some("bearer  two ")).is_upgrade());
        for header in [None, Some("Bearer"), Some("Bearer "), Some("Bearer on"), Some("Basic one")]
        {
            let outcome = bearer(header);
            let challenge = outcome.header("www-authenticate");
            assert_eq!((outcome.status(), challenge), (401, Some("Bearer")), "{header:?}");
        }
    }

    #[test]
    fn an_empty_secret_lets_nobody_pass() {
        let outcome = TestEvent::get("/").call_middleware(bearer_auth([""]), |_| "welcome");
        assert_eq!(outcome.status(), 401);
        let nobody: [&str; 0] = [];
        assert_eq!(TestEvent::get("/").call_middleware(bearer_auth(nobody), |_| "").status(), 401);
    }

    #[test]
    fn a_password_may_have_colons_and_malformed_credentials_are_refused() {
        let ask = |header: String| {
            TestEvent::get("/").header("authorization", &header).call_middleware(
                basic_auth("the \"staff\"", [("ada", "a:b"), ("bob", "")]),
                |event: Event| event.local_str("user").unwrap_or_default(),
            )
        };
        let encoded = |user: &str| ask(format!("Basic {}", BASE64_STANDARD.encode(user)));
        assert_eq!(encoded("ada:a:b").text(), "ada");
        // An empty password may be a secret that the site does not grant.
        let empty = encoded("bob:");
        for refused in [empty, encoded("ada:a"), encoded("ada"), encoded(""), ask("Basic !".into())]
        {
            let challenge = "Basic realm=\"the 'staff'\", charset=\"UTF-8\"";
            assert_eq!(refused.status(), 401);
            assert_eq!(refused.header("www-authenticate"), Some(challenge));
        }
    }

    #[test]
    fn only_the_same_is_equal() {
        assert!(constant_time_eq("abc", "abc") && constant_time_eq("", ""));
        for other in ["", "ab", "abd", "abcd"] {
            assert!(!constant_time_eq("abc", other) && !constant_time_eq(other, "abc"));
        }
    }
}
