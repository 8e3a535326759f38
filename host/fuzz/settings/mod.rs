//! Puts arbitrary bytes into a `lithe.toml`, for what reads them and what computes with them.
//!
//! The fuzz target and a test of every build run this. Bytes that are settings are served with: the
//! site is loaded, and answers a request on a real port, or refuses it.
//!
//! After each input: nothing has panicked, and it was over soon; settings are in their ranges; an
//! error names the place in the file, and is not much longer than the file.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use lithe_host::internals::config::{self, Caps, Config, HostConfig, SiteConfig};
use lithe_host::internals::files::Folder;
use lithe_host::internals::plugin::{Cache, Compiling, Loader};
use lithe_host::internals::runtime::Runtime;
use lithe_host::internals::site::{Root, Sites};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Longer than any input needs on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// How long an answer is waited for. Settings may have one take a day.
const ANSWER_TIME: Duration = Duration::from_millis(500);

/// The longest time, size and count of all settings.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const LARGEST: ByteSize = ByteSize::gib(1024);
const MOST: usize = 10_000_000;

/// What an error has at the most, besides the line that it shows.
const MAX_ERROR: usize = 8 * 1024;

/// What an error names that is about two settings, and so has no place.
const TOGETHER: [&str; 6] = [
    "`limits.outbound`",
    "`replicas`",
    "`auto_response`",
    "`admin.listen`",
    "[tenants.sites",
    "[tenants.tokens",
];

/// A site with one route, whose settings are the inputs.
pub(crate) struct Settings {
    site: TempDir,
    cache: PathBuf,
    engine: Arc<Runtime>,
}

/// Of the threads that are counted.
static PANICS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Others run other tests.
    static IS_COUNTED: Cell<bool> = const { Cell::new(false) };
}

/// Counts the panics of the threads that serve, those included that a task hides.
fn count_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if IS_COUNTED.get() {
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
            before(info);
        }));
    });
}

impl Settings {
    /// Makes the site, with `routes/a.wasm`, `data`, `public` and `secrets/token`, and keeps the
    /// compiled component in `cache`.
    pub(crate) fn new(component: &Path, cache: &Path) -> Self {
        count_panics();
        let site = tempfile::tempdir().expect("the folder can be made");
        for folder in ["routes", "data", "public", "secrets"] {
            fs::create_dir(site.path().join(folder)).expect("the folder can be made");
        }
        fs::copy(component, site.path().join("routes/a.wasm")).expect("the component is built");
        fs::write(site.path().join("public/index.html"), "page").expect("it can be written");
        fs::write(site.path().join("secrets/token"), "secret").expect("it can be written");
        let engine = Arc::new(Runtime::new().expect("the system has the addresses"));
        Self { site, cache: cache.to_owned(), engine }
    }

    /// Reads an input, and serves with it if it is right.
    ///
    /// # Panics
    /// The host does, or a promise about settings is not kept.
    pub(crate) fn read(&self, input: &[u8]) {
        let begun = Instant::now();
        IS_COUNTED.set(true);
        fs::write(self.site.path().join(config::FILE_NAME), input).expect("it can be written");
        let folder = Folder::open(self.site.path()).expect("the folder is there");
        let site = SiteConfig::load(&folder, &Caps::default());
        let several = [HostConfig::load(&folder).err(), site.err()];
        match Config::load(&folder) {
            Ok(config) => {
                check_ranges(&config);
                check_caps(&config, &folder);
                self.serve();
            }
            Err(error) => {
                check_refusal(input, &format!("{error:#}"));
                // Nor is it right for a host of several sites, or for one of these.
                assert!(several.iter().all(Option::is_some), "{error:#}");
            }
        }
        assert_eq!(PANICS.swap(0, Ordering::Relaxed), 0, "the host panicked");
        assert!(begun.elapsed() < DEADLINE, "it took {:?}", begun.elapsed());
    }

    /// Loads the site, and asks it for its route and its page.
    fn serve(&self) {
        let Ok(root) = Root::open(self.site.path()) else { return };
        // What is still waiting at the end goes with its threads.
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .on_thread_start(|| IS_COUNTED.set(true))
            .enable_all()
            .build();
        let threads = threads.expect("the system has what a runtime needs");
        threads.block_on(async {
            let served = timeout(DEADLINE, self.serve_root(root)).await;
            served.expect("what is right is served, or is not, and that ends soon");
        });
        threads.shutdown_background();
    }

    async fn serve_root(&self, root: Root) {
        let cache = Cache::open(self.cache.clone()).expect("the folder can be made");
        let bounds = root.config().compile.clone();
        let loader = Loader::new(self.engine.clone(), cache, Compiling::Here, bounds);
        let progress = Arc::new(|| -> Box<dyn Fn(&str) + Send + Sync> { Box::new(|_| {}) });
        let sites = Sites::new(&root, loader, progress).expect("one site needs no threads");
        // Other settings may fit together badly: that is an error.
        if sites.load(root).await.is_err() {
            return;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
        let address = listener.local_addr().expect("it has an address");
        let asked = async {
            for path in ["/a", "/"] {
                // It may close the connection, or take its time.
                let _ = timeout(ANSWER_TIME, async {
                    let mut stream = TcpStream::connect(address).await?;
                    let request =
                        format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
                    stream.write_all(request.as_bytes()).await?;
                    stream.read_to_end(&mut Vec::new()).await
                })
                .await;
            }
        };
        // What is open when it stops may stay for a day.
        let server = sites.server().clone();
        let _ = timeout(2 * ANSWER_TIME + DEADLINE / 4, server.run(listener, asked)).await;
        // Otherwise plugins and their instances keep each other, as they do for as long as a site
        // is served.
        for site in server.sites() {
            site.traffic().plugins().for_each(|plugin| plugin.end());
        }
    }
}

fn check_ranges(config: &Config) {
    let HostConfig { host, server, admin, compile, tenants } = &config.host;
    let SiteConfig { deflate, limits, swap, plugin, .. } = &config.site;
    let times = [
        limits.event_cpu,
        limits.request_cpu,
        limits.request_time,
        limits.message_time,
        limits.close_time,
        limits.ping_interval,
        limits.pong_time,
        limits.idle_time,
        limits.idle_after,
        server.header_time,
        server.body_time,
        server.write_time,
        server.shutdown_time,
        swap.drain_time,
        swap.watch_time,
        compile.time,
    ];
    assert!(times.iter().all(|time| *time <= LONGEST), "{times:?}");
    let sizes = [
        host.memory,
        limits.memory,
        limits.site_memory,
        limits.uri,
        limits.headers,
        limits.body,
        limits.response,
        limits.message,
        limits.outbound,
        limits.attachment,
        limits.log_per_second,
        limits.folder_size,
        limits.state,
        admin.body,
        compile.component,
        compile.memory,
    ];
    let folders = plugin.values().flat_map(|plugin| plugin.folders.values());
    let mut sizes = sizes.into_iter().chain(folders.filter_map(|folder| folder.size));
    assert!(sizes.all(|size| size <= LARGEST), "{config:?}");
    let counts = [
        limits.table_elements,
        limits.instances,
        limits.queue,
        limits.sockets,
        limits.requests_per_second,
        limits.connections,
        limits.messages_per_second,
        limits.topics,
        limits.files,
        limits.timers,
        server.connections,
        server.client_connections,
        swap.keep,
    ];
    assert!(counts.iter().all(|count| *count <= MOST), "{counts:?}");
    let own = tenants.sites.keys().map(|site| tenants.shares_of(site));
    let own = own.flat_map(|(cpu, pool)| [cpu, pool]);
    let shares = [swap.max_failures, swap.max_errors, tenants.cpu_share, tenants.pool_share];
    for share in shares.into_iter().chain(own) {
        assert!((0.0..=1.0).contains(&share), "{share}");
    }
    assert!((9..=15).contains(&deflate.window_bits), "{}", deflate.window_bits);
}

/// Under caps, a site is refused, or has no more than they allow.
fn check_caps(config: &Config, folder: &Folder) {
    let tenants = &config.host.tenants;
    for site in tenants.sites.keys().map(String::as_str).chain(["a"]).take(8) {
        let caps = tenants.caps_of(site);
        let mut own = config.site.clone();
        drop(caps.lower(&mut own));
        assert_eq!(caps.lower(&mut own), [], "what was lowered is within the caps");
        if let Ok((mut held, _)) = SiteConfig::load(folder, &caps) {
            assert_eq!(caps.lower(&mut held), [], "what is accepted is within the caps");
        }
    }
}

fn check_refusal(input: &[u8], error: &str) {
    assert!(error.len() <= 16 * input.len() + MAX_ERROR, "an error of {} bytes", error.len());
    let has_place = error.contains("line ") && error.contains(", column ");
    let is_about_two = TOGETHER.iter().any(|names| error.contains(names));
    let is_text = std::str::from_utf8(input).is_ok() && input.len() <= 1024 * 1024;
    assert!(has_place || is_about_two || !is_text, "it names no place: {error}");
}
