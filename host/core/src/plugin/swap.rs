//! Swaps versions of plugins: the new versions take over, all or none.
//!
//! A swap has two phases. [`Swap::prepare`] freezes every instance with state between two events,
//! and hands its state over; a failure lets all of them go on. [`Swap::complete`] moves the
//! sockets.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::handler::{Call, HandlerInstances};
use super::{EmptyMemory, Instances, PluginVersion};
use crate::capability::event::Request;
use crate::config::MAX_UPKEEP_TIME;
use crate::runtime::exports::{Exports, Handles};
use crate::runtime::{
    Failure, Handover, Instance, InstanceSet, Moved, PausedSet, Template, at_load,
};

/// How long a swap waits for an event that is being handled. Other events wait as long.
const PAUSE_TIME: Duration = Duration::from_secs(5);

/// A version, and its successor.
#[derive(Clone)]
pub struct Pair {
    pub before: Arc<PluginVersion>,
    pub after: Arc<PluginVersion>,
}

/// Why the previous version goes on.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    #[error("`{plugin}` does not start")]
    Start { plugin: Arc<str>, source: Failure },
    #[error("`{plugin}` is not healthy")]
    Health { plugin: Arc<str>, source: Failure },
    #[error("`{plugin}` answers {status} at `{path}`, its `health` in `lithe.toml`")]
    HealthPath { plugin: Arc<str>, path: String, status: u16 },
    #[error(
        "`{plugin}` has a `health` in `lithe.toml`, and answers no requests: only a route does"
    )]
    NoHandler { plugin: Arc<str> },
    #[error("`{plugin}` cannot take over the previous version's memory")]
    State { plugin: Arc<str>, source: Failure },
    #[error("`{plugin}` has been handling one event for {PAUSE_TIME:?}: try again")]
    Busy { plugin: Arc<str> },
    #[error(
        "`{plugin}` would begin with empty memory, and the previous version's memory would be lost"
    )]
    Memory { plugin: Arc<str>, source: EmptyMemory },
    #[error("what `{plugin}` has in memory would be lost")]
    Removed { plugin: Arc<str>, source: EmptyMemory },
    #[error(
        "`{0}` has `require_state` in `lithe.toml`, and what it has in memory would be lost: nothing takes over from \
         a plugin that is removed or renamed. Give it back its name. To lose its memory, remove only \
         `require_state` first, and the plugin with the next change"
    )]
    RequiresPlugin(Arc<str>),
    #[error(
        "`{0}` has `require_state` in `lithe.toml`, and does not export `state`: a swap would lose what is in its \
         memory. Export `state`, or remove `require_state`"
    )]
    RequiresState(Arc<str>),
}

/// A swap that is ready: what has state is held between two events. Dropping it lets the previous
/// version go on.
pub struct Swap {
    pairs: Vec<HeldPair>,
}

/// A pair whose previous version is held, if its memory is handed over.
struct HeldPair {
    pair: Pair,
    paused: Option<PausedSet>,
    lost: Option<EmptyMemory>,
}

/// A pair after its swap.
pub struct Swapped {
    pub pair: Pair,
    pub moved: Moved,
    /// Why the new version has begun with empty memory, if the previous version had something in
    /// memory.
    pub lost: Option<EmptyMemory>,
}

impl PluginVersion {
    /// Starts an instance to see that it starts, and calls its health check. Its site is charged.
    ///
    /// # Errors
    /// It does not start, or reports that it is not healthy.
    pub async fn health_check(self: &Arc<Self>) -> Result<(), SwapError> {
        let own = self.clone();
        let proved = at_load(self.share.as_ref(), async move { Ok(own.is_well().await) }).await;
        proved.map_err(|source| self.not_well(source))?
    }

    async fn is_well(&self) -> Result<(), SwapError> {
        match &self.instances {
            Instances::Handler(handler) => match handler.instances() {
                HandlerInstances::Pool(pool) => self.answers(pool.template()).await,
                HandlerInstances::Shared(shared) => self.answers(shared.template()).await,
                HandlerInstances::PerConnection(own) => self.answers(own.template()).await,
            },
            Instances::Middleware(pool) => self.is_well_without_path(pool.template()).await,
            Instances::ErrorHandler(pool) => self.is_well_without_path(pool.template()).await,
        }
    }

    async fn starts<E: Exports>(&self, template: &Template<E>) -> Result<Instance<E>, SwapError> {
        let mut instance = match template.instantiate(None).await {
            Ok(instance) => instance,
            Err(source) => {
                return Err(SwapError::Start { plugin: self.context.plugin.clone(), source });
            }
        };
        instance.check().await.map_err(|source| self.not_well(source))?;
        Ok(instance)
    }

    async fn is_well_without_path<E: Exports>(
        &self,
        template: &Template<E>,
    ) -> Result<(), SwapError> {
        self.starts(template).await?;
        match self.context.settings.health {
            Some(_) => Err(SwapError::NoHandler { plugin: self.context.plugin.clone() }),
            None => Ok(()),
        }
    }

    async fn answers<E: Handles>(&self, template: &Template<E>) -> Result<(), SwapError> {
        let mut instance = self.starts(template).await?;
        let Some(path) = self.context.settings.health.clone() else { return Ok(()) };
        let uri = path.parse().unwrap_or_default();
        let request = Arc::new(Request { route: path.as_str().into(), ..Request::get(uri) });
        let call = Call { request: &request, context: &self.context };
        let answered = instance.handle_own(&request).await;
        drop(call);
        // The request has no client, so its session has nobody to talk to.
        if let Ok(Ok(answer)) = &answered
            && let Some(socket) = answer.socket()
        {
            self.context.sockets.remove(socket.id);
        }
        let answered = answered.map_err(|source| self.not_well(source))?;
        let status = answered.map_or_else(|error| error.status, |answer| answer.status());
        match status.is_success() {
            true => Ok(()),
            false => {
                let plugin = self.context.plugin.clone();
                Err(SwapError::HealthPath { plugin, path, status: status.as_u16() })
            }
        }
    }

    fn not_well(&self, source: Failure) -> SwapError {
        SwapError::Health { plugin: self.context.plugin.clone(), source }
    }

    pub(super) fn shared(&self) -> Option<&Arc<InstanceSet>> {
        self.handler()?.shared()
    }

    /// From now on its instances serve the plugin.
    pub fn make_current(&self) {
        self.identity.current.set(self.shared().cloned());
    }

    /// Ends this version, which is no longer served. Its instances end with their sockets and
    /// requests. If they serve the plugin, none serve it from now on.
    pub fn end(&self) {
        if let Some(instances) = self.shared() {
            self.identity.current.leave(instances);
            instances.end();
        }
    }

    /// Commits to this version: what was kept in order to go back is dropped.
    pub fn commit(&self) {
        if let Some(instances) = self.shared() {
            instances.commit();
        }
    }
}

impl Swap {
    /// Hands over the state in memory, if both versions can.
    ///
    /// # Errors
    /// `save` or `restore` fails, or an event takes too long.
    pub async fn prepare(pairs: Vec<Pair>, how: Handover) -> Result<Self, SwapError> {
        let mut ready = Self { pairs: Vec::with_capacity(pairs.len()) };
        for pair in pairs {
            let lost = pair.would_lose();
            let (paused, lost) = match hand_over(&pair, how).await? {
                Some((paused, is_whole)) => {
                    let failed = (!is_whole).then_some(EmptyMemory::Failed);
                    (Some(paused), lost.or(failed))
                }
                None => (None, lost),
            };
            ready.pairs.push(HeldPair { pair, paused, lost });
        }
        Ok(ready)
    }

    /// The successors take over what can move: each socket between two of its events. Returns what
    /// has moved of each pair.
    pub async fn complete(self) -> Vec<Swapped> {
        for HeldPair { pair, lost, .. } in &self.pairs {
            pair.after.make_current();
            if let Some(lost) = lost {
                // A version takes over from others more than once only as a canary.
                let _ = pair.after.began_empty.set(*lost);
            }
        }
        let moving = self.pairs.into_iter().map(|HeldPair { pair, paused, lost }| async move {
            let moved = match (paused, pair.before.shared(), pair.after.shared()) {
                (Some(paused), ..) => paused.retire(),
                (None, Some(before), Some(_)) => before.retire().await,
                _ => Moved { staying: pair.before.own_sockets().count(), ..Moved::default() },
            };
            Swapped { pair, moved, lost }
        });
        join_all(moving).await
    }
}

/// Holds the instances of the previous version, and gives what they save to the new version.
/// Returns whether all of it was handed over, or nothing if one of the versions has no state.
async fn hand_over(pair: &Pair, how: Handover) -> Result<Option<(PausedSet, bool)>, SwapError> {
    let (Some(before), Some(after)) = (pair.before.shared(), pair.after.shared()) else {
        return Ok(None);
    };
    if !before.template().has_state() || !after.template().has_state() {
        return Ok(None);
    }
    let plugin = pair.after.context.plugin.clone();
    let state = |source| SwapError::State { plugin: plugin.clone(), source };
    let Ok(paused) = timeout(PAUSE_TIME, before.pause()).await else {
        return Err(SwapError::Busy { plugin });
    };
    let mut paused = paused.map_err(state)?;
    match timeout(MAX_UPKEEP_TIME, paused.hand_over(after, how)).await {
        Ok(handed_over) => Ok(Some((paused, handed_over.map_err(state)?))),
        Err(_) => Err(state(Failure::AtLoad)),
    }
}
