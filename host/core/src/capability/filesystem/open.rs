//! What a guest has open: files, folders and listings, each counted for its instance, its site and
//! the process.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cap_primitives::fs::{OpenOptions, OpenOptionsExt as _, open};
use rustix::fs::OFlags;
use rustix::io::Errno;
use wasmtime_wasi::filesystem::{Descriptor, Dir, File as WasiFile};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, ErrorCode, OpenFlags, PathFlags,
};
use wasmtime_wasi::{FsPerms, OpenMode};

use super::space::{ENTRY, OpenInFolders, Quota};
use crate::capability::Context;
use crate::capability::account::FileOpen;
use crate::config::Limit;
use crate::descriptors;
use crate::files::Identity;

/// An instance may have this part of `limits.files` open, and at most 1,000. A stream holds 64 KiB,
/// and a listing less: together at most 64 MiB of the host's memory.
const OF_INSTANCE: usize = 4;
const MAX_OF_INSTANCE: usize = 1_000;

/// What a grant allows a guest, with everything that is opened through it.
#[derive(Clone, Debug)]
pub(crate) struct GrantAccess {
    /// How much the folder may hold, if the guest may write to it.
    pub write: Option<Quota>,
    /// The granted folder, and the folders that contain it.
    pub around: Arc<[Identity]>,
    /// The files that are open in the site's folders, by any grant.
    pub open: Arc<OpenInFolders>,
}

impl GrantAccess {
    fn permissions(&self) -> FsPerms {
        match self.write {
            Some(_) => FsPerms::ReadWrite,
            None => FsPerms::ReadOnly,
        }
    }
}

/// A file or a folder that a guest has a number for.
#[derive(Clone)]
pub(crate) struct Opened {
    pub descriptor: Descriptor,
    pub access: GrantAccess,
    /// None for a granted folder: it is open for all instances.
    pub lease: Option<Arc<OpenLease>>,
}

/// Something open, counted until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenLease {
    instance: Arc<AtomicUsize>,
    _site: FileOpen,
    /// None for a stream: its file has a descriptor.
    _process: Option<descriptors::Descriptor>,
}

/// What is to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenKind {
    /// A file, which has a descriptor of the process.
    File,
    /// A stream from or to a file, which needs memory.
    Stream,
}

impl OpenLease {
    /// Counts one more for an instance that has `instance` open.
    ///
    /// # Errors
    /// The bound is reached: `quota`.
    pub(crate) fn take(
        context: &Context,
        instance: &Arc<AtomicUsize>,
        kind: OpenKind,
    ) -> Result<Arc<Self>, ErrorCode> {
        let over = || {
            context.account.exceed(Limit::Files);
            ErrorCode::Quota
        };
        let limit = context.limits.files;
        if instance.load(Ordering::Relaxed) >= of_instance(limit) {
            return Err(over());
        }
        let site = context.account.open_file(limit).ok_or_else(over)?;
        let process = match kind {
            OpenKind::File => {
                let part = context.account.descriptors();
                Some(descriptors::try_one_for_guest(part).ok_or_else(over)?)
            }
            OpenKind::Stream => None,
        };
        instance.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(Self { instance: instance.clone(), _site: site, _process: process }))
    }
}

/// How much one instance may have open, of what its site may have.
fn of_instance(limit: usize) -> usize {
    (limit / OF_INSTANCE).clamp(1, MAX_OF_INSTANCE)
}

impl Drop for OpenLease {
    fn drop(&mut self) {
        self.instance.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A granted folder, as each instance gets it.
pub(crate) fn granted(folder: File, access: &GrantAccess) -> Dir {
    let mode = match access.write {
        Some(_) => OpenMode::READ | OpenMode::WRITE,
        None => OpenMode::READ,
    };
    Dir::new(folder, access.permissions(), mode, true)
}

/// The arguments of `open-at`.
pub(crate) struct OpenRequest {
    pub path: String,
    pub path_flags: PathFlags,
    pub open_flags: OpenFlags,
    pub flags: DescriptorFlags,
}

impl OpenRequest {
    fn mode(&self) -> OpenMode {
        let mut mode = OpenMode::empty();
        if self.open_flags.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE)
            || self.flags.contains(DescriptorFlags::WRITE)
        {
            mode |= OpenMode::WRITE;
        }
        // A file that is not opened for writing is always opened for reading.
        if self.flags.contains(DescriptorFlags::READ)
            || !self.flags.contains(DescriptorFlags::WRITE)
        {
            mode |= OpenMode::READ;
        }
        mode
    }

    fn check(&self, access: &GrantAccess) -> io::Result<()> {
        let syncs = DescriptorFlags::FILE_INTEGRITY_SYNC
            | DescriptorFlags::DATA_INTEGRITY_SYNC
            | DescriptorFlags::REQUESTED_WRITE_SYNC;
        if self.flags.intersects(syncs) {
            return Err(Errno::NOTSUP.into());
        }
        let makes = OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::TRUNCATE;
        if self.open_flags.contains(OpenFlags::DIRECTORY) && self.open_flags.intersects(makes) {
            return Err(Errno::INVAL.into());
        }
        if access.write.is_none() && self.mode().contains(OpenMode::WRITE) {
            return Err(Errno::PERM.into());
        }
        Ok(())
    }

    fn options(&self) -> OpenOptions {
        let mode = self.mode();
        let mut options = OpenOptions::new();
        options.read(mode.contains(OpenMode::READ)).write(mode.contains(OpenMode::WRITE));
        options.truncate(self.open_flags.contains(OpenFlags::TRUNCATE));
        match self.open_flags.contains(OpenFlags::EXCLUSIVE) {
            true => options.create_new(self.open_flags.contains(OpenFlags::CREATE)),
            false => options.create(self.open_flags.contains(OpenFlags::CREATE)),
        };
        // Opening a named pipe would otherwise wait for its other end.
        let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        if !self.path_flags.contains(PathFlags::SYMLINK_FOLLOW) {
            flags |= OFlags::NOFOLLOW;
        }
        options.custom_flags(flags.bits().cast_signed());
        options
    }

    /// Opens a regular file or a folder beneath the granted folder.
    ///
    /// # Errors
    /// The system or the grant refuses it.
    pub(crate) fn open(&self, folder: &File, access: &GrantAccess) -> io::Result<Descriptor> {
        self.check(access)?;
        let path = Path::new(&self.path);
        if let Some(quota) = &access.write {
            if self.open_flags.contains(OpenFlags::CREATE) {
                self.take_entry(folder, quota)?;
            }
            if self.open_flags.contains(OpenFlags::TRUNCATE) {
                quota.space.shrink();
            }
        }
        let opened = open(folder, path, &self.options());
        let file = match &access.write {
            Some(quota) => quota.keep(opened),
            None => opened,
        }?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            let dir = Dir::new(file, access.permissions(), self.mode(), true);
            return Ok(Descriptor::Dir(dir));
        }
        if self.open_flags.contains(OpenFlags::DIRECTORY) {
            return Err(Errno::NOTDIR.into());
        }
        if !metadata.is_file() {
            return Err(Errno::ACCESS.into());
        }
        let file = WasiFile::new(file, access.permissions(), self.mode(), true);
        access.open.add(&file.file, &access.around);
        // A file that was removed before it was registered may have been counted as gone.
        if file.file.metadata()?.nlink() == 0 {
            return Err(Errno::NOENT.into());
        }
        Ok(Descriptor::File(file))
    }

    /// Takes room for a name that may be new.
    fn take_entry(&self, folder: &File, quota: &Quota) -> io::Result<()> {
        use cap_primitives::fs::{FollowSymlinks, stat};
        match stat(folder, Path::new(&self.path), FollowSymlinks::No) {
            Ok(_) => Ok(()),
            Err(_) => quota.take(ENTRY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_has_at_most_a_quarter_of_its_sites_files_and_1_000() {
        for (limit, expected) in
            [(0, 1), (4, 1), (64, 16), (3_999, 999), (4_000, 1_000), (4_004, 1_000)]
        {
            assert_eq!(of_instance(limit), expected, "{limit}");
        }
    }
}
