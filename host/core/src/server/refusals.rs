//! Answers that do not need a site.

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};

use super::host;
use crate::pipeline::{self, Body, SiteSnapshot};

/// The methods that the server knows and a site may have.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Answers a request that is for the server itself, or for nobody.
pub(crate) fn for_the_server<B>(request: &Request<B>) -> Option<Response<Body>> {
    let method = request.method();
    if matches!(*method, Method::CONNECT | Method::TRACE) {
        // RFC 9110, section 9.1. What follows a CONNECT would be meant for another server.
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

/// No site answers for the request's host (RFC 9110, section 15.5.20), or the request names none.
pub(crate) fn unknown_host<B>(request: &Request<B>) -> Response<Body> {
    match host::of(request) {
        Some(host) => {
            let message = format!("no site answers for `{host}` here");
            pipeline::refuse(StatusCode::MISDIRECTED_REQUEST, message)
        }
        None => pipeline::refuse(StatusCode::BAD_REQUEST, host::InvalidHost::NotOnce.to_string()),
    }
}

/// The request's host belongs to a site that is not served, or not yet.
pub(crate) fn not_served() -> Response<Body> {
    let message = "the site is starting, or cannot be served: try again in a moment".to_owned();
    let mut response = pipeline::refuse(StatusCode::SERVICE_UNAVAILABLE, message);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// The site has as many connections as it may have; this one is closed.
pub(crate) fn too_many_connections(snapshot: &SiteSnapshot) -> Response<Body> {
    let limit = snapshot.limits.connections;
    let message = format!("the site has {limit} connections open (`limits.connections`)");
    let mut response = pipeline::refuse(StatusCode::SERVICE_UNAVAILABLE, message);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    pipeline::end_connection(&mut response);
    response
}
