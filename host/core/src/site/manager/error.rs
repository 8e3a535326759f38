//! Why a change of a site does not happen.

use std::error::Error as _;
use std::time::Duration;

use crate::plugin::{AsideError, SwapError, VersionError};
use crate::server::NotAlone;

/// Why nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The host has begun to stop.
    #[error("the host is stopping")]
    Stopping,
    /// The site was removed, or its folder replaced.
    #[error("the site is no longer served")]
    Gone,
    /// The previous change of the site takes longer than this.
    #[error("another change of the site has not ended in {0:?}: try again later")]
    Busy(Duration),
    /// A site has at most one canary.
    #[error("a canary is being served: promote it or drop it first")]
    Canary,
    /// A canary would be what every request gets already.
    #[error(
        "these versions are served already, to every request: there is nothing for a canary to try"
    )]
    SameCanary,
    /// The site has no canary to promote or drop.
    #[error("no canary is being served")]
    NoCanary,
    /// The site has no component with this file.
    #[error("the site has no `{0}`")]
    NoPlugin(String),
    /// The site names no hosts, and is not the only one.
    #[error(transparent)]
    Hosts(#[from] NotAlone),
    /// The component has no such version to go back to.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// The new version does not start, is not healthy, or cannot take over.
    #[error(transparent)]
    Swap(#[from] SwapError),
    /// Work on another thread has panicked, or the host is ending.
    #[error(transparent)]
    Aside(#[from] AsideError),
    /// The site or a component is invalid. The message has the whole chain of errors: as a source,
    /// the chain would be printed twice.
    #[error("{0:#}")]
    Refused(anyhow::Error),
}

impl DeployError {
    /// The whole chain of errors, as one text.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text += &format!(": {error}");
            cause = error.source();
        }
        text
    }
}

impl From<anyhow::Error> for DeployError {
    fn from(error: anyhow::Error) -> Self {
        Self::Refused(error)
    }
}
