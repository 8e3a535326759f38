//! The names in a folder, read only as far as the guest asks for them.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::Arc;

use cap_primitives::fs::{FileType, ReadDir, read_base_dir};
use rustix::io::Errno;
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorType, DirectoryEntry};

use super::open::OpenLease;
use crate::capability::account::{Charge, Held, SiteMemory};

/// How many names are read at once, and kept.
const BATCH: usize = 64;

/// A name, or the error of reading it.
type Entry = Result<DirectoryEntry, Errno>;

/// A folder that is being listed.
pub(crate) struct Listing {
    read: VecDeque<Entry>,
    /// What has not been read yet.
    rest: Option<ReadDir>,
    /// What has been read and not asked for yet.
    charge: Option<Charge>,
    _lease: Arc<OpenLease>,
}

impl Listing {
    /// Begins a listing.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn begin(folder: &File, lease: Arc<OpenLease>) -> io::Result<Self> {
        let rest = Some(read_base_dir(folder)?);
        Ok(Self { read: VecDeque::new(), rest, charge: None, _lease: lease })
    }

    /// The next name. If more names have to be read first, returns the rest to read instead.
    pub(crate) fn next(&mut self) -> (Option<Entry>, Option<ReadDir>) {
        match self.read.pop_front() {
            Some(entry) => (Some(entry), None),
            None => (None, self.rest.take()),
        }
    }

    /// Adds what [`read_on`] has read, which is charged to the site.
    pub(crate) fn extend(&mut self, (read, rest): NamesAndRest, memory: &Arc<SiteMemory>) {
        let bytes = |entry: &Entry| entry.as_ref().map_or(0, |entry| entry.name.len());
        let names: usize = read.iter().map(bytes).sum();
        self.charge = memory.charge_about(Held::Files, names + size_of::<[Entry; BATCH]>());
        self.read = read;
        self.rest = rest;
    }
}

/// Names, and the rest to read.
pub(crate) type NamesAndRest = (VecDeque<Entry>, Option<ReadDir>);

/// Reads some names.
pub(crate) fn read_on(mut rest: ReadDir) -> NamesAndRest {
    let mut read = VecDeque::with_capacity(BATCH);
    while read.len() < BATCH {
        let Some(entry) = rest.next() else { return (read, None) };
        let entry = entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?)));
        read.push_back(match entry {
            Ok((name, kind)) => match name.into_string() {
                Ok(name) => Ok(DirectoryEntry { type_: type_of(kind), name }),
                Err(_) => Err(Errno::ILSEQ),
            },
            Err(error) => Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
        });
    }
    (read, Some(rest))
}

fn type_of(kind: FileType) -> DescriptorType {
    match kind {
        _ if kind.is_dir() => DescriptorType::Directory,
        _ if kind.is_symlink() => DescriptorType::SymbolicLink,
        _ if kind.is_file() => DescriptorType::RegularFile,
        _ => DescriptorType::Unknown,
    }
}
