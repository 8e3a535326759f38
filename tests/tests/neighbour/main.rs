//! A site that does its worst, beside one that is well: the neighbour is answered rightly and soon.
//!
//! Each kind of misbehaviour is a function that goes on until it is dropped; [`KINDS`] lists them.
//!
//! The neighbour's time is measured in pairs, without the misbehaviour and with it. Where the
//! misbehaviour needs many requests, as many clients ask for something ordinary in the first half:
//! both halves have load, and what differs is what the site does. The clients have processors of
//! their own, apart from the host's.
//!
//! Other programs may use the machine during one half of a pair, so a pair over the bound is
//! measured again: a host that is at fault is over it each time. Where other programs leave too
//! little of the machine all the time, the ratio says nothing about the host, and only
//! [`WORST_P99`] is asserted.
//!
//! `LITHE_HOSTILE_SECONDS=60` makes each half longer: a minute for all kinds together. What it
//! measures is printed (`cargo test --release -p lithe-tests --test neighbour -- --nocapture`).

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test panics if something is not as expected"
)]

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ComparedWith::{Nothing, Requests};
use futures_util::FutureExt as _;
use futures_util::future::{LocalBoxFuture, join_all};
use http::Request;
use lithe_host::internals::runtime::step_back;
use lithe_tests::artifacts::{
    BENCH_HELLO, FILES_ROUTE, FILES_SESSION, HOSTILE_HOOKS, SWAP_HEALTH_HANGS, SWAP_V1, TRAP_HTTP,
};
use lithe_tests::components::{slow_to_compile, tagged};
use lithe_tests::{Client, Frame, Signal, TestHost, percentile};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

/// A name, what it is compared with, and what is done under it.
type Kind = (&'static str, ComparedWith, Act);

type Act = fn(Hostile) -> LocalBoxFuture<'static, ()>;

/// How long the neighbour's answers took without the misbehaviour.
#[derive(Clone, Copy, Debug)]
enum ComparedWith {
    /// Nothing else was asked: the misbehaviour needs few requests.
    Nothing,
    /// As many clients asked for something ordinary as often as they could: the misbehaviour needs
    /// many requests, which are work for any host.
    Requests,
}

const KINDS: [Kind; 14] = [
    ("endless loops in requests", Nothing, |at| loops_in_requests(at).boxed_local()),
    ("endless loops in sessions", Nothing, |at| loops_in_sessions(at).boxed_local()),
    ("a trap for each request", Requests, |at| traps(at).boxed_local()),
    ("memory up to the limit", Nothing, |at| memory(at).boxed_local()),
    ("floods of log lines", Nothing, |at| floods_the_log(at).boxed_local()),
    ("bodies that are wrong or never end", Requests, |at| bad_uploads(at).boxed_local()),
    ("heads that never end", Nothing, |at| half_requests(at).boxed_local()),
    ("sockets that never read", Nothing, |at| never_reads(at).boxed_local()),
    ("sockets that wait for an hour", Nothing, |at| waits_for_long(at).boxed_local()),
    ("files and folders, opened, listed and read", Requests, |at| opens_files(at).boxed_local()),
    ("many ranges, and pipes", Requests, |at| odd_public_files(at).boxed_local()),
    ("broken components and settings", Nothing, |at| breaks_its_files(at).boxed_local()),
    ("health checks that never end", Nothing, |at| hangs_in_health(at).boxed_local()),
    ("components that take long to compile", Requests, |at| compiles(at).boxed_local()),
];

/// Clients that do the same at once.
const CLIENTS: usize = 8;

/// How long a hostile client waits for an answer before it begins again.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the neighbour's answers take at the most, on a machine that is busy with other programs,
/// too. A host that a site can hold up for as long as the site's own limits allow takes longer.
const WORST_P99: Duration = Duration::from_secs(5);

/// The part of the machine that has to be idle beside the neighbour alone, for a ratio to say
/// something.
const MIN_IDLE: f64 = 0.2;

/// How much longer the neighbour's 99th percentile may take with the misbehaviour than without. A
/// host that is not optimised uses several times the processor for the other site.
const MAX_RATIO: f64 = if cfg!(debug_assertions) { 4.0 } else { 2.0 };

/// Pairs that are measured until one is within that.
const PAIRS: usize = 10;

/// The host's own: what a site is still at then does not keep the host from ending.
const HOST_SETTINGS: &str = "[server]\nshutdown_time = \"1s\"\n";

const GOOD: &str = "good.test";
const BAD: &str = "bad.test";

/// The worst that a site may allow itself.
const BAD_SETTINGS: &str = "[limits]\nrequest_cpu = \"10s\"\nevent_cpu = \"10s\"\n\
                            [plugin.\"routes/own.wasm\"]\nscope = \"connection\"\n\
                            [plugin.\"routes/files.wasm\"]\n\
                            folders = { \"/d\" = { path = \"d\", write = true } }\n";

/// How many files are in the hostile site's folder.
const FILES: usize = 1_000;

/// Where the hostile site is, and how often it has misbehaved.
#[derive(Clone, Debug)]
struct Hostile {
    address: SocketAddr,
    folder: PathBuf,
    done: Arc<AtomicU64>,
}

impl Hostile {
    /// Does the same again and again, in so many clients. What comes of it is the host's business.
    async fn repeats(&self, clients: usize, once: impl AsyncFn(usize) -> io::Result<()>) {
        let client = async |client: usize| {
            for number in 0.. {
                // A host that refuses or closes is right.
                let _ = timeout(PATIENCE, once(client + clients * number)).await;
                self.done.fetch_add(1, Ordering::Relaxed);
                // A refusal comes at once.
                tokio::task::yield_now().await;
            }
        };
        join_all((0..clients).map(client)).await;
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        TcpStream::connect(self.address).await
    }

    /// Sends this, and reads until the host ends the connection.
    async fn asks(&self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let mut stream = self.connect().await?;
        stream.write_all(bytes.as_ref()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(())
    }

    /// Sends this on so many connections, and reads nothing that comes.
    async fn holds(&self, connections: usize, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let mut streams = Vec::new();
        for _ in 0..connections {
            let mut stream = self.connect().await?;
            stream.write_all(bytes.as_ref()).await?;
            streams.push(stream);
        }
        sleep(PATIENCE / 4).await;
        Ok(())
    }

    async fn gets(&self, path: &str) -> io::Result<()> {
        self.asks(format!("GET {path} HTTP/1.1\r\nhost: {BAD}\r\nconnection: close\r\n\r\n")).await
    }
}

/// A handshake, and what is said after it.
fn handshake(path: &str, text: &str) -> Vec<u8> {
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: {BAD}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    [head.into_bytes(), Frame::text(text).masked()].concat()
}

/// What the others are compared with: clients in the same number, which ask as often as they can.
async fn ordinary(at: Hostile) {
    at.repeats(CLIENTS, async |_| at.gets("/do?how=ok").await).await;
}

async fn loops_in_requests(at: Hostile) {
    at.repeats(CLIENTS, async |_| at.gets("/do?how=loop").await).await;
}

async fn loops_in_sessions(at: Hostile) {
    at.repeats(CLIENTS, async |_| at.asks(handshake("/own", "loop")).await).await;
}

async fn traps(at: Hostile) {
    at.repeats(CLIENTS, async |_| at.gets("/do?how=panic").await).await;
}

async fn memory(at: Hostile) {
    at.repeats(CLIENTS, async |_| at.gets("/do?how=memory").await).await;
}

async fn floods_the_log(at: Hostile) {
    at.repeats(CLIENTS, async |_| at.gets("/do?how=print").await).await;
}

async fn bad_uploads(at: Hostile) {
    let post = format!("POST /do HTTP/1.1\r\nhost: {BAD}\r\n");
    at.repeats(CLIENTS, async |number| {
        let mut stream = at.connect().await?;
        let (head, body, times) = match number % 5 {
            0 => ("content-length: 1000000000", "x".repeat(64 * 1024), 100),
            1 => ("transfer-encoding: chunked", "1\r\nx\r\n".repeat(1_000), 1_000),
            2 => ("transfer-encoding: chunked", "ffffffffffffffffff\r\n".to_owned(), 1),
            3 => ("content-length: 5\r\ncontent-length: 6", "hello".to_owned(), 1),
            _ => ("content-length: 1000", "x".to_owned(), 1),
        };
        stream.write_all(format!("{post}{head}\r\n\r\n").as_bytes()).await?;
        for _ in 0..times {
            stream.write_all(body.as_bytes()).await?;
        }
        let mut answer = [0; 1024];
        stream.read(&mut answer).await.map(|_| ())
    })
    .await;
}

async fn half_requests(at: Hostile) {
    let half = format!("GET / HTTP/1.1\r\nhost: {BAD}\r\nx-a: ");
    at.repeats(CLIENTS, async |_| at.holds(20, &half).await).await;
}

async fn never_reads(at: Hostile) {
    let flood = handshake("/hooks", "flood:60");
    let large = format!("GET /large HTTP/1.1\r\nhost: {BAD}\r\n\r\n");
    at.repeats(CLIENTS, async |number| match number % 2 {
        0 => at.holds(4, &flood).await,
        _ => at.holds(4, &large).await,
    })
    .await;
}

async fn waits_for_long(at: Hostile) {
    let waits = handshake("/sleep?sleep=3600000", "hello");
    at.repeats(CLIENTS, async |_| at.holds(20, &waits).await).await;
}

async fn opens_files(at: Hostile) {
    let asked = [
        "do=open&n=9000&path=/d/0",
        "do=list&n=9000",
        "do=stream&n=9000&path=0",
        "do=sync&n=100",
        "do=append&n=1000000&path=/d/large",
        "do=poll&n=9000",
    ];
    at.repeats(CLIENTS, async |number| {
        at.gets(&format!("/files?{}", asked[number % asked.len()])).await
    })
    .await;
}

async fn odd_public_files(at: Hostile) {
    let ranges = (0..1_500).map(|at| format!("{at}-")).collect::<Vec<_>>().join(",");
    let ranges = format!(
        "GET /small HTTP/1.1\r\nhost: {BAD}\r\nrange: bytes={ranges}\r\nconnection: close\r\n\r\n"
    );
    at.repeats(CLIENTS, async |number| match number % 2 {
        0 => at.asks(&ranges).await,
        _ => at.gets("/pipe").await,
    })
    .await;
}

async fn hangs_in_health(at: Hostile) {
    changes(at, "routes/swap.wasm", |number| tagged(SWAP_HEALTH_HANGS, number as u8)).await;
}

async fn compiles(at: Hostile) {
    changes(at, "routes/slow.wasm", |number| slow_to_compile(number as u8)).await;
}

/// Another component under the same name, again and again.
async fn changes(at: Hostile, file: &str, component: impl Fn(usize) -> Vec<u8>) {
    at.repeats(1, async |number| {
        std::fs::write(at.folder.join(file), component(number))?;
        sleep(PATIENCE / 4).await;
        Ok(())
    })
    .await;
    // What is left is not right: the neighbour's site must not care.
}

async fn breaks_its_files(at: Hostile) {
    let component = std::fs::read(TRAP_HTTP).expect("the component has been built");
    at.repeats(1, async |number| {
        let broken: &[u8] = match number % 4 {
            0 => b"hello",
            1 => b"\0asm\x01\0\0\0",
            2 => &component[..component.len() / 2],
            _ => &component,
        };
        std::fs::write(at.folder.join("routes/broken.wasm"), broken)?;
        let settings = if number % 3 == 0 { "[limits\n" } else { BAD_SETTINGS };
        std::fs::write(at.folder.join("lithe.toml"), settings)?;
        sleep(Duration::from_millis(150)).await;
        Ok(())
    })
    .await;
    // What is left is not right: the neighbour's site must not care.
}

/// Misbehaves until it is dropped, on a thread of its own that takes no time from the neighbour's
/// client: both share the machine with the host, and what is measured is what the host lets the
/// site take.
#[derive(Debug)]
struct Acting {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Acting {
    fn begin(acts: &[Act], at: &Hostile) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (acts, at) = (acts.to_vec(), at.clone());
        let act = move || {
            step_back().expect("a thread may step back");
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("there are threads").block_on(async {
                tokio::select! {
                    _ = join_all(acts.iter().map(|act| act(at.clone()))) => {}
                    _ = stopped => {}
                }
            });
        };
        Self { stop: Some(stop), thread: Some(thread::spawn(act)) }
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(thread::JoinHandle::join);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))), "a hostile client panicked");
    }
}

/// The neighbour's client.
#[derive(Debug)]
struct Neighbour<'h> {
    host: &'h TestHost,
    socket: Client,
    said: usize,
}

impl Neighbour<'_> {
    /// Asks for some time, but at least a few times. Returns the 99th percentile of
    /// its answers' times.
    async fn asks_for(&mut self, time: Duration) -> Duration {
        const LEAST: usize = 10;
        let started = Instant::now();
        let mut took = Vec::new();
        while started.elapsed() < time || took.len() < LEAST {
            took.extend(self.asks_each().await);
        }
        percentile(99, &mut took)
    }

    /// A plugin, a file and a socket; whatever else happens, each answer is right.
    async fn asks_each(&mut self) -> [Duration; 3] {
        let get = async |path: &str| {
            let asked = Instant::now();
            let request = Request::get(path).header("host", GOOD).body("");
            let answer = self.host.send(request.expect("it is a request")).await;
            (answer, asked.elapsed())
        };
        let (hello, plugin) = get("/hello").await;
        assert_eq!((hello.status, hello.text()), (200, "hello world"));
        let (style, file) = get("/style.css").await;
        assert_eq!((style.status, style.text()), (200, "body {}"));
        self.said += 1;
        let asked = Instant::now();
        let answer = self.socket.ask(&self.said.to_string()).await;
        assert_eq!(answer, format!("v1:{}", self.said));
        [plugin, file, asked.elapsed()]
    }
}

/// One half of a pair.
fn time() -> Duration {
    let seconds = std::env::var("LITHE_HOSTILE_SECONDS").ok();
    let seconds = seconds.map_or(10, |text| text.parse().expect("a number of seconds"));
    Duration::from_secs(seconds) / (KINDS.len() as u32 + 1)
}

/// The processors of the host and those of the clients. They share one only if the machine has no
/// other.
struct Processors {
    host: CpuSet,
    clients: CpuSet,
}

impl Processors {
    fn apart() -> Self {
        let all = sched_getaffinity(None).expect("the system tells");
        let numbers = (0..CpuSet::MAX_CPU).filter(|number| all.is_set(*number));
        let numbers: Vec<usize> = numbers.collect();
        let half = numbers.len().div_ceil(2);
        let [host, clients] = [&numbers[..half], &numbers[numbers.len() - half..]].map(|half| {
            let mut set = CpuSet::new();
            half.iter().for_each(|number| set.set(*number));
            set
        });
        Self { host, clients }
    }
}

/// A host with the two sites.
async fn start(processors: &Processors) -> TestHost {
    let mut host = TestHost::builder(env!("CARGO_BIN_EXE_lithe-under-test"))
        .component(&format!("{GOOD}/routes/hello.wasm"), BENCH_HELLO)
        .component(&format!("{GOOD}/routes/swap.wasm"), SWAP_V1)
        .file(&format!("{GOOD}/public/style.css"), "body {}")
        .component(&format!("{BAD}/routes/do.wasm"), TRAP_HTTP)
        .component(&format!("{BAD}/routes/hooks.wasm"), HOSTILE_HOOKS)
        .component(&format!("{BAD}/routes/own.wasm"), HOSTILE_HOOKS)
        .component(&format!("{BAD}/routes/files.wasm"), FILES_ROUTE)
        .component(&format!("{BAD}/routes/sleep.wasm"), FILES_SESSION)
        .component(&format!("{BAD}/routes/swap.wasm"), SWAP_V1)
        .file(&format!("{BAD}/public/large"), vec![b'x'; 4 << 20])
        .file(&format!("{BAD}/public/small"), vec![b'x'; 64 << 10])
        .file(&format!("{BAD}/lithe.toml"), BAD_SETTINGS)
        .file("lithe.toml", HOST_SETTINGS);
    for number in 0..FILES {
        host = host.file(&format!("{BAD}/d/{number}"), "text");
    }
    // What a thread starts has the thread's processors.
    sched_setaffinity(None, &processors.host).expect("these are ours");
    let host = host.start().await;
    sched_setaffinity(None, &processors.clients).expect("these are ours");
    let pipe = host.site.folder().join(BAD).join("public/pipe");
    mknodat(CWD, pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("pipes can be made");
    host
}

/// The neighbour's 99th percentiles.
struct Pair {
    without: Duration,
    beside: Duration,
    /// What other programs left of the machine while it was alone.
    idle: f64,
}

impl Pair {
    /// Measures on a host of its own, which ends cleanly: what a site has begun goes on for as long
    /// as its limits allow, and would disturb what is measured next.
    async fn measure(
        name: &str,
        compared: ComparedWith,
        acts: &[Act],
        processors: &Processors,
    ) -> Self {
        let mut host = start(processors).await;
        let socket = host.connect_with("/swap", &[("host", GOOD)]).await;
        let mut neighbour = Neighbour { host: &host, socket, said: 0 };
        let folder = host.site.folder().join(BAD);
        let at = Hostile { address: host.address, folder, done: Arc::default() };

        let before = cpu_ticks();
        let alone = neighbour.asks_for(time()).await;
        let idle = idle_since(before);
        let without = match compared {
            Nothing => alone,
            Requests => {
                let acting = Acting::begin(&[|at| ordinary(at).boxed_local()], &at);
                let took = neighbour.asks_for(time()).await;
                drop(acting);
                assert!(at.done.swap(0, Ordering::Relaxed) > 0, "the clients asked for something");
                took
            }
        };
        let acting = Acting::begin(acts, &at);
        let beside = neighbour.asks_for(time()).await;
        // None is over before it has begun.
        let done = || at.done.load(Ordering::Relaxed);
        lithe_tests::eventually(name, async || (done() > 0).then_some(())).await;
        drop(acting);
        drop(neighbour);
        host.signal(Signal::TERM);
        assert_eq!(host.exit().await.code(), Some(0), "after {name}");

        let pair = Self { without, beside, idle };
        println!(
            "  {:.1?} beside {name} ({} times), {:.1} times {:.1?} beside {compared:?} ({:.0} % of the machine idle)",
            pair.beside,
            done(),
            pair.ratio(),
            pair.without,
            idle * 100.0
        );
        pair
    }

    fn ratio(&self) -> f64 {
        self.beside.as_secs_f64() / self.without.as_secs_f64()
    }
}

/// All that the system has counted of its processors' time, and how much of that they were idle.
fn cpu_ticks() -> [u64; 2] {
    let stat = std::fs::read_to_string("/proc/stat").expect("Linux has it");
    let all = stat.lines().next().expect("the sum comes first").split_whitespace().skip(1);
    let all: Vec<u64> = all.map(|ticks| ticks.parse().expect("a number")).collect();
    [all.iter().sum(), all[3]]
}

fn idle_since([before, idle_before]: [u64; 2]) -> f64 {
    let [now, idle] = cpu_ticks();
    (idle - idle_before) as f64 / (now - before).max(1) as f64
}

#[tokio::test]
async fn a_neighbour_is_answered_rightly_and_soon_whatever_a_site_does() {
    let processors = Processors::apart();
    let all = KINDS.map(|(_, _, act)| act);
    let apart =
        KINDS.iter().map(|(name, compared, act)| (*name, *compared, std::slice::from_ref(act)));
    for (name, compared, acts) in apart.chain([("all at once", Requests, &all[..])]) {
        let mut over = Vec::new();
        for _ in 0..PAIRS {
            let pair = Pair::measure(name, compared, acts, &processors).await;
            match pair.ratio() <= MAX_RATIO {
                true => {
                    over.clear();
                    break;
                }
                false => over.push(pair),
            }
        }
        let is_soon = over.is_empty() || over.iter().any(|pair| pair.beside < WORST_P99);
        assert!(is_soon, "always over {WORST_P99:?} beside {name}");
        let is_quiet = over.iter().all(|pair| pair.idle >= MIN_IDLE);
        let ratios: Vec<f64> = over.iter().map(Pair::ratio).collect();
        assert!(over.is_empty() || !is_quiet, "{ratios:.1?} times as long beside {name}");
    }
}
