//! What a tenant does that burns all it can, and the clients that have it do so.

use std::fmt::{self, Write as _};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use clap::ValueEnum;
use lithe_host::internals::runtime::step_back;
use lithe_tests::artifacts::{BENCH_ECHO, HOSTILE_HOOKS, TIMERS, TRAP_HTTP};
use lithe_tests::{Frame, Site};
use rustix::net::sockopt::set_socket_linger;

use crate::load::connections::{Connections, handshake};
use crate::load::echo::Exchange;

/// The host of the tenant that misbehaves.
const HOST: &str = "greedy.test";

/// How long its clients may need to begin.
const BEGINNING: Duration = Duration::from_secs(60);

/// Timers, in steps of what one request sets.
const TIMERS_AT_ONCE: usize = 1_000;
const TIMER_REQUESTS: usize = 10;

/// Routes with a regex beside each other, all of which a path has to be compared with.
const REGEXES: usize = 8;

/// The path's part that the regexes read, in bytes: longer ones they do not.
const LONG_PATH: usize = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Misbehaviour {
    /// The other tenant is quiet: what the machine's noise makes of the ratio
    Nothing,
    /// Endless loops in requests
    LoopHttp,
    /// Endless loops in session events, each in an instance of its own
    LoopEvents,
    /// Sockets that never stop talking
    Sockets,
    /// Messages as large as they may be
    Messages,
    /// An instance for each connection, and connections that come and go
    Connections,
    /// A trap for each request, and so an instance
    Traps,
    /// Memory up to the limit
    Memory,
    /// Lines in the log
    Log,
    /// Timers that go off every millisecond
    Timers,
    /// Long paths for routes with large regexes
    Paths,
}

impl fmt::Display for Misbehaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing, for comparison",
            Self::LoopHttp => "endless loops in requests",
            Self::LoopEvents => "endless loops in session events",
            Self::Sockets => "busy sockets",
            Self::Messages => "messages of 1 MiB",
            Self::Connections => "an instance for each of many connections",
            Self::Traps => "a trap and a new instance for each request",
            Self::Memory => "memory up to the limit",
            Self::Log => "floods of log lines",
            Self::Timers => "10,000 timers of a millisecond",
            Self::Paths => "long paths for large regexes",
        })
    }
}

/// Writes the tenant's folder.
pub(crate) fn write_site(sites: &Site, folder: &str) {
    let components = [
        ("do", TRAP_HTTP),
        ("own", HOSTILE_HOOKS),
        ("echo", BENCH_ECHO),
        ("fresh", BENCH_ECHO),
        ("timers", TIMERS),
    ];
    for (route, component) in components {
        sites.copy(&format!("{folder}/routes/{route}.wasm"), Path::new(component));
    }
    for number in 0..REGEXES {
        // Each repetition is a state that every letter keeps alive, and only the end says no.
        let file = format!("{folder}/routes/paths/[id((x*){{{}}}y)].wasm", 50 + number);
        sites.copy(&file, Path::new(TRAP_HTTP));
    }
    // All that its clients ask for is to be done: what is refused costs nobody anything.
    let mut settings = format!("hosts = [\"{HOST}\"]\n[limits]\nqueue = 100000\n");
    for route in ["own", "fresh"] {
        let _ = writeln!(settings, "[plugin.\"routes/{route}.wasm\"]\nscope = \"connection\"");
    }
    sites.write(format!("{folder}/lithe.toml"), settings);
}

impl Misbehaviour {
    /// Begins, and answers once it has begun.
    ///
    /// # Errors
    /// It does not get that far.
    pub(crate) fn begin(self, address: SocketAddr, sockets: usize) -> anyhow::Result<Acting> {
        let answer = ask(address, "/do")?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "who misbehaves is not served: {answer}");
        let mut acting = Acting::default();
        match self {
            Self::Nothing => return Ok(acting),
            Self::LoopHttp => acting.asks(16, address, "/do?how=loop"),
            Self::LoopEvents => acting.repeats(16, move || talk(address, "/own", b"loop")),
            Self::Sockets => acting.echoes(address, sockets, 1, 32),
            Self::Messages => acting.echoes(address, 20, 1, 1024 * 1024),
            Self::Connections => acting.repeats(32, move || talk(address, "/fresh", b"hello")),
            Self::Traps => acting.asks(32, address, "/do?how=panic"),
            Self::Memory => acting.asks(16, address, "/do?how=memory"),
            Self::Log => acting.asks(4, address, "/do?how=print"),
            Self::Timers => {
                let path = format!("/timers?set=1&repeat&count={TIMERS_AT_ONCE}");
                for _ in 0..TIMER_REQUESTS {
                    let answer = ask(address, &path)?;
                    ensure!(answer.starts_with("HTTP/1.1 200"), "no timers: {answer}");
                }
                return Ok(acting);
            }
            Self::Paths => {
                let path = format!("/paths/{}", "x".repeat(LONG_PATH));
                acting.asks(16, address, &path);
            }
        }
        let started = Instant::now();
        while acting.count() == 0 {
            if started.elapsed() > BEGINNING || acting.threads.iter().any(JoinHandle::is_finished) {
                acting.stop();
                acting.end()?;
                return Err(anyhow!("it does not begin"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(acting)
    }
}

/// Clients that go on until they are stopped, behind those that measure.
#[derive(Default)]
pub(crate) struct Acting {
    stopped: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    threads: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Acting {
    /// What they have begun.
    fn count(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// No more is begun.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Waits for those that were in the middle of something, which the host's end ends.
    ///
    /// # Errors
    /// They could not do what they should.
    pub(crate) fn end(self) -> anyhow::Result<()> {
        for thread in self.threads {
            thread.join().unwrap_or_else(|_| Err(anyhow!("a client has panicked")))?;
        }
        Ok(())
    }

    fn spawn(
        &mut self,
        act: impl FnOnce(&AtomicBool, &AtomicU64) -> anyhow::Result<()> + Send + 'static,
    ) {
        let (stopped, done) = (self.stopped.clone(), self.done.clone());
        self.threads.push(thread::spawn(move || {
            step_back()?;
            let acted = act(&stopped, &done);
            // Whatever fails then is the host's end.
            if stopped.load(Ordering::Relaxed) { Ok(()) } else { acted }
        }));
    }

    /// Does the same again and again, in so many threads, whatever comes of it.
    fn repeats(
        &mut self,
        threads: usize,
        once: impl Fn() -> io::Result<()> + Clone + Send + 'static,
    ) {
        for _ in 0..threads {
            let once = once.clone();
            self.spawn(move |stopped, done| {
                while !stopped.load(Ordering::Relaxed) {
                    done.fetch_add(1, Ordering::Relaxed);
                    // The host may refuse, and end connections as it likes.
                    let _ = once();
                }
                Ok(())
            });
        }
    }

    fn asks(&mut self, threads: usize, address: SocketAddr, path: &str) {
        let path: Arc<str> = path.into();
        self.repeats(threads, move || ask(address, &path).map(drop));
    }

    /// Sockets whose messages come back.
    fn echoes(&mut self, address: SocketAddr, sockets: usize, depth: usize, size: usize) {
        self.spawn(move |stopped, done| {
            let mut connections = Connections::upgraded_at(address, HOST, "/echo", sockets)?;
            let exchange = Exchange::of_frames(depth, size);
            exchange.run(&mut connections, |answers, _| {
                done.store(answers, Ordering::Relaxed);
                Ok(stopped.load(Ordering::Relaxed).then_some(()))
            })
        });
    }
}

/// One request on a connection of its own; the whole answer.
fn ask(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// One socket, one message, and whatever comes first after it.
fn talk(address: SocketAddr, path: &str, message: &[u8]) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    // Ends by a reset, so that the port is free again.
    set_socket_linger(&stream, Some(Duration::ZERO))?;
    stream.write_all(handshake(HOST, path).as_bytes())?;
    let mut byte = [0];
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    stream.write_all(&Frame::text(message).masked())?;
    stream.read_exact(&mut byte)
}
