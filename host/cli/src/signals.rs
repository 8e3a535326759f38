//! The signals that end the host, or make it look at all sites again.

use anyhow::Context as _;
use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind};

use lithe_host::internals::site;

/// Waits for the signals that end the host.
pub(crate) struct Endings {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    /// None if the host does not belong to a terminal, or ignores the signal.
    hangup: Option<unix::Signal>,
}

/// A signal that has arrived.
pub(crate) struct Ending {
    pub name: &'static str,
    /// The exit code of a process that the signal has ended.
    pub code: i32,
}

impl Endings {
    /// Listens for SIGINT and SIGTERM.
    ///
    /// # Errors
    /// The system does not report signals.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: None,
        })
    }

    /// Listens for SIGHUP, too, which says that the terminal has closed.
    ///
    /// # Errors
    /// As [`Endings::listen`].
    pub(crate) fn of_terminal() -> anyhow::Result<Self> {
        // `nohup` makes the process ignore it.
        let hangup = match is_ignored(SignalKind::hangup()) {
            true => None,
            false => Some(listen(SignalKind::hangup())?),
        };
        Ok(Self { hangup, ..Self::listen()? })
    }

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) -> Ending {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        // As in shells: 128 and the signal's number.
        let (name, code) = tokio::select! {
            _ = self.interrupt.recv() => ("SIGINT", 130),
            _ = self.terminate.recv() => ("SIGTERM", 143),
            _ = hangup => ("SIGHUP", 129),
        };
        Ending { name, code }
    }
}

/// Handles signals whose inherited settings the host cannot live with. A write over the limit of a
/// file's size (SIGXFSZ) is an error and ends nothing, and the host can wait for the end of a child
/// process (SIGCHLD).
///
/// # Errors
/// As [`Endings::listen`].
pub(crate) fn settle() -> anyhow::Result<()> {
    // The handler stays when nobody listens any more.
    drop(listen(SignalKind::from_raw(Signal::XFSZ.as_raw()))?);
    drop(listen(SignalKind::child())?);
    Ok(())
}

/// Whether the process was started with a signal ignored.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let bit = u32::try_from(kind.as_raw_value() - 1).ok().and_then(|bit| 1_u64.checked_shl(bit));
    bit.is_some_and(|bit| mask & bit != 0)
}

/// From now on SIGHUP does not end the process: the host looks at every site again.
///
/// # Errors
/// As [`Endings::listen`].
pub(crate) fn look_on_hangup() -> anyhow::Result<()> {
    let mut hangup = listen(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            tracing::info!("SIGHUP: looking at all sites again");
            site::tell_all();
        }
    });
    Ok(())
}

fn listen(kind: SignalKind) -> anyhow::Result<unix::Signal> {
    unix::signal(kind).context("cannot wait for signals")
}
