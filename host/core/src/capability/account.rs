//! What a site has used of its limits, counted over all its versions, and which limits it has
//! exceeded.

mod memory;

use std::collections::BTreeMap;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::filesystem::{MAX_CALLS, Spaces};
use super::rate::Rate;
use crate::config::{Limit, Limits, bytes};
use crate::descriptors::SitePart;
use crate::log::{self, Patterns, Secrets, Seldom};
pub(crate) use memory::{Charge, Held, HostMemory, Over, SiteMemory};

/// The most bytes that the log searches for in the lines of one site: all forms of the secrets of
/// all its versions. Two versions always fit. A secret of letters and digits that both have counts
/// once.
///
/// Building the finder for this much takes one thread 1.3 s and 360 MiB; the finder then has 140
/// MiB.
const MAX_HIDDEN: usize = 8 * 1024 * 1024;

/// One site's account.
#[derive(Debug)]
pub struct Account {
    site: Arc<str>,
    exceeded: Mutex<BTreeMap<Limit, Exceeded>>,
    requests: Mutex<Rate>,
    logged: Mutex<Rate>,
    /// `limits.log_per_second` of what is served, in bytes.
    log_limit: AtomicUsize,
    /// `limits.state` of what is served, or of what is about to be, in bytes.
    state_limit: AtomicUsize,
    /// The secrets of each version that exists. Locked while a finder is built: changes of the site
    /// wait for that, but logging does not.
    hidden: Mutex<Vec<Weak<Patterns>>>,
    /// Finds the secrets in lines. It also has those of versions that existed when the last secrets
    /// came, because the log may report a refused version after it has gone.
    finder: ArcSwapOption<Secrets>,
    connections: AtomicUsize,
    files: AtomicUsize,
    descriptors: SitePart,
    file_calls: Arc<Semaphore>,
    spaces: Spaces,
    memory: Arc<SiteMemory>,
    gone: CancellationToken,
}

/// The secrets of a site's versions have more bytes than the log searches for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the log would look for {0} bytes of secrets, those of versions that still drain included, and looks for \
     {MAX_HIDDEN} at most: shorten the secrets, or try again when those versions have ended"
)]
pub struct TooManySecrets(usize);

/// A file that a guest of the site has open, counted until this is dropped.
#[derive(Debug)]
pub struct FileOpen(Arc<Account>);

#[derive(Debug, Default)]
struct Exceeded {
    times: u64,
    reports: Seldom,
}

/// What a connection that speaks HTTP takes, in bytes: its task, its buffers and small heads, as
/// 4,000 idle ones show.
const CONNECTION: usize = 8 * 1024;

/// A connection that the site is charged with, until this is dropped.
#[derive(Debug)]
pub struct Connected {
    account: Arc<Account>,
    charge: Charge,
}

impl Account {
    /// A new account that bounds nothing, for what is not served.
    pub fn new(site: Arc<str>) -> Arc<Self> {
        Self::alone(site, HostMemory::new(usize::MAX))
    }

    /// A new account, for a site that has the host for itself.
    pub fn alone(site: Arc<str>, memory: Arc<HostMemory>) -> Arc<Self> {
        Self::with(site, SitePart::all(), memory)
    }

    /// A new account, for one of several sites.
    pub fn among(site: Arc<str>, memory: Arc<HostMemory>) -> Arc<Self> {
        Self::with(site, SitePart::one_of_several(), memory)
    }

    fn with(site: Arc<str>, descriptors: SitePart, memory: Arc<HostMemory>) -> Arc<Self> {
        Arc::new(Self {
            site,
            exceeded: Mutex::default(),
            requests: Mutex::default(),
            logged: Mutex::default(),
            log_limit: AtomicUsize::new(bytes(Limits::default().log_per_second)),
            state_limit: AtomicUsize::new(bytes(Limits::default().state)),
            hidden: Mutex::default(),
            finder: ArcSwapOption::empty(),
            connections: AtomicUsize::new(0),
            files: AtomicUsize::new(0),
            descriptors,
            file_calls: Arc::new(Semaphore::new(MAX_CALLS)),
            spaces: Spaces::default(),
            memory: SiteMemory::of(memory),
            gone: CancellationToken::new(),
        })
    }

    /// The site's name.
    pub fn site(&self) -> &str {
        &self.site
    }

    /// Sets what the site may log, hand over, and hold in memory, from now on.
    pub fn set_limits(&self, limits: &Limits) {
        self.state_limit.store(bytes(limits.state), Ordering::Relaxed);
        self.log_limit.store(bytes(limits.log_per_second), Ordering::Relaxed);
        self.memory.limit(bytes(limits.site_memory));
    }

    /// What an instance may hand over, in bytes. The current settings decide, and not those with
    /// which the instance was made: otherwise the bound could never be raised for it.
    pub fn state_limit(&self) -> usize {
        self.state_limit.load(Ordering::Relaxed)
    }

    /// What the host holds in memory for the site.
    pub fn memory(&self) -> &Arc<SiteMemory> {
        &self.memory
    }

    /// Hides these secrets in the site's lines from now on, for as long as the caller keeps them.
    /// If the log does not search for them yet, this builds a finder on the current thread, which
    /// should be one that may block. Until then lines are checked with the previous finder.
    ///
    /// # Errors
    /// There are too many secrets, with those of the other versions. Nothing has changed then.
    pub fn hide(&self, secrets: &[Arc<Patterns>]) -> Result<(), TooManySecrets> {
        let mut hidden = self.hidden.lock();
        hidden.retain(|own| own.strong_count() > 0);
        let before: Vec<Arc<Patterns>> = hidden.iter().filter_map(Weak::upgrade).collect();
        let all = Patterns::union(before.iter().chain(secrets).map(|own| &**own));
        if all.bytes() > MAX_HIDDEN {
            return Err(TooManySecrets(all.bytes()));
        }
        for own in secrets.iter().filter(|own| !own.is_empty()) {
            if !hidden.iter().any(|other| ptr::eq(other.as_ptr(), Arc::as_ptr(own))) {
                hidden.push(Arc::downgrade(own));
            }
        }
        match &*self.finder.load() {
            Some(finder) if finder.finds_only(&all) => {}
            _ if all.is_empty() => self.finder.store(None),
            _ => self.finder.store(Some(Arc::new(Secrets::new(all)))),
        }
        Ok(())
    }

    /// Counts that a limit was exceeded, and logs it now and then.
    pub fn exceed(&self, limit: Limit) {
        let times = {
            let mut exceeded = self.exceeded.lock();
            let own = exceeded.entry(limit).or_default();
            own.times = own.times.saturating_add(1);
            if !own.reports.is_due() {
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

    /// Counts one more open file of a guest, unless `limits.files` are open.
    pub fn open_file(self: &Arc<Self>, limit: usize) -> Option<FileOpen> {
        let one_more = |open: usize| (open < limit).then_some(open + 1);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        self.files.fetch_update(set, fetch, one_more).ok()?;
        Some(FileOpen(self.clone()))
    }

    /// The part of the process's descriptors that the site's guests may use.
    pub fn descriptors(&self) -> &SitePart {
        &self.descriptors
    }

    /// The permits for calls of files.
    pub fn file_calls(&self) -> Arc<Semaphore> {
        self.file_calls.clone()
    }

    /// Marks the site as one that the host no longer serves. All tasks of the site stop waiting.
    pub fn leave(&self) {
        self.gone.cancel();
    }

    /// Whether the host has stopped serving the site.
    pub fn has_left(&self) -> bool {
        self.gone.is_cancelled()
    }

    /// Completes when the host stops serving the site.
    pub async fn left(&self) {
        self.gone.cancelled().await;
    }

    /// What the folders hold that guests may write to.
    pub fn spaces(&self) -> &Spaces {
        &self.spaces
    }

    /// Counts one more connection, unless there are already `limits.connections`.
    pub fn connect(self: &Arc<Self>, limit: usize) -> Option<Connected> {
        let one_more = |open: usize| (open < limit).then_some(open + 1);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        if self.connections.fetch_update(set, fetch, one_more).is_err() {
            self.exceed(Limit::Connections);
            return None;
        }
        let mut charge = self.memory.charge(Held::Connections);
        charge.set(CONNECTION);
        Some(Connected { account: self.clone(), charge })
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
        self.finder.load_full()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        log::forget();
    }
}

impl Connected {
    /// Whether the connection is charged to this site.
    pub fn is_of(&self, account: &Arc<Account>) -> bool {
        Arc::ptr_eq(&self.account, account)
    }

    /// Notes that the connection has become a socket's, whose charge contains it.
    pub fn becomes_a_socket(&mut self) {
        self.charge.set(0);
    }
}

impl Drop for FileOpen {
    fn drop(&mut self) {
        self.0.files.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.account.connections.fetch_sub(1, Ordering::Relaxed);
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
        account.set_limits(&Limits { log_per_second: ByteSize::b(10), ..Limits::default() });
        assert!(account.has_room() && account.admit(8));
        assert!(account.has_room() && !account.admit(3));
        assert!(!account.has_room(), "a line that is left out uses up the rest");
        assert_eq!(account.exceeded()[&Limit::LogPerSecond], 2);
        account.set_limits(&Limits { log_per_second: ByteSize::b(0), ..Limits::default() });
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
        account.hide(std::slice::from_ref(&served)).unwrap();
        let refused = patterns("other-secret");
        account.hide(std::slice::from_ref(&refused)).unwrap();
        drop(refused);
        assert!(begins("first-secre") && begins("other-secre"));
        account.hide(&[patterns("third-secret")]).unwrap();
        assert!(begins("first-secre") && !begins("other-secre") && begins("third-secre"));
    }

    #[test]
    fn a_finder_is_built_only_for_other_secrets() {
        let account = Account::new("site".into());
        let patterns = |secrets: &[&str]| Arc::new(Patterns::new(secrets.iter().copied()));
        let before = patterns(&["first-secret", "other-secret"]);
        account.hide(std::slice::from_ref(&before)).unwrap();
        let finder = account.secrets().expect("there are secrets");
        let same = [patterns(&["other-secret"]), patterns(&["first-secret"])];
        account.hide(&same).unwrap();
        drop(before);
        account.hide(&same).unwrap();
        assert!(Arc::ptr_eq(&finder, &account.secrets().expect("there are secrets")));
        account.hide(&[patterns(&["third-secret"])]).unwrap();
        assert!(!Arc::ptr_eq(&finder, &account.secrets().expect("there are secrets")));
        drop(same);
        account.hide(&[]).unwrap();
        assert!(account.secrets().is_none(), "nobody has a secret any more");
    }

    #[test]
    fn a_line_never_waits_for_a_finder() {
        let account = Account::new("site".into());
        let served = [Arc::new(Patterns::new(["first-secret"]))];
        account.hide(&served).unwrap();
        let _building = account.hidden.lock();
        assert!(account.secrets().is_some_and(|own| own.cut(b"first-secre") == 0));
    }

    #[test]
    fn refuses_more_secrets_than_the_log_looks_for_and_keeps_those_before() {
        let account = Account::new("site".into());
        let number = |n: usize| format!("{n:08}");
        let many = |from: usize| {
            let secrets: Vec<String> = (from..from + MAX_HIDDEN / 8).map(number).collect();
            Arc::new(Patterns::new(secrets.iter().map(String::as_str)))
        };
        let served = [many(0)];
        assert_eq!(account.hide(&served), Ok(()));
        let more = [Arc::new(Patterns::new(["other-secret"]))];
        let error = account.hide(&more).unwrap_err();
        assert_eq!(error, TooManySecrets(MAX_HIDDEN + 12));
        assert!(account.secrets().is_some_and(|own| own.finds_only(&served[0])));
        drop(served);
        assert_eq!(account.hide(&more), Ok(()), "the version before has ended");
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
