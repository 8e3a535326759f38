//! Compiling a component, bounded in memory and in time.
//!
//! Nothing else bounds what the compiler takes for a component that somebody has made for that, so it runs
//! in a child process: the same program, started again as `lithe compile`. The child bounds its own memory
//! before it reads anything, and the parent ends it when its time is up or when nobody waits for it any
//! more. What the child writes is trusted as our own program's output.

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

pub use slots::History;

/// The largest compiled form. Machine code is about three times the size of WebAssembly.
const MAX_ARTIFACT: ByteSize = ByteSize::mib(256);

/// Where components are compiled.
#[derive(Clone, Debug)]
pub enum Compiling {
    /// In this process: for tests and tools that trust what they compile. Only the counts are bounded.
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

/// Why a component is not compiled. The message names the component's fault; the caller names the file.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    #[error("is truncated or malformed: {0}")]
    Malformed(String),
    /// The engine's pool has fewer core instances, memories or tables for one component than it has, or
    /// smaller ones; or the compiler cannot do what it asks for.
    #[error("cannot be run by this host: {0}")]
    Unsupported(String),
    /// It comes to more than any real component, counting what is nested as often as it is instantiated.
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
    /// The compiler could not be started, or broke.
    #[error("cannot be compiled: {0}")]
    Compiler(String),
}

/// Compiles components; one for the process.
pub struct Compiler {
    compiling: Compiling,
    bounds: config::Compile,
    slots: Slots,
}

impl Compiler {
    /// With these bounds.
    pub fn new(compiling: Compiling, bounds: config::Compile) -> Self {
        Self { compiling, bounds, slots: Slots::new() }
    }

    /// How well a component of so many bytes is compiled.
    pub fn effort(&self, size: u64) -> Effort {
        match &self.compiling {
            Compiling::Child(program) if size > LARGE => program.effort(),
            _ => Effort::Full,
        }
    }

    /// Waits until this component may be compiled: see [`Slots`].
    pub async fn slot(&self, size: u64, history: History) -> Slot {
        self.slots.take(size, history).await
    }

    /// The compiled form of a component. Ends the compiler when it is dropped.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub async fn compile(
        &self,
        engine: &Engine,
        bytes: Bytes,
        mut slot: Slot,
    ) -> Result<Vec<u8>, CompileError> {
        let Compiling::Child(program) = &self.compiling else {
            let engine = engine.clone();
            let compiled = tokio::task::spawn_blocking(move || compile(&engine, &bytes)).await;
            return compiled.map_err(|_| CompileError::Compiler("the compiler broke".into()))?;
        };
        loop {
            let time = slot.time().map_or(self.bounds.time, |time| time.min(self.bounds.time));
            let effort = self.effort(bytes.len() as u64);
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
/// It is malformed, or it is well-formed and more than the host can run.
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
