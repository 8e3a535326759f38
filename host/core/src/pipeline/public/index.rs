//! What `public/` contains, by the paths of requests.
//!
//! The walk follows links as long as they stay in `public/`, reads names but no files, and has
//! bounds. So it ends soon and the index stays small, whatever a site puts there.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use bytesize::ByteSize;

use super::encodings::Encoding;
use crate::config;
use crate::files::{EntryKind, FileError, Folder, Identity};

/// How much of a folder is read. What is beyond these bounds is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IndexBounds {
    /// The number of names of files, folders and anything else.
    pub(super) names: usize,
    /// The sum of the bytes of all paths.
    pub(super) text: usize,
    /// The depth of nested folders.
    pub(super) depth: usize,
}

impl Default for IndexBounds {
    fn default() -> Self {
        Self { names: 100_000, text: 16 * 1024 * 1024, depth: 32 }
    }
}

/// Parts of a site that are never served. `public/` may not be inside one of them, nor contain one.
const PRIVATE: [&str; 5] = ["routes", "plugins", "middleware", ".lithe", config::FILE_NAME];

/// The file that answers for a folder.
const PAGE: &str = "index.html";

/// The folder and its contents.
pub(super) struct Index {
    folder: Folder,
    assets: HashMap<Box<str>, Asset>,
}

/// The result of a walk.
pub(super) struct Reading {
    /// None if nothing is served.
    pub(super) index: Option<Index>,
    /// What is not served although it exists, in words for the log.
    pub(super) left_out: Option<String>,
}

/// What a path stands for.
#[derive(Clone, Debug)]
pub(super) enum Asset {
    File(Arc<File>),
    /// A folder, answered with its [`PAGE`].
    Page(Arc<File>),
}

/// A file that may be served.
#[derive(Debug)]
pub(super) struct File {
    /// Its path beneath `public/`.
    source: Box<str>,
    pub(super) content_type: Option<&'static str>,
    br: Option<Box<str>>,
    gzip: Option<Box<str>>,
}

impl File {
    /// Its path beneath `public/`.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Whether another encoding of it exists.
    pub(super) fn has_encodings(&self) -> bool {
        self.br.is_some() || self.gzip.is_some()
    }

    /// The path of the file beside it that has this encoding.
    pub(super) fn encoded(&self, encoding: Encoding) -> Option<&str> {
        match encoding {
            Encoding::Br => self.br.as_deref(),
            Encoding::Gzip => self.gzip.as_deref(),
        }
    }
}

impl Index {
    /// Walks through the `public/` of a site.
    ///
    /// # Errors
    /// The system cannot read it at the moment.
    pub(super) fn read(site: &Folder, bounds: IndexBounds) -> Result<Reading, FileError> {
        let folder = match open(site) {
            Ok(folder) => folder,
            Err(Unserved::Missing) => return Ok(Reading { index: None, left_out: None }),
            Err(Unserved::Failed(error)) => return Err(error),
            Err(refused) => {
                let left_out = Some(format!("`public/` is not served: {refused}"));
                return Ok(Reading { index: None, left_out });
            }
        };
        let (sources, left_out) = Walk::new(&folder, bounds).run()?;
        let left_out =
            (!left_out.0.is_empty()).then(|| format!("not all of `public/` is served: {left_out}"));
        let index = Some(Self { folder, assets: assets(&sources) });
        Ok(Reading { index, left_out })
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// What a decoded path, such as `/docs/a.txt`, stands for. Makes no system calls.
    pub(super) fn find(&self, path: &str) -> Option<&Asset> {
        self.assets.get(path)
    }
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
enum Unserved {
    #[error("it does not exist")]
    Missing,
    #[error("it is the site's own folder: name one inside of it")]
    Site,
    #[error("it has `{0}` inside: name a folder that has only what everybody may read")]
    Has(&'static str),
    #[error("it is in `{0}`: name a folder that has only what everybody may read")]
    In(&'static str),
    #[error("{0}")]
    Refused(FileError),
    #[error(transparent)]
    Failed(FileError),
}

impl From<FileError> for Unserved {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Missing => Self::Missing,
            error if error.is_temporary() => Self::Failed(error),
            refused => Self::Refused(refused),
        }
    }
}

/// Opens a site's `public/`, unless it is a link to something that is not public.
fn open(site: &Folder) -> Result<Folder, Unserved> {
    let name = Path::new("public");
    let (name, folder) = match site.folder(name) {
        Err(FileError::Outside) => {
            let inside = site.inward(name).ok_or(FileError::Outside)?;
            let folder = site.folder(&inside)?;
            (inside, folder)
        }
        opened => (name.to_owned(), opened?),
    };
    let own = real_path(site, &name)?;
    if own.as_os_str().is_empty() {
        return Err(Unserved::Site);
    }
    for part in PRIVATE {
        match site.kind(part) {
            Ok(EntryKind::File | EntryKind::Folder) => {}
            Err(error) if error.is_temporary() => return Err(Unserved::Failed(error)),
            // It does not exist, or it is something that cannot be read, such as a pipe.
            Ok(EntryKind::Other) | Err(_) => continue,
        }
        let private = real_path(site, Path::new(part))?;
        if private.starts_with(&own) {
            return Err(Unserved::Has(part));
        }
        if own.starts_with(private) {
            return Err(Unserved::In(part));
        }
    }
    Ok(folder)
}

/// The path beneath the site, with links resolved; empty for the site itself.
fn real_path(site: &Folder, path: &Path) -> Result<PathBuf, FileError> {
    let real = site.dir().canonicalize(path)?;
    Ok(real.components().filter(|part| matches!(part, Component::Normal(_))).collect())
}

/// The files found: their paths in requests, with their paths beneath `public/`.
type Sources = HashMap<Box<str>, Box<str>>;

struct Walk<'f> {
    folder: &'f Folder,
    bounds: IndexBounds,
    names: usize,
    text: usize,
    /// Folders whose names are still to be read. Shallow ones come first, so that a bound leaves
    /// out what is deep.
    ahead: VecDeque<Ahead>,
    sources: Sources,
    left_out: LeftOut,
}

/// How much of a folder was read.
enum Read {
    All,
    /// A bound was reached.
    Full,
}

/// A folder that is still to be read.
struct Ahead {
    /// Its path in a request, without a `/` at its end.
    path: String,
    source: PathBuf,
    /// The folders that contain it. A folder that contains itself, through a link, is left out.
    above: Vec<Identity>,
}

impl<'f> Walk<'f> {
    fn new(folder: &'f Folder, bounds: IndexBounds) -> Self {
        let root = Ahead { path: String::new(), source: PathBuf::from("."), above: Vec::new() };
        Self {
            folder,
            bounds,
            names: 0,
            text: 0,
            ahead: VecDeque::from([root]),
            sources: Sources::new(),
            left_out: LeftOut::default(),
        }
    }

    fn run(mut self) -> Result<(Sources, LeftOut), FileError> {
        while let Some(mut ahead) = self.ahead.pop_front() {
            match self.enter(&mut ahead) {
                Ok(folder) => {
                    if let Read::Full = self.read(&folder, &ahead)? {
                        self.left_out.add(Reason::Many(self.bounds), &ahead.path);
                        break;
                    }
                }
                Err(reason) => self.left_out.add(reason?, &ahead.path),
            }
        }
        Ok((self.sources, self.left_out))
    }

    /// Opens a folder, unless it contains itself or is too deep.
    fn enter(&self, ahead: &mut Ahead) -> Result<Folder, Result<Reason, FileError>> {
        let folder = self.folder.folder(&ahead.source).map_err(Reason::of)?;
        let identity = folder.identity().map_err(Reason::of)?;
        if ahead.above.contains(&identity) {
            return Err(Ok(Reason::Loop));
        }
        if ahead.above.len() == self.bounds.depth {
            return Err(Ok(Reason::Deep(self.bounds)));
        }
        ahead.above.push(identity);
        Ok(folder)
    }

    /// Adds the contents of a folder.
    fn read(&mut self, folder: &Folder, ahead: &Ahead) -> Result<Read, FileError> {
        for entry in folder.dir().entries()? {
            let entry = entry?;
            if self.names == self.bounds.names || self.text > self.bounds.text {
                return Ok(Read::Full);
            }
            self.names += 1;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let path = format!("{}/{}", ahead.path, name.to_string_lossy());
                self.left_out.add(Reason::Name, &path);
                continue;
            };
            if name.starts_with('.') && name != ".well-known" {
                continue;
            }
            let path = format!("{}/{name}", ahead.path);
            match self.look(ahead.source.join(name), entry.file_type()?) {
                Ok((source, EntryKind::Folder)) => {
                    self.text += path.len() + source.as_os_str().len();
                    self.ahead.push_back(Ahead { path, source, above: ahead.above.clone() });
                }
                Ok((source, EntryKind::File)) => {
                    let source = source.strip_prefix(".").unwrap_or(&source);
                    let Some(source) = source.to_str() else { continue };
                    self.text += path.len() + source.len();
                    self.sources.insert(path.into(), source.into());
                }
                Ok((_, EntryKind::Other)) => self.left_out.add(Reason::Special, &path),
                Err(error) => self.left_out.add(Reason::of(error)?, &path),
            }
        }
        Ok(Read::All)
    }

    /// What a name stands for, and where. Most names are not links, and their folder tells what
    /// they are.
    fn look(
        &self,
        source: PathBuf,
        own: cap_std::fs::FileType,
    ) -> Result<(PathBuf, EntryKind), FileError> {
        if own.is_file() {
            return Ok((source, EntryKind::File));
        }
        if own.is_dir() {
            return Ok((source, EntryKind::Folder));
        }
        match self.folder.kind(&source) {
            Err(FileError::Outside) => {
                let inside = self.folder.inward(&source).ok_or(FileError::Outside)?;
                let kind = self.folder.kind(&inside)?;
                Ok((inside, kind))
            }
            kind => Ok((source, kind?)),
        }
    }
}

/// Adds the pages of folders, and the encodings beside files.
fn assets(sources: &Sources) -> HashMap<Box<str>, Asset> {
    let encoded = |path: &str, end| sources.get(&*format!("{path}{end}")).cloned();
    let mut assets = HashMap::with_capacity(sources.len());
    for (path, source) in sources {
        let file = Arc::new(File {
            source: source.clone(),
            content_type: content_type(path),
            br: encoded(path, ".br"),
            gzip: encoded(path, ".gz"),
        });
        if let Some(folder) = path.strip_suffix(PAGE).and_then(|path| path.strip_suffix('/')) {
            let folder = if folder.is_empty() { "/" } else { folder };
            assets.insert(folder.into(), Asset::Page(file.clone()));
        }
        assets.insert(path.clone(), Asset::File(file));
    }
    assets
}

/// Guessed from the end of the name. Scripts are UTF-8; a page declares its encoding itself.
fn content_type(path: &str) -> Option<&'static str> {
    match mime_guess::from_path(path).first_raw()? {
        "text/javascript" => Some("text/javascript; charset=utf-8"),
        "application/javascript" => Some("application/javascript; charset=utf-8"),
        other => Some(other),
    }
}

/// What is not served although it exists, for the log.
#[derive(Debug, Default)]
struct LeftOut(Vec<Left>);

#[derive(Debug)]
struct Left {
    reason: Reason,
    count: usize,
    example: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    /// It has been removed in the meantime.
    Gone,
    Outside,
    /// It lies in this folder, which guests may write to.
    Writable(String),
    Unreadable,
    Loop,
    Deep(IndexBounds),
    Many(IndexBounds),
    Name,
    Special,
}

impl Reason {
    /// # Errors
    /// The error is the system's, and not about this file.
    fn of(error: FileError) -> Result<Self, FileError> {
        match error {
            FileError::Missing => Ok(Self::Gone),
            FileError::Outside => Ok(Self::Outside),
            FileError::Writable(granted) => Ok(Self::Writable(granted)),
            FileError::NotAFile | FileError::NotAFolder => Ok(Self::Special),
            FileError::Io(_) if error.is_temporary() => Err(error),
            FileError::Io(_)
            | FileError::NotText
            | FileError::TooLarge { .. }
            | FileError::TooMany(_) => Ok(Self::Unreadable),
        }
    }
}

impl LeftOut {
    fn add(&mut self, reason: Reason, example: &str) {
        if reason == Reason::Gone {
            return;
        }
        match self.0.iter_mut().find(|left| left.reason == reason) {
            Some(left) => left.count += 1,
            None => {
                let example = if example.is_empty() { "/" } else { example };
                self.0.push(Left { reason, count: 1, example: example.to_owned() });
            }
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, left) in self.0.iter().enumerate() {
            let between = if at == 0 { "" } else { "; " };
            let Left { reason, count, example } = left;
            write!(f, "{between}{reason} (`{example}`")?;
            match count {
                1 => f.write_str(")")?,
                _ => write!(f, " and {} more)", count - 1)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("it is gone"),
            Self::Outside => f.write_str("a link leads out of it"),
            Self::Writable(granted) => {
                write!(f, "a link leads to {granted}, which guests may write to")
            }
            Self::Unreadable => f.write_str("it cannot be read"),
            Self::Loop => f.write_str("a link leads to a folder that it is in"),
            Self::Deep(bounds) => write!(f, "it is over {} folders deep", bounds.depth),
            Self::Many(IndexBounds { names, text, .. }) => {
                let text = ByteSize::b(*text as u64);
                write!(f, "there are over {names} names, or over {text} of them, up to this folder")
            }
            Self::Name => f.write_str("a name is not UTF-8"),
            Self::Special => f.write_str("it is neither a regular file nor a folder"),
        }
    }
}

#[cfg(test)]
mod tests;
