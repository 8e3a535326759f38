//! What is answered before a site is asked.

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};

use super::host;
use crate::pipeline::{self, Body, SiteSnapshot};

/// What a site may take, and the server knows.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// The answer to what is not for a site, but for the server, or for nobody.
pub fn for_the_server<B>(request: &Request<B>) -> Option<Response<Body>> {
    let method = request.method();
    if matches!(*method, Method::CONNECT | Method::TRACE) {
        // RFC 9110, section 9.1. Behind a CONNECT, what comes would be meant for somebody else.
        let message = format!("{method} is not served: this is not a proxy");
        let mut response = pipeline::refuse(StatusCode::NOT_IMPLEMENTED, message);
        pipeline::end_connection(&mut response);
        return Some(response);
    }
    match request.uri().path() {
        // RFC 9110, section 9.3.7.
        "*" if *method == Method::OPTIONS => {
            let allow = (header::ALLOW, HeaderValue::from_static(METHODS));
            Some(pipeline::empty(StatusCode::NO_CONTENT, HeaderMap::from_iter([allow])))
        }
        path if path.starts_with('/') => None,
        _ => {
            let message = "the target must be a path, such as `/`".to_owned();
            Some(pipeline::refuse(StatusCode::BAD_REQUEST, message))
        }
    }
}

/// No site answers for the request's host (RFC 9110, section 15.5.20), or it names none.
pub fn unknown_host<B>(request: &Request<B>) -> Response<Body> {
    match host::of(request) {
        Some(host) => {
            let message = format!("no site answers for `{host}` here");
            pipeline::refuse(StatusCode::MISDIRECTED_REQUEST, message)
        }
        None => pipeline::refuse(StatusCode::BAD_REQUEST, host::InvalidHost::NotOnce.to_string()),
    }
}

/// The request's host is a site's that is not served, or not yet.
pub fn not_served() -> Response<Body> {
    let message = "the site is starting, or cannot be served: try again in a moment".to_owned();
    let mut response = pipeline::refuse(StatusCode::SERVICE_UNAVAILABLE, message);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// The site has as many connections as it may; this one is closed.
pub fn too_many_connections(snapshot: &SiteSnapshot) -> Response<Body> {
    let limit = snapshot.limits.connections;
    let message = format!("the site has {limit} connections open (`limits.connections`)");
    let mut response = pipeline::refuse(StatusCode::SERVICE_UNAVAILABLE, message);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    pipeline::end_connection(&mut response);
    response
}
