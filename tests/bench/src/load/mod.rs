//! The loads. One thread that does next to nothing: what is sent is encoded before, what comes is
//! only counted, and no connection is looked at that has nothing to say.

pub(crate) mod connections;
pub(crate) mod echo;
mod fan_out;
pub(crate) mod frame;
pub(crate) mod steady;

use std::time::Duration;

use anyhow::ensure;

use crate::server::Server;
use connections::Connections;

/// What is asked of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// Every message comes back; on each socket `depth` of them are on their way at any time.
    Echo { sockets: usize, depth: usize, size: usize },
    /// One sends, and everybody hears it; then the next.
    FanOut { sockets: usize, size: usize },
    /// GET, again and again on connections that stay open.
    Http { connections: usize, instances: Instances },
    /// Sockets that have said something once: the memory of each.
    Idle { sockets: usize },
}

/// What Lithe answers requests from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instances {
    /// A pool.
    Pooled,
    /// A fresh one for each request (`fresh = true`).
    Fresh,
}

/// All that are measured, with their names.
pub(crate) const LOADS: [(&str, Load); 7] = [
    ("echo", Load::Echo { sockets: 50, depth: 1, size: 32 }),
    ("echo-deep", Load::Echo { sockets: 50, depth: 16, size: 32 }),
    ("echo-large", Load::Echo { sockets: 20, depth: 4, size: 16 * 1024 }),
    ("fan-out", Load::FanOut { sockets: 1_000, size: 32 }),
    ("http", Load::Http { connections: 50, instances: Instances::Pooled }),
    ("http-fresh", Load::Http { connections: 50, instances: Instances::Fresh }),
    // workerd has two files for each, and many systems allow 20,000.
    ("idle", Load::Idle { sockets: 9_000 }),
];

/// Before anything is counted.
const WARM_UP: Duration = Duration::from_millis(300);

/// After the last message of sockets that are idle then.
const SETTLE: Duration = Duration::from_secs(2);

/// What a server has done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// Messages, answers or deliveries a second; for [`Load::Idle`], bytes for each socket.
    pub amount: f64,
    /// CPU time of the server, as a share of the time.
    pub busy: f64,
}

impl Load {
    /// The route that serves it.
    pub(crate) fn path(&self) -> &'static str {
        match self {
            Self::Echo { .. } | Self::Idle { .. } => "/bench/echo",
            Self::FanOut { .. } => "/bench/publish",
            Self::Http { instances: Instances::Pooled, .. } => "/bench/hello",
            Self::Http { instances: Instances::Fresh, .. } => "/fresh/hello",
        }
    }

    /// Puts it on a server, for a while.
    ///
    /// # Errors
    /// The server does not do what it is asked.
    pub(crate) fn put_on(
        &self,
        server: &Server,
        path: &str,
        time: Duration,
    ) -> anyhow::Result<Measured> {
        let mut watch = Watch { server, time, begun: None };
        match *self {
            Self::Echo { sockets, depth, size } => {
                let mut connections = Connections::upgraded(server.address, path, sockets)?;
                let exchange = echo::Exchange::of_frames(depth, size);
                exchange.run(&mut connections, |answers, now| watch.look(answers, now))
            }
            Self::Http { connections, .. } => {
                let mut connections = Connections::open(server.address, connections)?;
                let exchange = echo::Exchange::of_requests(&connections, path)?;
                exchange.run(&mut connections, |answers, now| watch.look(answers, now))
            }
            Self::FanOut { sockets, size } => {
                let mut connections = Connections::upgraded(server.address, path, sockets)?;
                fan_out::run(&mut connections, size, |heard, now| watch.look(heard, now))
            }
            Self::Idle { sockets } => idle(server, path, sockets),
        }
    }

    /// Messages, answers or deliveries, if there are so many for each socket.
    pub(crate) fn messages(&self, each: usize) -> usize {
        match self {
            Self::Echo { sockets, .. } | Self::FanOut { sockets, .. } => each * sockets,
            Self::Http { connections, .. } => each * connections,
            Self::Idle { .. } => 0,
        }
    }

    /// Whether less is better.
    pub(crate) fn is_cost(&self) -> bool {
        matches!(self, Self::Idle { .. })
    }
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Echo { sockets, depth, size } if *size >= 1024 => {
                write!(f, "echo, {sockets} sockets × {depth} × {} KiB", size / 1024)
            }
            Self::Echo { sockets, depth, size } => {
                write!(f, "echo, {sockets} sockets × {depth} × {size} B")
            }
            Self::FanOut { sockets, size } => write!(f, "fan-out of {size} B to {sockets} sockets"),
            Self::Http { connections, instances } => {
                write!(f, "HTTP hello, {connections} connections")?;
                match instances {
                    Instances::Pooled => Ok(()),
                    Instances::Fresh => f.write_str(", an instance for each request"),
                }
            }
            Self::Idle { sockets } => write!(f, "memory of a socket, {sockets} idle"),
        }
    }
}

/// Counts from the end of the warm-up on.
struct Watch<'s> {
    server: &'s Server,
    time: Duration,
    begun: Option<Begun>,
}

#[derive(Clone, Copy)]
struct Begun {
    at: Duration,
    count: u64,
    cpu: Duration,
}

impl Watch<'_> {
    /// Looks at a count, and at the time since the load began; done when there is a result.
    fn look(&mut self, count: u64, now: Duration) -> anyhow::Result<Option<Measured>> {
        match self.begun {
            None if now >= WARM_UP => {
                self.begun = Some(Begun { at: now, count, cpu: self.server.cpu_time()? });
                Ok(None)
            }
            Some(begun) if now >= begun.at + self.time => {
                let seconds = (now - begun.at).as_secs_f64();
                let cpu = self.server.cpu_time()? - begun.cpu;
                ensure!(count > begun.count, "nothing was answered");
                Ok(Some(Measured {
                    amount: (count - begun.count) as f64 / seconds,
                    busy: cpu.as_secs_f64() / seconds,
                }))
            }
            _ => Ok(None),
        }
    }
}

fn idle(server: &Server, path: &str, sockets: usize) -> anyhow::Result<Measured> {
    // What the first ones cost once is not a cost of a socket.
    let exchange = echo::Exchange::of_frames(1, 32);
    let mut first = Connections::upgraded(server.address, path, 100)?;
    exchange.times(&mut first, 1)?;
    std::thread::sleep(SETTLE);
    let before = server.memory()?;
    let mut connections = Connections::upgraded(server.address, path, sockets)?;
    exchange.times(&mut connections, 1)?;
    std::thread::sleep(SETTLE);
    let used = server.memory()?.saturating_sub(before);
    Ok(Measured { amount: used as f64 / sockets as f64, busy: 0.0 })
}

/// Puts exactly so many messages for each socket on a server, twice: `between` is called after the
/// first.
///
/// # Errors
/// The server does not do what it is asked, or `between` fails.
pub(crate) fn counted(
    load: &Load,
    server: &Server,
    messages: usize,
    between: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    match *load {
        Load::Echo { sockets, depth, size } => {
            let mut connections = Connections::upgraded(server.address, load.path(), sockets)?;
            let exchange = echo::Exchange::of_frames(depth, size);
            exchange.times(&mut connections, messages)?;
            between()?;
            exchange.times(&mut connections, messages)
        }
        Load::Http { connections, .. } => {
            let mut connections = Connections::open(server.address, connections)?;
            let exchange = echo::Exchange::of_requests(&connections, load.path())?;
            exchange.times(&mut connections, messages)?;
            between()?;
            exchange.times(&mut connections, messages)
        }
        Load::FanOut { sockets, size } => {
            let mut connections = Connections::upgraded(server.address, load.path(), sockets)?;
            let all = (messages * sockets) as u64;
            let mut heard = |heard, _| Ok((heard >= all).then_some(()));
            fan_out::run(&mut connections, size, &mut heard)?;
            between()?;
            fan_out::run(&mut connections, size, &mut heard)
        }
        Load::Idle { .. } => anyhow::bail!("what is idle has no messages"),
    }
}
