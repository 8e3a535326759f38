//! Makes a site's folder of arbitrary files and links, for what looks at it before a component
//! runs: the scan, the index of public files, grants, the watcher, and what tidies up after broken
//! deploys.
//!
//! The fuzz target and a test of every build run this. An input is a [program](build) that makes
//! the folder: names of all kinds, links to everywhere, pipes, circles, depth.
//!
//! After each input: nothing has panicked or waited; nothing outside of the site's folder was
//! changed or came to be served, read or granted; a second look finds the same.

mod build;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use http::Request;
use http_body_util::BodyExt as _;
use lithe_host::internals::capability::grants::{Grants, SecretsRoom};
use lithe_host::internals::config::{Config, SecretSource};
use lithe_host::internals::files::Folder;
use lithe_host::internals::pipeline::Public;
use lithe_host::internals::plugin::Account;
use lithe_host::internals::site::{self, Root, Watcher};
use tempfile::TempDir;

use build::Made;

/// In each file outside of the site.
const CANARY: &str = "canary-of-a-neighbour";

/// Longer than any input needs on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// Names below `outside/`. Two of them look like leftovers of a deploy.
const OUTSIDE: [&str; 9] = [
    "secret.txt",
    "index.html",
    "lithe.toml",
    "routes/canary.wasm",
    "routes/.tmp-lithe-0000000000000000",
    "public/index.html",
    "data/file",
    ".lithe/deploy.txt",
    ".tmpAbC123",
];

/// What of a site is never granted.
const PARTS: [&str; 5] = ["routes", "plugins", "middleware", "public", ".lithe"];

/// More than any file that is made.
const MAX_READ: ByteSize = ByteSize::mib(1);

/// Files below `public/` that are asked for.
const MAX_ASKED: usize = 100;

thread_local! {
    static PANICS: Cell<usize> = const { Cell::new(0) };
}

/// Runs inputs, each in a folder of its own.
pub(crate) struct Folders {
    threads: tokio::runtime::Runtime,
}

impl Default for Folders {
    fn default() -> Self {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            before(info);
        }));
        let threads = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self { threads: threads.expect("the system has what a runtime needs") }
    }
}

impl Folders {
    /// Makes a folder, and looks at it.
    ///
    /// # Panics
    /// The host does, or something outside of the folder was reached.
    pub(crate) fn look(&self, program: &[u8]) {
        let begun = Instant::now();
        PANICS.set(0);
        let outer = tempfile::tempdir().expect("the folder can be made");
        let outside = outer.path().join("outside");
        for name in OUTSIDE {
            let path = outside.join(name);
            fs::create_dir_all(path.parent().expect("it is below")).expect("it can be made");
            fs::write(path, CANARY).expect("it can be written");
        }
        let root = outer.path().join("site");
        let made = build::site(&root, &outside, program);
        let before = contents(&outside);

        let first = self.see(&outer, &root, &made);
        let again = self.see(&outer, &root, &made);
        assert_eq!(first, again, "another look finds something else");

        // What is broken off is completed or refused; then nothing is left to do.
        let _ = site::recover(&root);
        site::clean(&root);
        let tidied = contents(&root);
        let _ = site::recover(&root);
        site::clean(&root);
        assert_eq!(tidied, contents(&root), "tidying up twice does more than once");
        self.see(&outer, &root, &made);

        assert_eq!(before, contents(&outside), "something outside has changed");
        let mut names: Vec<_> = fs::read_dir(outer.path())
            .expect("it can be read")
            .map(|entry| entry.expect("it can be read").file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["outside", "site"], "something came to be beside the site");
        assert_eq!(PANICS.get(), 0, "the host panicked");
        assert!(begun.elapsed() < DEADLINE, "it took {:?}", begun.elapsed());
    }

    /// All that the host sees of the site, in words.
    fn see(&self, outer: &TempDir, root: &Path, made: &Made) -> String {
        let _enter = self.threads.enter();
        let _watched = Watcher::new(root, &[]);
        let folder = Folder::open(root).expect("the site is there");
        // Where the temporary folder is says nothing about the site.
        let shown = |text: String| text.replace(&*outer.path().to_string_lossy(), "OUTER");
        let scanned = site::components(&folder);
        for found in scanned.iter().flatten() {
            let content = folder.read(&found.file, MAX_READ);
            assert!(!has_canary(&content.unwrap_or_default()), "{} is foreign", found.file);
        }
        let opened = Root::open(root).map(|root| root.has_many());
        let served = self.threads.block_on(served(root, made));
        let granted = granted(root, &folder);
        let scanned = scanned.map_err(|error| format!("{error:#}"));
        let opened = opened.map_err(|error| format!("{error:#}"));
        shown(format!("{scanned:?}\n{opened:?}\n{served:?}\n{granted:?}"))
    }
}

/// What `public/` answers, by the paths that are asked for.
async fn served(root: &Path, made: &Made) -> BTreeMap<String, Option<(u16, Vec<u8>)>> {
    let mut answers = BTreeMap::new();
    let Ok(public) = Public::open("fuzz".into(), root.to_owned()) else { return answers };
    let account = Account::new("fuzz".into());
    let own = root.join("public").canonicalize().ok();
    for asked in asked(root) {
        let Ok(request) = Request::get(&asked).body(()) else { continue };
        let Ok(path) = lithe_router::Path::parse(request.uri().path()) else { continue };
        let decoded = path.decoded();
        let response = match public.serve(&request, &path, &decoded, account.memory()) {
            Some(serving) => serving.await,
            None => None,
        };
        let Some(response) = response else {
            answers.insert(asked, None);
            continue;
        };
        let status = response.status().as_u16();
        let body = response.into_body().collect().await;
        let body = body.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
        assert!(!has_canary(&body), "`{asked}` is foreign");
        // A hard link has two places, and says one of them.
        if let Some(place) = made.place_of(&body).filter(|_| !made.has_hard_links) {
            let own = own.as_ref().expect("there is a folder, for it has a file");
            let is_own = root.join(place).canonicalize().is_ok_and(|file| file.starts_with(own));
            assert!(is_own, "`{asked}` is `{}`, not public", place.display());
        }
        answers.insert(asked, Some((status, body)));
    }
    answers
}

/// Paths of requests: of all that is in `public/`, and of what links there might lead to.
fn asked(root: &Path) -> Vec<String> {
    let (mut asked, mut folders) = (vec!["/".to_owned()], vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(root.join("public").join(&folder)).into_iter().flatten();
        let mut entries: Vec<_> = entries.flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = folder.join(entry.file_name());
            if asked.len() > MAX_ASKED {
                return asked;
            }
            let encoded = encoded(&path);
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                asked.push(format!("{encoded}/"));
                folders.push(path);
            } else if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                asked.extend(OUTSIDE.map(|name| format!("{encoded}/{name}")));
                asked.push(format!("{encoded}/token"));
            }
            asked.push(encoded);
        }
    }
    asked
}

/// The path of a request for a path below `public/`.
fn encoded(path: &Path) -> String {
    let byte = |byte: u8| match byte {
        b'/' => "/".to_owned(),
        byte => format!("%{byte:02x}"),
    };
    let path = path.as_os_str().as_encoded_bytes();
    std::iter::once("/".to_owned()).chain(path.iter().copied().map(byte)).collect()
}

/// What the site's own settings grant.
fn granted(root: &Path, folder: &Folder) -> Vec<String> {
    let config = match Config::load(folder) {
        Ok(config) => config.site,
        Err(error) => return vec![format!("{error:#}")],
    };
    let account = Account::new("fuzz".into());
    let mut room = SecretsRoom::default();
    let grants = config.plugin.values().map(|plugin| {
        let resolved = Grants::resolve(plugin, folder, &account, &mut room, |_| false);
        if resolved.is_ok() {
            let files = plugin.secrets.values().filter_map(|source| match source {
                SecretSource::File(path) => Some(path),
                SecretSource::Host(_) => None,
            });
            files.for_each(|path| drop(inside(root, path)));
            for granted in plugin.folders.values() {
                let real = inside(root, &granted.path);
                for part in PARTS.iter().filter_map(|part| root.join(part).canonicalize().ok()) {
                    let is_apart = !real.starts_with(&part) && !part.starts_with(&real);
                    // A part that is a link out of the site, or to the site itself, is not served
                    // from.
                    let own = root.canonicalize().expect("it is there");
                    let is_served = part.starts_with(&own) && part != own;
                    assert!(is_apart || !is_served, "`{}` is granted", real.display());
                }
            }
        }
        format!("{:?}", resolved.map_err(|error| format!("{error:#}")))
    });
    grants.collect()
}

/// The real path of what is granted.
fn inside(root: &Path, path: &Path) -> PathBuf {
    let own = root.canonicalize().expect("it is there");
    let real = root.join(path).canonicalize().expect("what is granted is there");
    assert!(real.starts_with(&own) && real != own, "`{}` is granted", real.display());
    real
}

/// All that is in a folder: what each name is, and what a file holds.
fn contents(folder: &Path) -> BTreeMap<PathBuf, (u64, u32, i64, Vec<u8>)> {
    let (mut contents, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(metadata) = path.symlink_metadata() else { continue };
            let content = match metadata.is_file() {
                true => fs::read(&path).unwrap_or_default(),
                false => Vec::new(),
            };
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            // A folder's time may change where something was made and removed.
            let modified = if metadata.is_file() { metadata.mtime_nsec() } else { 0 };
            contents.insert(path, (metadata.ino(), metadata.mode(), modified, content));
        }
    }
    contents
}

fn has_canary(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes())
}
