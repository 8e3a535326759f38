//! The audit: one line for each change that somebody asks the admin for.
//!
//! The lines are JSON, in a file that only the host's user can read, and each is written at once. A
//! file that is full gets a number, and the oldest goes: the audit never has more than
//! [`FILES`] × [`MAX_FILE`] bytes, and a little more. Before a change, the host reserves room for
//! its line; if it cannot, nothing changes. No line of a refusal takes that room.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use anyhow::{Context as _, ensure};
use bytesize::ByteSize;
use parking_lot::Mutex;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::forbidden::Forbidden;
use super::tokens::{Caller, Peer};
use crate::files::{self, FileError, NamedFile};
use crate::log;
use crate::plugin::{Digest, STATE_FOLDER, state_folder};
use crate::site::{DeployError, Given, Report, Root};

/// The file's name in the host's `.lithe`, by default.
const FILE: &str = "audit.log";

/// How large a file grows before the next one begins.
const MAX_FILE: u64 = 8 * 1024 * 1024;

/// How many files there are, with the one that is written.
const FILES: usize = 5;

/// What is reserved for the line of a change: no line is longer.
const MAX_LINE: u64 = 32 * 1024;

/// How much of a text a line shows, in bytes. An escaped byte takes six.
const MAX_NAME: usize = 256;
const MAX_WHY: usize = 1024;

/// How many components a line names.
const MAX_COMPONENTS: usize = 8;

/// How many lines one answer has, and how many bytes: fewer about one site, because its clients
/// decide how long an answer waits for them.
const MAX_LINES: usize = 10_000;
const MAX_ANSWER: usize = 8 * 1024 * 1024;
const MAX_ANSWER_OF_SITE: usize = 1024 * 1024;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When the change ended (RFC 3339).
    pub time: String,
    /// Whose token it was: its name in `[tenants.tokens]`, `operator`, or `control` for the host's
    /// user.
    pub by: String,
    /// The number of the user, at the control socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The address that it came from, except at the control socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The site, by its folder.
    pub site: String,
    /// What was asked for.
    pub change: ChangeKind,
    /// The first of the components that it was about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    /// How many more there were.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_components: usize,
    /// Whether only a part of the requests gets it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canary: bool,
    /// What came of it.
    pub result: Outcome,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A change that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// New components.
    Deploy,
    /// An earlier version of a component.
    Rollback,
    /// A canary for everybody.
    Promote,
    /// A canary for nobody.
    Drop,
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is served.
    Ok,
    /// Nothing has changed.
    Refused,
    /// The host has failed in it.
    Failed,
}

/// A component of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Its file in the site, or its plugin.
    pub plugin: String,
    /// The digest of its version. None if it is not known, or the component is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// The lines that somebody may see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines {
    /// The oldest first.
    pub lines: Vec<Line>,
    /// Whether there are more, older ones.
    pub more: bool,
}

/// Whose lines are read.
#[derive(Clone, Debug)]
pub(super) enum LinesOf {
    Everybody,
    Site(String),
}

impl ChangeKind {
    /// Its name, as people ask for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::Promote => "promote",
            Self::Drop => "drop",
        }
    }
}

impl Line {
    /// A line about this change, of which nothing has come yet.
    pub(super) fn of(caller: &Caller, peer: Peer, site: &str, change: ChangeKind) -> Self {
        let (uid, from) = match peer {
            Peer::Control(uid) => (uid, None),
            Peer::Address(address) => (None, Some(address.to_string())),
        };
        let by = match caller {
            Caller::Control => "control".to_owned(),
            Caller::Operator => "operator".to_owned(),
            Caller::Site(token) => token.name.clone(),
        };
        Self {
            time: String::new(),
            by,
            uid,
            from,
            site: log::excerpt(site, MAX_NAME),
            change,
            components: Vec::new(),
            more_components: 0,
            canary: false,
            result: Outcome::Failed,
            why: None,
        }
    }

    /// Names the components that are given. Takes as long as their digests do.
    pub(super) fn name_given(&mut self, given: &Given) {
        self.name(given.iter().map(|(file, bytes)| (&**file, Some(Digest::of(bytes)))));
    }

    /// Names components.
    pub(super) fn name<'c>(&mut self, of: impl Iterator<Item = (&'c str, Option<Digest>)>) {
        let mut of = of;
        let named = of
            .by_ref()
            .take(MAX_COMPONENTS)
            .map(|(plugin, digest)| Component { plugin: log::excerpt(plugin, MAX_NAME), digest });
        self.components = named.collect();
        self.more_components = of.count();
    }

    /// Notes how the change ended.
    pub(super) fn end(&mut self, ended: &Result<Report, DeployError>) {
        match ended {
            Ok(report) => {
                self.result = Outcome::Ok;
                self.canary = report.canary;
                if self.components.iter().all(|component| component.digest.is_none()) {
                    let changes = report.changes.iter();
                    self.name(changes.map(|change| (&*change.plugin, change.to)));
                }
            }
            Err(error) => self.refuse(&error.chain()),
        }
    }

    /// Notes that nothing has changed, and why.
    pub(super) fn refuse(&mut self, why: &str) {
        self.result = Outcome::Refused;
        self.why = Some(log::excerpt(why, MAX_WHY));
    }

    /// Notes that the caller may not ask for this path, which is percent-encoded, and why.
    pub(super) fn refuse_path(&mut self, path: &str, why: &str) {
        self.refuse(&format!("`{}` was asked for: {why}", log::excerpt(path, MAX_NAME)));
    }
}

/// The file.
pub(super) struct Audit {
    path: PathBuf,
    /// Whether sites that do not trust each other have folders here.
    has_many: bool,
    /// The host's folder, in which its `.lithe` is made.
    root: PathBuf,
    open: Mutex<Option<File>>,
    /// The changes that are under way. A change is added while `open` is locked.
    running: AtomicU64,
    /// Held while lines are read: a file at a time is in memory.
    reading: Arc<Semaphore>,
}

/// The room of a change's line, until that is written or this is dropped.
pub(super) struct Reserved(Arc<Audit>);

impl Drop for Reserved {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Audit {
    /// The audit of the host that serves this folder. Opened when something changes.
    pub(super) fn new(root: &Root) -> Arc<Self> {
        let (folder, has_many) = (root.folder().to_owned(), root.has_many());
        let path = match &root.config().admin.audit {
            Some(path) => folder.join(path),
            None => folder.join(STATE_FOLDER).join(FILE),
        };
        Self::at(path, folder, has_many)
    }

    fn at(path: PathBuf, root: PathBuf, has_many: bool) -> Arc<Self> {
        Arc::new(Self {
            path,
            has_many,
            root,
            open: Mutex::default(),
            running: AtomicU64::new(0),
            reading: Arc::new(Semaphore::new(1)),
        })
    }

    /// Reserves room for the line of a change that begins.
    ///
    /// # Errors
    /// The line cannot be written. The message names the file.
    pub(super) async fn reserve(self: &Arc<Self>) -> anyhow::Result<Reserved> {
        let audit = self.clone();
        self.aside(|own| {
            let mut open = own.open.lock();
            own.running.fetch_add(1, Ordering::Relaxed);
            let reserved = Reserved(audit);
            let file = own.ready(&mut open)?;
            own.reserve_for_running(file, 0)?;
            Ok(reserved)
        })
        .await
    }

    /// Writes the line of a change, in its room, and logs it.
    ///
    /// # Errors
    /// The file cannot be written. The message names it.
    pub(super) async fn write_change(
        self: &Arc<Self>,
        line: Line,
        reserved: Reserved,
    ) -> anyhow::Result<()> {
        self.write(line, move |audit, file| {
            // The file may be a new one, in which the other changes have no room yet. If the disk
            // is full, this line may still fit.
            let _ = audit.reserve_for_running(file, 0);
            drop(reserved);
            Ok(())
        })
        .await
    }

    /// Writes the line of a refusal, unless it would take the room of a change, and logs it.
    ///
    /// # Errors
    /// The file cannot be written. The message names it.
    pub(super) async fn write_refusal(self: &Arc<Self>, line: Line) -> anyhow::Result<()> {
        self.write(line, |audit, file| audit.reserve_for_running(file, 1)).await
    }

    async fn write(
        self: &Arc<Self>,
        mut line: Line,
        prepare: impl FnOnce(&Self, &File) -> anyhow::Result<()> + Send + 'static,
    ) -> anyhow::Result<()> {
        line.time = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        say(&line);
        self.aside(move |audit| {
            // Serialization cannot fail: all keys are text.
            let json = serde_json::to_string(&line).unwrap_or_default();
            let mut json = log::escape_json(&json) + "\n";
            let mut open = audit.open.lock();
            let file = audit.ready(&mut open)?;
            prepare(audit, file)?;
            if is_cut_off(file).with_context(|| audit.shown())? {
                json.insert(0, '\n');
            }
            // One call of the system: lines of two hosts do not mix.
            file.write_all(json.as_bytes()).with_context(|| audit.shown())?;
            file.sync_data().with_context(|| audit.shown())
        })
        .await
    }

    /// Reserves room behind the file's end for the line of each change under way, and some more
    /// lines.
    fn reserve_for_running(&self, file: &File, more: u64) -> anyhow::Result<()> {
        let lines = self.running.load(Ordering::Relaxed).saturating_add(more);
        reserve(file, lines.saturating_mul(MAX_LINE)).with_context(|| self.shown())
    }

    /// Reads the newest lines, since this moment.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) async fn read(
        self: &Arc<Self>,
        of: LinesOf,
        since: Option<SystemTime>,
    ) -> anyhow::Result<Lines> {
        let permit = self.reading.clone().acquire_owned().await?;
        self.aside(move |audit| {
            // Held until the work ends, even if nobody waits for it any longer.
            let _permit = permit;
            lines_in(audit.files()?, &of, since)
        })
        .await
    }

    /// All files, the newest first.
    fn files(&self) -> anyhow::Result<Vec<NamedFile>> {
        // So that no file gets another number in between. Reading needs no lock: each file stays
        // what it was.
        let _open = self.open.lock();
        let files = (0..FILES).map(|number| self.numbered(number));
        let opened = files.filter_map(|path| match NamedFile::open(&path) {
            Err(FileError::Missing) => None,
            opened => Some(opened.with_context(|| format!("cannot read `{}`", path.display()))),
        });
        opened.collect()
    }

    /// The open file, which has room for a line.
    fn ready<'o>(&self, open: &'o mut Option<File>) -> anyhow::Result<&'o mut File> {
        if let Some(file) = open.as_ref() {
            // Somebody else may have moved it.
            let is_there = std::fs::symlink_metadata(&self.path);
            let own = file.metadata()?;
            let is_same =
                is_there.is_ok_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino()));
            if !is_same {
                *open = None;
            }
        }
        let mut file = match open.take() {
            Some(file) => file,
            None => self.open().with_context(|| self.shown())?,
        };
        if file.metadata()?.len() >= MAX_FILE {
            self.move_on().with_context(|| self.shown())?;
            file = self.open().with_context(|| self.shown())?;
        }
        Ok(open.insert(file))
    }

    fn open(&self) -> anyhow::Result<File> {
        let folder = self.path.parent().unwrap_or(&self.root);
        if folder == self.root.join(STATE_FOLDER) {
            state_folder(&files::Folder::open(&self.root)?)?;
        }
        // Everybody who could write there could say anything.
        files::check_operators(folder)?;
        Forbidden::of(&self.root, self.has_many)?.check(folder)?;
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).mode(0o600).custom_flags(flags);
        let file = file.open(&self.path)?;
        let metadata = file.metadata()?;
        ensure!(metadata.is_file(), "it is not a regular file");
        let user = rustix::process::geteuid().as_raw();
        ensure!(metadata.uid() == user, "it belongs to another user: remove it, or name another");
        if metadata.mode() & 0o077 != 0 {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
        Ok(file)
    }

    /// Gives each file the next number. The oldest goes.
    fn move_on(&self) -> io::Result<()> {
        for number in (1..FILES).rev() {
            match std::fs::rename(self.numbered(number - 1), self.numbered(number)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                moved => moved?,
            }
        }
        Ok(())
    }

    /// A file by its number; zero is the one that is written.
    fn numbered(&self, number: usize) -> PathBuf {
        match number {
            0 => self.path.clone(),
            number => {
                let mut name = self.path.clone().into_os_string();
                name.push(format!(".{number}"));
                name.into()
            }
        }
    }

    fn shown(&self) -> String {
        format!("the audit `{}`", self.path.display())
    }

    /// Works on the disk.
    async fn aside<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let audit = self.clone();
        tokio::task::spawn_blocking(move || work(&audit)).await.context("the audit")?
    }
}

/// The newest lines in these files.
fn lines_in(
    files: Vec<NamedFile>,
    of: &LinesOf,
    since: Option<SystemTime>,
) -> anyhow::Result<Lines> {
    let is_wanted = |line: &Line| {
        let is_of = match of {
            LinesOf::Everybody => true,
            LinesOf::Site(site) => line.site == *site,
        };
        is_of && since.is_none_or(|since| moment(line).is_some_and(|time| time >= since))
    };
    let max_answer = match of {
        LinesOf::Everybody => MAX_ANSWER,
        LinesOf::Site(_) => MAX_ANSWER_OF_SITE,
    };
    let (mut found, mut size) = (Lines::default(), 0_usize);
    'files: for file in files {
        let path = file.path().to_owned();
        let text = file.read(ByteSize::b(MAX_FILE.saturating_mul(2)));
        let text = text.with_context(|| format!("cannot read `{}`", path.display()))?;
        for json in text.rsplit(|byte| *byte == b'\n') {
            // What a crash has cut off is not a line.
            let Ok(line) = serde_json::from_slice(json) else { continue };
            if !is_wanted(&line) {
                continue;
            }
            size = size.saturating_add(json.len());
            if found.lines.len() >= MAX_LINES || size > max_answer {
                found.more = true;
                break 'files;
            }
            found.lines.push(line);
        }
    }
    found.lines.reverse();
    Ok(found)
}

/// Whether a file ends within a line, because a crash or a full disk has cut that off.
fn is_cut_off(file: &File) -> io::Result<bool> {
    let Some(last) = file.metadata()?.len().checked_sub(1) else { return Ok(false) };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    Ok(byte != *b"\n")
}

/// Reserves room on the disk behind a file's end. Its length stays.
#[cfg(target_os = "linux")]
fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;
    let end = file.metadata()?.len();
    match fallocate(file, FallocateFlags::KEEP_SIZE, end, bytes) {
        // Not every file system can. Then a write may fail after a change, and the answer says so.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        reserved => Ok(reserved?),
    }
}

#[cfg(not(target_os = "linux"))]
fn reserve(_: &File, _: u64) -> io::Result<()> {
    Ok(())
}

/// When a line was written.
fn moment(line: &Line) -> Option<SystemTime> {
    humantime::parse_rfc3339(&line.time).ok()
}

/// The moment that `--since` names: a time such as `1h`, counted back from now, or a date, with or
/// without a time of the day.
pub(super) fn since(text: &str) -> Option<SystemTime> {
    if let Ok(ago) = humantime::parse_duration(text) {
        return SystemTime::now().checked_sub(ago);
    }
    let day = format!("{text}T00:00:00Z");
    let moment = humantime::parse_rfc3339_weak(text).or_else(|_| humantime::parse_rfc3339(&day));
    moment.ok()
}

/// The log's line. It has no `site`, so that what the site logs cannot push it out.
fn say(line: &Line) {
    let Line { by, site, change, .. } = line;
    let from = match (&line.from, line.uid) {
        (Some(address), _) => address.clone(),
        (None, Some(uid)) => format!("the control socket, user {uid}"),
        (None, None) => "the control socket".to_owned(),
    };
    let components = line.components.iter().map(|own| match &own.digest {
        Some(digest) => format!(" {} ({digest:.12})", own.plugin),
        None => format!(" {}", own.plugin),
    });
    let components: String = components.collect();
    let change = change.name();
    let why = line.why.as_deref().unwrap_or("the host has failed in it");
    match line.result {
        Outcome::Ok => tracing::info!(
            target: "audit", "{change} of `{site}` by {by}, from {from}:{components} ok"
        ),
        Outcome::Refused => tracing::warn!(
            target: "audit", "{change} of `{site}` by {by}, from {from}:{components} refused: {why}"
        ),
        Outcome::Failed => tracing::warn!(
            target: "audit", "{change} of `{site}` by {by}, from {from}:{components} failed: {why}"
        ),
    }
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn audit(root: &Path) -> Arc<Audit> {
        let path = root.join(STATE_FOLDER).join(FILE);
        Audit::at(path, root.to_owned(), true)
    }

    fn line(site: &str) -> Line {
        let mut line =
            Line::of(&Caller::Operator, Peer::Control(Some(7)), site, ChangeKind::Deploy);
        line.end(&Ok(Report::default()));
        line
    }

    async fn sites(audit: &Arc<Audit>, of: LinesOf) -> Vec<String> {
        let lines = audit.read(of, None).await.expect("it can be read");
        lines.lines.into_iter().map(|line| line.site).collect()
    }

    #[tokio::test]
    async fn a_file_that_somebody_moves_away_is_made_again_for_its_user_only() {
        let root = tempfile::tempdir().expect("a folder");
        let audit = audit(root.path());
        let reserved = audit.reserve().await.expect("there is room");
        audit.write_change(line("a"), reserved).await.expect("it is written");
        std::fs::rename(&audit.path, audit.numbered(1)).expect("it can be moved");
        audit.write_refusal(line("b")).await.expect("it is written");
        let mode = |path: &Path| path.metadata().expect("it is there").mode() & 0o777;
        assert_eq!(mode(&audit.path), 0o600);
        assert_eq!(sites(&audit, LinesOf::Everybody).await, ["a", "b"]);
        assert_eq!(sites(&audit, LinesOf::Site("b".to_owned())).await, ["b"]);

        let others = std::fs::Permissions::from_mode(0o666);
        std::fs::set_permissions(&audit.path, others).expect("it is ours");
        let again = super::tests::audit(root.path());
        again.write_refusal(line("c")).await.expect("it is written");
        assert_eq!(mode(&again.path), 0o600);
    }

    #[tokio::test]
    async fn a_line_that_was_cut_off_takes_no_other_with_it() {
        let root = tempfile::tempdir().expect("a folder");
        let audit = audit(root.path());
        audit.write_refusal(line("a")).await.expect("it is written");
        let mut file = OpenOptions::new().append(true).open(&audit.path).expect("it is ours");
        file.write_all(b"{\"time\":\"20").expect("it can be written");
        audit.write_refusal(line("b")).await.expect("it is written");
        assert_eq!(sites(&audit, LinesOf::Everybody).await, ["a", "b"]);
    }

    #[tokio::test]
    async fn lines_of_two_hosts_at_once_are_lines() {
        let root = tempfile::tempdir().expect("a folder");
        let both = [audit(root.path()), audit(root.path())];
        let writing = (0..100).map(|number| {
            let audit = both[number % 2].clone();
            tokio::spawn(async move { audit.write_refusal(line(&number.to_string())).await })
        });
        for written in writing.collect::<Vec<_>>() {
            written.await.expect("it ends").expect("it is written");
        }
        assert_eq!(sites(&both[0], LinesOf::Everybody).await.len(), 100);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn lines_of_refusals_do_not_take_the_room_of_changes_that_are_under_way() {
        let root = tempfile::tempdir().expect("a folder");
        let audit = audit(root.path());
        let has_room_for = |lines: u64| {
            let file = audit.path.metadata().expect("it is there");
            // `blocks` counts units of 512 bytes on every file system (stat(3type)).
            file.blocks() * 512 >= file.len() + lines * MAX_LINE
        };
        let (one, two) = (audit.reserve().await.unwrap(), audit.reserve().await.unwrap());
        for number in 0..200 {
            audit.write_refusal(line(&format!("{number:0>256}"))).await.expect("it is written");
        }
        assert!(has_room_for(2));
        // In the next file, too.
        let file = OpenOptions::new().write(true).open(&audit.path).expect("it is ours");
        file.set_len(MAX_FILE).expect("it can grow");
        audit.write_refusal(line("next")).await.expect("it is written");
        assert!(audit.numbered(1).exists() && has_room_for(2));
        audit.write_change(line("one"), one).await.expect("it is written");
        assert!(has_room_for(1));
        drop(two);
        assert_eq!(audit.running.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_file_that_is_being_read_does_not_keep_a_line_waiting() {
        let root = tempfile::tempdir().expect("a folder");
        let audit = audit(root.path());
        audit.write_refusal(line("a")).await.expect("it is written");
        let files = audit.files().expect("they can be opened");
        audit.write_refusal(line("b")).await.expect("it is written");
        std::fs::rename(&audit.path, audit.numbered(1)).expect("it can be moved");
        audit.write_refusal(line("c")).await.expect("it is written");
        let lines = lines_in(files, &LinesOf::Everybody, None).expect("they can be read");
        let sites: Vec<_> = lines.lines.iter().map(|line| &*line.site).collect();
        assert_eq!(sites, ["a", "b"], "those of the files that were there");
    }

    #[tokio::test]
    async fn what_is_not_a_file_is_no_audit() {
        let root = tempfile::tempdir().expect("a folder");
        let audit = audit(root.path());
        std::fs::create_dir_all(&audit.path).expect("it can be made");
        let refused = audit.reserve().await.err().expect("it is a folder");
        assert!(format!("{refused:#}").contains("audit.log"), "{refused:#}");
    }

    #[test]
    fn a_line_names_a_few_components_and_counts_the_others() {
        let given = (0..20).map(|number| (format!("routes/{number}.wasm"), "x".into()));
        let mut line = line("a");
        line.name_given(&given.collect());
        assert_eq!((line.components.len(), line.more_components), (8, 12));
        assert!(line.components.iter().all(|own| own.digest == Some(Digest::of(b"x"))));
    }

    #[test]
    fn since_is_a_time_ago_or_a_moment() {
        for text in ["1h", "30m", "2026-01-31", "2026-01-31T12:00:00Z", "2026-01-31 12:00:00"] {
            assert!(
                since(text).is_some_and(|since| since < SystemTime::now() || text > "2"),
                "{text}"
            );
        }
        for text in ["", "soon", "1", "2026", "99999999999999y", "2026-13-01"] {
            assert_eq!(since(text), None, "{text}");
        }
    }
}
