//! The request that is handled.

use std::fmt::Display;
use std::rc::Rc;
use std::str::FromStr;

use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sys::EventHandle;
use crate::ws::{Kind, Ws};
use crate::{HttpError, Result, cookie, form, query};

/// The request that is handled, and what the route and the middleware know about it.
///
/// Every method asks the host, so keep an answer that you need twice. A clone is the same request.
///
/// A client may send anything. So a method that reads a part of the request as a type fails with
/// 400 if the part is not of that type, and the error names the part. A float is finite: `inf`,
/// `NaN` and `1e999` are not of its type. A method whose name ends in `_str` gives the text as it
/// is.
///
/// ```
/// use lithe_sdk::testing::TestEvent;
/// use lithe_sdk::{Event, Response, Result};
///
/// fn item(event: Event) -> Result<Response> {
///     let id: u32 = event.param("id")?;
///     let page = event.query_param::<u32>("page")?.unwrap_or(1);
///     Ok(Response::text(format!("item {id}, page {page}")))
/// }
///
/// let item_of = |id| TestEvent::get("/items?page=2").param("id", id).call(item);
/// assert_eq!(item_of("7").text(), "item 7, page 2");
/// assert_eq!(item_of("x").status(), 400);
/// assert_eq!(item_of("x").text(), "parameter `id` is `x`: not an integer");
/// ```
#[derive(Debug, Clone)]
pub struct Event {
    handle: Rc<EventHandle>,
    kind: Kind,
}

impl Event {
    pub(crate) fn new(handle: EventHandle, kind: Kind) -> Self {
        Self { handle: Rc::new(handle), kind }
    }

    /// The request of a handshake that is over.
    pub(crate) fn past(handle: EventHandle) -> Self {
        Self::new(handle, Kind::Any)
    }

    pub(crate) fn handle(&self) -> &EventHandle {
        &self.handle
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The request's name, which no other request has. It is in the host's log lines and in the
    /// response header `x-request-id`.
    pub fn id(&self) -> String {
        self.handle.id()
    }

    /// The method in upper case, such as `GET`.
    pub fn method(&self) -> String {
        self.handle.method()
    }

    /// Path and query, as the client sent them.
    pub fn uri(&self) -> String {
        self.handle.uri()
    }

    /// The path without the query, percent-decoded.
    pub fn path(&self) -> String {
        self.handle.path()
    }

    /// What follows the first `?`, as the client sent it.
    pub fn query_str(&self) -> Option<String> {
        self.handle.query()
    }

    /// The query as a struct, field by field. Fields that the query lacks get serde's defaults.
    ///
    /// ```
    /// use lithe_sdk::testing::TestEvent;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Search {
    ///     text: String,
    ///     #[serde(default)]
    ///     page: u32,
    /// }
    ///
    /// let search: Search = TestEvent::get("/?text=a+b").build().query().unwrap();
    /// assert_eq!((search.text.as_str(), search.page), ("a b", 0));
    /// ```
    ///
    /// # Errors
    /// 400 if the query is not a `T`. The message says why.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        form::read(&self.query_str().unwrap_or_default())
            .map_err(|e| HttpError::bad_request(e.of("query parameter", "query")))
    }

    /// The first query parameter of that name as a `T`, if there is one.
    ///
    /// # Errors
    /// 400 if it is not a `T`.
    pub fn query_param<T>(&self, name: &str) -> Result<Option<T>, HttpError>
    where
        T: FromStr<Err: Display> + 'static,
    {
        let value = self.query_param_str(name);
        value.map(|value| parse("query parameter", name, &value)).transpose()
    }

    /// The first query parameter of that name, decoded like a form: `+` is a space, and `%41` is an
    /// `A`. A part that does not decode stays as the client sent it.
    pub fn query_param_str(&self, name: &str) -> Option<String> {
        query::get(&self.query_str()?, name)
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

    /// The names and values of the `cookie` headers, in order (RFC 6265, 5.4). Values are
    /// percent-decoded, as [`Cookie`](crate::Cookie) encodes them.
    pub fn cookies(&self) -> Vec<(String, String)> {
        cookie::parse(&self.headers())
    }

    /// The first cookie of that name.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies().into_iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// The pattern that matched, such as `/rooms/:id`.
    pub fn route(&self) -> String {
        self.handle.route()
    }

    /// The route's parameters, percent-decoded, in the pattern's order.
    pub fn params(&self) -> Vec<(String, String)> {
        self.handle.params()
    }

    /// One of the route's parameters, as a `T`; any text is a `String`.
    ///
    /// # Errors
    /// 400 if it is not a `T`, if the route has no such parameter, or if an optional parameter is
    /// missing.
    pub fn param<T>(&self, name: &str) -> Result<T, HttpError>
    where
        T: FromStr<Err: Display> + 'static,
    {
        let value = self.param_str(name);
        let value = value
            .ok_or_else(|| HttpError::bad_request(format!("parameter `{name}` is missing")))?;
        parse("parameter", name, &value)
    }

    /// One of the route's parameters, if there is one of that name.
    pub fn param_str(&self, name: &str) -> Option<String> {
        self.handle.param(name)
    }

    /// `IP:PORT` of the peer, or of the client that a trusted proxy names.
    pub fn client_address(&self) -> String {
        self.handle.client_address()
    }

    /// The whole body. For an upgrade request it is empty.
    pub fn bytes(&self) -> Vec<u8> {
        self.handle.body()
    }

    /// The body as UTF-8.
    ///
    /// # Errors
    /// 400 if it is not UTF-8.
    pub fn text(&self) -> Result<String, HttpError> {
        String::from_utf8(self.bytes()).map_err(|e| {
            HttpError::bad_request(format!("the body is not UTF-8: {}", e.utf8_error()))
        })
    }

    /// The body as JSON, if it has at most 128 KiB.
    ///
    /// # Errors
    /// 400 if the body is not the JSON of a `T`, and the message says why. 413 if it is larger.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        self.json_within(PARSED)
    }

    /// The body as JSON, if it has at most so many bytes. This limit is the handler's own: the host
    /// has read the whole body, within the site's limit. A value may take many times the bytes of
    /// its JSON.
    ///
    /// # Errors
    /// As [`json`](Self::json).
    pub fn json_within<T: DeserializeOwned>(&self, limit: usize) -> Result<T, HttpError> {
        serde_json::from_slice(&self.bytes_within(limit, "json_within")?).map_err(|e| {
            let what = if e.is_data() { "the expected JSON" } else { "JSON" };
            HttpError::bad_request(format!("the body is not {what}: {e}"))
        })
    }

    /// The body as a form (`application/x-www-form-urlencoded`), field by field, if it has at most
    /// 128 KiB.
    ///
    /// # Errors
    /// 415 if the request says that its body is something else, 400 if it is not the form of a `T`,
    /// 413 if it is larger.
    pub fn form<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        self.form_within(PARSED)
    }

    /// The body as a form, if it has at most so many bytes, as [`json_within`](Self::json_within).
    ///
    /// # Errors
    /// As [`form`](Self::form).
    pub fn form_within<T: DeserializeOwned>(&self, limit: usize) -> Result<T, HttpError> {
        let media_type = self.header("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case(FORM) {
            return Err(HttpError::new(415, format!("the body is not `{FORM}`")));
        }
        form::read(&String::from_utf8_lossy(&self.bytes_within(limit, "form_within")?))
            .map_err(|e| HttpError::bad_request(e.of("form field", "form")))
    }

    /// The body, if it is not too large for the method of that name.
    fn bytes_within(&self, limit: usize, method: &str) -> Result<Vec<u8>, HttpError> {
        let body = self.bytes();
        match body.len() > limit {
            true => Err(HttpError::new(413, too_large("body", limit, method))),
            false => Ok(body),
        }
    }

    /// A value that [`set_local`](Self::set_local) left before, for example in middleware.
    ///
    /// # Errors
    /// The value is not the JSON of a `T`. That is a mistake of the site, and a 500.
    pub fn local<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let Some(value) = self.local_str(key) else { return Ok(None) };
        serde_json::from_str(&value)
            .map(Some)
            .with_context(|| format!("the local `{key}` is not of the expected type"))
    }

    /// Leaves a value, as JSON, for what runs after this, the session included.
    ///
    /// # Errors
    /// `value` has no JSON form.
    pub fn set_local<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<()> {
        let value = serde_json::to_string(value)
            .with_context(|| format!("the local `{key}` has no JSON form"))?;
        self.set_local_str(key, &value);
        Ok(())
    }

    /// A value as text, for example of middleware in another language.
    pub fn local_str(&self, key: &str) -> Option<String> {
        self.handle.local(key)
    }

    /// Leaves text for what runs after this, the session included.
    pub fn set_local_str(&self, key: &str, value: &str) {
        self.handle.set_local(key, value);
    }

    /// The request as a WebSocket handshake.
    pub fn ws(&self) -> Ws<'_> {
        Ws::new(self)
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

/// The bytes of JSON or of a form that are read without another limit. What they say may take many
/// times as much memory, and a shared instance's is that of all its clients.
pub(crate) const PARSED: usize = 128 * 1024;

pub(crate) fn too_large(what: &str, limit: usize, method: &str) -> String {
    format!("the {what} is larger than {limit} bytes: `{method}` reads it with a higher limit")
}

fn parse<T>(what: &str, name: &str, value: &str) -> Result<T, HttpError>
where
    T: FromStr<Err: Display> + 'static,
{
    form::parse(value)
        .map_err(|e| HttpError::bad_request(format!("{what} `{name}` is `{value}`: {e}")))
}

#[cfg(test)]
mod tests;
