//! Files below `public/`, served before routes for GET and HEAD (RFC 9110, sections 8.8, 12.5.3, 13
//! and 14).
//!
//! An index in memory says which paths are files. A request for anything else costs one lookup, and no
//! system call. What a file holds is never taken from the index: each answer comes from the file as it is
//! when it is opened.

mod answer;
mod body;
mod conditions;
mod encodings;
mod facts;
mod index;
mod ranges;

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use parking_lot::Mutex;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::response::{self, Body};
use crate::files::{FileError, Folder};
use answer::Asked;
use index::{Asset, Bounds, File, Index, Reading};
use lithe_router::Path;

pub use body::FileBody;

/// The site's `public/` folder, where it has one. A clone is the same folder.
#[derive(Clone)]
pub struct Public {
    shared: Arc<Shared>,
}

struct Shared {
    /// The site's name.
    site: Arc<str>,
    /// The site's folder.
    root: PathBuf,
    /// None where there is nothing to serve.
    index: ArcSwapOption<Index>,
    /// What was said last of files that are not served. Held while the folder is read, so that what was
    /// read last is served.
    said: Mutex<Option<String>>,
}

/// What `public/` has for a request.
enum Found {
    File(Arc<Index>, Arc<File>),
    /// A folder with a page, without the `/` at the end.
    Folder,
}

impl Public {
    /// Reads what is in the `public/` of this site's folder, which need not have one.
    ///
    /// # Errors
    /// The system cannot read the folder at the moment, such as when too many files are open.
    pub fn open(site: Arc<str>, root: PathBuf) -> Result<Self, FileError> {
        let (index, said) = (ArcSwapOption::empty(), Mutex::default());
        let shared = Arc::new(Shared { site, root, index, said });
        shared.read()?;
        Ok(Self { shared })
    }

    /// Reads the folder again, apart from whatever else changes in the site. Where that fails, what was
    /// served before goes on.
    pub async fn refresh(&self) {
        let shared = self.shared.clone();
        // Fails only when the process is at its end.
        let _ = tokio::task::spawn_blocking(move || {
            if let Err(error) = shared.read() {
                let site = &*shared.site;
                tracing::error!(site, "cannot read `public/`, which goes on as it was: {error}");
            }
        })
        .await;
    }

    /// The answer to a request for a file: with its content type, `etag`, `last-modified` and ranges, and
    /// from a `.br` or `.gz` beside it where the client takes that. A folder that has an `index.html`
    /// is answered by that; without the `/` at its end, by a redirect to the path with it.
    ///
    /// None where `public/` has no such file, and then the routes are asked.
    pub async fn serve<B>(
        &self,
        request: &Request<B>,
        path: &Path<'_>,
        decoded: &str,
    ) -> Option<Response<Body>> {
        let (index, file) = match self.find(request, path, decoded)? {
            Found::File(index, file) => (index, file),
            Found::Folder => return redirect(request, path),
        };
        // Boxed: a request that is not for a file would keep room for it.
        Box::pin(self.answer(index, file, request)).await
    }

    /// What a request is for. A request that is not for a file costs this and no more.
    fn find<B>(&self, request: &Request<B>, path: &Path<'_>, decoded: &str) -> Option<Found> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        let index = self.shared.index.load();
        let index = index.as_ref()?;
        let asset = index.find(decoded)?;
        if path.segments().iter().any(|segment| segment.contains('/')) {
            // An encoded `/` is a part of a name, and no file's name has one.
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

    async fn answer<B>(
        &self,
        index: Arc<Index>,
        file: Arc<File>,
        request: &Request<B>,
    ) -> Option<Response<Body>> {
        let asked = Asked::by(request);
        let opened = file.clone();
        let answered =
            tokio::task::spawn_blocking(move || answer::answer(index.folder(), &opened, &asked));
        match answered.await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                let (site, source) = (&*self.shared.site, file.source());
                tracing::warn!(site, "cannot read `public/{source}`: {error}");
                Some(busy())
            }
            // The process is at its end.
            Err(_) => Some(busy()),
        }
    }
}

impl Shared {
    fn read(&self) -> Result<(), FileError> {
        let mut said = self.said.lock();
        let Reading { index, left_out } =
            Index::read(&Folder::open(&self.root)?, Bounds::default())?;
        if let Some(left_out) = &left_out
            && said.as_ref() != Some(left_out)
        {
            tracing::warn!(site = &*self.site, "{left_out}");
        }
        *said = left_out;
        self.index.store(index.map(Arc::new));
        Ok(())
    }
}

/// The file is there, and the system cannot give it at the moment. A 404 would be kept by caches.
fn busy() -> Response<Body> {
    let mut response = response::empty(StatusCode::SERVICE_UNAVAILABLE, Default::default());
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// What a path's segment keeps (RFC 3986, section 3.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// To the same path with a `/` at its end, so that what the page names beside itself is found. The path is
/// written from the folded segments: it begins with one `/`, and so stays on this host.
fn redirect<B>(request: &Request<B>, path: &Path<'_>) -> Option<Response<Body>> {
    if request.headers().contains_key(header::UPGRADE) {
        // A socket's route may have the folder's name, and its client follows no redirect.
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
