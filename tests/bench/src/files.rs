//! How many files, and so connections, this program and what it starts may have open.

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a process has open beside its connections, at most.
const OTHERS: u64 = 500;

/// For the most sockets that are measured, and some.
const FILES: u64 = 100_000;

/// Allows so many, or as many as the system lets this user have.
///
/// # Errors
/// The system refuses what it allows.
pub(crate) fn allow() -> anyhow::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    // Without a maximum, any number is allowed.
    let all = maximum.map_or(FILES, |maximum| maximum.max(FILES));
    let raise = |files| {
        setrlimit(
            Resource::Nofile,
            Rlimit { current: Some(files), maximum: maximum.map(|_| files) },
        )
    };
    // More than the maximum is for the system's administrator only.
    raise(all)
        .or_else(|_| raise(maximum.unwrap_or(FILES)))
        .context("cannot raise the limit of open files")
}

/// The connections that a process may have.
pub(crate) fn connections() -> u64 {
    getrlimit(Resource::Nofile).current.map_or(FILES, |files| files.saturating_sub(OTHERS))
}
