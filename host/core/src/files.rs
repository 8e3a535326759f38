//! The files of a site, within what a site may reach.
//!
//! The host opens everything of a site through a [`Folder`]: a handle, and the system resolves each
//! path beneath it (`openat2` with `RESOLVE_BENEATH`, if the kernel has it). Links are followed as
//! long as they stay beneath the handle, so that Kubernetes' `..data` works; a link that leads out
//! of it is [`FileError::Outside`]. Only regular files are read. They are opened without blocking,
//! and each read has a bound. So a site's links, named pipes and endless files cannot make the host
//! reach elsewhere, block, or fill its memory.
//!
//! The host reads nothing that really lies in a folder that guests may write to ([`Writable`]),
//! even if a link leads there: it checks each file and folder when it opens it.

mod error;
mod writable;

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytesize::ByteSize;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, Metadata, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use rustix::fs::{Mode, OFlags, fstat, open, openat};

pub use error::FileError;
pub(crate) use writable::Writable;

/// The most parent folders that are examined: as many as the longest path that the system accepts
/// can have.
const MAX_DEPTH: usize = 2048;

/// An open folder. It stays the same folder if another one takes over its name.
#[derive(Clone, Debug)]
pub struct Folder {
    dir: Arc<Dir>,
    /// The path by which it was opened, only for messages.
    path: PathBuf,
    /// The folder that was opened first. This folder is the same one, or lies beneath it.
    top: Identity,
}

/// Identifies a file or folder, whatever its names are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    pub device: u64,
    pub inode: u64,
}

/// What a name in a folder stands for, after links are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Folder,
    /// A pipe, a socket, a device, or a link that leads nowhere or out of the folder.
    Other,
}

/// A name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: OsString,
    pub kind: EntryKind,
}

/// Reads a regular file that the user of a command has named. Its links may lead anywhere.
///
/// # Errors
/// See [`FileError`]; [`FileError::TooLarge`] if it has more than `max`.
pub fn read_named(path: &Path, max: ByteSize) -> Result<Vec<u8>, FileError> {
    NamedFile::open(path)?.read(max)
}

/// A regular file of the operator's that is open to be read.
#[derive(Debug)]
pub(crate) struct NamedFile {
    path: PathBuf,
    file: std::fs::File,
}

impl NamedFile {
    /// Opens it. Its links may lead anywhere.
    ///
    /// # Errors
    /// See [`FileError`].
    pub(crate) fn open(path: &Path) -> Result<Self, FileError> {
        // Otherwise, opening a named pipe waits for its writer.
        let file = open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty());
        let file = std::fs::File::from(file.map_err(io::Error::from)?);
        match file.metadata()?.is_file() {
            true => Ok(Self { path: path.to_owned(), file }),
            false => Err(FileError::NotAFile),
        }
    }

    /// The path by which it was opened, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// See [`FileError`]; [`FileError::TooLarge`] if it has more than `max`.
    pub(crate) fn read(self, max: ByteSize) -> Result<Vec<u8>, FileError> {
        let size = self.file.metadata()?.len();
        read_whole(self.file, size, max)
    }
}

fn read_whole(file: impl io::Read, size: u64, max: ByteSize) -> Result<Vec<u8>, FileError> {
    let too_large = |size| Err(FileError::TooLarge { size: ByteSize::b(size), max });
    if size > max.as_u64() {
        return too_large(size);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    // The file may grow while it is read.
    file.take(max.as_u64().saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 {
        size if size > max.as_u64() => too_large(size),
        _ => Ok(bytes),
    }
}

impl Folder {
    /// Opens a folder by a path of the operator's. Its links may lead anywhere.
    ///
    /// # Errors
    /// The folder does not exist.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let dir = Dir::open_ambient_dir(path, ambient_authority())?;
        let top = Identity::of(&dir.dir_metadata()?);
        Ok(Self { dir: Arc::new(dir), path: path.to_owned(), top })
    }

    /// The path by which it was opened, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The handle.
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    /// The folder's identity.
    ///
    /// # Errors
    /// The system does not give it.
    pub fn identity(&self) -> Result<Identity, FileError> {
        Ok(Identity::of(&self.dir.dir_metadata()?))
    }

    /// Opens a folder beneath this one.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn folder(&self, path: impl AsRef<Path>) -> Result<Self, FileError> {
        let folder = self.folder_for_guests(path)?;
        writable::check(&folder)?;
        Ok(folder)
    }

    /// Opens a folder beneath this one for guests. It may be writable for them; the host reads
    /// nothing in it.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn folder_for_guests(&self, path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let dir = Arc::new(self.dir.open_dir(path)?);
        Ok(Self { dir, path: self.path.join(path), top: self.top })
    }

    /// The folder itself, and the folders that really contain it, below the one that was opened
    /// first.
    ///
    /// # Errors
    /// It no longer lies beneath that folder, or the system does not say where it is.
    pub fn around(&self) -> Result<Vec<Identity>, FileError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut around = vec![self.identity()?];
        if around.contains(&self.top) {
            return Ok(around);
        }
        let mut above = openat(&*self.dir, "..", flags, Mode::empty()).map_err(io::Error::from)?;
        while around.len() < MAX_DEPTH {
            let found = fstat(&above).map_err(io::Error::from)?;
            let identity = Identity { device: found.st_dev, inode: found.st_ino };
            if identity == self.top {
                return Ok(around);
            }
            if around.last() == Some(&identity) {
                // The system's root contains itself.
                break;
            }
            around.push(identity);
            above = openat(&above, "..", flags, Mode::empty()).map_err(io::Error::from)?;
        }
        Err(FileError::Outside)
    }

    /// The folder that really contains a file, and the file's name there. Guests cannot change
    /// either.
    fn locate(&self, path: &Path) -> Result<(Self, PathBuf), FileError> {
        let real = self.dir.canonicalize(path)?;
        let name = real.file_name().ok_or(FileError::NotAFile)?;
        let above = real.parent().filter(|above| !above.as_os_str().is_empty());
        let folder = self.folder(above.unwrap_or(Path::new(".")))?;
        Ok((folder, name.into()))
    }

    /// Opens a folder beneath this one. Makes it and its parents if they do not exist.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn make_folder(&self, path: impl AsRef<Path>) -> Result<Self, FileError> {
        match self.folder(&path) {
            Err(FileError::Missing) => {
                self.dir.create_dir_all(&path)?;
                self.folder(path)
            }
            there => there,
        }
    }

    /// Whether a folder has this name.
    pub fn has_folder(&self, path: impl AsRef<Path>) -> bool {
        self.dir.metadata(path).is_ok_and(|metadata| metadata.is_dir())
    }

    /// What a path stands for, after links are followed. Opens nothing for reading.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn kind(&self, path: impl AsRef<Path>) -> Result<EntryKind, FileError> {
        let path = path.as_ref();
        let metadata = self.dir.metadata(path)?;
        let kind = EntryKind::of(metadata.is_file(), metadata.is_dir());
        match kind {
            EntryKind::File if writable::is_any() => drop(self.locate(path)?),
            EntryKind::Folder if writable::is_any() => drop(self.folder(path)?),
            _ => {}
        }
        Ok(kind)
    }

    /// The target of a link with an absolute path, as a path beneath this folder. None for another
    /// link, and for one that leads elsewhere.
    pub fn inward(&self, link: impl AsRef<Path>) -> Option<PathBuf> {
        let target = self.dir.read_link_contents(link).ok()?;
        let inside = target.strip_prefix(&self.path).ok()?;
        // The folder's own path inside itself is empty.
        Some(if inside.as_os_str().is_empty() { ".".into() } else { inside.to_owned() })
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn open_file(&self, path: impl AsRef<Path>) -> Result<(File, Metadata), FileError> {
        let mut options = OpenOptions::new();
        // Otherwise, opening a named pipe waits for its writer.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = match writable::is_any() {
            false => {
                options.read(true).custom_flags(flags.bits().cast_signed());
                self.dir.open_with(path, &options)?
            }
            true => {
                let (folder, name) = self.locate(path.as_ref())?;
                // A moment ago it was not a link.
                let flags = flags | OFlags::NOFOLLOW;
                options.read(true).custom_flags(flags.bits().cast_signed());
                folder.dir.open_with(name, &options)?
            }
        };
        let metadata = file.metadata()?;
        match metadata.is_file() {
            true => Ok((file, metadata)),
            false => Err(FileError::NotAFile),
        }
    }

    /// Reads a whole regular file.
    ///
    /// # Errors
    /// See [`FileError`]; [`FileError::TooLarge`] if it has more than `max`.
    pub fn read(&self, path: impl AsRef<Path>, max: ByteSize) -> Result<Vec<u8>, FileError> {
        let (file, metadata) = self.open_file(path)?;
        read_whole(file, metadata.len(), max)
    }

    /// Reads a whole regular file as text.
    ///
    /// # Errors
    /// As [`Folder::read`]; it is not UTF-8.
    pub fn read_text(&self, path: impl AsRef<Path>, max: ByteSize) -> Result<String, FileError> {
        String::from_utf8(self.read(path, max)?).map_err(|_| FileError::NotText)
    }

    /// The names in the folder, sorted.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn entries(&self) -> Result<Vec<Entry>, FileError> {
        self.entries_up_to(usize::MAX)
    }

    /// The names in a folder that may have at most `max`, sorted, with those that begin with a dot.
    ///
    /// # Errors
    /// See [`FileError`]; [`FileError::TooMany`] if it has more.
    pub fn entries_up_to(&self, max: usize) -> Result<Vec<Entry>, FileError> {
        let mut entries = Vec::new();
        for entry in self.dir.entries()? {
            if entries.len() == max {
                return Err(FileError::TooMany(max));
            }
            let entry = entry?;
            let (name, own) = (entry.file_name(), entry.file_type()?);
            // Some file systems do not say what a name stands for until they are asked.
            let kind = match own.is_file() || own.is_dir() {
                true => EntryKind::of(own.is_file(), own.is_dir()),
                false => self.dir.metadata(&name).map_or(EntryKind::Other, |target| {
                    EntryKind::of(target.is_file(), target.is_dir())
                }),
            };
            entries.push(Entry { name, kind });
        }
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    /// Writes a file as a whole or not at all: a reader at the same time, or after a crash, sees
    /// either the old file or the new one. Makes the folders above it if they do not exist.
    ///
    /// # Errors
    /// See [`FileError`]; the old file stays.
    pub fn write(&self, path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), FileError> {
        let path = path.as_ref();
        let name = path.file_name().ok_or(FileError::NotAFile)?;
        let folder = match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => self.make_folder(parent)?,
            None => self.clone(),
        };
        let staged = folder.stage(bytes)?;
        let put = folder.dir.rename(&staged, &folder.dir, name);
        if put.is_err() {
            // The error is reported. A leftover file does not change it.
            let _ = folder.dir.remove_file(&staged);
        }
        put?;
        folder.sync()
    }

    /// Writes and syncs a file with a new name, which begins with [`TEMPORARY`]. Returns the name.
    ///
    /// # Errors
    /// See [`FileError`]; then nothing is left.
    pub fn stage(&self, bytes: &[u8]) -> Result<String, FileError> {
        let name = format!("{TEMPORARY}{:016x}", fastrand::u64(..));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o644);
        let mut file = self.dir.open_with(&name, &options)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        if let Err(error) = written {
            let _ = self.dir.remove_file(&name);
            return Err(error.into());
        }
        Ok(name)
    }

    /// Renames a file, and replaces what has the new name. Both names must be in the same file
    /// system.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<(), FileError> {
        Ok(self.dir.rename(from, &self.dir, to)?)
    }

    /// Removes a file or a link, if it exists.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn remove(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        match self.dir.remove_file(path).map_err(FileError::from) {
            Err(FileError::Missing) => Ok(()),
            removed => removed,
        }
    }

    /// Locks the folder against other processes until the lock is dropped. Returns nothing if
    /// another process has locked it.
    ///
    /// # Errors
    /// The file system does not support locks.
    pub fn lock(&self) -> Result<Option<Lock>, FileError> {
        let file = self.dir.open(".")?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(io::Error::from(error).into()),
        }
    }

    /// Makes the names in the folder survive a crash.
    ///
    /// # Errors
    /// The disk does not take them.
    pub fn sync(&self) -> Result<(), FileError> {
        // A handle that was opened only for paths cannot be synced.
        Ok(self.dir.open(".")?.sync_all()?)
    }
}

/// Refuses a file that lies in a folder that guests may write to. The path is the operator's.
///
/// # Errors
/// See [`FileError`].
pub(crate) fn check_operators(path: &Path) -> Result<(), FileError> {
    let real = path.canonicalize()?;
    let root = Folder::open(Path::new("/"))?;
    root.kind(real.strip_prefix("/").unwrap_or(&real)).map(drop)
}

/// Keeps a folder locked while this lives. The system unlocks it when the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// The beginning of the names of files that are still being written. Such a file at the start of
/// the host was left by a crash.
pub(crate) const TEMPORARY: &str = ".tmp-lithe-";

impl Identity {
    pub fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }

    /// The same, of what was found by a path of the operator's.
    pub fn of_std(metadata: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

impl EntryKind {
    fn of(is_file: bool, is_folder: bool) -> Self {
        match (is_file, is_folder) {
            (true, _) => Self::File,
            (_, true) => Self::Folder,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests;
