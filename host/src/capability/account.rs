//! What a site has used of what it may, whatever versions of it are served, and which limits it has
//! run into.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::filesystem::{MAX_CALLS, Spaces};
use super::rate::Rate;
use crate::config::{Limit, Limits, bytes};
use crate::descriptors::SitePart;
use crate::log::{self, Patterns, Secrets, Seldom};

/// One for each site.
#[derive(Debug)]
pub struct Account {
    site: Arc<str>,
    exceeded: Mutex<BTreeMap<Limit, Exceeded>>,
    requests: Mutex<Rate>,
    logged: Mutex<Rate>,
    /// `limits.log_per_second` of what is served, in bytes.
    log_limit: AtomicUsize,
    hidden: Mutex<Hidden>,
    connections: AtomicUsize,
    files: AtomicUsize,
    descriptors: SitePart,
    file_calls: Arc<Semaphore>,
    spaces: Spaces,
    gone: CancellationToken,
}

/// The secrets of a site.
#[derive(Debug, Default)]
struct Hidden {
    /// Of each version that is there, and of those that were there when the last one came: what the log
    /// says of a version that was refused comes after it has gone.
    of: Vec<Arc<Patterns>>,
    /// Made when the first line needs it.
    found: Option<Arc<Secrets>>,
}

/// A file that a guest of a site has open, until this is dropped.
#[derive(Debug)]
pub struct FileOpen(Arc<Account>);

#[derive(Debug, Default)]
struct Exceeded {
    times: u64,
    said: Seldom,
}

/// A connection that a site is charged with, until this is dropped.
#[derive(Debug)]
pub struct Connected(Arc<Account>);

impl Account {
    /// Nothing used yet, by a site that has the host for itself.
    pub fn new(site: Arc<str>) -> Arc<Self> {
        Self::with(site, SitePart::all())
    }

    /// Nothing used yet, by one of several sites.
    pub fn among(site: Arc<str>) -> Arc<Self> {
        Self::with(site, SitePart::one_of_several())
    }

    fn with(site: Arc<str>, descriptors: SitePart) -> Arc<Self> {
        Arc::new(Self {
            site,
            exceeded: Mutex::default(),
            requests: Mutex::default(),
            logged: Mutex::default(),
            log_limit: AtomicUsize::new(bytes(Limits::default().log_per_second)),
            hidden: Mutex::default(),
            connections: AtomicUsize::new(0),
            files: AtomicUsize::new(0),
            descriptors,
            file_calls: Arc::new(Semaphore::new(MAX_CALLS)),
            spaces: Spaces::default(),
            gone: CancellationToken::new(),
        })
    }

    /// The site's name.
    pub fn site(&self) -> &str {
        &self.site
    }

    /// What the site may log from now on.
    pub fn limit_log(&self, limits: &Limits) {
        self.log_limit.store(bytes(limits.log_per_second), Ordering::Relaxed);
    }

    /// No line of the site shows these any more, as long as somebody else keeps them.
    pub fn hide(&self, secrets: &Arc<Patterns>) {
        let mut hidden = self.hidden.lock();
        hidden.of.retain(|own| Arc::strong_count(own) > 1);
        if !secrets.is_empty() && !hidden.of.iter().any(|own| Arc::ptr_eq(own, secrets)) {
            hidden.of.push(secrets.clone());
        }
        hidden.found = None;
    }

    /// Counts that a limit was exceeded, and logs it now and then.
    pub fn exceed(&self, limit: Limit) {
        let times = {
            let mut exceeded = self.exceeded.lock();
            let own = exceeded.entry(limit).or_default();
            own.times = own.times.saturating_add(1);
            if !own.said.is_due() {
                return;
            }
            own.times
        };
        tracing::warn!(target: "limits", site = &*self.site, times, "`{limit}` was exceeded");
    }

    /// How often each limit was exceeded.
    pub fn exceeded(&self) -> BTreeMap<Limit, u64> {
        self.exceeded.lock().iter().map(|(limit, own)| (*limit, own.times)).collect()
    }

    /// Whether one more request is within `limits.requests_per_second`; zero removes the bound.
    pub fn admit_request(&self, limit: usize) -> bool {
        let admitted = limit == 0 || self.requests.lock().admit(limit, 1) == 1;
        if !admitted {
            self.exceed(Limit::RequestsPerSecond);
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

    /// What its guests may have of the process's descriptors.
    pub fn descriptors(&self) -> &SitePart {
        &self.descriptors
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
            self.exceed(Limit::Connections);
            return None;
        }
        Some(Connected(self.clone()))
    }
}

/// `limits.log_per_second`; zero removes the bound.
impl log::Site for Account {
    fn has_room(&self) -> bool {
        let limit = self.log_limit.load(Ordering::Relaxed);
        let has_room = limit == 0 || self.logged.lock().left(limit) > 0;
        if !has_room {
            self.exceed(Limit::LogPerSecond);
        }
        has_room
    }

    fn admit(&self, line: usize) -> bool {
        let limit = self.log_limit.load(Ordering::Relaxed);
        let admitted = limit == 0 || self.logged.lock().admit(limit, line) == line;
        if !admitted {
            self.exceed(Limit::LogPerSecond);
        }
        admitted
    }

    fn secrets(&self) -> Option<Arc<Secrets>> {
        let mut hidden = self.hidden.lock();
        let Hidden { of, found } = &mut *hidden;
        if found.is_none() && !of.is_empty() {
            *found = Some(Arc::new(Secrets::new(of.iter().map(|own| &**own))));
        }
        found.clone()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        log::forget();
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
    use bytesize::ByteSize;

    use super::*;
    use crate::log::Site as _;

    #[test]
    fn each_limit_has_a_count_of_its_own() {
        let account = Account::new("site".into());
        assert!(account.exceeded().is_empty());
        for limit in [Limit::Body, Limit::Uri, Limit::Body] {
            account.exceed(limit);
        }
        let counted: Vec<_> = account.exceeded().into_iter().collect();
        assert_eq!(counted, [(Limit::Body, 2), (Limit::Uri, 1)]);
    }

    #[test]
    fn lines_are_charged_until_the_second_is_over() {
        let account = Account::new("site".into());
        account.limit_log(&Limits { log_per_second: ByteSize::b(10), ..Limits::default() });
        assert!(account.has_room() && account.admit(8));
        assert!(account.has_room() && !account.admit(3));
        assert!(!account.has_room(), "a line that is left out uses up the rest");
        assert_eq!(account.exceeded()[&Limit::LogPerSecond], 2);
        account.limit_log(&Limits { log_per_second: ByteSize::b(0), ..Limits::default() });
        assert!(account.has_room() && account.admit(1_000_000_000), "zero removes the bound");
    }

    #[test]
    fn the_secrets_of_every_version_are_hidden_and_of_one_that_was_refused() {
        let account = Account::new("site".into());
        assert!(account.secrets().is_none());
        let patterns = |secret| Arc::new(Patterns::new([secret]));
        let begins =
            |text: &str| account.secrets().is_some_and(|own| own.cut(text.as_bytes()) < text.len());
        let served = patterns("first-secret");
        account.hide(&served);
        let refused = patterns("other-secret");
        account.hide(&refused);
        drop(refused);
        assert!(begins("first-secre") && begins("other-secre"));
        account.hide(&patterns("third-secret"));
        assert!(begins("first-secre") && !begins("other-secre") && begins("third-secre"));
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
        assert_eq!(account.exceeded()[&Limit::Connections], 1);
    }
}
