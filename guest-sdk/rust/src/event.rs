//! The request that is being handled.

use serde::de::DeserializeOwned;

use crate::sys::EventHandle;
use crate::ws::{Kind, Ws};
use crate::{HttpError, Result, query};

/// The request that is being handled, and what the route and the middleware know about it.
///
/// Every method asks the host; keep an answer that is needed twice.
#[derive(Debug)]
pub struct Event {
    handle: EventHandle,
    kind: Kind,
}

impl Event {
    pub(crate) fn new(handle: EventHandle, kind: Kind) -> Self {
        Self { handle, kind }
    }

    /// The event of a handshake that is over.
    pub(crate) fn past(handle: EventHandle) -> Self {
        Self::new(handle, Kind::Any)
    }

    pub(crate) fn handle(&self) -> &EventHandle {
        &self.handle
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Unique to this request; also in the host's log lines and the `x-request-id` response header.
    pub fn id(&self) -> String {
        self.handle.id()
    }

    /// In upper case, such as `GET`.
    pub fn method(&self) -> String {
        self.handle.method()
    }

    /// Path and query as sent.
    pub fn uri(&self) -> String {
        self.handle.uri()
    }

    /// Percent-decoded path without the query.
    pub fn path(&self) -> String {
        self.handle.path()
    }

    /// What follows the first `?`, as sent.
    pub fn query(&self) -> Option<String> {
        self.handle.query()
    }

    /// The first query parameter of that name, decoded as a form is: `+` is a space, and `%41` an
    /// `A`. What does not decode stays as sent.
    pub fn query_param(&self, name: &str) -> Option<String> {
        query::get(&self.query()?, name)
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> String {
        self.handle.scheme()
    }

    /// The `host` header, or the authority of the request's target.
    pub fn authority(&self) -> String {
        self.handle.authority()
    }

    /// All of the request's headers, in order, names in lower case. A value that is not UTF-8 has
    /// each byte as the character of that number.
    pub fn headers(&self) -> Vec<(String, String)> {
        self.handle.headers()
    }

    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<String> {
        self.handle.header(name)
    }

    /// The pattern that matched, such as `/rooms/:id`.
    pub fn route(&self) -> String {
        self.handle.route()
    }

    /// The route's parameters, percent-decoded, in the pattern's order.
    pub fn params(&self) -> Vec<(String, String)> {
        self.handle.params()
    }

    /// One of the route's parameters.
    pub fn param(&self, name: &str) -> Option<String> {
        self.handle.param(name)
    }

    /// One of the route's parameters, where the route cannot match without it.
    ///
    /// # Errors
    /// 400 where the route has no such parameter, or its optional parameter is missing.
    pub fn required_param(&self, name: &str) -> Result<String, HttpError> {
        self.param(name)
            .ok_or_else(|| HttpError::bad_request(format!("parameter `{name}` is missing")))
    }

    /// `IP:PORT` of the peer, or of the client that a trusted proxy names.
    pub fn client_address(&self) -> String {
        self.handle.client_address()
    }

    /// The whole body; empty for an upgrade request.
    pub fn bytes(&self) -> Vec<u8> {
        self.handle.body()
    }

    /// The body as UTF-8.
    ///
    /// # Errors
    /// 400 where it is not UTF-8.
    pub fn text(&self) -> Result<String, HttpError> {
        String::from_utf8(self.bytes()).map_err(|e| {
            HttpError::bad_request(format!("the body is not UTF-8: {}", e.utf8_error()))
        })
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// 400 that says where the body is not the JSON of a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        serde_json::from_slice(&self.bytes())
            .map_err(|e| HttpError::bad_request(format!("the body is not the expected JSON: {e}")))
    }

    /// A value that middleware left for what runs after it, the session included.
    pub fn local(&self, key: &str) -> Option<String> {
        self.handle.local(key)
    }

    /// Leaves a value for what runs after this.
    pub fn set_local(&self, key: &str, value: &str) {
        self.handle.set_local(key, value);
    }

    /// The request as a WebSocket handshake.
    pub fn ws(&self) -> Ws<'_> {
        Ws::new(self)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::TestEvent;

    #[test]
    fn the_uri_is_split_and_the_query_parsed() {
        let event = TestEvent::get("/a%20b?x=1+2&y=%41&x=3&flag").build();
        assert_eq!(event.uri(), "/a%20b?x=1+2&y=%41&x=3&flag");
        assert_eq!(event.path(), "/a b");
        assert_eq!(event.query().as_deref(), Some("x=1+2&y=%41&x=3&flag"));
        assert_eq!(event.query_param("x").as_deref(), Some("1 2"));
        assert_eq!(event.query_param("y").as_deref(), Some("A"));
        assert_eq!(event.query_param("flag").as_deref(), Some(""));
        assert_eq!(event.query_param("z"), None);
    }

    #[test]
    fn headers_are_found_in_any_case() {
        let event = TestEvent::get("/").header("X-Name", "value").build();
        assert_eq!(event.header("x-nAME").as_deref(), Some("value"));
        assert!(event.headers().contains(&("x-name".into(), "value".into())));
    }

    #[test]
    fn a_bad_body_is_a_400_that_says_what_is_wrong() {
        let event = TestEvent::post("/").body([0xff]).build();
        assert_eq!(event.text().unwrap_err().status, 400);
        let error = TestEvent::post("/").body("[1,").build().json::<Vec<u8>>().unwrap_err();
        assert_eq!(error.status, 400);
        assert!(error.message.contains("line 1 column 3"), "{}", error.message);
    }

    #[test]
    fn a_missing_param_is_a_400() {
        let event = TestEvent::get("/rooms/7").route("/rooms/:id").param("id", "7").build();
        assert_eq!(event.required_param("id").unwrap(), "7");
        assert_eq!(event.required_param("name").unwrap_err().status, 400);
    }

    #[test]
    fn locals_pass_from_one_to_the_next() {
        let event = TestEvent::get("/").local("user", "ada").build();
        event.set_local("role", "admin");
        assert_eq!(event.local("user").as_deref(), Some("ada"));
        assert_eq!(event.local("role").as_deref(), Some("admin"));
    }
}
