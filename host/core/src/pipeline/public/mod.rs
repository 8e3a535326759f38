//! Files below `public/`, served before routes for GET and HEAD (RFC 9110, sections 8.8, 12.5.3, 13
//! and 14).
//!
//! An index in memory says which paths are files. A request for anything else costs one lookup and
//! no system call. The contents of a file never come from the index: each answer is made from the
//! file as it is when it is opened.

mod answer;
mod body;
mod conditions;
mod encodings;
mod facts;
mod index;
mod ranges;

use std::future::{Future, ready};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use parking_lot::Mutex;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::response::{self, Body};
use crate::capability::account::SiteMemory;
use crate::files::{FileError, Folder};
use answer::Asked;
use index::{Asset, File, Index, IndexBounds, Reading};
use lithe_router::Path;

pub(crate) use body::FileBody;

/// The site's `public/` folder, if it has one. Clones share it.
#[derive(Clone)]
pub struct Public {
    shared: Arc<Shared>,
}

struct Shared {
    /// The site's name.
    site: Arc<str>,
    /// The site's folder.
    root: PathBuf,
    /// None if nothing is served.
    index: ArcSwapOption<Index>,
    /// The last report about files that are not served. Locked while the folder is read, so that
    /// the latest reading is the one that is served.
    reported: Mutex<Option<String>>,
}

/// Makes an answer. Resolves to nothing if the file no longer exists.
pub(super) type FutureResponse = Pin<Box<dyn Future<Output = Option<Response<Body>>> + Send>>;

/// What `public/` has for a request.
enum Found {
    File(Arc<Index>, Arc<File>),
    /// A folder with a page, requested without the final `/`.
    Folder,
}

impl Public {
    /// Reads the `public/` of this site's folder, if it exists.
    ///
    /// # Errors
    /// The system cannot read the folder at the moment, for example because too many files are
    /// open.
    pub fn open(site: Arc<str>, root: PathBuf) -> Result<Self, FileError> {
        let (index, reported) = (ArcSwapOption::empty(), Mutex::default());
        let shared = Arc::new(Shared { site, root, index, reported });
        shared.read()?;
        Ok(Self { shared })
    }

    /// Reads the folder again, independently of other changes in the site. If that fails, the old
    /// index stays.
    pub async fn refresh(&self) {
        let shared = self.shared.clone();
        // This fails only when the process is ending.
        let _ = tokio::task::spawn_blocking(move || {
            if let Err(error) = shared.read() {
                let site = &*shared.site;
                tracing::error!(site, "cannot read `public/`, which goes on as it was: {error}");
            }
        })
        .await;
    }

    /// Answers a request for a file, with its content type, `etag`, `last-modified` and ranges, and
    /// from a `.br` or `.gz` beside it if the client accepts that. A folder with an `index.html` is
    /// answered with that file; without the final `/` in the path, with a redirect. What is read
    /// of a file is charged to `memory` until it is sent.
    ///
    /// Returns nothing if `public/` does not have the file: then the routes are asked.
    pub fn serve<B>(
        &self,
        request: &Request<B>,
        path: &Path<'_>,
        decoded: &str,
        memory: &Arc<SiteMemory>,
    ) -> Option<FutureResponse> {
        Some(match self.find(request, path, decoded)? {
            Found::File(index, file) => {
                let (shared, memory) = (self.shared.clone(), memory.clone());
                Box::pin(shared.answer(index, file, Asked::by(request), memory))
            }
            Found::Folder => Box::pin(ready(Some(redirect(request, path)?))),
        })
    }

    /// What a request is for. A request that is not for a file costs only this.
    fn find<B>(&self, request: &Request<B>, path: &Path<'_>, decoded: &str) -> Option<Found> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        let index = self.shared.index.load();
        let index = index.as_ref()?;
        let asset = index.find(decoded)?;
        if path.segments().iter().any(|segment| segment.contains('/')) {
            // An encoded `/` would be part of a name, and no file has such a name.
            return None;
        }
        let asks_for_folder = path.segments().is_empty() || request.uri().path().ends_with('/');
        match (asset, asks_for_folder) {
            (Asset::File(file), false) | (Asset::Page(file), true) => {
                Some(Found::File(index.clone(), file.clone()))
            }
            (Asset::Page(_), false) => Some(Found::Folder),
            (Asset::File(_), true) => None,
        }
    }
}

impl Shared {
    async fn answer(
        self: Arc<Self>,
        index: Arc<Index>,
        file: Arc<File>,
        asked: Asked,
        memory: Arc<SiteMemory>,
    ) -> Option<Response<Body>> {
        let opened = file.clone();
        let answered = tokio::task::spawn_blocking(move || {
            answer::answer(index.folder(), &opened, &asked, &memory)
        });
        match answered.await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                let (site, source) = (&*self.site, file.source());
                tracing::warn!(site, "cannot read `public/{source}`: {error}");
                Some(busy())
            }
            // The process is ending.
            Err(_) => Some(busy()),
        }
    }

    fn read(&self) -> Result<(), FileError> {
        let mut reported = self.reported.lock();
        let Reading { index, left_out } =
            Index::read(&Folder::open(&self.root)?, IndexBounds::default())?;
        if let Some(left_out) = &left_out
            && reported.as_ref() != Some(left_out)
        {
            tracing::warn!(site = &*self.site, "{left_out}");
        }
        *reported = left_out;
        self.index.store(index.map(Arc::new));
        Ok(())
    }
}

/// The file exists, but the system cannot read it at the moment. Caches would keep a 404.
fn busy() -> Response<Body> {
    let mut response = response::empty(StatusCode::SERVICE_UNAVAILABLE, Default::default());
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// The characters that a path's segment keeps (RFC 3986, section 3.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Redirects to the same path with a final `/`, so that the page's relative links work. The path is
/// made from the folded segments: it begins with one `/`, and so stays on this host.
fn redirect<B>(request: &Request<B>, path: &Path<'_>) -> Option<Response<Body>> {
    if request.headers().contains_key(header::UPGRADE) {
        // A WebSocket route may have the folder's name, and its clients do not follow redirects.
        return None;
    }
    let mut location = String::from("/");
    for segment in path.segments() {
        location.extend(utf8_percent_encode(segment, SEGMENT));
        location.push('/');
    }
    if let Some(query) = request.uri().query() {
        location.push('?');
        location.push_str(query);
    }
    let mut response = response::empty(StatusCode::PERMANENT_REDIRECT, Default::default());
    response.headers_mut().insert(header::LOCATION, HeaderValue::try_from(location).ok()?);
    Some(response)
}

#[cfg(test)]
mod tests;
