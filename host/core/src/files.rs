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

mod writable;

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytesize::ByteSize;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, Metadata, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use rustix::fs::{Mode, OFlags, fstat, open, openat};
use rustix::io::Errno;

pub use writable::Writable;

/// The most parent folders that are examined: as many as the longest path that the system accepts
/// can have.
const MAX_DEPTH: usize = 2048;

/// Why a file of a site cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("it does not exist")]
    Missing,
    #[error("it leads outside of the folder that it is in: put the file itself there, not a link")]
    Outside,
    /// Names the folder and its grant.
    #[error(
        "it lies in {0}, which guests may write to: move it to another folder, or grant that one without \
         `write`"
    )]
    Writable(String),
    #[error("it is not a regular file")]
    NotAFile,
    #[error("it is not a folder")]
    NotAFolder,
    #[error("it has {size}, and may have at most {max}")]
    TooLarge { size: ByteSize, max: ByteSize },
    #[error("it is not UTF-8 text")]
    NotText,
    #[error("it has more than {0} names in it")]
    TooMany(usize),
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::NotADirectory => Self::NotAFolder,
            // The system's own refusal has an error number. The refusal to leave the folder has
            // none.
            io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => Self::Outside,
            // A socket, or a device that does not exist, cannot be opened.
            _ if Errno::from_io_error(&error) == Some(Errno::NXIO) => Self::NotAFile,
            _ => Self::Io(error),
        }
    }
}

impl FileError {
    /// Whether the error says nothing about the file: too many files are open, memory is short, or
    /// the disk fails. The next try may succeed.
    pub fn is_temporary(&self) -> bool {
        const NOT_OF_THE_FILE: [Errno; 7] = [
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOMEM,
            Errno::IO,
            Errno::AGAIN,
            Errno::INTR,
            Errno::STALE,
        ];
        match self {
            Self::Io(error) => {
                Errno::from_io_error(error).is_none_or(|errno| NOT_OF_THE_FILE.contains(&errno))
            }
            _ => false,
        }
    }
}

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
pub enum Kind {
    File,
    Folder,
    /// A pipe, a socket, a device, or a link that leads nowhere or out of the folder.
    Other,
}

/// A name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: OsString,
    pub kind: Kind,
}

/// Reads a regular file that the user of a command has named. Its links may lead anywhere.
///
/// # Errors
/// See [`FileError`]; [`FileError::TooLarge`] if it has more than `max`.
pub fn read_named(path: &Path, max: ByteSize) -> Result<Vec<u8>, FileError> {
    // Otherwise, opening a named pipe waits for its writer.
    let file = open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty());
    let file = std::fs::File::from(file.map_err(io::Error::from)?);
    let metadata = file.metadata()?;
    match metadata.is_file() {
        true => read_whole(file, metadata.len(), max),
        false => Err(FileError::NotAFile),
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
    pub fn kind(&self, path: impl AsRef<Path>) -> Result<Kind, FileError> {
        let path = path.as_ref();
        let metadata = self.dir.metadata(path)?;
        let kind = Kind::of(metadata.is_file(), metadata.is_dir());
        match kind {
            Kind::File if writable::is_any() => drop(self.locate(path)?),
            Kind::Folder if writable::is_any() => drop(self.folder(path)?),
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
                true => Kind::of(own.is_file(), own.is_dir()),
                false => self
                    .dir
                    .metadata(&name)
                    .map_or(Kind::Other, |target| Kind::of(target.is_file(), target.is_dir())),
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
pub fn check_operators(path: &Path) -> Result<(), FileError> {
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
pub const TEMPORARY: &str = ".tmp-lithe-";

impl Identity {
    pub fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

impl Kind {
    fn of(is_file: bool, is_folder: bool) -> Self {
        match (is_file, is_folder) {
            (true, _) => Self::File,
            (_, true) => Self::Folder,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const SOME: ByteSize = ByteSize::kib(1);

    fn folder() -> (tempfile::TempDir, Folder) {
        let outer = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(outer.path().join("site/below")).unwrap();
        std::fs::write(outer.path().join("secret"), "secret").unwrap();
        std::fs::write(outer.path().join("site/below/file"), "text").unwrap();
        let folder = Folder::open(&outer.path().join("site")).unwrap();
        (outer, folder)
    }

    #[test]
    fn links_are_followed_beneath_the_folder_and_not_out_of_it() {
        let (outer, folder) = folder();
        let site = outer.path().join("site");
        for (target, link) in [
            ("below", "inside"),
            ("..", "parent"),
            ("../secret", "out"),
            ("/etc", "absolute"),
            ("below/../../secret", "around"),
            ("parent", "twice"),
        ] {
            symlink(target, site.join(link)).unwrap();
        }
        assert_eq!(folder.read("inside/file", SOME).unwrap(), b"text");
        for path in [
            "out",
            "parent/secret",
            "absolute/hostname",
            "around",
            "twice/secret",
            "../secret",
            "/etc",
        ] {
            let error = folder.read(path, SOME).unwrap_err();
            assert!(matches!(error, FileError::Outside), "{path}: {error:?}");
        }
        for path in ["parent", "absolute", "twice", "..", "/"] {
            assert!(matches!(folder.folder(path), Err(FileError::Outside)), "{path}");
            assert!(!folder.has_folder(path), "{path}");
        }
        assert!(matches!(folder.write("parent/new", b""), Err(FileError::Outside)));
        assert!(matches!(folder.write("absolute/new", b""), Err(FileError::Outside)));
    }

    #[test]
    fn reads_only_regular_files_and_waits_for_none() {
        let (outer, folder) = folder();
        let pipe = outer.path().join("site/pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        symlink("pipe", outer.path().join("site/link")).unwrap();
        for path in ["pipe", "link", "below"] {
            let error = folder.read(path, SOME).unwrap_err();
            assert!(matches!(error, FileError::NotAFile), "{path}: {error:?}");
        }
        assert!(matches!(folder.read("none", SOME), Err(FileError::Missing)));
    }

    #[test]
    fn a_socket_is_not_a_file_and_does_not_pass() {
        let (outer, folder) = folder();
        let _socket = std::os::unix::net::UnixListener::bind(outer.path().join("site/socket"));
        let error = folder.read("socket", SOME).unwrap_err();
        assert!(matches!(error, FileError::NotAFile), "{error:?}");
        assert_eq!(folder.kind("socket").unwrap(), Kind::Other);
        assert!(!error.is_temporary());
    }

    #[test]
    fn too_many_open_files_say_nothing_about_one() {
        let of = |errno: Errno| FileError::from(io::Error::from(errno)).is_temporary();
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::IO] {
            assert!(of(errno), "{errno:?}");
        }
        for errno in [Errno::NOENT, Errno::ACCESS, Errno::LOOP, Errno::NAMETOOLONG, Errno::NOTDIR] {
            assert!(!of(errno), "{errno:?}");
        }
        assert!(!FileError::Outside.is_temporary());
    }

    #[test]
    fn an_absolute_link_that_stays_inside_is_told_from_one_that_does_not() {
        let (outer, folder) = folder();
        let site = outer.path().join("site");
        for (target, link) in [
            (site.join("below/file"), "file"),
            (site.clone(), "itself"),
            (outer.path().join("secret"), "out"),
            (PathBuf::from("below"), "relative"),
        ] {
            symlink(target, site.join(link)).unwrap();
        }
        assert_eq!(folder.inward("file").unwrap(), Path::new("below/file"));
        assert_eq!(folder.inward("itself").unwrap(), Path::new("."));
        for link in ["out", "relative", "below", "none"] {
            assert_eq!(folder.inward(link), None, "{link}");
        }
    }

    #[test]
    fn a_file_over_the_bound_is_not_read() {
        let (outer, folder) = folder();
        let endless = std::fs::File::create(outer.path().join("site/endless")).unwrap();
        endless.set_len(1 << 40).unwrap();
        let error = folder.read("endless", SOME).unwrap_err().to_string();
        assert_eq!(error, "it has 1.0 TiB, and may have at most 1.0 KiB");
        assert!(folder.read("below/file", ByteSize::b(3)).is_err());
        assert!(folder.read("below/file", ByteSize::b(4)).is_ok());
    }

    #[test]
    fn entries_say_what_is_behind_a_link() {
        let (outer, folder) = folder();
        let site = outer.path().join("site");
        symlink("below", site.join("a")).unwrap();
        symlink("below/file", site.join("b")).unwrap();
        symlink("..", site.join("c")).unwrap();
        symlink("none", site.join("d")).unwrap();
        let entries = folder.entries().unwrap();
        let found: Vec<_> =
            entries.iter().map(|entry| (entry.name.to_str().unwrap(), entry.kind)).collect();
        let expected = [
            ("a", Kind::Folder),
            ("b", Kind::File),
            ("below", Kind::Folder),
            ("c", Kind::Other),
            ("d", Kind::Other),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_folder_with_too_many_names_is_not_read() {
        let (outer, folder) = folder();
        std::fs::write(outer.path().join("site/file"), "").unwrap();
        assert_eq!(folder.entries_up_to(2).unwrap().len(), 2);
        assert!(matches!(folder.entries_up_to(1), Err(FileError::TooMany(1))));
    }

    #[test]
    fn writes_a_file_whole_and_leaves_nothing_else() {
        let (outer, folder) = folder();
        folder.write("new/deep/file", b"1").unwrap();
        folder.write("new/deep/file", b"2").unwrap();
        assert_eq!(folder.read("new/deep/file", SOME).unwrap(), b"2");
        let left = std::fs::read_dir(outer.path().join("site/new/deep")).unwrap().count();
        assert_eq!(left, 1);
        // A folder has this name, so a file cannot.
        assert!(folder.write("below", b"x").is_err());
        assert_eq!(folder.entries().unwrap().len(), 2, "no temporary file is left");
    }

    #[test]
    fn a_folder_is_locked_once() {
        let (_outer, folder) = folder();
        let lock = folder.lock().unwrap();
        assert!(lock.is_some());
        assert!(folder.lock().unwrap().is_none());
        drop(lock);
        assert!(folder.lock().unwrap().is_some());
    }

    #[test]
    fn a_folder_stays_the_same_when_its_name_is_taken_over() {
        let (outer, folder) = folder();
        let below = folder.folder("below").unwrap();
        let site = outer.path().join("site");
        std::fs::rename(site.join("below"), site.join("moved")).unwrap();
        symlink("/etc", site.join("below")).unwrap();
        assert_eq!(below.read("file", SOME).unwrap(), b"text");
        assert_eq!(below.identity().unwrap(), folder.folder("moved").unwrap().identity().unwrap());
    }
}
