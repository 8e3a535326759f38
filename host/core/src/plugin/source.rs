//! Where the bytes of a component are.

use bytes::Bytes;
use bytesize::ByteSize;

use crate::files::{FileError, Folder};

/// A component's bytes, read only when they are needed: while a component waits for the compiler,
/// it holds no memory.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file of the site.
    File { folder: Folder, path: String },
    /// Bytes in memory.
    Given(Bytes),
}

impl Source {
    /// Reads the bytes. This blocks.
    ///
    /// # Errors
    /// See [`FileError`]; there are more than `max`.
    pub fn read(&self, max: ByteSize) -> Result<Bytes, FileError> {
        match self {
            Self::File { folder, path } => Ok(folder.read(path, max)?.into()),
            Self::Given(bytes) => match bytes.len() as u64 {
                size if size > max.as_u64() => {
                    Err(FileError::TooLarge { size: ByteSize::b(size), max })
                }
                _ => Ok(bytes.clone()),
            },
        }
    }
}
