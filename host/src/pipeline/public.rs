//! Files below `public/`, served before routes for GET and HEAD.

use std::path::Path;

use http::header::CONTENT_TYPE;
use http::{Method, Request, Response};
use http_body_util::Either;
use hyper_staticfile::{ResolveResult, Resolver, ResponseBuilder};

use super::response::Body;

/// The site's `public/` folder, where it has one.
pub struct Public {
    files: Option<Resolver>,
}

impl Public {
    /// For this folder, which need not exist.
    pub fn new(folder: &Path) -> Self {
        Self { files: folder.is_dir().then(|| Resolver::new(folder)) }
    }

    /// The file for a request, if there is one: with its content type, `etag`, `last-modified`, and
    /// ranges; none where the folder has no such file, and then the routes are asked.
    pub async fn serve<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let files = self.files.as_ref()?;
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        let file = match files.resolve_request(request).await {
            Ok(ResolveResult::Found(file)) => file,
            Ok(_) => return None,
            Err(error) => {
                tracing::warn!(path = request.uri().path(), "cannot read a public file: {error}");
                return None;
            }
        };
        let content_type = file.content_type.clone().and_then(|name| name.try_into().ok());
        let found = ResolveResult::Found(file);
        let response = ResponseBuilder::new().request(request).build(found).ok()?;
        let mut response = response.map(Either::Right);
        // The crate leaves it out of answers to HEAD.
        if let Some(content_type) = content_type {
            response.headers_mut().entry(CONTENT_TYPE).or_insert(content_type);
        }
        Some(response)
    }
}
