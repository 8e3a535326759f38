//! The child's side: it reads a component from standard input, and writes the compiled form to
//! standard output.
//!
//! The input is eight bytes with the component's length, little-endian, and then the component. The
//! parent keeps the pipe open for as long as it wants the result: if the pipe ends, the child ends.
//! The output is a byte that says what follows, see [`ChildAnswer`], and then that.

use std::io::{Read as _, Write as _};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use bytesize::ByteSize;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::{CompileError, Effort, compile};
use crate::runtime::compiler;

/// How much compilers yield to the host that serves (see `nice(2)`), except those that an author
/// waits for.
const NICENESS: i32 = 10;

/// The first byte of the output. It says what the rest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChildAnswer {
    /// The compiled form.
    Compiled = 0,
    /// The text of a [`CompileError`] of the same name.
    Malformed = 1,
    Unsupported = 2,
    Excessive = 3,
}

impl ChildAnswer {
    pub(crate) fn of(byte: u8) -> Option<Self> {
        [Self::Compiled, Self::Malformed, Self::Unsupported, Self::Excessive]
            .into_iter()
            .find(|answer| *answer as u8 == byte)
    }
}

/// Runs `lithe compile` within this memory and CPU time.
///
/// # Errors
/// The process cannot be bounded, the component does not arrive, or the result cannot be written.
pub fn run(effort: Effort, memory: ByteSize, time: Duration) -> anyhow::Result<()> {
    bound(memory, time)?;
    if effort == Effort::Full {
        // At full priority it compiles as well.
        let _ = rustix::process::nice(NICENESS);
    }
    let mut input = std::io::stdin();
    let mut length = [0; 8];
    input.read_exact(&mut length).context("the component does not arrive")?;
    let length = u64::from_le_bytes(length);
    let mut bytes = Vec::new();
    let read = input.by_ref().take(length).read_to_end(&mut bytes);
    anyhow::ensure!(read? as u64 == length, "the component does not arrive whole");
    thread::Builder::new().name("parent".to_owned()).spawn(end_with_parent)?;
    let engine = compiler(effort == Effort::Quick).map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let (answer, rest) = match compile(&engine, &bytes) {
        Ok(compiled) => (ChildAnswer::Compiled, compiled),
        Err(CompileError::Malformed(text)) => (ChildAnswer::Malformed, text.into()),
        Err(CompileError::Unsupported(text)) => (ChildAnswer::Unsupported, text.into()),
        Err(CompileError::Excessive(text)) => (ChildAnswer::Excessive, text.into()),
        Err(other) => return Err(other.into()),
    };
    let mut output = std::io::stdout().lock();
    output.write_all(&[answer as u8])?;
    output.write_all(&rest)?;
    Ok(output.flush()?)
}

/// Bounds the process. Beyond `memory` the system gives no more, and the process aborts. Only
/// memory that is written to counts, and not the addresses that allocators reserve. Beyond `time`
/// it ends by SIGXCPU.
fn bound(memory: ByteSize, time: Duration) -> anyhow::Result<()> {
    let limit = |current, maximum| Rlimit { current: Some(current), maximum: Some(maximum) };
    let memory = limit(memory.as_u64(), memory.as_u64());
    setrlimit(Resource::Data, memory).context("cannot bound the memory")?;
    // At the second limit it would end by SIGKILL, which other causes have, too.
    let seconds = whole_seconds(time);
    let time = limit(seconds, seconds.saturating_add(5));
    setrlimit(Resource::Cpu, time).context("cannot bound the time")?;
    // An aborted child writes nothing to the disk.
    setrlimit(Resource::Core, limit(0, 0)).context("cannot do without core dumps")
}

/// The system counts CPU time in seconds.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

/// Ends the process when nobody wants the result any longer.
fn end_with_parent() {
    // Nothing arrives on the pipe: this waits for its end, or for an error.
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    std::process::exit(1);
}
