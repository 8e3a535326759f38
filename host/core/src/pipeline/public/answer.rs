//! The answer from one file, which is opened, examined and read on a thread that may wait for the
//! disk.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use cap_std::fs::File as OpenFile;
use http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderName, HeaderValue, LAST_MODIFIED, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};

use super::body::{BodyPart, FileBody, PIECE, read};
use super::conditions::{self, Verdict};
use super::encodings::{self, Encoding};
use super::facts::Facts;
use super::index::File;
use super::ranges::{self, Parts};
use crate::capability::account::{Held, SiteMemory};
use crate::files::{FileError, Folder};
use crate::pipeline::response::{self, Body};

/// How often a small file is read again if it changes while it is read.
const TRIES: usize = 3;

/// What a GET or HEAD asks for, apart from its path.
pub(super) struct Asked {
    is_head: bool,
    headers: HeaderMap,
}

impl Asked {
    pub(super) fn by<B>(request: &Request<B>) -> Self {
        Self { is_head: *request.method() == Method::HEAD, headers: request.headers().clone() }
    }
}

/// Returns nothing if the file no longer exists, or may not be served.
///
/// # Errors
/// The system cannot read the file at the moment.
pub(super) fn answer(
    folder: &Folder,
    file: &File,
    asked: &Asked,
    memory: &Arc<SiteMemory>,
) -> Result<Option<Response<Body>>, FileError> {
    let accepted = match file.has_encodings() {
        true => encodings::accepted(&asked.headers),
        false => Vec::new(),
    };
    let encoded = accepted.into_iter().filter_map(|own| Some((Some(own), file.encoded(own)?)));
    for (encoding, source) in encoded.chain([(None, file.source())]) {
        match folder.open_file(source) {
            Ok((open, metadata)) => {
                let facts = Facts::of(&metadata, encoding);
                let form = Form { encoding, content_type: file.content_type };
                return form.respond(open, facts, asked, memory).map(Some);
            }
            Err(error) if error.is_temporary() => return Err(error),
            Err(error) => tracing::debug!("`public/{source}` is not served any more: {error}"),
        }
    }
    Ok(None)
}

/// What is the same for every state of a file.
struct Form {
    encoding: Option<Encoding>,
    content_type: Option<&'static str>,
}

impl Form {
    /// Small files are read here, and answered from one state of the file: the tag belongs to the
    /// bytes.
    fn respond(
        &self,
        file: OpenFile,
        mut facts: Facts,
        asked: &Asked,
        memory: &Arc<SiteMemory>,
    ) -> Result<Response<Body>, FileError> {
        for _ in 0..TRIES {
            let (status, headers, parts) = self.plan(&facts, asked);
            let length = parts.iter().map(BodyPart::length).sum::<u64>();
            let content = match length {
                0 => return Ok(whole(status, headers, Bytes::new())),
                1..=PIECE => read_parts(&file, &parts),
                _ => {
                    let mut response = response::empty(status, headers);
                    let body = FileBody::new(file, parts, memory.clone());
                    *response.body_mut() = Either::Right(Either::Right(body));
                    return Ok(response);
                }
            };
            let now = Facts::of(&file.metadata()?, self.encoding);
            match content {
                Ok(content) if now == facts => {
                    let content = memory.charged_about(Held::Bodies, content);
                    return Ok(whole(status, headers, content));
                }
                Err(error) if now == facts => return Err(error.into()),
                _ => facts = now,
            }
        }
        Err(io::Error::new(io::ErrorKind::ResourceBusy, "it changes while it is read").into())
    }

    /// The status, the headers, and the parts of the body.
    fn plan(&self, facts: &Facts, asked: &Asked) -> (StatusCode, HeaderMap, Vec<BodyPart>) {
        let mut headers = HeaderMap::with_capacity(10);
        put(&mut headers, ETAG, &*facts.etag);
        if let Some(date) = facts.last_modified() {
            put(&mut headers, LAST_MODIFIED, date);
        }
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        match conditions::judge(&asked.headers, facts) {
            Verdict::NotModified => return (StatusCode::NOT_MODIFIED, headers, Vec::new()),
            Verdict::Failed => return (StatusCode::PRECONDITION_FAILED, headers, Vec::new()),
            Verdict::Proceed => {}
        }
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(encoding) = self.encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
        }
        let size = facts.size;
        let (status, parts) = match self.parts(facts, asked) {
            Parts::Unsatisfiable => {
                put(&mut headers, CONTENT_RANGE, format!("bytes */{size}"));
                return (StatusCode::RANGE_NOT_SATISFIABLE, headers, Vec::new());
            }
            Parts::Some(ranges) => match &ranges[..] {
                [range] => {
                    put(&mut headers, CONTENT_RANGE, content_range(range, size));
                    (StatusCode::PARTIAL_CONTENT, vec![BodyPart::File(range.clone())])
                }
                _ => {
                    let (content_type, parts) = self.multipart(&ranges, size);
                    put(&mut headers, CONTENT_TYPE, content_type);
                    (StatusCode::PARTIAL_CONTENT, parts)
                }
            },
            Parts::Whole => (StatusCode::OK, vec![BodyPart::File(0..size)]),
        };
        if let Some(content_type) = self.content_type {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
        }
        let length = parts.iter().map(BodyPart::length).sum::<u64>();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        (status, headers, if asked.is_head { Vec::new() } else { parts })
    }

    /// The parts that the request asks for and may get. Only a GET can ask for parts (RFC 9110,
    /// section 14.2).
    fn parts(&self, facts: &Facts, asked: &Asked) -> Parts {
        if asked.is_head || !conditions::range_applies(&asked.headers, facts) {
            return Parts::Whole;
        }
        match ranges::parts(&asked.headers, facts.size) {
            // A client would decode the parts together with the text between them.
            Parts::Some(parts) if self.encoding.is_some() && parts.len() > 1 => Parts::Whole,
            parts => parts,
        }
    }

    /// Several ranges, each with a head of its own (RFC 9110, section 14.6), and the type of the
    /// body.
    fn multipart(&self, ranges: &[Range<u64>], size: u64) -> (String, Vec<BodyPart>) {
        // It is different each time, so nobody can write a file that contains it.
        let boundary = format!("{:032x}", fastrand::u128(..));
        let content_type = match self.content_type {
            None => String::new(),
            Some(name) => format!("content-type: {name}\r\n"),
        };
        let mut parts = Vec::new();
        for (at, range) in ranges.iter().enumerate() {
            let line = if at == 0 { "" } else { "\r\n" };
            let content_range = content_range(range, size);
            let head = format!(
                "{line}--{boundary}\r\n{content_type}content-range: {content_range}\r\n\r\n"
            );
            parts.push(BodyPart::Text(head.into()));
            parts.push(BodyPart::File(range.clone()));
        }
        parts.push(BodyPart::Text(format!("\r\n--{boundary}--\r\n").into()));
        (format!("multipart/byteranges; boundary={boundary}"), parts)
    }
}

fn content_range(range: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1))
}

/// Sets a header. Values are the host's own text, which is always valid in a header.
fn put(headers: &mut HeaderMap, name: HeaderName, value: impl TryInto<HeaderValue>) {
    if let Ok(value) = value.try_into() {
        headers.insert(name, value);
    }
}

fn whole(status: StatusCode, headers: HeaderMap, content: Bytes) -> Response<Body> {
    let mut response = response::empty(status, headers);
    *response.body_mut() = Either::Left(Full::new(content));
    response
}

fn read_parts(file: &OpenFile, parts: &[BodyPart]) -> io::Result<Bytes> {
    if let [BodyPart::File(range)] = parts {
        return read(file, range.clone());
    }
    let mut content = Vec::new();
    for part in parts {
        match part {
            BodyPart::Text(text) => content.extend_from_slice(text),
            BodyPart::File(range) => content.extend_from_slice(&read(file, range.clone())?),
        }
    }
    Ok(content.into())
}
