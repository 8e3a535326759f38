//! The signals that end the host, or have it look at everything again.

use anyhow::Context as _;
use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind};

use lithe_host::internals::site;

/// What ends the host.
pub(crate) struct Endings {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    /// Where it belongs to a terminal.
    hangup: Option<unix::Signal>,
}

/// A signal that has come.
pub(crate) struct Ending {
    pub name: &'static str,
    /// What a process that it has ended exits with.
    pub code: i32,
}

impl Endings {
    /// SIGINT and SIGTERM.
    ///
    /// # Errors
    /// The system does not tell of signals.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: None,
        })
    }

    /// SIGHUP, too: the terminal has closed.
    ///
    /// # Errors
    /// As [`Endings::listen`].
    pub(crate) fn of_terminal() -> anyhow::Result<Self> {
        // `nohup` has the process ignore it.
        let hangup = match is_ignored(SignalKind::hangup()) {
            true => None,
            false => Some(listen(SignalKind::hangup())?),
        };
        Ok(Self { hangup, ..Self::listen()? })
    }

    /// Waits for the next.
    pub(crate) async fn next(&mut self) -> Ending {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        // 128 and the signal's number, as shells have it.
        let (name, code) = tokio::select! {
            _ = self.interrupt.recv() => ("SIGINT", 130),
            _ = self.terminate.recv() => ("SIGTERM", 143),
            _ = hangup => ("SIGHUP", 129),
        };
        Ending { name, code }
    }
}

/// Takes from signals what the host was started with and cannot live with: a write over the limit
/// of a file's size (SIGXFSZ) is an error and ends nothing, and the end of a child process
/// (SIGCHLD) can be waited for.
///
/// # Errors
/// As [`Endings::listen`].
pub(crate) fn settle() -> anyhow::Result<()> {
    // A handler stays when nobody listens any more.
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

/// From now on SIGHUP does not end the process: every site is looked at again.
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
