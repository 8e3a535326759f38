//! Why a call of a guest failed.

use std::time::Duration;

use super::ledger::PartExceeded;
use crate::capability::http::InvalidAnswer;
use crate::capability::meter::OutOfCpuTime;
use crate::config::{Limit, MAX_UPKEEP_TIME};
use crate::log;

/// After `Trap`, `Memory`, `Cpu`, `Time` and `Start` the instance cannot be used again.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The guest trapped, or misused a host call. The text has the guest's backtrace.
    #[error("the guest trapped: {0}")]
    Trap(String),
    /// The guest exceeded `limits.memory` or `limits.table_elements`, and trapped because of it.
    #[error("the guest trapped after a limit: {message}: {trap}")]
    Memory { limit: Limit, message: String, trap: String },
    #[error("{0} (`{1}`)")]
    Cpu(OutOfCpuTime, Limit),
    #[error("the guest took longer than {0:?} (`limits.request_time`)")]
    Time(Duration),
    /// The time for what a plugin runs before it serves: see [`MAX_UPKEEP_TIME`].
    #[error(
        "the guest took longer than {MAX_UPKEEP_TIME:?}, the most for what it runs before it serves"
    )]
    AtLoad,
    #[error("cannot start an instance: {0}")]
    Start(String),
    #[error("{0} are in use (`{1}`)")]
    Busy(usize, Limit),
    #[error(transparent)]
    Full(#[from] PartExceeded),
    #[error(transparent)]
    Invalid(#[from] InvalidAnswer),
    #[error("it saved {saved} bytes, `limits.state` allows {allowed}")]
    StateTooLarge { saved: usize, allowed: usize },
    /// The error that `save`, `restore` or `health` returned.
    #[error("`{0}` answered: {1}")]
    Refused(&'static str, String),
    #[error("the plugin is being stopped")]
    Stopped,
}

/// The engine's text about a failure, with the guest's backtrace, cut at a bound: a guest's
/// functions may have names of megabytes. The bound is larger than what the log shows, so that a
/// secret at the log's bound is recognized as a whole.
pub(super) fn describe(error: &wasmtime::Error) -> String {
    log::excerpt(format_args!("{error:?}"), 2 * log::MAX_TEXT)
}

impl Failure {
    /// The error that an export returned, cut at a bound: it is the guest's.
    pub(super) fn refused(export: &'static str, reason: &str) -> Self {
        Self::Refused(export, log::excerpt(reason, log::MAX_TEXT))
    }

    /// The limit that was exceeded.
    pub fn limit(&self) -> Option<Limit> {
        match self {
            Self::Memory { limit, .. } | Self::Cpu(_, limit) | Self::Busy(_, limit) => Some(*limit),
            Self::Full(_) => Some(Limit::PoolShare),
            Self::Time(_) => Some(Limit::RequestTime),
            Self::StateTooLarge { .. } => Some(Limit::State),
            Self::Trap(_)
            | Self::AtLoad
            | Self::Start(_)
            | Self::Invalid(_)
            | Self::Refused(..)
            | Self::Stopped => None,
        }
    }

    /// Whether the instance can be called again.
    pub(crate) fn spares_the_instance(&self) -> bool {
        !matches!(
            self,
            Self::Trap(_)
                | Self::Memory { .. }
                | Self::Cpu(..)
                | Self::Time(_)
                | Self::AtLoad
                | Self::Start(_)
        )
    }
}
