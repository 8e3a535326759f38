//! The handshake's checks, in the order that `wit/ws.wit` gives.

use std::rc::Rc;

use super::{ATTACHMENT_LIMIT, EventHandle, HOST, PlayedSocket, Request};
use crate::outcome::Accepted;
use crate::query::is_token_byte;
use crate::stream::Started;
use crate::{HttpError, UpgradeOptions};

/// What the host itself writes into a 101, or what belongs to the connection.
const RESERVED: [&str; 12] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(crate) fn is_supported() -> bool {
    HOST.with(|host| !host.upgrades_off.get())
}

pub(crate) fn is_upgrade_request(event: &EventHandle) -> bool {
    event.0.method == "GET"
        && has_token(&event.0, "connection", "upgrade")
        && has_token(&event.0, "upgrade", "websocket")
}

pub(crate) fn requested_protocols(event: &EventHandle) -> Vec<String> {
    tokens(&event.0, "sec-websocket-protocol").map(str::to_owned).collect()
}

pub(crate) fn upgrade(
    event: &EventHandle,
    protocol: Option<&str>,
    options: &UpgradeOptions,
) -> Result<Accepted, HttpError> {
    let request = &event.0;
    if request.method != "GET" {
        return Err(HttpError::method_not_allowed("GET"));
    }
    if !is_supported() {
        return Err(HttpError::new(501, "Not Implemented"));
    }
    if !is_upgrade_request(event) {
        return Err(HttpError::upgrade_required());
    }
    check_handshake(request)?;
    check_options(event, protocol, options).map_err(guest_s_mistake)?;
    let socket = accept(request, protocol, options);
    Ok(Accepted { socket, headers: options.headers.clone() })
}

/// Accepts a stream.
pub(crate) fn start(
    event: &EventHandle,
    status: u16,
    headers: &[(String, String)],
) -> Result<Started, HttpError> {
    let checked = match status {
        200..=599 => check_headers(headers).and_then(|()| check_first(&event.0)),
        _ => Err(format!("status {status} is not one from 200 to 599")),
    };
    checked.map_err(guest_s_mistake)?;
    let socket = accept(&event.0, None, &UpgradeOptions::default().pinned());
    Ok(Started { socket, status, headers: headers.to_vec() })
}

fn guest_s_mistake(mistake: String) -> HttpError {
    eprintln!("{mistake}");
    HttpError::new(500, "Internal Server Error")
}

/// The client's mistakes (RFC 6455, 4.2.1).
fn check_handshake(request: &Request) -> Result<(), HttpError> {
    if request.header("sec-websocket-version") != Some("13") {
        return Err(HttpError::bad_request("header `sec-websocket-version` is not 13")
            .with_header("sec-websocket-version", "13"));
    }
    if !request.header("sec-websocket-key").is_some_and(is_key) {
        return Err(HttpError::bad_request("header `sec-websocket-key` is missing or malformed"));
    }
    if !tokens(request, "sec-websocket-protocol").all(is_token) {
        return Err(HttpError::bad_request("header `sec-websocket-protocol` is malformed"));
    }
    Ok(())
}

/// The guest's mistakes.
fn check_options(
    event: &EventHandle,
    protocol: Option<&str>,
    options: &UpgradeOptions,
) -> Result<(), String> {
    if let Some(protocol) = protocol
        && !tokens(&event.0, "sec-websocket-protocol").any(|offered| offered == protocol)
    {
        return Err(format!("protocol `{protocol}` was not requested"));
    }
    check_headers(&options.headers)?;
    if options.attachment.len() > ATTACHMENT_LIMIT {
        return Err(format!("the attachment is larger than {ATTACHMENT_LIMIT} bytes"));
    }
    check_first(&event.0)
}

fn check_headers(headers: &[(String, String)]) -> Result<(), String> {
    for (name, value) in headers {
        if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
            return Err(format!("header `{name}` is the host's to set"));
        }
        if !is_token(name) || value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(format!("header `{name}` is malformed"));
        }
    }
    Ok(())
}

fn check_first(request: &Request) -> Result<(), String> {
    match request.accepted.get() {
        Some(_) => Err("this event has been upgraded, or its body streamed, already".into()),
        None => Ok(()),
    }
}

fn accept(request: &Rc<Request>, protocol: Option<&str>, options: &UpgradeOptions) -> u32 {
    let id = HOST.with(|host| {
        let id = host.last_socket.get() + 1;
        host.last_socket.set(id);
        let socket = PlayedSocket::new(Rc::clone(request), protocol, options);
        host.sockets.borrow_mut().insert(id, socket);
        id
    });
    request.accepted.set(Some(id));
    id
}

/// The items of a list header: split at commas, trimmed, empty ones dropped.
fn tokens<'a>(request: &'a Request, name: &'a str) -> impl Iterator<Item = &'a str> {
    request
        .headers
        .iter()
        .filter(move |(other, _)| other.eq_ignore_ascii_case(name))
        .flat_map(|(_, value)| value.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

fn has_token(request: &Request, name: &str, token: &str) -> bool {
    tokens(request, name).any(|other| other.eq_ignore_ascii_case(token))
}

/// RFC 9110, 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// The base64 of 16 bytes.
fn is_key(text: &str) -> bool {
    text.len() == 24
        && text.ends_with("==")
        && text[..22].bytes().all(|b| b.is_ascii_alphanumeric() || b"+/".contains(&b))
}
