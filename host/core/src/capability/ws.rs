//! `ws`: the decision about the handshake (RFC 6455, section 4.2).

use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use http::header::{self, HeaderName};
use http::{HeaderMap, Method, StatusCode, Version};
use wasmtime::component::Resource;

use super::State;
use super::event::{Acceptance, EventHandle, Request};
use super::http::{HttpError, parse_fields};
use super::socket::{Socket, SocketKind};
use super::sockets::NewSocket;
use crate::capability::bindings::{http as wit_http, ws as wit};
use crate::config::{Limit, bytes};

/// How the key of a handshake is encoded. The last byte of RFC 6455's own example (section 4.1) has
/// trailing bits that are not zero.
const KEY: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Whether the request asks for a WebSocket: GET, HTTP/1.1, `connection` has the token `upgrade`,
/// and `upgrade` has `websocket`, in any case.
pub(crate) fn is_upgrade_request(request: &Request) -> bool {
    request.method == Method::GET
        && request.version == Version::HTTP_11
        && has_token(&request.headers, &header::CONNECTION, "upgrade")
        && has_token(&request.headers, &header::UPGRADE, "websocket")
}

/// The protocols that `sec-websocket-protocol` offers, in order, without empty entries.
pub(crate) fn requested_protocols(headers: &HeaderMap) -> Vec<String> {
    tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL).map(str::to_owned).collect()
}

/// Checks an upgrade, in this order, before the guest's own choices are checked.
///
/// # Errors
/// The answer to send instead of the 101.
pub(crate) fn check_handshake(request: &Request, supported: bool) -> Result<(), HttpError> {
    if request.method != Method::GET {
        let message = "a WebSocket handshake is a GET request";
        return Err(
            HttpError::new(StatusCode::METHOD_NOT_ALLOWED, message).with(header::ALLOW, "GET")
        );
    }
    if !supported {
        return Err(HttpError::new(StatusCode::NOT_IMPLEMENTED, "WebSocket is not supported here"));
    }
    if !is_upgrade_request(request) {
        return Err(upgrade_required());
    }
    let bad = |message| Err(HttpError::new(StatusCode::BAD_REQUEST, message));
    if one(&request.headers, &header::SEC_WEBSOCKET_VERSION) != Some(b"13") {
        let error = HttpError::new(StatusCode::BAD_REQUEST, "`sec-websocket-version` must be 13");
        return Err(error.with(header::SEC_WEBSOCKET_VERSION, "13"));
    }
    let key = one(&request.headers, &header::SEC_WEBSOCKET_KEY);
    if !key.is_some_and(|key| KEY.decode(key).is_ok_and(|nonce| nonce.len() == 16)) {
        return bad("the request must have one `sec-websocket-key`, 16 bytes in base64");
    }
    let protocols = requested_protocols(&request.headers);
    if !protocols.iter().all(|protocol| is_token(protocol)) {
        return bad("`sec-websocket-protocol` must be a list of tokens");
    }
    let repeated = |(at, protocol): (usize, &String)| protocols[..at].contains(protocol);
    if protocols.iter().enumerate().any(repeated) {
        return bad("`sec-websocket-protocol` must not name a protocol twice");
    }
    Ok(())
}

/// 426, for a request that does not ask for a WebSocket.
pub(crate) fn upgrade_required() -> HttpError {
    HttpError::new(StatusCode::UPGRADE_REQUIRED, "this endpoint expects a WebSocket handshake")
        .with(header::UPGRADE, "websocket")
}

/// Headers of the 101 that the handshake itself decides.
fn is_reserved(name: &HeaderName) -> bool {
    [header::CONNECTION, header::UPGRADE, header::CONTENT_LENGTH, header::TRANSFER_ENCODING]
        .contains(name)
        || name.as_str().starts_with("sec-websocket-")
}

impl wit::Host for State {
    fn is_supported(&mut self) -> wasmtime::Result<bool> {
        Ok(self.context.upgrades)
    }

    fn is_upgrade_request(&mut self, event: Resource<EventHandle>) -> wasmtime::Result<bool> {
        Ok(is_upgrade_request(self.request(&event)?))
    }

    fn requested_protocols(
        &mut self,
        event: Resource<EventHandle>,
    ) -> wasmtime::Result<Vec<String>> {
        Ok(requested_protocols(&self.request(&event)?.headers))
    }

    fn upgrade(
        &mut self,
        event: Resource<EventHandle>,
        options: wit::UpgradeOptions,
    ) -> wasmtime::Result<Result<wit::Accepted, wit_http::HttpError>> {
        let request = self.request(&event)?.clone();
        let accepted = self.accept(&request, options);
        Ok(accepted.map_err(|error| self.log_mistake(&request, error).to_wit()))
    }
}

impl State {
    fn accept(
        &self,
        request: &Arc<Request>,
        options: wit::UpgradeOptions,
    ) -> Result<wit::Accepted, HttpError> {
        let mistake = |message: String| HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, message);

        check_handshake(request, self.context.upgrades)?;
        let protocols = requested_protocols(&request.headers);
        if let Some(protocol) = &options.protocol
            && !protocols.contains(protocol)
        {
            return Err(mistake(format!(
                "the guest accepted protocol `{protocol}`, which the request does not offer"
            )));
        }
        let headers = parse_fields(&options.headers).map_err(|error| mistake(error.to_string()))?;
        if let Some(name) = headers.keys().find(|name| is_reserved(name)) {
            return Err(mistake(format!("header `{name}` of the 101 is not the guest's to set")));
        }
        let socket = self.accept_socket(NewSocket {
            protocol: options.protocol,
            request: request.clone(),
            pinned: options.pinned.then_some(self.instance),
            version: self.context.version,
            attachment: options.attachment,
            kind: SocketKind::WebSocket,
            account: self.context.account.clone(),
        })?;
        Ok(wit::Accepted { socket: socket.id, headers: options.headers })
    }

    /// Adds the only socket of this request.
    ///
    /// # Errors
    /// The answer to send instead.
    pub(super) fn accept_socket(&self, new: NewSocket) -> Result<Arc<Socket>, HttpError> {
        let mistake = |message: String| HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, message);

        let max = bytes(self.context.limits.attachment);
        if new.attachment.len() > max {
            self.context.account.exceed(Limit::Attachment);
            return Err(mistake(format!(
                "the attachment has {} bytes, `limits.attachment` allows {max}",
                new.attachment.len()
            )));
        }
        let request = new.request.clone();
        let mut accepted = request.accepted.lock();
        match *accepted {
            Acceptance::None => {}
            Acceptance::Socket(_) => {
                return Err(mistake("the guest upgraded the same event twice".to_owned()));
            }
            Acceptance::Answered => {
                return Err(mistake("the guest upgraded an event that was answered".to_owned()));
            }
        }
        let socket = self.context.sockets.accept(new, &self.context.limits).map_err(|error| {
            let (site, plugin) = (&*self.context.site, &*self.context.plugin);
            tracing::debug!(target: "session", site, plugin, "{error}");
            self.context.account.exceed(error.limit());
            HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "too many open sockets")
                .with(header::RETRY_AFTER, "1")
        })?;
        *accepted = Acceptance::Socket(socket.clone());
        Ok(socket)
    }

    /// Logs a guest's mistake, which the client does not see.
    pub(super) fn log_mistake(&self, request: &Request, error: HttpError) -> HttpError {
        if error.status != StatusCode::INTERNAL_SERVER_ERROR {
            return error;
        }
        let (site, plugin, id) = (&*self.context.site, &*self.context.plugin, request.id);
        let message = &error.message;
        tracing::error!(target: "guest", site, plugin, request = %id, "{message}");
        HttpError::new(error.status, "Internal Server Error")
    }
}

/// The header's value, if the header occurs exactly once.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value.as_bytes())
}

/// The comma-separated entries of all headers of that name (RFC 9110, section 5.6.1).
fn tokens<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lists = headers.get_all(name).iter();
    lists
        .filter_map(|value| std::str::from_utf8(value.as_bytes()).ok())
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|entry| entry.eq_ignore_ascii_case(token))
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let special = b"!#$%&'*+-.^_`|~";
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || special.contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn request(method: Method, headers: &[(&'static str, &str)]) -> Request {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Request { method, headers: map, ..Request::sample() }
    }

    fn handshake(changes: &[(&'static str, &str)]) -> Request {
        let mut headers = vec![
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", SAMPLE),
        ];
        for (name, value) in changes {
            headers.retain(|(other, _)| other != name);
            if !value.is_empty() {
                headers.push((name, value));
            }
        }
        request(Method::GET, &headers)
    }

    fn status(request: &Request) -> u16 {
        check_handshake(request, true).map_or_else(|error| error.status.as_u16(), |()| 101)
    }

    #[test]
    fn accepts_a_whole_handshake_in_any_case() {
        assert_eq!(status(&handshake(&[])), 101);
        assert_eq!(status(&handshake(&[("sec-websocket-protocol", "chat, superchat")])), 101);
    }

    #[test]
    fn another_method_is_405_before_anything_else() {
        let error = check_handshake(&request(Method::POST, &[]), false).unwrap_err();
        assert_eq!(error.status, 405);
        assert_eq!(error.headers[header::ALLOW], "GET");
        assert_eq!(status(&request(Method::HEAD, &[])), 405);
    }

    #[test]
    fn without_support_it_is_501() {
        assert_eq!(check_handshake(&handshake(&[]), false).unwrap_err().status, 501);
    }

    #[test]
    fn a_plain_get_is_426() {
        let error = check_handshake(&request(Method::GET, &[]), true).unwrap_err();
        assert_eq!(error.status, 426);
        assert_eq!(error.headers[header::UPGRADE], "websocket");
        assert_eq!(status(&handshake(&[("connection", "keep-alive")])), 426);
        assert_eq!(status(&handshake(&[("upgrade", "h2c")])), 426);
        let mut old = handshake(&[]);
        old.version = Version::HTTP_10;
        assert_eq!(status(&old), 426);
    }

    #[test]
    fn a_malformed_handshake_is_400() {
        for change in [
            ("sec-websocket-key", ""),
            ("sec-websocket-key", "short"),
            ("sec-websocket-key", "AAAA"),
            ("sec-websocket-version", "8"),
            ("sec-websocket-version", ""),
            ("sec-websocket-protocol", "bad proto"),
            ("sec-websocket-protocol", "chat, chat"),
        ] {
            assert_eq!(status(&handshake(&[change])), 400, "{change:?}");
        }
        let mut twice = handshake(&[]);
        twice.headers.append("sec-websocket-key", SAMPLE.parse().unwrap());
        assert_eq!(status(&twice), 400);
    }

    #[test]
    fn a_key_may_have_any_bits_behind_its_last_byte() {
        for key in ["AQIDBAUGBwgJCgsMDQ4PEC==", "AQIDBAUGBwgJCgsMDQ4PEA=="] {
            assert_eq!(status(&handshake(&[("sec-websocket-key", key)])), 101, "{key}");
        }
        for key in [
            "AQIDBAUGBwgJCgsMDQ4PEC",
            "AQIDBAUGBwgJCgsMDQ4PEC=",
            "AQIDBAUGBwgJCgsMDQ4PEC===",
            "AQIDBAUGBwgJCgsMDQ4PEBE=",
            "AQIDBAUGBwgJCgsMDQ4=",
            "AQIDBAUGBwgJCgsMDQ4_EC==",
            "",
        ] {
            let mut request = handshake(&[("sec-websocket-key", "")]);
            request.headers.append("sec-websocket-key", key.parse().unwrap());
            assert_eq!(status(&request), 400, "{key}");
        }
    }

    #[test]
    fn another_version_is_told_which_one_is_spoken() {
        let error = check_handshake(&handshake(&[("sec-websocket-version", "8")]), true);
        assert_eq!(error.unwrap_err().headers[header::SEC_WEBSOCKET_VERSION], "13");
    }

    #[test]
    fn protocols_are_split_trimmed_and_kept_in_order() {
        let request = handshake(&[("sec-websocket-protocol", " chat ,, superchat,")]);
        assert_eq!(requested_protocols(&request.headers), ["chat", "superchat"]);
    }
}
