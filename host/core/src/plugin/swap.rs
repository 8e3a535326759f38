//! Swaps versions of plugins: the new versions take over, all or none.
//!
//! A swap has two phases. [`Swap::prepare`] freezes every instance with state between two events,
//! and hands its state over; a failure lets all of them go on. [`Swap::complete`] moves the
//! sockets. [`Pair::try_handover`] tries the handover, and changes nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::time::timeout;

use super::handler::{Call, HandlerInstances};
use super::{EmptyMemory, Instances, PluginVersion};
use crate::capability::event::Request;
use crate::clock;
use crate::config::MAX_UPKEEP_TIME;
use crate::runtime::exports::{Exports, Handles};
use crate::runtime::{
    Extent, Failure, HandedOver, Handover, HandoverError, Instance, InstanceSet, Moved, PausedSet,
    Template, at_load,
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
    #[error("the version of `{plugin}` that serves cannot save its memory")]
    Save { plugin: Arc<str>, source: Failure },
    #[error("the version of `{plugin}` that serves cannot save its memory, and its memory is lost")]
    SaveWasFatal { plugin: Arc<str>, source: Failure },
    #[error("`{plugin}` cannot take over the previous version's memory")]
    Restore { plugin: Arc<str>, source: Failure },
    /// Saving and restoring all of its memory together takes longer than [`MAX_UPKEEP_TIME`].
    #[error("`{plugin}` cannot take over the previous version's memory")]
    Slow { plugin: Arc<str>, source: Failure },
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
    lost: Option<Lost>,
}

/// Memory that the new version does not get.
#[derive(Clone, Debug)]
pub struct Lost {
    pub why: EmptyMemory,
    /// What `save` or `restore` has failed with, if that is why.
    pub failure: Option<String>,
}

/// A pair after its swap.
pub struct Swapped {
    pub pair: Pair,
    pub moved: Moved,
    /// Why the new version has begun with empty memory, if the previous version had something in
    /// memory.
    pub lost: Option<Lost>,
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
            let would_lose = pair.would_lose();
            let (paused, lost) = match hand_over(&pair, how).await? {
                Some((paused, handed_over)) => (Some(paused), Lost::of(would_lose, handed_over)),
                None => (None, would_lose.map(Lost::from)),
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
                let _ = pair.after.began_empty.set(lost.why);
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

impl Pair {
    /// The instances of both versions, if memory goes from one to the other.
    fn stateful(&self) -> Option<(&Arc<InstanceSet>, &Arc<InstanceSet>)> {
        let (before, after) = (self.before.shared()?, self.after.shared()?);
        let moves = before.template().has_state() && after.template().has_state();
        moves.then_some((before, after))
    }

    /// Tries the handover: the previous version saves what it has in memory, and goes on with it.
    /// Instances that serve nothing restore it, and are dropped. Returns what would be lost.
    ///
    /// # Errors
    /// As [`Swap::prepare`].
    pub async fn try_handover(&self, how: Handover) -> Result<Option<Lost>, SwapError> {
        let would_lose = self.would_lose();
        let Some((before, after)) = self.stateful() else { return Ok(would_lose.map(Lost::from)) };
        let heirs = after.apart();
        let deadline = clock::after(Instant::now(), MAX_UPKEEP_TIME);
        let tried = before.try_hand_over(&heirs, how, PAUSE_TIME, deadline).await;
        let handed_over = tried.map_err(|error| self.failed(error))?;
        let is_lost = handed_over.save_was_fatal && !self.before.context.settings.stateless;
        let lost = Lost::of(would_lose, handed_over);
        Ok(if is_lost { lost.map(Lost::already) } else { lost })
    }

    fn failed(&self, error: HandoverError) -> SwapError {
        let plugin = self.after.context.plugin.clone();
        match error {
            HandoverError::Busy => SwapError::Busy { plugin },
            HandoverError::Slow => self.too_slow(),
            HandoverError::Save(source) => {
                let is_missed = !self.before.context.settings.stateless;
                match is_missed && !source.spares_the_instance() {
                    true => SwapError::SaveWasFatal { plugin, source },
                    false => SwapError::Save { plugin, source },
                }
            }
            HandoverError::Restore(source) => SwapError::Restore { plugin, source },
        }
    }

    fn too_slow(&self) -> SwapError {
        SwapError::Slow { plugin: self.after.context.plugin.clone(), source: Failure::AtLoad }
    }
}

impl Lost {
    /// What a handover has lost. `would_lose` is what was known before.
    fn of(would_lose: Option<EmptyMemory>, handed_over: HandedOver) -> Option<Self> {
        let HandedOver { extent, failure, .. } = handed_over;
        let why = would_lose.or(match extent {
            Extent::Whole => None,
            Extent::Inherited => Some(EmptyMemory::LastSwap),
            Extent::Part => Some(EmptyMemory::Failed),
        })?;
        Some(Self { why, failure: failure.map(|failure| failure.to_string()) })
    }

    /// Says that the version that goes on has no memory left, either: its `save` has cost it that.
    fn already(mut self) -> Self {
        let failure = self.failure.unwrap_or_default();
        self.failure = Some(format!("the memory of the version that serves is lost: {failure}"));
        self
    }
}

impl From<EmptyMemory> for Lost {
    fn from(why: EmptyMemory) -> Self {
        Self { why, failure: None }
    }
}

/// Holds the instances of the previous version, and gives what they save to the new version.
/// Returns what was handed over, or nothing if one of the versions has no state.
async fn hand_over(
    pair: &Pair,
    how: Handover,
) -> Result<Option<(PausedSet, HandedOver)>, SwapError> {
    let Some((before, after)) = pair.stateful() else { return Ok(None) };
    let Ok(paused) = timeout(PAUSE_TIME, before.pause()).await else {
        return Err(SwapError::Busy { plugin: pair.after.context.plugin.clone() });
    };
    let mut paused = paused.map_err(|source| pair.failed(HandoverError::Save(source)))?;
    let deadline = clock::after(Instant::now(), MAX_UPKEEP_TIME);
    match paused.hand_over(after, how, deadline).await {
        Ok(handed_over) => Ok(Some((paused, handed_over))),
        Err(error) => Err(pair.failed(error)),
    }
}
