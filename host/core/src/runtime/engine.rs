//! The engine: how components are compiled and where their instances live.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    RegallocAlgorithm,
};

use super::ledger::{Amounts, Ledger};
use crate::capability::{self, InstanceId, State};
use crate::supervise;

/// How often a running guest is interrupted. At least at every second interruption it gives its
/// thread back.
const TICK: Duration = Duration::from_millis(5);

/// How often a guest is interrupted if several sites share the threads. A neighbour waits for at
/// most two of these.
const SHARED_TICK: Duration = Duration::from_millis(1);

/// The most instances of all plugins together. Each reserves 4 GiB of addresses, so that guests
/// need no bounds checks, but uses only the memory that it touches.
const MAX_INSTANCES: u32 = 10_000;

/// What a guest may take of its stack, in bytes, and the whole stack, with the host's own calls.
/// Python counts its calls, and raises at a thousand: until then it takes up to 1.5 MiB, and the
/// end of the stack would cost the instance. Memory is used only for what is touched.
const STACK: (usize, usize) = (2 << 20, 4 << 20);

/// The same if guests may be unoptimised. The frames of Python's loop are seven times as large
/// then, and it must go as deep.
const DEEP: (usize, usize) = (24 << 20, 26 << 20);

/// If the system does not give so many addresses (because of its processor, a limit of the process,
/// or a debugger), the host asks for half as many, down to this.
const MIN_INSTANCES: u32 = 8;

/// How many tables the pool has for each instance.
const TABLES: usize = 2;

/// The most core instances of one component.
const MAX_CORE_INSTANCES: u32 = 50;

/// The most that one instance may take of the pool.
pub(super) const MOST: Amounts = Amounts { instances: 1, memories: 8, tables: 50 };

/// The engine of a process.
pub struct Runtime {
    pub engine: Engine,
    pub linker: Linker<State>,
    /// How much of the pool each site uses.
    pub(super) ledger: Arc<Ledger>,
    next_instance: AtomicU64,
    _ticker: Ticker,
}

impl Runtime {
    /// Reserves the pool's addresses and starts the thread that ticks, for one site.
    ///
    /// # Errors
    /// The system does not give the addresses or the thread.
    pub fn new() -> wasmtime::Result<Self> {
        Self::with(TICK, false, MAX_INSTANCES)
    }

    /// Makes the runtime of one site whose guests may be compiled without optimisation.
    ///
    /// # Errors
    /// As [`Runtime::new`].
    pub fn for_unoptimised() -> wasmtime::Result<Self> {
        Self::with(TICK, true, MAX_INSTANCES)
    }

    /// Makes the runtime of several sites, which do not trust each other.
    ///
    /// # Errors
    /// As [`Runtime::new`].
    pub fn for_many_sites() -> wasmtime::Result<Self> {
        Self::with(SHARED_TICK, false, MAX_INSTANCES)
    }

    fn with(tick: Duration, is_deep: bool, max_instances: u32) -> wasmtime::Result<Self> {
        let (engine, instances) = engine(is_deep, max_instances)?;
        let mut linker = Linker::new(&engine);
        capability::add_to_linker(&mut linker)?;
        let ticker = Ticker::start(&engine, tick)?;
        let instances = instances as usize;
        let total = Amounts { instances, memories: instances, tables: instances * TABLES };
        let ledger = Ledger::new(total);
        let next_instance = AtomicU64::new(1);
        Ok(Self { engine, linker, ledger, next_instance, _ticker: ticker })
    }

    pub(super) fn next_instance(&self) -> InstanceId {
        InstanceId(self.next_instance.fetch_add(1, Ordering::Relaxed))
    }
}

/// The engine, and how many instances it has room for.
fn engine(is_deep: bool, mut instances: u32) -> wasmtime::Result<(Engine, u32)> {
    loop {
        match Engine::new(&config(instances, is_deep)) {
            Err(error) if instances > MIN_INSTANCES => {
                tracing::warn!("no room for {instances} instances, trying half as many: {error}");
                instances /= 2;
            }
            done => return done.map(|engine| (engine, instances)),
        }
    }
}

fn config(instances: u32, is_deep: bool) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_stacks(instances)
        .total_memories(instances)
        // A component consists of several core instances and tables: Rust's of 4, Python's of up to
        // 38. Nothing is reserved for core instances, so there are enough for all.
        .total_core_instances(instances * MAX_CORE_INSTANCES)
        .total_tables(instances * TABLES as u32)
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_memories_per_component(MOST.memories as u32)
        .max_tables_per_component(MOST.tables as u32)
        .table_elements(20_000);

    let mut config = base();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let (guest, whole) = if is_deep { DEEP } else { STACK };
    config.max_wasm_stack(guest).async_stack_size(whole);
    // What one instance has touched of its stack goes back to the system with the instance.
    config.async_stack_zeroing(true);
    config
}

/// An engine that only compiles, for the engine of [`Runtime`]: it reserves no addresses for
/// instances. `quick` takes less time, and what it makes does the same, but runs slower.
///
/// # Errors
/// The machine has no compiler.
pub(crate) fn compiler(quick: bool) -> wasmtime::Result<Engine> {
    let mut config = base();
    if quick {
        config
            .cranelift_opt_level(OptLevel::None)
            .cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
    }
    Engine::new(&config)
}

/// The settings that a compilation depends on.
fn base() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        // Component-model async is not used, and would make each call three times slower.
        .concurrency_support(false);
    config
}

/// Advances the engine's epoch until this is dropped.
struct Ticker {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(engine: &Engine, period: Duration) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let engine = engine.weak();
        let tick = move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(period) {
                let Some(engine) = engine.upgrade() else { return };
                supervise::alone("the clock of guests", || engine.increment_epoch());
            }
        };
        let thread = thread::Builder::new().name("epoch".to_owned()).spawn(tick)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread does not panic, and nothing could be done about it here.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};

    use wasm_encoder::{InstanceSection, MemorySection, MemoryType, Module, ModuleSection};
    use wasmtime::Store;
    use wasmtime::component::Component;

    use super::*;

    /// A component with so many instances of a module, which has a memory or not.
    fn component(engine: &Engine, instances: u32, has_memory: bool) -> wasmtime::Result<Component> {
        let (minimum, maximum, page_size_log2) = (1, None, None);
        let (memory64, shared) = (false, false);
        let mut memories = MemorySection::new();
        if has_memory {
            memories.memory(MemoryType { minimum, maximum, memory64, shared, page_size_log2 });
        }
        let mut module = Module::new();
        module.section(&memories);
        let mut section = InstanceSection::new();
        for _ in 0..instances {
            section.instantiate(0, std::iter::empty::<(&str, wasm_encoder::ModuleArg)>());
        }
        let mut component = wasm_encoder::Component::new();
        component.section(&ModuleSection(&module)).section(&section);
        Component::new(engine, component.finish())
    }

    /// What each of these instances is, while all before it exist.
    async fn started(runtime: &Runtime, component: &Component, times: u32) -> Vec<String> {
        let linker: Linker<()> = Linker::new(&runtime.engine);
        let (mut kept, mut results) = (Vec::new(), Vec::new());
        for _ in 0..times {
            let mut store = Store::new(&runtime.engine, ());
            let result = linker.instantiate_async(&mut store, component).await;
            results.push(result.map_or_else(|error| error.to_string(), |_| "started".to_owned()));
            kept.push(store);
        }
        results
    }

    #[tokio::test]
    async fn all_plugins_together_have_so_many_instances() {
        let runtime = Runtime::with(TICK, false, MIN_INSTANCES).unwrap();
        let component = component(&runtime.engine, 1, true).unwrap();
        // Those that end make room for others.
        for _ in 0..2 {
            let results = started(&runtime, &component, MIN_INSTANCES + 1).await;
            let (refused, fit) = results.split_last().unwrap();
            assert!(fit.iter().all(|result| result == "started"), "{fit:?}");
            assert!(refused.contains("limit of 8 for"), "{refused}");
        }
    }

    #[tokio::test]
    async fn one_component_has_so_many_memories_and_core_instances() {
        let runtime = Runtime::with(TICK, false, MIN_INSTANCES).unwrap();
        for (most, has_memory) in [(MOST.memories as u32, true), (MAX_CORE_INSTANCES, false)] {
            let fits = component(&runtime.engine, most, has_memory).unwrap();
            assert_eq!(started(&runtime, &fits, 1).await, ["started"]);
            let refused = component(&runtime.engine, most + 1, has_memory).err().unwrap();
            assert!(format!("{refused:#}").contains(&most.to_string()), "{refused:#}");
        }
    }

    #[test]
    fn what_the_compiler_makes_is_what_the_engine_runs() {
        let hash = |engine: &Engine| {
            let mut hasher = DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        let runs = Engine::new(&config(MIN_INSTANCES, true)).unwrap();
        assert_eq!(hash(&compiler(false).unwrap()), hash(&runs));
    }
}
