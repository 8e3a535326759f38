//! Change events for folders from the system, by one inotify instance for the process, because a
//! user may have only a few.
//!
//! An event only says that somebody should look, and which components are still being written.
//! Looking tells what has changed.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock;

pub(crate) use system::{Notifier, Watch};

/// How many unfinished components one watcher remembers. Beyond that, it forgets them, and waiting
/// for quiet has to suffice.
const MAX_WRITING: usize = 10_000;

/// All signals of the process.
static SIGNALS: Mutex<Vec<Weak<Signal>>> = Mutex::new(Vec::new());

/// The number of a watched folder.
pub(crate) type Number = i32;

/// Wakes a watcher.
#[derive(Default)]
pub(crate) struct Signal {
    wake: Notify,
    news: Mutex<News>,
}

#[derive(Default)]
struct News {
    last: Option<Instant>,
    /// Whether something has happened since the last look.
    has_changed: bool,
    /// Components that have been changed and not closed, and since when.
    writing: HashMap<(Number, OsString), Instant>,
    all: bool,
}

/// What happened to a name in a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NameChange {
    /// A file's content has changed, and more may come.
    Modified,
    /// A file was closed, or a name came or went: the file is complete.
    Settled,
    Other,
}

impl Signal {
    pub(crate) fn new() -> Arc<Self> {
        let signal = Arc::new(Self::default());
        let mut signals = SIGNALS.lock();
        signals.retain(|own| own.strong_count() > 0);
        signals.push(Arc::downgrade(&signal));
        signal
    }

    /// Waits until something has happened since the last look, and then until nothing happens for a
    /// while, but not for long. Cancel-safe: the news stays.
    pub(crate) async fn changed(&self, quiet: Duration, at_most: Duration) {
        while !self.news.lock().has_changed {
            self.wake.notified().await;
        }
        let until = clock::after(Instant::now(), at_most);
        loop {
            let last = self.news.lock().last;
            let quiet_at = last.map_or_else(Instant::now, |last| clock::after(last, quiet));
            let now = Instant::now();
            if quiet_at <= now || until <= now {
                return;
            }
            tokio::time::sleep_until(quiet_at.min(until).into()).await;
        }
    }

    /// Has the watcher look.
    pub(crate) fn wake(&self) {
        self.news.lock().has_changed = true;
        self.wake.notify_one();
    }

    /// Begins a look. Returns whether everything counts as changed this time.
    pub(crate) fn begin_look(&self) -> bool {
        let mut news = self.news.lock();
        news.has_changed = false;
        std::mem::take(&mut news.all)
    }

    /// Whether somebody has changed this file and not closed it.
    pub(crate) fn is_writing(&self, folder: Number, name: &OsStr) -> bool {
        self.news.lock().writing.contains_key(&(folder, name.to_owned()))
    }

    fn note(&self, folder: Number, name: Option<&OsStr>, change: NameChange) {
        let mut news = self.news.lock();
        news.last = Some(Instant::now());
        if let Some(name) = name.filter(|name| super::is_component(name)) {
            let key = (folder, name.to_owned());
            match change {
                NameChange::Modified if news.writing.len() < MAX_WRITING => {
                    news.writing.entry(key).or_insert_with(Instant::now);
                }
                NameChange::Settled => drop(news.writing.remove(&key)),
                NameChange::Modified | NameChange::Other => {}
            }
        }
        drop(news);
        self.wake();
    }

    /// Forgets what is known about this folder, or about all.
    fn forget(&self, folder: Option<Number>) {
        let mut news = self.news.lock();
        news.last = Some(Instant::now());
        news.writing.retain(|(own, _), _| folder.is_some_and(|folder| folder != *own));
        drop(news);
        self.wake();
    }
}

/// Makes all watchers of the process report everything as changed.
pub fn tell_all() {
    for signal in SIGNALS.lock().iter().filter_map(Weak::upgrade) {
        signal.news.lock().all = true;
        signal.wake();
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::mem::MaybeUninit;
    use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
    use std::os::unix::ffi::OsStrExt as _;

    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
    use rustix::io::Errno;

    use super::*;
    use crate::files::Folder;

    /// How many bytes of events are read at once.
    const EVENTS: usize = 64 * 1024;

    /// The process's notifier, once the system has given it.
    static NOTIFIER: Mutex<Option<Arc<Notifier>>> = Mutex::new(None);

    /// The process's inotify instance.
    pub(crate) struct Notifier {
        inotify: OwnedFd,
        watched: Mutex<HashMap<Number, Vec<Subscriber>>>,
    }

    struct Subscriber {
        signal: Arc<Signal>,
        only: Option<OsString>,
    }

    /// A folder that is watched until this is dropped.
    pub(crate) struct Watch {
        notifier: Arc<Notifier>,
        signal: Arc<Signal>,
        folder: Number,
        only: Option<OsString>,
    }

    impl Notifier {
        /// # Errors
        /// The system does not give one.
        pub(crate) fn of_process() -> io::Result<Arc<Self>> {
            let mut own = NOTIFIER.lock();
            if let Some(notifier) = &*own {
                return Ok(notifier.clone());
            }
            let inotify = inotify::init(CreateFlags::CLOEXEC)?;
            let notifier = Arc::new(Self { inotify, watched: Mutex::default() });
            let reading = notifier.clone();
            std::thread::Builder::new().name("watcher".to_owned()).spawn(move || reading.read())?;
            Ok(own.insert(notifier).clone())
        }

        /// Watches a folder, or only one name in it.
        ///
        /// # Errors
        /// The system watches no more.
        pub(crate) fn watch(
            self: &Arc<Self>,
            folder: &Folder,
            only: Option<&OsStr>,
            signal: &Arc<Signal>,
        ) -> io::Result<Watch> {
            // Through the handle, because the path may lead to another folder by now.
            let path = format!("/proc/self/fd/{}", folder.dir().as_fd().as_raw_fd());
            let flags = WatchFlags::ATTRIB
                | WatchFlags::CLOSE_WRITE
                | WatchFlags::CREATE
                | WatchFlags::DELETE
                | WatchFlags::DELETE_SELF
                | WatchFlags::MODIFY
                | WatchFlags::MOVE_SELF
                | WatchFlags::MOVED_FROM
                | WatchFlags::MOVED_TO
                | WatchFlags::ONLYDIR;
            // Locked during the call: its first event must find the subscriber.
            let mut watched = self.watched.lock();
            let folder = inotify::add_watch(&self.inotify, &*path, flags)?;
            let (signal, only) = (signal.clone(), only.map(OsStr::to_owned));
            let subscriber = Subscriber { signal: signal.clone(), only: only.clone() };
            watched.entry(folder).or_default().push(subscriber);
            Ok(Watch { notifier: self.clone(), signal, folder, only })
        }

        /// Passes events on for as long as the process lives.
        fn read(&self) {
            let mut buffer = vec![MaybeUninit::uninit(); EVENTS];
            let mut events = inotify::Reader::new(&self.inotify, &mut buffer);
            loop {
                match events.next() {
                    Ok(event) => {
                        let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                        self.pass_on(event.wd(), name, event.events());
                    }
                    Err(Errno::INTR) => {}
                    Err(error) => {
                        tracing::warn!("cannot read what changes in watched folders: {error}");
                        std::thread::sleep(Duration::from_secs(1));
                    }
                }
            }
        }

        fn pass_on(&self, folder: Number, name: Option<&OsStr>, flags: ReadFlags) {
            let mut watched = self.watched.lock();
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                watched.values().flatten().for_each(|subscriber| subscriber.signal.forget(None));
                return;
            }
            if flags.contains(ReadFlags::IGNORED) {
                // The folder is gone, and so is the system's watch.
                let gone = watched.remove(&folder).unwrap_or_default();
                gone.iter().for_each(|subscriber| subscriber.signal.forget(Some(folder)));
                return;
            }
            let settled = ReadFlags::CLOSE_WRITE
                | ReadFlags::CREATE
                | ReadFlags::DELETE
                | ReadFlags::MOVED_FROM
                | ReadFlags::MOVED_TO;
            let event = match flags {
                _ if flags.intersects(settled) => NameChange::Settled,
                _ if flags.contains(ReadFlags::MODIFY) => NameChange::Modified,
                _ => NameChange::Other,
            };
            for subscriber in watched.get(&folder).into_iter().flatten() {
                let is_other = |only: &OsString| name.is_some_and(|name| *only != name);
                if !subscriber.only.as_ref().is_some_and(is_other) {
                    subscriber.signal.note(folder, name, event);
                }
            }
        }
    }

    impl Watch {
        pub(crate) fn number(&self) -> Number {
            self.folder
        }

        /// Whether the folder still exists.
        pub(crate) fn is_live(&self) -> bool {
            self.notifier.watched.lock().contains_key(&self.folder)
        }
    }

    impl Drop for Watch {
        fn drop(&mut self) {
            let mut watched = self.notifier.watched.lock();
            let Some(subscribers) = watched.get_mut(&self.folder) else { return };
            let is_own = |other: &Subscriber| {
                Arc::ptr_eq(&other.signal, &self.signal) && other.only == self.only
            };
            if let Some(at) = subscribers.iter().position(is_own) {
                subscribers.swap_remove(at);
            }
            if subscribers.is_empty() {
                watched.remove(&self.folder);
                // This fails if the folder is just being removed.
                let _ = inotify::remove_watch(&self.notifier.inotify, self.folder);
            }
        }
    }
}

/// On other systems, changes are found only by looking.
#[cfg(not(target_os = "linux"))]
mod system {
    use super::*;
    use crate::files::Folder;

    pub enum Notifier {}

    pub enum Watch {}

    impl Notifier {
        pub fn of_process() -> io::Result<Arc<Self>> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub fn watch(
            self: &Arc<Self>,
            _: &Folder,
            _: Option<&OsStr>,
            _: &Arc<Signal>,
        ) -> io::Result<Watch> {
            match **self {}
        }
    }

    impl Watch {
        pub fn number(&self) -> Number {
            match *self {}
        }

        pub fn is_live(&self) -> bool {
            match *self {}
        }
    }
}
