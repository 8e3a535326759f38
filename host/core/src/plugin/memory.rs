//! What becomes of memory in a swap, and what the site has to say about it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::PluginVersion;
use super::swap::{Pair, SwapError};

/// Why something in memory is lost: a version begins with empty memory, although the previous
/// version has something in memory, or with an older memory, or no version replaces that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum EmptyMemory {
    #[error("neither version exports `state`")]
    NoState,
    #[error("the previous version does not export `state`")]
    NoStateBefore,
    #[error("the new version does not export `state`")]
    NoStateAfter,
    #[error("the new version has no `hooks`, and so no shared instance")]
    NoHooks,
    #[error("its `scope` has changed")]
    Scope,
    /// The previous version is failing, and its memory could not be taken over whole.
    #[error("`save` or `restore` has failed")]
    Failed,
    /// The same, and the memory is not empty: it is what the previous version was given itself when
    /// it took over.
    #[error("its instance was lost, or could not save it")]
    LastSwap,
    /// The site no longer has a plugin of this name.
    #[error("nothing takes over from a plugin that is removed or renamed")]
    Removed,
}

/// A plugin that a site no longer has: no version takes over from this one.
#[derive(Clone)]
pub(crate) struct Removed {
    pub version: Arc<PluginVersion>,
    /// Whether the site has required until now that its memory moves.
    pub requires_state: bool,
}

impl EmptyMemory {
    /// What to do about it, if the reason does not say so.
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Self::NoState | Self::NoStateAfter => Some(
                "export it, or set `stateless = true` in `lithe.toml` if there is nothing to lose",
            ),
            Self::NoStateBefore
            | Self::NoHooks
            | Self::Scope
            | Self::Failed
            | Self::LastSwap
            | Self::Removed => None,
        }
    }
}

impl Pair {
    /// What would be lost if the new version took over now.
    pub fn would_lose(&self) -> Option<EmptyMemory> {
        let before = self.before.shared().filter(|before| before.holds_memory())?;
        let (own, next) = (&self.before.context.settings, &self.after.context.settings);
        if next.stateless {
            return None;
        }
        let Some(after) = self.after.shared() else { return Some(EmptyMemory::NoHooks) };
        match (before.template().has_state(), after.template().has_state()) {
            (false, false) => Some(EmptyMemory::NoState),
            (false, true) => Some(EmptyMemory::NoStateBefore),
            (true, false) => Some(EmptyMemory::NoStateAfter),
            (true, true) => (own.scope != next.scope).then_some(EmptyMemory::Scope),
        }
    }

    /// Checks that the swap loses no memory that must be kept. With `keep`, that is all memory.
    /// With the setting `require_state`, it is memory that the new version would lose: if the
    /// previous version does not export `state`, no version could take its memory over.
    ///
    /// # Errors
    /// The swap would lose memory that must be kept.
    pub fn check_memory(&self, keep: bool) -> Result<(), SwapError> {
        let requires = self.after.context.settings.require_state;
        let is_refused =
            |lost: &EmptyMemory| keep || (requires && *lost != EmptyMemory::NoStateBefore);
        match self.would_lose().filter(is_refused) {
            None => Ok(()),
            Some(source) => {
                Err(SwapError::Memory { plugin: self.after.context.plugin.clone(), source })
            }
        }
    }

    /// How many sockets would move to the new version, and how many would stay.
    pub fn would_move(&self) -> (usize, usize) {
        let all = self.before.own_sockets().count();
        let moving = self.after.shared().and(self.before.shared());
        let moving = moving.map_or(0, |before| before.movable());
        (moving, all.saturating_sub(moving))
    }
}

impl Removed {
    /// What would be lost if the plugin were removed now.
    pub(crate) fn would_lose(&self) -> Option<EmptyMemory> {
        let holds_memory = self.version.shared().is_some_and(|own| own.holds_memory());
        let is_missed = holds_memory && !self.version.context.settings.stateless;
        is_missed.then_some(EmptyMemory::Removed)
    }

    /// Checks that the change loses no memory that must be kept: see [`Pair::check_memory`].
    ///
    /// # Errors
    /// The change would lose memory that must be kept.
    pub(crate) fn check_memory(&self, keep: bool) -> Result<(), SwapError> {
        let plugin = || self.version.context.plugin.clone();
        match self.would_lose() {
            Some(_) if self.requires_state => Err(SwapError::RequiresPlugin(plugin())),
            Some(source) if keep => Err(SwapError::Removed { plugin: plugin(), source }),
            Some(_) | None => Ok(()),
        }
    }
}

impl PluginVersion {
    /// Checks that the version exports `state`, as the setting `require_state` asks.
    ///
    /// # Errors
    /// It does not.
    pub fn check_state(&self) -> Result<(), SwapError> {
        match self.has_state() {
            Some(true) => Ok(()),
            Some(false) | None => Err(SwapError::RequiresState(self.context.plugin.clone())),
        }
    }
}
