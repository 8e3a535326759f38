//! The tenant that behaves well, and whose answers are timed.

use std::fs::File;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use lithe_tests::artifacts::{BENCH_ECHO, BENCH_HELLO, CACHE};
use lithe_tests::{Site, percentile};

use crate::cores;
use crate::host;
use crate::load::connections::Connections;
use crate::load::echo::length_of_answer;
use crate::load::frame;
use crate::load::steady::Steady;
use crate::server::{Server, free_address};

/// Its host.
const HOST: &str = "neighbour.test";

/// Its sockets and connections, on which it is asked in turn.
pub(crate) const SOCKETS: usize = 20;
pub(crate) const CONNECTIONS: usize = 10;

/// A message's payload, in bytes.
const MESSAGE: usize = 32;

/// How a neighbour fared, and what the host did in that time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// The 99th percentile of the messages' answer times, and of the requests'.
    pub echo: Duration,
    pub http: Duration,
    /// CPU time of the host, as a share of the time.
    pub busy: f64,
    /// Time that the host's threads waited for the core, as a share of the time.
    pub delayed: f64,
}

impl Measured {
    /// The longer answer times of both.
    pub(crate) fn worse(self, other: Self) -> Self {
        Self { echo: self.echo.max(other.echo), http: self.http.max(other.http), ..self }
    }
}

/// Writes its folder.
pub(crate) fn write_site(sites: &Site) {
    sites.copy("neighbour/routes/echo.wasm", Path::new(BENCH_ECHO));
    sites.copy("neighbour/routes/hello.wasm", Path::new(BENCH_HELLO));
    sites.write("neighbour/lithe.toml", format!("hosts = [\"{HOST}\"]\n"));
}

/// Serves it and others on the servers' core. The log lies beside their folder.
///
/// # Errors
/// The host does not start.
pub(crate) fn serve(program: &Path, sites: Site) -> anyhow::Result<Server> {
    let address = free_address()?;
    let command = host::serve(program, &sites.folder(), Path::new(CACHE), address);
    let log = sites.folder().with_extension("log");
    let mut command = cores::on_the_servers(&command);
    command.stderr(File::create(log).context("cannot write a log")?);
    Ok(Server::that_says(&mut command, address, host::READY)?.with(sites))
}

/// Its clients.
pub(crate) struct Neighbour {
    echo: Steady,
    http: Steady,
    message_period: Duration,
    request_period: Duration,
}

impl Neighbour {
    /// Connects.
    ///
    /// # Errors
    /// It is not served.
    pub(crate) fn meet(server: &Server, messages: u32, requests: u32) -> anyhow::Result<Self> {
        let sockets = Connections::upgraded_at(server.address, HOST, "/echo", SOCKETS)?;
        let connections = Connections::open(server.address, CONNECTIONS)?;
        let request = format!("GET /hello HTTP/1.1\r\nhost: {HOST}\r\n\r\n");
        let answer = length_of_answer(&connections.streams[0], &request)?;
        Ok(Self {
            echo: Steady::new(sockets, frame::text(MESSAGE), frame::answered(MESSAGE)),
            http: Steady::new(connections, request.into_bytes(), answer),
            message_period: Duration::from_secs(1) / messages,
            request_period: Duration::from_secs(1) / requests,
        })
    }

    /// Asks for this time.
    ///
    /// # Errors
    /// The host ends a connection.
    pub(crate) fn measure(&mut self, server: &Server, time: Duration) -> anyhow::Result<Measured> {
        let (started, cpu, delay) = (Instant::now(), server.cpu_time()?, server.delay()?);
        let Self { echo, http, message_period, request_period } = self;
        let (echo, http) = thread::scope(|scope| {
            let http = scope.spawn(|| http.run(*request_period, time));
            let echo = echo.run(*message_period, time);
            (echo, http.join().unwrap_or_else(|_| Err(anyhow!("the load has panicked"))))
        });
        let share = |time: Duration| time.as_secs_f64() / started.elapsed().as_secs_f64();
        Ok(Measured {
            echo: percentile(99, &mut echo?),
            http: percentile(99, &mut http?),
            busy: share(server.cpu_time()?.saturating_sub(cpu)),
            delayed: share(server.delay()?.saturating_sub(delay)),
        })
    }
}
