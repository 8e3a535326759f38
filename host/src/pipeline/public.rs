//! Files below `public/`, served before routes for GET and HEAD (RFC 9110, sections 8.8 and 13).

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use http::header::{
    ACCEPT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    VARY,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper_staticfile::util::FileResponseBuilder;
use hyper_staticfile::vfs::{FileOpener, FileWithMetadata, TokioFileOpener};
use hyper_staticfile::{AcceptEncoding, ResolveResult, Resolver};

use super::response::Body;

/// The site's `public/` folder, where it has one.
pub struct Public {
    files: Option<Resolver<Confined>>,
}

/// Opens files below a folder, and none that a symbolic link leads out of it.
struct Confined {
    root: PathBuf,
}

impl FileOpener for Confined {
    type File = tokio::fs::File;
    type Future = Pin<Box<dyn Future<Output = io::Result<FileWithMetadata<Self::File>>> + Send>>;

    fn open(&self, path: &Path) -> Self::Future {
        let (root, path) = (self.root.clone(), path.to_owned());
        let opener = TokioFileOpener::new(&root);
        Box::pin(async move {
            let real = tokio::fs::canonicalize(root.join(&path)).await?;
            if !real.starts_with(&root) {
                return Err(io::ErrorKind::NotFound.into());
            }
            opener.open(&path).await
        })
    }
}

impl Public {
    /// For this folder, which need not exist.
    pub fn new(folder: &Path) -> Self {
        let root = folder.canonicalize().ok().filter(|root| root.is_dir());
        let files = root.map(|root| Resolver::with_opener(Confined { root }));
        Self { files }
    }

    /// The file for a request, if there is one: with its content type, `etag`, `last-modified` and
    /// ranges, and from a `.br` or `.gz` beside it where the client takes that. None where the folder
    /// has no such file, and then the routes are asked.
    pub async fn serve<B>(&self, site: &str, request: &Request<B>) -> Option<Response<Body>> {
        let files = self.files.as_ref()?;
        match *request.method() {
            // Boxed: a request that is for no file would keep room for it.
            Method::GET | Method::HEAD => Box::pin(serve(site, files, request)).await,
            _ => None,
        }
    }
}

async fn serve<B>(
    site: &str,
    files: &Resolver<Confined>,
    request: &Request<B>,
) -> Option<Response<Body>> {
    let accepted = accepted_encodings(request.headers());
    let file = match files.resolve_path(request.uri().path(), accepted).await {
        Ok(ResolveResult::Found(file)) => file,
        Ok(_) => return None,
        Err(error) => {
            tracing::warn!(site, path = request.uri().path(), "cannot read a public file: {error}");
            return None;
        }
    };
    let content_type = file.content_type.clone().and_then(|name| name.try_into().ok());
    let mut head = request.headers().clone();
    if head.contains_key(IF_NONE_MATCH) {
        // It takes precedence (RFC 9110, section 13.2.2).
        head.remove(IF_MODIFIED_SINCE);
    }
    let response = FileResponseBuilder::new().request_parts(request.method(), &head).build(file);
    let mut response = response.ok()?.map(|body| Either::Right(Either::Right(body)));
    let headers = response.headers_mut();
    if let Some(content_type) = content_type {
        // The crate leaves it out of answers to HEAD.
        headers.entry(CONTENT_TYPE).or_insert(content_type);
    }
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    Some(match headers.get(ETAG).is_some_and(|etag| matches(&head, etag)) {
        true => not_modified(headers),
        false => response,
    })
}

/// What the client takes, and does not rule out by `q=0` (RFC 9110, section 12.5.3).
fn accepted_encodings(request: &HeaderMap) -> AcceptEncoding {
    let mut accepted = AcceptEncoding::none();
    let lists = request.get_all(ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok());
    for entry in lists.flat_map(|list| list.split(',')) {
        let (coding, weight) = entry.split_once(';').unwrap_or((entry, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok());
        if weight == Some(0.0) {
            continue;
        }
        match coding.trim() {
            "br" => accepted.br = true,
            "gzip" => accepted.gzip = true,
            _ => {}
        }
    }
    accepted
}

/// Whether `if-none-match` names this tag, compared weakly (RFC 9110, section 13.1.2).
fn matches(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let Ok(etag) = etag.to_str().map(opaque) else { return false };
    let lists = request.get_all(IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|tag| tag.trim() == "*" || opaque(tag) == etag)
}

/// 304 with the headers that a 200 would have had, but for those of the content.
fn not_modified(headers: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    for name in [ETAG, VARY, http::header::LAST_MODIFIED, http::header::CACHE_CONTROL] {
        if let Some(value) = headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}
