//! The signals that end the host, or have it look at everything again.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::site;

/// What ends the host.
pub struct Endings {
    interrupt: Signal,
    terminate: Signal,
    /// Where it belongs to a terminal.
    hangup: Option<Signal>,
}

/// A signal that has come.
pub struct Ending {
    pub name: &'static str,
    /// What a process that it has ended exits with.
    pub code: i32,
}

impl Endings {
    /// SIGINT and SIGTERM.
    ///
    /// # Errors
    /// The system does not tell of signals.
    pub fn listen() -> anyhow::Result<Self> {
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
    pub fn of_terminal() -> anyhow::Result<Self> {
        Ok(Self { hangup: Some(listen(SignalKind::hangup())?), ..Self::listen()? })
    }

    /// Waits for the next.
    pub async fn next(&mut self) -> Ending {
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

/// From now on SIGHUP does not end the process: every site is looked at again.
///
/// # Errors
/// As [`Endings::listen`].
pub fn look_on_hangup() -> anyhow::Result<()> {
    let mut hangup = listen(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            tracing::info!("SIGHUP: looking at all sites again");
            site::tell_all();
        }
    });
    Ok(())
}

fn listen(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).context("cannot wait for signals")
}
