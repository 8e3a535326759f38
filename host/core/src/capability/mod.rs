//! The host's side of the contract: one file for each WIT interface, with its state, the effect of
//! each guest call, and its conversions.
//!
//! [`State`] is the data of an instance's store. A guest names everything by the numbers of its own
//! plugin; the numbers of other plugins mean nothing to it.

pub(crate) mod account;
pub(crate) mod bindings;
pub(crate) mod event;
pub(crate) mod filesystem;
pub(crate) mod grants;
pub(crate) mod http;
mod liveness;
mod memory;
pub(crate) mod meter;
pub(crate) mod next;
pub(crate) mod outcome;
pub(crate) mod output;
mod poll;
pub(crate) mod rate;
mod receiver;
pub(crate) mod socket;
pub(crate) mod sockets;
mod streams;
mod timers;
pub(crate) mod topics;
pub(crate) mod turn;
pub(crate) mod ws;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::config::{self, Limit, Limits};
use crate::sync::Mutex;
use account::Account;
use event::RequestId;
use filesystem::{OpenFiles, Threads};
use grants::Grants;
pub(crate) use memory::Memory;
use meter::Meter;
use next::Around;
use output::Output;
use socket::Socket;
use sockets::Sockets;
pub(crate) use timers::TimerSink;
use timers::Timers;
use turn::Turns;

/// The most handles that an instance may hold at once: events and WASI's streams.
const MAX_HANDLES: usize = 10_000;

/// Tells the instances of a running host apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InstanceId(pub u64);

/// Tells the versions of a running host's plugins apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VersionId(pub u64);

impl VersionId {
    /// A number that no other version has.
    pub fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What all instances of one version of a plugin share.
#[derive(Debug)]
pub struct Context {
    /// The site's name, for log lines.
    pub site: Arc<str>,
    /// The component's file inside the site, for log lines.
    pub plugin: Arc<str>,
    pub limits: Limits,
    /// Whether the component has sessions.
    pub sessions: bool,
    /// Whether requests may become sockets: the site allows it and the component can.
    pub upgrades: bool,
    /// What the site sets for this plugin alone.
    pub settings: config::PluginConfig,
    pub grants: Grants,
    /// Where its file calls run, if its site has neighbours.
    pub threads: Option<Arc<dyn Threads>>,
    pub version: VersionId,
    pub calls: Calls,
    /// The site's account.
    pub account: Arc<Account>,
    /// The sockets of the plugin, whichever version they belong to.
    pub sockets: Arc<Sockets>,
}

impl Context {
    /// The same, apart from the plugin: its instances have the site's limits and grants, but what
    /// they send reaches no socket, and their calls are not counted as the version's.
    pub fn apart(&self) -> Self {
        Self {
            site: self.site.clone(),
            plugin: self.plugin.clone(),
            limits: self.limits.clone(),
            sessions: self.sessions,
            upgrades: self.upgrades,
            settings: self.settings.clone(),
            grants: self.grants.clone(),
            threads: self.threads.clone(),
            version: self.version,
            calls: Calls::default(),
            account: self.account.clone(),
            sockets: Arc::default(),
        }
    }

    /// Counts a call that ended its instance, by this limit or, without one, by a trap.
    pub fn fail(&self, limit: Option<Limit>) {
        let failed = if limit.is_some() { &self.calls.limits } else { &self.calls.traps };
        failed.fetch_add(1, Ordering::Relaxed);
        if let Some(limit) = limit {
            self.account.exceed(limit);
        }
    }
}

/// The results of a version's calls.
#[derive(Debug, Default)]
pub struct Calls {
    made: AtomicU64,
    notices: AtomicU64,
    traps: AtomicU64,
    limits: AtomicU64,
    errors: AtomicU64,
    /// What the last `save` has failed with that cost an instance its memory.
    lost_memory: Mutex<Option<Arc<str>>>,
}

/// How often a version's calls had each result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    pub made: u64,
    /// Calls that brought a request or messages.
    pub asked: u64,
    /// Calls that have cost an instance by a trap; below, by a limit.
    pub traps: u64,
    pub limits: u64,
    /// Answers from 500 on that the guest has made, and sessions that it has failed.
    pub errors: u64,
}

impl Calls {
    /// Counts a call of a guest.
    pub fn begin(&self) {
        self.made.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that the current call brings neither a request nor a message.
    pub fn notice(&self) {
        self.notices.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request or a session that the guest reports as failed.
    pub fn error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that `save` has cost an instance its memory, and why.
    pub fn lose_memory(&self, why: Arc<str>) {
        *self.lost_memory.lock() = Some(why);
    }

    /// Why `save` has cost an instance its memory, the last time that it did.
    pub fn lost_memory(&self) -> Option<Arc<str>> {
        self.lost_memory.lock().clone()
    }

    /// The counts so far.
    pub fn count(&self) -> CallCounts {
        let (notices, made) =
            (self.notices.load(Ordering::Relaxed), self.made.load(Ordering::Relaxed));
        CallCounts {
            made,
            asked: made.saturating_sub(notices),
            traps: self.traps.load(Ordering::Relaxed),
            limits: self.limits.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
        }
    }
}

/// What the instance of a shared instance has in addition.
pub struct Sharing {
    /// Where its timers go off.
    pub timer_sink: Arc<dyn TimerSink>,
    /// The value of the route parameter that its topics are for; none, if they are the plugin's.
    pub scope: Option<Arc<str>>,
}

/// What the host keeps for one instance: the data of its store.
pub struct State {
    pub context: Arc<Context>,
    pub instance: InstanceId,
    /// CPU time of the current call.
    pub meter: Meter,
    /// What the instance has of memory and tables, and what it was refused.
    pub memory: Memory,
    /// What a middleware wraps.
    pub around: Around,
    /// The value of the route parameter that its topics are for; none, if they are the plugin's.
    scope: Option<Arc<str>>,
    /// The socket that the current call is for.
    current: Option<Arc<Socket>>,
    /// Whether the current call is an event of a session, and not a whole session.
    is_event: bool,
    /// The sockets of the current call, if it may be for several.
    pub turns: Turns,
    output: Arc<Output>,
    timers: Timers,
    open_files: OpenFiles,
    table: ResourceTable,
    wasi: WasiCtx,
}

impl State {
    /// State for a new instance.
    pub fn new(context: Arc<Context>, instance: InstanceId, sharing: Option<Sharing>) -> Self {
        let (timer_sink, scope) = match sharing {
            Some(Sharing { timer_sink, scope }) => (Some(timer_sink), scope),
            None => (None, None),
        };
        let output = Arc::new(Output::new(context.clone()));
        let wasi = context.grants.wasi(|stream| output.stream(stream));
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        Self {
            memory: Memory::new(&context.limits, &context.account),
            meter: Meter::default(),
            timers: Timers::new(timer_sink, &context.account),
            around: Around::default(),
            scope,
            current: None,
            is_event: false,
            turns: Turns::default(),
            context,
            instance,
            output,
            open_files: OpenFiles::default(),
            table,
            wasi,
        }
    }

    /// Starts each call: which request or socket it is for, and the CPU time that it may use.
    pub fn begin(&mut self, request: RequestId, socket: Option<Arc<Socket>>, cpu: Duration) {
        self.is_event = socket.is_some();
        self.current = socket;
        self.output.begin(request);
        self.meter.begin(cpu);
    }

    /// Marks the call as a whole session: what it sends goes out while it runs.
    pub fn begin_session(&mut self) {
        self.is_event = false;
    }

    /// From now on the current call is for another socket.
    fn begin_turn(&mut self, socket: Arc<Socket>) {
        self.output.end();
        self.output.begin(socket.request.id);
        self.meter.begin_turn(self.context.limits.event_cpu);
        self.context.calls.begin();
        self.current = Some(socket);
    }

    /// Ends each call. What the guest printed without a final newline becomes a line, too.
    pub fn end(&mut self) {
        self.current = None;
        self.output.end();
    }

    /// The plugin's socket with this number. The current one is found without a search.
    fn socket(&self, id: u32) -> Option<Arc<Socket>> {
        match &self.current {
            Some(current) if current.id == id => Some(current.clone()),
            _ => self.context.sockets.get(id),
        }
    }

    /// Whether the instance has set any timer.
    pub fn has_timers(&self) -> bool {
        self.timers.any()
    }

    /// Whether a due timer is still set.
    pub fn take_due_timer(&mut self, id: u32) -> bool {
        self.timers.take_due(id)
    }

    /// The socket whose queue the calling task sends when the current call returns.
    fn sent_after(&self) -> Option<u32> {
        self.current.as_ref().filter(|_| self.is_event).map(|socket| socket.id)
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Adds everything that a component may import: the contract's interfaces, and WASI 0.2, of which a
/// guest can use what [`Grants`] says.
///
/// # Errors
/// Two interfaces define the same name.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use wasmtime_wasi::p2::bindings as wasi;

    type Own = HasSelf<State>;
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    // The host's own implementations replace these.
    linker.allow_shadowing(true);
    wasi::filesystem::types::add_to_linker::<_, Own>(linker, |state| state)?;
    wasi::filesystem::preopens::add_to_linker::<_, Own>(linker, |state| state)?;
    wasi::io::poll::add_to_linker::<_, Own>(linker, |state| state)?;
    linker.allow_shadowing(false);
    bindings::http::add_to_linker::<_, Own>(linker, |state| state)?;
    bindings::event::add_to_linker::<_, Own>(linker, |state| state)?;
    bindings::outcome::add_to_linker::<_, Own>(linker, |state| state)?;
    bindings::ws::add_to_linker::<_, Own>(linker, |state| state)?;
    bindings::socket::add_to_linker::<_, Own>(linker, |state| state)?;
    socket::link_send(linker)?;
    bindings::streams::add_to_linker::<_, Own>(linker, |state| state)?;
    bindings::next::add_to_linker::<_, Own>(linker, |state| state)?;
    bindings::topics::add_to_linker::<_, Own>(linker, |state| state)?;
    bindings::timers::add_to_linker::<_, Own>(linker, |state| state)?;
    bindings::turn::add_to_linker::<_, Own>(linker, |state| state)?;
    bindings::receiver::add_to_linker::<_, Own>(linker, |state| state)
}
