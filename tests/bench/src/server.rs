//! A server that is measured: a process on a port of its own.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use lithe_tests::{Site, Task, proc};

use crate::cores;

/// Until it listens; under valgrind that takes a while.
const START: Duration = Duration::from_secs(60);

/// Killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub address: SocketAddr,
    child: Child,
    site: Option<Site>,
}

impl Server {
    /// Starts what `command` makes for a port on the servers' core, and waits until it accepts
    /// connections.
    ///
    /// # Errors
    /// It cannot be run, or does not listen.
    pub(crate) fn start(command: impl FnOnce(u16) -> Command) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = cores::on_the_servers(&command(address.port()));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
        let mut server = Self { address, child, site: None };
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{command:?} has ended: {status}");
            }
            if started.elapsed() > START {
                bail!("{command:?} does not listen on {address}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    /// Runs a command that listens on this address, and waits until it says this on standard
    /// output, for as long as that takes.
    ///
    /// # Errors
    /// It cannot be run, or ends without saying it.
    pub(crate) fn that_says(
        command: &mut Command,
        address: SocketAddr,
        words: &str,
    ) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let child = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
        let mut server = Self { address, child, site: None };
        let printed = server.child.stdout.take().context("is piped")?;
        for line in BufReader::new(printed).lines() {
            if line?.contains(words) {
                return Ok(server);
            }
        }
        bail!("{command:?} has ended: {}", server.child.wait()?)
    }

    /// Keeps the site that it serves.
    #[must_use]
    pub(crate) fn with(mut self, site: Site) -> Self {
        self.site = Some(site);
        self
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// CPU time that all its threads have used.
    ///
    /// # Errors
    /// The system does not say.
    pub(crate) fn cpu_time(&self) -> anyhow::Result<Duration> {
        Ok(Task::process(self.id()).context("the process has ended")?.cpu)
    }

    /// How long its threads, together, were ready to run while others ran.
    ///
    /// # Errors
    /// The system does not say.
    pub(crate) fn delay(&self) -> anyhow::Result<Duration> {
        let mut delay = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.id()))? {
            // A thread may have ended since.
            let Ok(stat) = std::fs::read_to_string(task?.path().join("schedstat")) else {
                continue;
            };
            let nanos = stat.split_whitespace().nth(1).context("`schedstat` has no delay")?;
            delay += nanos.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(delay))
    }

    /// Its resident memory, in bytes.
    ///
    /// # Errors
    /// The system does not say.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        self.of_memory("status", "VmRSS")
    }

    /// The same by what it is (`smaps_rollup` of proc(5)).
    ///
    /// # Errors
    /// The system does not say.
    pub(crate) fn resident(&self) -> anyhow::Result<Resident> {
        let bytes = |name| self.of_memory("smaps_rollup", name);
        Ok(Resident {
            all: bytes("Rss")?,
            anonymous: bytes("Pss_Anon")?,
            mapped: bytes("Pss_File")?,
        })
    }

    fn of_memory(&self, file: &str, name: &str) -> anyhow::Result<u64> {
        proc::memory(self.id(), file, name).with_context(|| format!("`{file}` has no `{name}`"))
    }
}

/// Resident memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resident {
    /// All of it.
    pub all: u64,
    /// What only this process has, and no file.
    pub anonymous: u64,
    /// What is mapped from files; the system may drop it at any time.
    pub mapped: u64,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Nobody listens there now, and the system gives it to nobody else for a while.
///
/// # Errors
/// There is no free port.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is a free port")?;
    Ok(listener.local_addr()?)
}
