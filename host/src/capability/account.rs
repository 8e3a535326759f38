//! What a site has used of what it may, whatever versions of it are served, and which limits it has
//! run into.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::filesystem::{MAX_CALLS, Spaces};
use super::rate::Rate;
use crate::config::bytes;

/// The log says of each limit no more often that it was exceeded: whoever exceeds it must not be able to
/// fill the log.
const SAY_AGAIN: Duration = Duration::from_secs(1);

/// One for each site.
#[derive(Debug)]
pub struct Account {
    site: Arc<str>,
    exceeded: Mutex<BTreeMap<&'static str, Exceeded>>,
    requests: Mutex<Rate>,
    logged: Mutex<Rate>,
    connections: AtomicUsize,
    files: AtomicUsize,
    file_calls: Arc<Semaphore>,
    spaces: Spaces,
    gone: CancellationToken,
}

/// A file that a guest of a site has open, until this is dropped.
#[derive(Debug)]
pub struct FileOpen(Arc<Account>);

#[derive(Debug)]
struct Exceeded {
    times: u64,
    said: Instant,
}

/// A connection that a site is charged with, until this is dropped.
#[derive(Debug)]
pub struct Connected(Arc<Account>);

impl Account {
    /// Nothing used yet.
    pub fn new(site: Arc<str>) -> Arc<Self> {
        Arc::new(Self {
            site,
            exceeded: Mutex::default(),
            requests: Mutex::default(),
            logged: Mutex::default(),
            connections: AtomicUsize::new(0),
            files: AtomicUsize::new(0),
            file_calls: Arc::new(Semaphore::new(MAX_CALLS)),
            spaces: Spaces::default(),
            gone: CancellationToken::new(),
        })
    }

    /// A limit, by its name in `lithe.toml`, has been exceeded: that is counted, and said at times.
    pub fn exceed(&self, limit: &'static str) {
        let now = Instant::now();
        let times = {
            let mut exceeded = self.exceeded.lock();
            let own = exceeded.entry(limit).or_insert(Exceeded { times: 0, said: now });
            own.times += 1;
            if own.times > 1 && now.duration_since(own.said) < SAY_AGAIN {
                return;
            }
            own.said = now;
            own.times
        };
        tracing::warn!(target: "limits", site = &*self.site, times, "`{limit}` was exceeded");
    }

    /// How often each limit was exceeded.
    pub fn exceeded(&self) -> BTreeMap<String, u64> {
        let exceeded = self.exceeded.lock();
        exceeded.iter().map(|(limit, own)| ((*limit).to_owned(), own.times)).collect()
    }

    /// Whether one more request is within `limits.requests_per_second`; zero is no bound.
    pub fn admit_request(&self, limit: usize) -> bool {
        let admitted = limit == 0 || self.requests.lock().admit(limit, 1) == 1;
        if !admitted {
            self.exceed("limits.requests_per_second");
        }
        admitted
    }

    /// Whether a line of so many bytes is within `limits.log_per_second`; zero is no bound.
    pub(super) fn admit_line(&self, limit: ByteSize, line: usize) -> bool {
        let limit = bytes(limit);
        let admitted = limit == 0 || self.logged.lock().admit(limit, line) == line;
        if !admitted {
            self.exceed("limits.log_per_second");
        }
        admitted
    }

    /// One more file of a guest, unless there are as many as `limits.files`.
    pub fn open_file(self: &Arc<Self>, limit: usize) -> Option<FileOpen> {
        let one_more = |open: usize| (open < limit).then_some(open + 1);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        self.files.fetch_update(set, fetch, one_more).ok()?;
        Some(FileOpen(self.clone()))
    }

    /// The turns of those that call files.
    pub fn file_calls(&self) -> Arc<Semaphore> {
        self.file_calls.clone()
    }

    /// The site is served no more: nothing of it waits for anything any longer.
    pub fn leave(&self) {
        self.gone.cancel();
    }

    /// Whether the site is served no more.
    pub fn has_left(&self) -> bool {
        self.gone.is_cancelled()
    }

    /// Done when the site is served no more.
    pub async fn left(&self) {
        self.gone.cancelled().await;
    }

    /// What the folders hold that guests may write to.
    pub fn spaces(&self) -> &Spaces {
        &self.spaces
    }

    /// One more connection, unless there are as many as `limits.connections`.
    pub fn connect(self: &Arc<Self>, limit: usize) -> Option<Connected> {
        let one_more = |open: usize| (open < limit).then_some(open + 1);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        if self.connections.fetch_update(set, fetch, one_more).is_err() {
            self.exceed("limits.connections");
            return None;
        }
        Some(Connected(self.clone()))
    }
}

impl Connected {
    /// Whether it is this site's.
    pub fn is_of(&self, account: &Arc<Account>) -> bool {
        Arc::ptr_eq(&self.0, account)
    }
}

impl Drop for FileOpen {
    fn drop(&mut self) {
        self.0.files.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_a_count_of_its_own() {
        let account = Account::new("site".into());
        assert!(account.exceeded().is_empty());
        for limit in ["limits.body", "limits.uri", "limits.body"] {
            account.exceed(limit);
        }
        let counted: Vec<_> = account.exceeded().into_iter().collect();
        assert_eq!(counted, [("limits.body".to_owned(), 2), ("limits.uri".to_owned(), 1)]);
    }

    #[test]
    fn a_connection_counts_until_it_is_gone() {
        let account = Account::new("site".into());
        let one = account.connect(2).expect("the first");
        let _two = account.connect(2).expect("the second");
        assert!(account.connect(2).is_none());
        assert!(one.is_of(&account) && !one.is_of(&Account::new("site".into())));
        drop(one);
        assert!(account.connect(2).is_some());
        assert_eq!(account.exceeded()["limits.connections"], 1);
    }
}
