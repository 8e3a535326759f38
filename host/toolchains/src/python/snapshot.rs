//! Runs Python's text in an interpreter, and makes a component of the interpreter as it is then.

use std::path::Path;
use std::thread;

use anyhow::{Context as _, anyhow, bail};
use component_init_transform::Invoker;
use lithe_host::internals::plugin::{Cache, Digest, Effort};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{
    Component, ComponentNamedList, Instance, Lift, Linker, Lower, ResourceType,
};
use wasmtime::{Config, Engine, OptLevel, RegallocAlgorithm, Store};
use wasmtime_wasi::{
    FsPerms, ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView, async_trait,
};

use super::call;
use super::interpreter::Interpreter;

/// The stack of the thread that runs it, and what of it is the interpreter's. Unoptimised, its
/// functions take much; Python's recursion has a bound of its own.
const STACK: usize = 64 << 20;
const WASM_STACK: usize = 48 << 20;

/// A folder, and its name for the interpreter.
pub(super) struct Mount<'m> {
    pub folder: &'m Path,
    pub name: &'m str,
    pub permissions: FsPerms,
}

/// What Python says goes to standard error.
///
/// # Errors
/// The interpreter cannot be run, or the text fails: its traceback has been printed.
pub(super) fn take(
    interpreter: &Interpreter,
    text: &str,
    mounts: &[Mount<'_>],
    cache: &Cache,
) -> anyhow::Result<Vec<u8>> {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdout(std::io::stderr()).stderr(std::io::stderr());
    for Mount { folder, name, permissions } in mounts {
        let mounted = wasi.preopened_dir(folder, name, *permissions);
        mounted.map_err(|error| anyhow!("cannot open `{}`: {error:#}", folder.display()))?;
    }
    let data = Data { wasi: wasi.build(), table: ResourceTable::new() };
    let cache = cache.clone();
    let text = format!("{text}\0");
    // What is added to the interpreter, to run it and to read its memory, comes in another order
    // each time, but with the same names.
    let made_from = format!("{} {}", interpreter.digest, env!("CARGO_PKG_VERSION"));
    let digest = Digest::of(made_from.as_bytes());
    let component = interpreter.component()?;
    let run = || {
        let transformed = component_init_transform::initialize(&component, move |instrumented| {
            Box::pin(async move {
                let running = Running::start(&instrumented, data, &cache, &digest, &text)?;
                Ok(Box::new(running) as Box<dyn Invoker>)
            })
        });
        futures::executor::block_on(transformed)
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run)?;
        thread.join().map_err(|_| anyhow!("the interpreter's thread has panicked"))?
    })
}

struct Data {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Data {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// An interpreter that has run the text.
struct Running {
    store: Store<Data>,
    instance: Instance,
}

impl Running {
    fn start(
        component: &[u8],
        data: Data,
        cache: &Cache,
        digest: &Digest,
        text: &str,
    ) -> anyhow::Result<Self> {
        let running = Self::instance(component, data, cache, digest);
        let mut running = running.map_err(|error| anyhow!("{error:#}"))?;
        let ran = running.call::<_, (i32,)>(call::NAME, (text,))?;
        match ran {
            (0,) => Ok(running),
            _ => bail!("the module cannot be loaded: Python's messages are above"),
        }
    }

    fn instance(
        component: &[u8],
        data: Data,
        cache: &Cache,
        digest: &Digest,
    ) -> wasmtime::Result<Self> {
        let engine = Engine::new(&config())?;
        let component = match cache.load(&engine, digest, Effort::Quick) {
            Some(component) => component,
            None => {
                let component = call::add(component)
                    .map_err(|error| wasmtime::Error::msg(format!("{error:#}")))?;
                let component = Component::new(&engine, &component)?;
                let compiled = component.serialize()?;
                // If it cannot be kept, it is compiled again the next time.
                let _ = cache.store(&engine, digest, Effort::Quick, &compiled);
                component
            }
        };
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        stub_host(&mut linker, &component)?;
        let mut store = Store::new(&engine, data);
        let instance = linker.instantiate(&mut store, &component)?;
        Ok(Self { store, instance })
    }

    fn call<P, R>(&mut self, function: &str, parameters: P) -> anyhow::Result<R>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift + 'static,
    {
        let called = self
            .instance
            .get_typed_func::<P, R>(&mut self.store, function)
            .and_then(|function| function.call(&mut self.store, parameters));
        called
            .map_err(|error| anyhow!("{error:#}"))
            .with_context(|| format!("calling `{function}`"))
    }
}

/// Has the contract's imports fail when they are called: at the build there is no host.
fn stub_host(linker: &mut Linker<Data>, component: &Component) -> wasmtime::Result<()> {
    let engine = component.engine().clone();
    for (interface, imported) in component.component_type().imports(&engine) {
        let ComponentItem::ComponentInstance(imported) = imported.ty else { continue };
        // Those of WASI are there, under the names of other versions that fit.
        if !interface.starts_with("lithe:") {
            continue;
        }
        let mut stubs = linker.instance(interface)?;
        for (name, item) in imported.exports(&engine) {
            match item.ty {
                ComponentItem::ComponentFunc(_) => stubs.func_new(name, |_, _, _, _| {
                    wasmtime::bail!("code at the top of a module cannot call the host")
                })?,
                ComponentItem::Resource(_) => {
                    stubs.resource(name, ResourceType::host::<()>(), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// It runs for a moment, and is compiled first.
fn config() -> Config {
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .async_stack_size(STACK)
        .max_wasm_stack(WASM_STACK)
        .cranelift_opt_level(OptLevel::None)
        .cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
    config
}

#[async_trait]
impl Invoker for Running {
    async fn call_s32(&mut self, function: &str) -> anyhow::Result<i32> {
        Ok(self.call::<_, (i32,)>(function, ())?.0)
    }

    async fn call_s64(&mut self, function: &str) -> anyhow::Result<i64> {
        Ok(self.call::<_, (i64,)>(function, ())?.0)
    }

    async fn call_f32(&mut self, function: &str) -> anyhow::Result<f32> {
        Ok(self.call::<_, (f32,)>(function, ())?.0)
    }

    async fn call_f64(&mut self, function: &str) -> anyhow::Result<f64> {
        Ok(self.call::<_, (f64,)>(function, ())?.0)
    }

    async fn call_list_u8(&mut self, function: &str) -> anyhow::Result<Vec<u8>> {
        Ok(self.call::<_, (Vec<u8>,)>(function, ())?.0)
    }
}
