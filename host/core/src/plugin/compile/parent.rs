//! The parent's side: starts the child, sends it the component, reads its answer, and ends it in
//! time.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use bytesize::ByteSize;
use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};

use super::child::ChildAnswer;
use super::{CompileError, Effort, MAX_ARTIFACT};

/// How many bytes are kept of what a child writes to standard error.
const MAX_SAID: u64 = 4096;

/// How long a child may exist, as a multiple of its CPU time.
const PATIENCE: u32 = 10;

/// The most threads of one child. More would need more memory at the same time, for little gain.
const MAX_THREADS: usize = 8;

/// A program with the command `compile`: this one, or another of the same version.
#[derive(Clone, Debug)]
pub struct Program {
    file: PathBuf,
    /// Of large components.
    effort: Effort,
}

impl Program {
    /// The `lithe` command in this file. It has to be of the same version.
    pub fn at(file: PathBuf) -> Self {
        Self { file, effort: Effort::Full }
    }

    /// The same, which compiles large components so that it is soon done with them.
    #[must_use]
    pub fn in_a_hurry(self) -> Self {
        Self { effort: Effort::Quick, ..self }
    }

    /// How well it compiles large components.
    pub fn effort(&self) -> Effort {
        self.effort
    }

    /// This program. On Linux it is the running file itself, even if another file has taken over
    /// its name.
    ///
    /// # Errors
    /// The system does not say where it is.
    pub fn own() -> std::io::Result<Self> {
        let running = Path::new("/proc/self/exe");
        match running.exists() {
            true => Ok(Self::at(running.to_owned())),
            false => std::env::current_exe().map(Self::at),
        }
    }

    /// Compiles a component in a child, within this memory and CPU time. Dropping the future ends
    /// the child.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub(super) async fn compile(
        &self,
        component: &[u8],
        effort: Effort,
        memory: ByteSize,
        time: Duration,
    ) -> Result<Vec<u8>, CompileError> {
        // It yields to the host that serves, so on a busy machine it gets little of each second.
        let patience = time.saturating_mul(PATIENCE);
        let done = tokio::time::timeout(patience, self.run(component, effort, memory, time)).await;
        done.map_err(|_| CompileError::Time(time))?
    }

    async fn run(
        &self,
        component: &[u8],
        effort: Effort,
        memory: ByteSize,
        time: Duration,
    ) -> Result<Vec<u8>, CompileError> {
        let broken = |error: std::io::Error| {
            CompileError::Compiler(format!("the compiler cannot be run: {error}"))
        };
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        let mut child = Command::new(&self.file)
            .arg0("lithe")
            .args(["compile", "--memory", &memory.as_u64().to_string()])
            .args(["--time", &time.as_millis().to_string()])
            .args((effort == Effort::Quick).then_some("--quick"))
            // It does not need this process's variables.
            .env_clear()
            .env("RAYON_NUM_THREADS", threads.to_string())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Signals from a terminal to this process must not reach it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(broken)?;
        let (input, output, errors) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        // The pipe stays open until the answer is complete: closing it would end the child.
        let (_open, answer, said) =
            tokio::try_join!(feed(input, component), read(output), read_said(errors))?;
        let status = child.wait().await.map_err(broken)?;
        understand(answer, status, &said, memory, time)
    }
}

/// Sends the component. If the child stops reading, it has ended, and its exit says why.
async fn feed(
    input: Option<ChildStdin>,
    component: &[u8],
) -> Result<Option<ChildStdin>, CompileError> {
    let Some(mut input) = input else { return Ok(None) };
    let length = (component.len() as u64).to_le_bytes();
    if input.write_all(&length).await.is_ok() {
        let _ = input.write_all(component).await;
    }
    Ok(Some(input))
}

/// Reads the child's whole answer.
async fn read(output: Option<ChildStdout>) -> Result<Vec<u8>, CompileError> {
    let mut answer = Vec::new();
    let Some(output) = output else { return Ok(answer) };
    // One byte says what follows; one more shows that the answer is too long.
    let most = MAX_ARTIFACT.as_u64() + 2;
    let whole = output.take(most).read_to_end(&mut answer).await;
    whole.map_err(|error| CompileError::Compiler(error.to_string()))?;
    match answer.len() as u64 == most {
        true => Err(CompileError::Artifact),
        false => Ok(answer),
    }
}

/// Reads the beginning of the child's text for people.
async fn read_said(errors: Option<ChildStderr>) -> Result<String, CompileError> {
    let Some(mut errors) = errors else { return Ok(String::new()) };
    let mut said = Vec::new();
    // The rest is read so that the child does not wait for a reader.
    let _ = (&mut errors).take(MAX_SAID).read_to_end(&mut said).await;
    let _ = tokio::io::copy(&mut errors, &mut tokio::io::sink()).await;
    Ok(String::from_utf8_lossy(&said).trim_end().to_owned())
}

/// Interprets the child's exit and answer.
fn understand(
    mut answer: Vec<u8>,
    status: ExitStatus,
    said: &str,
    memory: ByteSize,
    time: Duration,
) -> Result<Vec<u8>, CompileError> {
    if status.signal() == Some(Signal::XCPU.as_raw()) {
        return Err(CompileError::Time(time));
    }
    // What Rust writes before it aborts, and what the system says about a mapping.
    let is_out_of_memory = ["memory allocation of", "Cannot allocate memory", "os error 12"];
    if !status.success() {
        return Err(match is_out_of_memory.iter().any(|words| said.contains(words)) {
            true => CompileError::Memory(memory),
            false => CompileError::Compiler(format!("the compiler ended by {status}: {said}")),
        });
    }
    let kind = answer.first().copied().and_then(ChildAnswer::of);
    if kind == Some(ChildAnswer::Compiled) {
        answer.remove(0);
        return Ok(answer);
    }
    let text = String::from_utf8_lossy(answer.get(1..).unwrap_or_default()).into_owned();
    Err(match kind {
        Some(ChildAnswer::Malformed) => CompileError::Malformed(text),
        Some(ChildAnswer::Excessive) => CompileError::Excessive(text),
        Some(ChildAnswer::Unsupported) if text.contains(is_out_of_memory[1]) => {
            CompileError::Memory(memory)
        }
        Some(ChildAnswer::Unsupported) => CompileError::Unsupported(text),
        _ => CompileError::Compiler("the compiler does not answer".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(answer: &[u8], raw_status: i32, said: &str) -> String {
        let status = ExitStatus::from_raw(raw_status);
        match understand(answer.to_vec(), status, said, ByteSize::mib(64), Duration::from_secs(9)) {
            Ok(compiled) => format!("compiled {compiled:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn each_end_of_the_compiler_is_an_error_of_its_own() {
        for (answer, status, said, words) in [
            (&b"\0abc"[..], 0, "", "compiled [97, 98, 99]"),
            (b"\x01bad", 0, "", "is truncated or malformed: bad"),
            (b"\x02many", 0, "", "cannot be run by this host: many"),
            (b"\x03more", 0, "", "is not compiled: more"),
            (b"", 0, "", "does not answer"),
            (b"\x09", 0, "", "does not answer"),
            // SIGABRT, and what the standard library writes before it.
            (b"", 6, "memory allocation of 8 bytes failed", "`compile.memory`"),
            (b"\0half", 6, "memory allocation of 8 bytes failed", "`compile.memory`"),
            (b"\x02mmap: Cannot allocate memory (os error 12)", 0, "", "`compile.memory`"),
            (
                b"\0half",
                Signal::XCPU.as_raw(),
                "",
                "longer than 9s of CPU time to be compiled (`compile.time`)",
            ),
            (b"\0half", 11, "", "the compiler ended by signal: 11"),
            (b"", 256, "it is broken", "exit status: 1: it is broken"),
        ] {
            let error = understood(answer, status, said);
            assert!(error.contains(words), "{answer:?}, {status}: {error}");
        }
    }
}
