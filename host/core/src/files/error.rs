//! Why a file of a site cannot be used.

use std::io;

use bytesize::ByteSize;
use rustix::io::Errno;

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
