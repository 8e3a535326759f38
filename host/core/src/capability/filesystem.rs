//! `wasi:filesystem`: what a guest does in the folders that it is granted.
//!
//! wasmtime-wasi knows how to do each call. This module adds what it does not know: which thread
//! does the call and who is charged for it (`work`), how many things may be open (`open`) and how
//! much a folder may hold (`space`), that listings are read only as far as the guest asks
//! (`listing`), and that no link may lead out of the granted folders (`links`).

mod links;
mod listing;
mod open;
mod space;
mod streams;
mod work;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use bytesize::ByteSize;
use futures_util::FutureExt as _;
use rustix::io::Errno;
use wasmtime::component::{Resource, ResourceTable, ResourceTableError};
use wasmtime_wasi::filesystem::{Descriptor, Dir, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry,
    DirectoryEntryStream, ErrorCode, Filesize, HostDescriptor, HostDirectoryEntryStream,
    MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::State;
use super::account::Account;
use crate::files::{Folder, Identity, Writable};
use listing::Listing;
use open::{GrantAccess, OpenKind, OpenLease, OpenRequest, Opened};
use space::{ENTRY, Quota};
use streams::{At, HeldFile, Reader, Writer};

pub(crate) use space::Spaces;
pub(crate) use work::{MAX_CALLS, Threads};

/// A granted folder, open since it was granted.
#[derive(Clone)]
pub(crate) struct Granted {
    /// The path that the guest sees.
    path: String,
    dir: Dir,
    access: GrantAccess,
}

impl Granted {
    /// Opens a grant. `write` says how much the folder may hold, if the guest may write to it.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn new(
        path: String,
        folder: &Folder,
        write: Option<ByteSize>,
        account: &Arc<Account>,
    ) -> anyhow::Result<Self> {
        let opened = || -> io::Result<File> { Ok(folder.dir().open(".")?.into_std()) };
        let file = opened()?;
        let around: Arc<[Identity]> = folder.around()?.into();
        let quota = |size| -> anyhow::Result<Quota> {
            let granted = format!("`{}` (`{path}`)", folder.path().display());
            let writable = Writable::register(folder, granted)?;
            let space = account.spaces().of(&around, &Arc::new(opened()?));
            Ok(Quota { space, size, account: account.clone(), _writable: writable })
        };
        let write = write.map(quota).transpose()?;
        let access = GrantAccess { write, around, open: account.spaces().open().clone() };
        Ok(Self { path, dir: open::granted(file, &access), access })
    }
}

/// How many files, folders and listings an instance has open.
pub(crate) type OpenFiles = Arc<AtomicUsize>;

impl State {
    fn opened(&self, number: &Resource<Descriptor>) -> FsResult<&Opened> {
        Ok(self.table.get(&Resource::<Opened>::new_borrow(number.rep()))?)
    }

    fn folder(&self, number: &Resource<Descriptor>) -> FsResult<(Arc<File>, GrantAccess)> {
        let opened = self.opened(number)?;
        match &opened.descriptor {
            Descriptor::Dir(dir) => Ok((dir.dir.clone(), opened.access.clone())),
            Descriptor::File(_) => Err(ErrorCode::NotDirectory.into()),
        }
    }

    fn file(&self, number: &Resource<Descriptor>, other: ErrorCode) -> FsResult<HeldFile> {
        let opened = self.opened(number)?;
        let Descriptor::File(file) = &opened.descriptor else { return Err(other.into()) };
        Ok(HeldFile {
            context: self.context.clone(),
            file: file.file.clone(),
            access: opened.access.clone(),
            _file: opened.lease.clone(),
            _stream: None,
        })
    }

    fn file_to_write(&self, number: &Resource<Descriptor>) -> FsResult<HeldFile> {
        let held = self.file(number, ErrorCode::BadDescriptor)?;
        match held.access.write {
            Some(_) => Ok(held),
            None => Err(ErrorCode::NotPermitted.into()),
        }
    }

    /// Counts a stream in addition to its file, because it needs memory of its own.
    fn streamed(&self, held: HeldFile) -> FsResult<HeldFile> {
        let stream = Some(OpenLease::take(&self.context, &self.open_files, OpenKind::Stream)?);
        Ok(HeldFile { _stream: stream, ..held })
    }

    fn push_opened(&mut self, opened: Opened) -> Result<Resource<Descriptor>, ResourceTableError> {
        Ok(Resource::new_own(self.table.push(opened)?.rep()))
    }

    async fn work<T: Send + 'static>(
        &mut self,
        call: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> FsResult<T> {
        Ok(work::run(&self.context, call).await?)
    }

    /// Has wasmtime-wasi do a call on a thread that may block, with a table that has only what the
    /// call needs.
    async fn delegate<T, F>(&mut self, number: &Resource<Descriptor>, call: F) -> FsResult<T>
    where
        T: Send + 'static,
        F: for<'v> AsyncFnOnce(
                &'v mut WasiFilesystemCtxView<'_>,
                Resource<Descriptor>,
            ) -> FsResult<T>
            + Send
            + 'static,
    {
        let descriptor = self.opened(number)?.descriptor.clone();
        let call = move || {
            let (mut table, mut ctx) = (ResourceTable::new(), WasiFilesystemCtx::default());
            let mut view = WasiFilesystemCtxView { ctx: &mut ctx, table: &mut table };
            let done = match view.table.push(descriptor) {
                Ok(number) => call(&mut view, number).now_or_never(),
                Err(error) => Some(Err(error.into())),
            };
            // A call on a descriptor that may block its thread completes at its first poll.
            Ok(done.unwrap_or(Err(ErrorCode::Unsupported.into())))
        };
        self.work(call).await?
    }

    /// Checks that a name may be moved, or a file be given another name: neither may make a link
    /// lead out of what is granted. Folders with sizes of their own are like two file systems.
    async fn check_move(
        &mut self,
        (from, old_path): (&Resource<Descriptor>, &str),
        (to, new_path): (&Resource<Descriptor>, &str),
        is_link: bool,
    ) -> FsResult<Quota> {
        let ((folder, old), (_, new)) = (self.folder(from)?, self.folder(to)?);
        let (Some(old), Some(new)) = (old.write, new.write) else {
            return Err(ErrorCode::NotPermitted.into());
        };
        if !Arc::ptr_eq(&old.space, &new.space) {
            // An open file would continue to count for the folder that it was opened in.
            return Err(ErrorCode::CrossDevice.into());
        }
        let quota = new.clone();
        let stays = from.rep() == to.rep() && links::have_one_parent(old_path, new_path);
        let path = old_path.to_owned();
        self.work(move || {
            if !stays && links::lead_out(&folder, Path::new(&path))? {
                return Err(Errno::PERM.into());
            }
            old.space.shrink();
            if is_link { new.take(ENTRY) } else { Ok(()) }
        })
        .await?;
        Ok(quota)
    }
}

impl preopens::Host for State {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let context = self.context.clone();
        let granted = context.grants.folders().iter().map(|granted| {
            let descriptor = Descriptor::Dir(granted.dir.clone());
            let opened = Opened { descriptor, access: granted.access.clone(), lease: None };
            Ok((self.push_opened(opened)?, granted.path.clone()))
        });
        granted.collect()
    }
}

impl types::Host for State {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        let error = self.table.get(&error)?;
        Ok(error.downcast_ref::<io::Error>().map(ErrorCode::from))
    }
}

impl HostDescriptor for State {
    async fn advise(
        &mut self,
        fd: Resource<Descriptor>,
        offset: Filesize,
        length: Filesize,
        advice: Advice,
    ) -> FsResult<()> {
        self.delegate(&fd, async move |view, fd| view.advise(fd, offset, length, advice).await)
            .await
    }

    async fn sync_data(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.delegate(&fd, async move |view, fd| view.sync_data(fd).await).await
    }

    async fn get_flags(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        self.delegate(&fd, async move |view, fd| view.get_flags(fd).await).await
    }

    async fn get_type(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorType> {
        self.delegate(&fd, async move |view, fd| view.get_type(fd).await).await
    }

    async fn set_size(&mut self, fd: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        let held = self.file_to_write(&fd)?;
        self.work(move || {
            let length = held.file.metadata()?.len();
            if let Some(quota) = &held.access.write {
                quota.take(size.saturating_sub(length))?;
                if size < length {
                    quota.space.shrink();
                }
            }
            held.file.set_len(size)
        })
        .await
    }

    async fn set_times(
        &mut self,
        fd: Resource<Descriptor>,
        access: NewTimestamp,
        change: NewTimestamp,
    ) -> FsResult<()> {
        self.delegate(&fd, async move |view, fd| view.set_times(fd, access, change).await).await
    }

    async fn read(
        &mut self,
        fd: Resource<Descriptor>,
        length: Filesize,
        offset: Filesize,
    ) -> FsResult<(Vec<u8>, bool)> {
        self.delegate(&fd, async move |view, fd| view.read(fd, length, offset).await).await
    }

    async fn write(
        &mut self,
        fd: Resource<Descriptor>,
        bytes: Vec<u8>,
        offset: Filesize,
    ) -> FsResult<Filesize> {
        let held = self.file_to_write(&fd)?;
        self.work(move || {
            streams::write_all(&held.file, &held.access, offset, &bytes)?;
            Ok(bytes.len() as u64)
        })
        .await
    }

    async fn read_directory(
        &mut self,
        fd: Resource<Descriptor>,
    ) -> FsResult<Resource<DirectoryEntryStream>> {
        let (folder, _) = self.folder(&fd)?;
        let lease = OpenLease::take(&self.context, &self.open_files, OpenKind::File)?;
        let listing = self.work(move || Listing::begin(&folder, lease)).await?;
        Ok(Resource::new_own(self.table.push(listing)?.rep()))
    }

    async fn sync(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.delegate(&fd, async move |view, fd| view.sync(fd).await).await
    }

    async fn create_directory_at(
        &mut self,
        fd: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        let quota = self.take_entry(&fd).await?;
        let made =
            self.delegate(&fd, async move |view, fd| view.create_directory_at(fd, path).await);
        quota.keep(made.await)
    }

    async fn stat(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        self.delegate(&fd, async move |view, fd| view.stat(fd).await).await
    }

    async fn stat_at(
        &mut self,
        fd: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        self.delegate(&fd, async move |view, fd| view.stat_at(fd, flags, path).await).await
    }

    async fn set_times_at(
        &mut self,
        fd: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        access: NewTimestamp,
        change: NewTimestamp,
    ) -> FsResult<()> {
        let call = async move |view: &mut WasiFilesystemCtxView<'_>, fd| {
            view.set_times_at(fd, flags, path, access, change).await
        };
        self.delegate(&fd, call).await
    }

    async fn link_at(
        &mut self,
        fd: Resource<Descriptor>,
        flags: PathFlags,
        old_path: String,
        new_fd: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let quota = self.check_move((&fd, &old_path), (&new_fd, &new_path), true).await?;
        let new = self.opened(&new_fd)?.descriptor.clone();
        let call = async move |view: &mut WasiFilesystemCtxView<'_>, fd| {
            let new_fd = view.table.push(new)?;
            view.link_at(fd, flags, old_path, new_fd, new_path).await
        };
        quota.keep(self.delegate(&fd, call).await)
    }

    async fn open_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let (folder, access) = self.folder(&fd)?;
        let lease = OpenLease::take(&self.context, &self.open_files, OpenKind::File)?;
        let request = OpenRequest { path, path_flags, open_flags, flags };
        let granted = access.clone();
        let descriptor = self.work(move || request.open(&folder, &granted)).await?;
        Ok(self.push_opened(Opened { descriptor, access, lease: Some(lease) })?)
    }

    fn drop(&mut self, fd: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Opened>::new_own(fd.rep()))?;
        Ok(())
    }

    async fn readlink_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<String> {
        self.delegate(&fd, async move |view, fd| view.readlink_at(fd, path).await).await
    }

    async fn remove_directory_at(
        &mut self,
        fd: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        self.shrink(&fd)?;
        self.delegate(&fd, async move |view, fd| view.remove_directory_at(fd, path).await).await
    }

    async fn rename_at(
        &mut self,
        fd: Resource<Descriptor>,
        old_path: String,
        new_fd: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let quota = self.check_move((&fd, &old_path), (&new_fd, &new_path), false).await?;
        let new = self.opened(&new_fd)?.descriptor.clone();
        let call = async move |view: &mut WasiFilesystemCtxView<'_>, fd| {
            let new_fd = view.table.push(new)?;
            view.rename_at(fd, old_path, new_fd, new_path).await
        };
        quota.keep(self.delegate(&fd, call).await)
    }

    async fn symlink_at(
        &mut self,
        fd: Resource<Descriptor>,
        target: String,
        path: String,
    ) -> FsResult<()> {
        if links::leads_out(Path::new(&target)) {
            return Err(ErrorCode::NotPermitted.into());
        }
        let quota = self.take_entry(&fd).await?;
        let made =
            self.delegate(&fd, async move |view, fd| view.symlink_at(fd, target, path).await);
        quota.keep(made.await)
    }

    async fn unlink_file_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.shrink(&fd)?;
        self.delegate(&fd, async move |view, fd| view.unlink_file_at(fd, path).await).await
    }

    fn read_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynInputStream>> {
        let held = self.streamed(self.file(&fd, ErrorCode::IsDirectory)?)?;
        let stream: DynInputStream = Box::new(Reader::new(held, offset));
        Ok(self.table.push(stream)?)
    }

    fn write_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynOutputStream>> {
        let held = self.streamed(self.file_to_write(&fd)?)?;
        let stream: DynOutputStream = Box::new(Writer::new(held, At::Position(offset)));
        Ok(self.table.push(stream)?)
    }

    fn append_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
    ) -> FsResult<Resource<DynOutputStream>> {
        let held = self.streamed(self.file_to_write(&fd)?)?;
        let stream: DynOutputStream = Box::new(Writer::new(held, At::End));
        Ok(self.table.push(stream)?)
    }

    async fn is_same_object(
        &mut self,
        one: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        let one = self.metadata_hash(one).await;
        let other = self.metadata_hash(other).await;
        Ok(match (one, other) {
            (Ok(one), Ok(other)) => (one.lower, one.upper) == (other.lower, other.upper),
            _ => false,
        })
    }

    async fn metadata_hash(&mut self, fd: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        self.delegate(&fd, async move |view, fd| view.metadata_hash(fd).await).await
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        self.delegate(&fd, async move |view, fd| view.metadata_hash_at(fd, flags, path).await).await
    }
}

impl State {
    /// Takes room for a new name.
    async fn take_entry(&mut self, folder: &Resource<Descriptor>) -> FsResult<Quota> {
        let (_, access) = self.folder(folder)?;
        let quota = access.write.ok_or(ErrorCode::NotPermitted)?;
        self.work(move || quota.take(ENTRY).map(|()| quota)).await
    }

    /// Notes that a name is about to be removed.
    fn shrink(&self, folder: &Resource<Descriptor>) -> FsResult<()> {
        let (_, access) = self.folder(folder)?;
        access.write.ok_or(ErrorCode::NotPermitted)?.space.shrink();
        Ok(())
    }
}

impl HostDirectoryEntryStream for State {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        let number = Resource::<Listing>::new_borrow(stream.rep());
        loop {
            let (entry, rest) = self.table.get_mut(&number)?.next();
            if let Some(entry) = entry {
                return Ok(Some(entry.map_err(io::Error::from)?));
            }
            let Some(rest) = rest else { return Ok(None) };
            let batch = self.work(move || Ok(listing::read_on(rest))).await?;
            self.table.get_mut(&number)?.extend(batch, self.context.account.memory());
        }
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Listing>::new_own(stream.rep()))?;
        Ok(())
    }
}
