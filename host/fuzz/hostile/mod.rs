//! Whatever a guest does, through the real host, beside a neighbour who must not notice.
//!
//! The fuzz target and a test of every build run this. An input is two bytes that say how
//! ([`Manner`]), the program for the handler, and those for the session's messages; the guests of
//! `tests/guests/interpreter` run them.
//!
//! The guest may write to one folder and read another one. In some inputs, a new version of it
//! takes over while it runs.
//!
//! After each input: the host has not panicked; nothing is left of the guest, not an instance, a
//! socket, a timer, a task or an open file; the neighbour's sockets have heard what was said among
//! them and nothing else; nothing that the guest answered or sent has the neighbour's secret in it;
//! its folder holds no more than it may, and nothing outside of it has changed.

mod grant;
mod neighbours;
mod visit;

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use bytesize::ByteSize;
use http::{HeaderMap, HeaderValue, Uri, header};
use lithe_host::internals::capability::event::Request;
use lithe_host::internals::capability::grants::Grants;
use lithe_host::internals::config::{self, OutboundPolicy, Scope};
use lithe_host::internals::plugin::{
    Account, Cache, Compiling, Handler, Handover, Loader, Pair, PluginIdentity, PluginVersion,
    Role, Settings, Source, Swap,
};
use lithe_host::internals::runtime::Runtime;
use tokio::time::{sleep, timeout};

use grant::Ground;
use neighbours::Neighbours;
use visit::Visit;

/// Between two programs of one input.
pub(crate) const SEPARATOR: u8 = 0xff;

/// Longer than any input needs.
const DEADLINE: Duration = Duration::from_secs(20);

/// CPU time of a call. What is tested is that the bound holds, not how large it is.
const CPU: Duration = Duration::from_millis(30);

/// Wall time of a call, and from a socket's end to that of its session.
const TIME: Duration = Duration::from_millis(200);

/// Between two sweeps, and of silence until a socket is pinged. None is dropped for its silence.
const SWEEP: Duration = Duration::from_millis(20);

/// From the beginning of an input to the load of the next version.
const SWAP_AFTER: Duration = Duration::from_millis(2);

/// Messages of one input.
const MAX_MESSAGES: usize = 64;

/// The components.
pub(crate) struct Guests<'g> {
    /// Those that run programs, in the order of [`Kind`].
    pub interpreters: [&'g Path; 4],
    /// Says what it hears to all of its sockets.
    pub publish: &'g Path,
    /// Answers `hello world`.
    pub hello: &'g Path,
}

/// A host, the neighbours, and what is needed to let guests in.
pub(crate) struct Host {
    threads: tokio::runtime::Runtime,
    engine: Arc<Runtime>,
    loader: Loader,
    interpreters: [Vec<u8>; 4],
    /// The neighbours' plugins.
    publish: Arc<Handler>,
    hello: Arc<Handler>,
}

/// What the guest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Route,
    Hooks,
    Session,
    /// Around the neighbours' handler.
    Middleware,
}

/// What its client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// Says all, and closes.
    Closes,
    /// Says all, and is gone.
    HangsUp,
    /// Is gone while the handler runs; where that is done by then, it closes.
    Leaves,
    /// Says all, and never reads.
    NeverReads,
}

/// How an input is run, by its first two bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Bits 0 and 1.
    pub kind: Kind,
    /// Bit 2: the request asks for no WebSocket.
    pub plain: bool,
    /// Bits 3 and 4.
    pub client: Client,
    /// Bit 5: what the handler accepted is not completed.
    pub abandons: bool,
    /// Bit 6: `send` is refused where the queue is full.
    pub refuses: bool,
    /// Bit 7: the scope is the connection.
    pub scoped: bool,
    /// Bit 0 of the second: a request, and so a socket, for each message.
    pub apart: bool,
    /// Bit 1 of the second: a new version takes over in the middle.
    pub swaps: bool,
}

impl Manner {
    /// As the bytes say.
    pub(crate) fn of([byte, more]: [u8; 2]) -> Self {
        Self {
            kind: [Kind::Route, Kind::Hooks, Kind::Session, Kind::Middleware]
                [usize::from(byte & 3)],
            plain: byte & 4 != 0,
            client: [Client::Closes, Client::HangsUp, Client::Leaves, Client::NeverReads]
                [usize::from(byte >> 3 & 3)],
            abandons: byte & 32 != 0,
            refuses: byte & 64 != 0,
            scoped: byte & 128 != 0,
            apart: more & 1 != 0,
            swaps: more & 2 != 0,
        }
    }
}

thread_local! {
    static PANICS: Cell<usize> = const { Cell::new(0) };
}

/// Counts the panics of each thread, those included that a task hides.
fn count_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            before(info);
        }));
    });
}

impl Host {
    /// Starts a host with the neighbours in it, and keeps what is compiled in `cache`.
    pub(crate) fn start(guests: &Guests<'_>, cache: &Path) -> Self {
        count_panics();
        let threads = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let threads = threads.expect("the system has what a runtime needs");
        let engine = Arc::new(Runtime::new().expect("the system has the addresses"));
        let cache = Cache::open(cache.to_owned()).expect("the folder can be made");
        let bounds = config::Compile::default();
        let loader = Loader::new(engine.clone(), cache, Compiling::Here, bounds);
        let read = |file: &Path| std::fs::read(file).expect("the component has been built");
        let plain = Manner::of([0; 2]);
        // They never misbehave, and may be slow where the machine is busy.
        let patient = config::Limits {
            event_cpu: DEADLINE,
            request_cpu: DEADLINE,
            ..config::Limits::default()
        };
        let neighbour = |file, limits| {
            let (bytes, account) = (read(file), Account::new("fuzz".into()));
            let settings = settings(plain, limits, account, Grants::default());
            let plugin = threads.block_on(load(&loader, &bytes, plain, &settings));
            plugin.handler().expect("it is a route").clone()
        };
        let publish = neighbour(guests.publish, patient.clone());
        let hello = neighbour(guests.hello, patient);
        let interpreters = guests.interpreters.map(read);
        let neighbours = Neighbours::new(&publish, &hello);
        threads.block_on(neighbours.converse(&Cell::new(true)));
        Self { threads, engine, loader, interpreters, publish, hello }
    }

    /// Lets a guest in, and runs an input.
    ///
    /// # Panics
    /// The guest has done what it must not be able to do.
    pub(crate) fn run(&self, input: &[u8]) {
        let Some((how, programs)) = input.split_first_chunk() else { return };
        let manner = Manner::of(*how);
        let mut programs = programs.split(|byte| *byte == SEPARATOR);
        let program = programs.next().unwrap_or_default();
        let messages: Vec<&[u8]> = programs.take(MAX_MESSAGES).collect();

        PANICS.set(0);
        let before = self.in_use();
        let component = &self.interpreters[manner.kind as usize];
        let neighbours = Neighbours::new(&self.publish, &self.hello);
        let ground = Ground::new(neighbours.secret());
        let account = Account::new("fuzz".into());
        let grants = ground.grants(&account);
        let mut settings = settings(manner, limits(manner), account, grants);
        let plugin = self.threads.block_on(load(&self.loader, component, manner, &settings));
        let plugin = Arc::new(plugin);
        settings.identity = plugin.identity().clone();
        let context = Arc::downgrade(plugin.context());
        self.threads.block_on(async {
            let done = Cell::new(false);
            let guest = async {
                let visit = Visit { plugin: &plugin, neighbours: &neighbours, manner };
                for messages in messages.chunks(if manner.apart { 1 } else { MAX_MESSAGES }) {
                    visit.run(program, messages).await;
                }
                if messages.is_empty() {
                    visit.run(program, &[]).await;
                }
                let sockets = &plugin.context().sockets;
                eventually("its sockets are forgotten", || sockets.is_empty()).await;
                done.set(true);
            };
            let swap = async {
                match manner.swaps && manner.kind != Kind::Middleware {
                    true => self.swap(&plugin, component, manner, &settings).await,
                    false => None,
                }
            };
            let sweeps = async {
                let start = Instant::now();
                while !done.get() {
                    plugin.sweep(start.elapsed(), &settings.limits);
                    plugin.sweep_sockets(start.elapsed(), &settings.limits);
                    sleep(SWEEP).await;
                }
            };
            let all = async { tokio::join!(guest, neighbours.converse(&done), swap, sweeps).2 };
            let after = timeout(DEADLINE, all).await.expect("the guest's visit ends");
            plugin.end();
            drop((plugin, settings, after));
            eventually("nothing of the guest is left", || context.strong_count() == 0).await;
            // A thread may still be doing its last call.
            eventually("its files are closed", || ground.is_closed()).await;
            eventually("its tasks have ended", || self.threads.metrics().num_alive_tasks() == 0)
                .await;
            neighbours.converse(&Cell::new(true)).await;
        });
        ground.check();
        let after = self.in_use();
        assert_eq!(before, after, "{manner:?}: instances, memories, tables and stacks in use");
        assert_eq!(PANICS.get(), 0, "{manner:?}: the host panicked");
    }

    /// Has a version of the same component take over, as a deploy does: it answers requests from
    /// then on.
    async fn swap(
        &self,
        before: &Arc<PluginVersion>,
        component: &[u8],
        manner: Manner,
        settings: &Settings,
    ) -> Option<Arc<PluginVersion>> {
        sleep(SWAP_AFTER).await;
        let after = Arc::new(load(&self.loader, component, manner, settings).await);
        // It may not start, for the guest has all the room, or be refused, for it handles an event.
        after.health_check().await.ok()?;
        let pair = Pair { before: before.clone(), after: after.clone() };
        let swap = Swap::prepare(vec![pair], Handover::Whole).await.ok()?;
        drop(swap.complete().await);
        let request = Arc::new(request(false, b"", None));
        // It may fail as the guest may.
        let _ = after.handler().expect("it is a route").handle(request).await;
        after.commit();
        after.end();
        Some(after)
    }

    /// Instances, memories, tables and stacks.
    fn in_use(&self) -> [u64; 4] {
        let metrics = self.engine.engine.pooling_allocator_metrics().expect("there is a pool");
        let [memories, tables, stacks] = [metrics.memories(), metrics.tables(), metrics.stacks()];
        [metrics.core_instances(), memories as u64, tables as u64, stacks as u64]
    }
}

/// What a site would say of the guest: small bounds, so that programs reach them.
fn limits(manner: Manner) -> config::Limits {
    config::Limits {
        memory: ByteSize::mib(48),
        event_cpu: CPU,
        request_cpu: CPU,
        request_time: TIME,
        close_time: TIME,
        ping_interval: SWEEP,
        pong_time: 2 * DEADLINE,
        sockets: 16,
        instances: 16,
        response: ByteSize::mib(4),
        message: ByteSize::kib(64),
        outbound: ByteSize::kib(256),
        outbound_policy: match manner.refuses {
            true => OutboundPolicy::Refuse,
            false => OutboundPolicy::Close,
        },
        ..config::Limits::default()
    }
}

fn settings(
    manner: Manner,
    limits: config::Limits,
    account: Arc<Account>,
    grants: Grants,
) -> Settings {
    Settings {
        site: "fuzz".into(),
        limits,
        account,
        websocket: true,
        plugin: config::PluginConfig {
            scope: if manner.scoped { Scope::Connection } else { Scope::Plugin },
            ..config::PluginConfig::default()
        },
        grants,
        identity: PluginIdentity::default(),
        share: None,
    }
}

async fn load(loader: &Loader, bytes: &[u8], manner: Manner, settings: &Settings) -> PluginVersion {
    let role = match manner.kind {
        Kind::Middleware => Role::Middleware,
        _ => Role::Route,
    };
    let source = Source::Given(bytes.to_vec().into());
    let loaded = async {
        let seen = loader.look(&source).await?;
        loader.load(&source, seen, "guest.wasm", role, settings, || {}).await
    };
    loaded.await.expect("it is a plugin")
}

/// A request, which may ask for a WebSocket and has a body all the same: the guest reads its
/// program there.
fn request(upgrade: bool, body: &[u8], secret: Option<&str>) -> Request {
    let mut headers = HeaderMap::new();
    let handshake = [
        (header::CONNECTION, "upgrade"),
        (header::UPGRADE, "websocket"),
        (header::SEC_WEBSOCKET_VERSION, "13"),
        (header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
        (header::SEC_WEBSOCKET_PROTOCOL, "chat"),
    ];
    for (name, value) in handshake.into_iter().filter(|_| upgrade) {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(secret) = secret {
        headers.insert(header::COOKIE, secret.parse().expect("it is a value"));
    }
    Request {
        headers,
        route: "/room/:id".into(),
        params: vec![("id".into(), "1".into())],
        body: Bytes::copy_from_slice(body).into(),
        ..Request::get(Uri::from_static("/room/1?key=value"))
    }
}

/// A client's frame: with a mask, of zeros.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        medium @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Waits until it is so.
async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < DEADLINE, "{what} within {DEADLINE:?}");
        sleep(Duration::from_millis(1)).await;
    }
}
