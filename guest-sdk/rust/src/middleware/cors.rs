//! Which other sites' scripts may make requests (Fetch Standard, 3.2).

use std::time::Duration;

use super::with_headers;
use crate::{Event, Next, Outcome, Response, Result, headers};

/// Which other sites' scripts may make requests, for [`cors`].
///
/// ```
/// use std::time::Duration;
///
/// use lithe_sdk::middleware::Cors;
///
/// let cors = Cors::origins(["https://example.com"])
///     .credentials()
///     .expose(["x-total"])
///     .max_age(Duration::from_secs(600));
/// ```
#[derive(Debug, Clone)]
pub struct Cors {
    /// `None`: any.
    origins: Option<Vec<String>>,
    methods: String,
    /// `None`: those that are asked for.
    headers: Option<String>,
    exposed: Option<String>,
    credentials: bool,
    max_age: Option<Duration>,
}

impl Cors {
    /// Any site, without cookies or other credentials.
    pub fn any_origin() -> Self {
        Self {
            origins: None,
            methods: "GET, HEAD, POST, PUT, PATCH, DELETE".to_owned(),
            headers: None,
            exposed: None,
            credentials: false,
            max_age: None,
        }
    }

    /// These sites, such as `https://example.com`.
    pub fn origins<O: Into<String>>(origins: impl IntoIterator<Item = O>) -> Self {
        let origins = origins.into_iter().map(Into::into).collect();
        Self { origins: Some(origins), ..Self::any_origin() }
    }

    /// These methods only. By default, all but `OPTIONS`.
    #[must_use]
    pub fn methods<'a>(mut self, methods: impl IntoIterator<Item = &'a str>) -> Self {
        self.methods = list(methods);
        self
    }

    /// These request headers only. By default, those that are asked for.
    #[must_use]
    pub fn headers<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.headers = Some(list(names));
        self
    }

    /// Lets scripts read these headers of the answers.
    #[must_use]
    pub fn expose<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.exposed = Some(list(names));
        self
    }

    /// Lets requests carry cookies and other credentials. Has no effect on
    /// [`any_origin`](Self::any_origin): browsers refuse that, and rightly.
    #[must_use]
    pub fn credentials(mut self) -> Self {
        self.credentials = self.origins.is_some();
        self
    }

    /// How long a browser remembers the answer to its preflight request, in whole seconds.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// What `access-control-allow-origin` says to that origin.
    fn allowed<'a>(&self, origin: &'a str) -> Option<&'a str> {
        match &self.origins {
            None => Some("*"),
            Some(origins) => origins.iter().any(|other| other == origin).then_some(origin),
        }
    }

    /// What every answer to that origin says, allowed or not.
    fn mark(&self, headers: &mut Vec<(String, String)>, origin: &str) {
        if self.origins.is_some() {
            headers.push(("vary".into(), "origin".into()));
        }
        let Some(allowed) = self.allowed(origin) else { return };
        headers::set(headers, "access-control-allow-origin", allowed);
        if self.credentials {
            headers::set(headers, "access-control-allow-credentials", "true");
        }
        if let Some(exposed) = &self.exposed {
            headers::set(headers, "access-control-expose-headers", exposed);
        }
    }

    fn preflight(&self, event: &Event, origin: &str) -> Response {
        let mut response = Response::empty(204);
        self.mark(&mut response.headers, origin);
        if self.allowed(origin).is_none() {
            return response;
        }
        response = response.with_header("access-control-allow-methods", &self.methods);
        let asked = || event.header("access-control-request-headers");
        if let Some(names) = self.headers.clone().or_else(asked) {
            response = response.with_header("access-control-allow-headers", names);
        }
        match self.max_age {
            Some(age) => response.with_header("access-control-max-age", age.as_secs().to_string()),
            None => response,
        }
    }
}

/// Lets other sites' scripts make requests, and answers their preflight requests in the handler's
/// place. A preflight request reaches only a route that takes `OPTIONS`.
///
/// It does not guard WebSockets, which browsers open to any site. For those, use
/// [`same_origin`](super::same_origin).
pub fn cors(cors: Cors) -> impl Fn(&Event, Next<'_>) -> Result<Outcome> + 'static {
    move |event, next| {
        let Some(origin) = event.header("origin") else { return next.run(event) };
        let asks_first = event.header("access-control-request-method").is_some();
        if event.method() == "OPTIONS" && asks_first {
            return Ok(cors.preflight(event, &origin).into());
        }
        with_headers(next.run(event), |headers| cors.mark(headers, &origin))
    }
}

fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HttpError;
    use crate::testing::TestEvent;

    const OURS: &str = "https://ours.example";

    fn ours() -> Cors {
        Cors::origins([OURS])
    }

    fn preflight(origin: &str) -> TestEvent {
        TestEvent::new("OPTIONS", "/")
            .header("origin", origin)
            .header("access-control-request-method", "PUT")
            .header("access-control-request-headers", "x-a, x-b")
    }

    #[test]
    fn a_preflight_is_answered_without_the_handler() {
        let settings = ours().credentials().max_age(Duration::from_secs(60));
        let outcome = preflight(OURS).call_middleware(cors(settings), |_| -> &'static str {
            panic!("the handler is not asked")
        });
        assert_eq!(outcome.status(), 204);
        for (name, value) in [
            ("access-control-allow-origin", OURS),
            ("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE"),
            ("access-control-allow-headers", "x-a, x-b"),
            ("access-control-allow-credentials", "true"),
            ("access-control-max-age", "60"),
            ("vary", "origin"),
        ] {
            assert_eq!(outcome.header(name), Some(value), "{name}");
        }
    }

    #[test]
    fn another_site_is_allowed_nothing() {
        let outcome = preflight("https://evil.example").call_middleware(cors(ours()), |_| "");
        assert_eq!(outcome.headers(), [("vary".into(), "origin".into())]);
    }

    #[test]
    fn answers_and_errors_say_who_may_read_them() {
        let ask = |cors_settings: Cors, fails: bool| {
            TestEvent::get("/").header("origin", OURS).call_middleware(
                cors(cors_settings),
                move |_| match fails {
                    true => Err(HttpError::not_found()),
                    false => Ok("fine"),
                },
            )
        };
        for (fails, status) in [(false, 200), (true, 404)] {
            let outcome = ask(ours().expose(["x-total"]), fails);
            assert_eq!(outcome.status(), status);
            assert_eq!(outcome.header("access-control-allow-origin"), Some(OURS));
            assert_eq!(outcome.header("access-control-expose-headers"), Some("x-total"));
        }
        let outcome = ask(Cors::any_origin().credentials(), false);
        assert_eq!(outcome.header("access-control-allow-origin"), Some("*"));
        assert_eq!(outcome.header("access-control-allow-credentials"), None);
    }

    #[test]
    fn a_request_without_an_origin_is_left_alone() {
        let outcome = TestEvent::new("OPTIONS", "/").call_middleware(cors(ours()), |_| "fine");
        assert_eq!((outcome.text().as_str(), outcome.header("vary")), ("fine", None));
    }
}
