//! Compiles components, bounded in memory and in time.
//!
//! A component can be made so that the compiler takes any amount of memory and time for it. So the
//! compiler runs in a child process: the same program, started again as `lithe compile`. The child
//! bounds its own memory before it reads anything, and the parent ends it when its time is up or
//! when nobody waits for it any longer. The host trusts what the child writes as its own output.

mod child;
mod count;
mod parent;
mod slots;

use std::time::Duration;

use bytes::Bytes;
use bytesize::ByteSize;
use wasmtime::Engine;

use crate::config;
pub use child::run as run_child;
pub use parent::Program;
use slots::{LARGE, Slot, Slots};

pub(crate) use slots::History;

/// The largest compiled form. Machine code is about three times the size of WebAssembly.
const MAX_ARTIFACT: ByteSize = ByteSize::mib(256);

/// Where components are compiled.
#[derive(Clone, Debug)]
pub enum Compiling {
    /// In this process, for tests and tools that trust what they compile. Only the counts are
    /// bounded.
    Here,
    /// In a child process.
    Child(Program),
}

impl Compiling {
    /// Whether what it makes may be unoptimised.
    pub fn is_in_a_hurry(&self) -> bool {
        matches!(self, Self::Child(program) if program.effort() == Effort::Quick)
    }
}

/// How well a component is compiled. Either form does the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// As well as the compiler can.
    Full,
    /// In two thirds of the time: for an author who waits for it. What is made runs slower.
    Quick,
}

/// Why a component could not be compiled. The message names the component's fault; the caller names
/// the file.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    #[error("is truncated or malformed: {0}")]
    Malformed(String),
    /// The component has more, or larger, core instances, memories or tables than the engine's pool
    /// has for one component; or the compiler does not support what it asks for.
    #[error("cannot be run by this host: {0}")]
    Unsupported(String),
    /// The component is larger than any real one, if what is nested counts as often as it is
    /// instantiated.
    #[error("is not compiled: {0}")]
    Excessive(String),
    #[error(
        "needs more than {0} of memory to be compiled (`compile.memory`): make the component smaller, or \
         raise that bound in the `lithe.toml` of the host"
    )]
    Memory(ByteSize),
    #[error(
        "takes longer than {0:?} of CPU time to be compiled (`compile.time`): make the component smaller, or raise \
         that bound in the `lithe.toml` of the host"
    )]
    Time(Duration),
    #[error("compiles to more than {MAX_ARTIFACT}: make the component smaller")]
    Artifact,
    /// The compiler could not be started, or failed.
    #[error("cannot be compiled: {0}")]
    Compiler(String),
}

/// Compiles components. A process has one compiler.
pub(crate) struct Compiler {
    compiling: Compiling,
    bounds: config::Compile,
    slots: Slots,
}

impl Compiler {
    /// A compiler with these bounds.
    pub(crate) fn new(compiling: Compiling, bounds: config::Compile) -> Self {
        Self { compiling, bounds, slots: Slots::new() }
    }

    /// How well a component of so many bytes is compiled.
    pub(crate) fn effort(&self, size: u64) -> Effort {
        match &self.compiling {
            Compiling::Child(program) if size > LARGE => program.effort(),
            _ => Effort::Full,
        }
    }

    /// Waits until a component may be compiled: see [`Slots`].
    pub(crate) async fn slot(&self, size: u64, history: History) -> Slot {
        self.slots.take(size, history).await
    }

    /// Compiles a component, in a child process as well as `effort` says. Dropping the future ends
    /// the compiler.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub(crate) async fn compile(
        &self,
        engine: &Engine,
        bytes: Bytes,
        effort: Effort,
        mut slot: Slot,
    ) -> Result<Vec<u8>, CompileError> {
        let Compiling::Child(program) = &self.compiling else {
            let engine = engine.clone();
            let compiled = tokio::task::spawn_blocking(move || compile(&engine, &bytes)).await;
            return compiled.map_err(|_| CompileError::Compiler("the compiler broke".into()))?;
        };
        loop {
            let time = slot.time().map_or(self.bounds.time, |time| time.min(self.bounds.time));
            match program.compile(&bytes, effort, self.bounds.memory, time).await {
                Err(CompileError::Time(_)) if time < self.bounds.time => {
                    slot = self.slots.take_long(slot).await;
                }
                done => return done,
            }
        }
    }
}

/// Compiles a component in this process.
///
/// # Errors
/// The component is malformed, or it is more than the host can run.
fn compile(engine: &Engine, bytes: &[u8]) -> Result<Vec<u8>, CompileError> {
    count::check(bytes)?;
    engine.precompile_component(bytes).map_err(|error| {
        let is_valid = wasmparser::Validator::new().validate_all(bytes).is_ok();
        let error = format!("{error:#}");
        match is_valid {
            true => CompileError::Unsupported(error),
            false => CompileError::Malformed(error),
        }
    })
}
