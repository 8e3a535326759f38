//! Sends arbitrary bytes to the real listeners of the admin, of a host in this process.
//!
//! The fuzz target and a test of every build run this. The first byte of an input says where it
//! comes from ([`Door`]) and in which pieces; the rest is sent, with these words replaced:
//! `{token}` by the token, or by another one where the door has none; `{component}` by a component;
//! `{length}` by the number of bytes behind the next empty line.
//!
//! After each input: nothing has panicked; the connection has ended, and the host answers; nothing
//! lies outside of the folders of components; without the token, nothing was answered but refusals,
//! and nothing has changed.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lithe_host::internals::admin::Listeners;
use lithe_host::internals::plugin::{Cache, Compiling, Loader};
use lithe_host::internals::runtime::Runtime;
use lithe_host::internals::site::{Root, Sites};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{sleep, timeout};

/// Longer than any input needs on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// After so long without an answer, the client says that it has said all.
const QUIET: Duration = Duration::from_millis(5);

/// No input has it, for it is never shown.
const TOKEN: &str = "the-token-of-the-fuzz-target";

/// As long, and wrong.
const WRONG: &str = "not-token-of-the-fuzz-target";

/// What the site is before each input.
const SETTINGS: &str =
    "[admin]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"token\"\nbody = \"1 MiB\"\n";

/// Where deploys may write.
const WRITTEN: [&str; 4] = ["routes", "plugins", "middleware", ".lithe"];

/// Where an input comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// The address, by somebody without the token.
    Stranger,
    /// The address, by somebody who has it.
    Address,
    /// The socket of the host's user.
    Control,
}

/// A host with a site, and its admin's listeners.
pub(crate) struct Admin {
    component: Vec<u8>,
    cache: PathBuf,
    engine: Arc<Runtime>,
    host: Mutex<Started>,
}

struct Started {
    threads: tokio::runtime::Runtime,
    outer: TempDir,
    sites: Arc<Sites>,
    address: SocketAddr,
}

type Contents = BTreeMap<PathBuf, Vec<u8>>;

/// The name of the host's threads.
const THREADS: &str = "fuzzed-admin";

/// Of the host's threads: those included that a task hides.
static PANICS: AtomicUsize = AtomicUsize::new(0);

impl Admin {
    /// Starts a host, and keeps what is compiled in `cache`.
    pub(crate) fn start(component: &Path, cache: &Path) -> Self {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().name() == Some(THREADS) {
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
            before(info);
        }));
        let component = fs::read(component).expect("the component has been built");
        let engine = Arc::new(Runtime::new().expect("the system has the addresses"));
        let host = Mutex::new(Started::new(&component, cache, &engine));
        Self { component, cache: cache.to_owned(), engine, host }
    }

    /// Sends an input.
    ///
    /// # Panics
    /// The host does, or it does what it must not.
    pub(crate) fn hear(&self, input: &[u8]) {
        let Some((&how, said)) = input.split_first() else { return };
        let door = match how & 3 {
            0 => Door::Stranger,
            1 => Door::Control,
            _ => Door::Address,
        };
        let piece = if how & 4 == 0 { usize::MAX } else { usize::from(how >> 3) + 1 };
        let said = self.filled(said, if door == Door::Stranger { WRONG } else { TOKEN });
        let mut host = self.host.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = host.contents();
        let (heard, status) = host.threads.block_on(async {
            let heard = timeout(DEADLINE, host.talk(door, &said, piece)).await;
            let heard = heard.expect("the connection ends soon");
            // It waits for what is being changed.
            host.ask("POST /drop").await;
            (heard, host.ask("GET /status").await)
        });
        assert!(status.starts_with(b"HTTP/1.1 200"), "{}", status.escape_ascii());
        assert_eq!(PANICS.swap(0, Ordering::Relaxed), 0, "the host panicked");
        let after = host.contents();
        if door == Door::Stranger {
            for success in ["HTTP/1.1 2", "HTTP/1.0 2"] {
                let mut windows = heard.windows(success.len());
                let is_refused = !windows.any(|window| window == success.as_bytes());
                assert!(is_refused, "{}", heard.escape_ascii());
            }
            assert_eq!(before, after, "a stranger has changed something");
        }
        for path in after.keys().filter(|path| !before.contains_key(*path)) {
            let mut place = path.iter();
            let is_site = place.next().is_some_and(|name| name == "site");
            let part = place.next().and_then(|part| part.to_str()).unwrap_or_default();
            assert!(is_site && WRITTEN.contains(&part), "{} was written", path.display());
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            assert!(!name.starts_with('.') || part == ".lithe", "{} is left", path.display());
        }
        if before != after {
            // Each input finds the same.
            host.sites.server().stop().cancel();
            let started = Started::new(&self.component, &self.cache, &self.engine);
            std::mem::replace(&mut *host, started).threads.shutdown_background();
        }
    }

    /// An input with its words replaced.
    fn filled(&self, input: &[u8], token: &str) -> Vec<u8> {
        let input = replaced(input, b"{token}", |_| token.as_bytes().to_vec());
        let input = replaced(&input, b"{component}", |_| self.component.clone());
        replaced(&input, b"{length}", |rest| {
            let body = find(rest, b"\r\n\r\n").map_or(0, |at| rest.len() - at - 4);
            body.to_string().into_bytes()
        })
    }
}

impl Started {
    fn new(component: &[u8], cache: &Path, engine: &Arc<Runtime>) -> Self {
        let outer = tempfile::tempdir().expect("the folder can be made");
        let site = outer.path().join("site");
        for (file, content) in [
            ("routes/a.wasm", component),
            ("lithe.toml", SETTINGS.as_bytes()),
            ("token", TOKEN.as_bytes()),
        ] {
            let path = site.join(file);
            fs::create_dir_all(path.parent().expect("it is below")).expect("it can be made");
            fs::write(path, content).expect("it can be written");
        }
        let mut threads = tokio::runtime::Builder::new_multi_thread();
        threads.worker_threads(1).thread_name(THREADS).enable_all();
        let threads = threads.build().expect("the system has what a runtime needs");
        let (sites, address) = threads.block_on(async {
            let root = Root::open(&site).expect("it is a site");
            let cache = Cache::open(cache.to_owned()).expect("the folder can be made");
            let bounds = root.config().compile.clone();
            let loader = Loader::new(engine.clone(), cache, Compiling::Here, bounds);
            let progress = Arc::new(|| -> Box<dyn Fn(&str) + Send + Sync> { Box::new(|_| {}) });
            let sites = Sites::new(&root, loader, progress).expect("one site needs no threads");
            let listeners = Listeners::open(&root).await.expect("there is a port");
            let address = listeners.address().expect("the settings name one");
            tokio::spawn(listeners.serve(sites.clone()));
            sites.load(root).await.expect("the site is right");
            (sites, address)
        });
        Self { threads, outer, sites, address }
    }

    async fn talk(&self, door: Door, said: &[u8], piece: usize) -> Vec<u8> {
        match door {
            Door::Control => {
                let control = self.outer.path().join("site/.lithe/control");
                let stream = UnixStream::connect(control).await;
                talk(stream.expect("the host listens"), said, piece).await
            }
            Door::Stranger | Door::Address => {
                let stream = TcpStream::connect(self.address).await;
                talk(stream.expect("the host listens"), said, piece).await
            }
        }
    }

    /// Asks as the host's user.
    async fn ask(&self, request: &str) -> Vec<u8> {
        let control = self.outer.path().join("site/.lithe/control");
        let request = format!("{request} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let ask = async {
            let mut stream = UnixStream::connect(control).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        timeout(DEADLINE, ask).await.expect("the host answers").expect("the host answers")
    }

    /// All files beside and in the site, but for the host's own.
    fn contents(&self) -> Contents {
        let (mut contents, mut folders) = (Contents::new(), vec![self.outer.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("it can be read") {
                let path = entry.expect("it can be read").path();
                if path.is_dir() {
                    // The host's own: what was served before, and its socket.
                    if !path.ends_with("site/.lithe") {
                        folders.push(path);
                    }
                    continue;
                }
                let content = fs::read(&path).expect("it can be read");
                let path = path.strip_prefix(self.outer.path()).expect("it is below");
                contents.insert(path.to_owned(), content);
            }
        }
        contents
    }
}

/// Says all, and hears all.
async fn talk<S: AsyncRead + AsyncWrite>(stream: S, said: &[u8], piece: usize) -> Vec<u8> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let heard = std::cell::RefCell::new(Vec::new());
    let listen = async {
        let mut buffer = [0; 4096];
        // An error is an end.
        while let Ok(count @ 1..) = reader.read(&mut buffer).await {
            heard.borrow_mut().extend_from_slice(&buffer[..count]);
        }
    };
    let say = async {
        for piece in said.chunks(piece.min(said.len().max(1))) {
            // The host may have ended the connection.
            if writer.write_all(piece).await.is_err() {
                break;
            }
        }
        let mut before = usize::MAX;
        while before != heard.borrow().len() {
            before = heard.borrow().len();
            sleep(QUIET).await;
        }
        let _ = writer.shutdown().await;
        std::future::pending::<()>().await
    };
    tokio::select! {
        () = listen => {}
        () = say => {}
    }
    heard.into_inner()
}

fn replaced(text: &[u8], word: &[u8], by: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let (mut all, mut rest) = (Vec::new(), text);
    while let Some(at) = find(rest, word) {
        all.extend_from_slice(&rest[..at]);
        rest = &rest[at + word.len()..];
        all.extend(by(rest));
    }
    all.extend_from_slice(rest);
    all
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}
