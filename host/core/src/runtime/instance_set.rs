//! Which shared instance an event belongs to.
//!
//! By default a plugin has one shared instance. It can have several that take turns, for more
//! cores; one for each value of a route parameter; or one for each connection. A socket stays with
//! the instance that accepted it until another version takes over. Topics span all instances.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::future::{join_all, try_join_all};
use tokio::time::timeout;

use super::current::{CurrentInstances, Key};
use super::exports::Hooks;
use super::failure::Failure;
use super::shared_instance::{
    AnswerAndHandle, InstanceSource, Moved, PausedInstance, SharedInstance,
};
use super::template::Template;
use crate::capability::event::Request;
use crate::config::{Limit, Scope};
use crate::lease::Lease;
use crate::log::Seldom;
use crate::sync::Mutex;

/// The shared instances of one version of a plugin.
pub(crate) struct InstanceSet<T: InstanceSource = Template<Hooks>> {
    template: Arc<T>,
    current: Arc<CurrentInstances<T>>,
    by: By<T>,
    inner: Mutex<Inner<T>>,
}

enum By<T: InstanceSource> {
    /// At least one replica; each new connection takes the next.
    Replicas {
        replicas: Vec<Arc<SharedInstance<T>>>,
        next: AtomicUsize,
    },
    Param(String),
    Connection,
}

struct Inner<T: InstanceSource> {
    by_value: HashMap<Arc<str>, OfValue<T>>,
    /// Counts the requests for any of them.
    asked: u64,
    /// How many instances have made room since the log last reported that.
    unreported: u64,
    reports: Seldom,
    /// Kept alive by its request, and then by its socket.
    by_connection: HashMap<u64, Weak<SharedInstance<T>>>,
    /// Whether another version has taken over.
    retired: bool,
    /// While all instances are held, new ones are held from their start. They are kept here.
    born_paused: Option<Vec<PausedInstance<T>>>,
}

impl<T: InstanceSource> Default for Inner<T> {
    fn default() -> Self {
        Self {
            by_value: HashMap::new(),
            asked: 0,
            unreported: 0,
            reports: Seldom::default(),
            by_connection: HashMap::new(),
            retired: false,
            born_paused: None,
        }
    }
}

/// The instance for one value of a route parameter.
struct OfValue<T: InstanceSource> {
    shared: Arc<SharedInstance<T>>,
    /// The number of the last request for it.
    asked: u64,
}

/// The instance for a value that nothing needs now. The first of several is the one to drop.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Idle {
    /// An instance that holds nothing goes first, because nothing is lost: false sorts first.
    holds_memory: bool,
    since: Duration,
    asked: u64,
    value: Arc<str>,
}

impl<T: InstanceSource> Inner<T> {
    fn idle(&self) -> impl Iterator<Item = Idle> {
        self.by_value.iter().filter_map(|(value, own)| {
            let since = own.shared.could_go()?;
            let holds_memory = !own.shared.holds_nothing();
            Some(Idle { holds_memory, since, asked: own.asked, value: value.clone() })
        })
    }
}

/// Why a handover has failed.
#[derive(Debug)]
pub(crate) enum HandoverError {
    /// An event takes too long.
    Busy,
    /// The instances before have taken all the time that there is.
    Slow,
    /// The previous version does not give its state away.
    Save(Failure),
    /// The next version does not take it.
    Restore(Failure),
}

/// What has become of the state in a handover.
#[derive(Debug)]
pub(crate) struct HandedOver {
    pub(crate) extent: Extent,
    /// The first failure that a handover of the rest has gone on after.
    pub(crate) failure: Option<Failure>,
    /// Whether `save` has cost an instance of the previous version its memory.
    pub(crate) save_was_fatal: bool,
}

/// How much of the state was handed over: of several instances, that of the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Extent {
    Whole,
    /// What the previous version was given itself when it took over, and nothing since then.
    Inherited,
    /// An instance begins with empty memory.
    Part,
}

impl HandedOver {
    /// Everything, so far.
    fn whole() -> Self {
        Self { extent: Extent::Whole, failure: None, save_was_fatal: false }
    }

    /// Not everything.
    fn part(self) -> Self {
        Self { extent: Extent::Part, ..self }
    }

    /// Notes what an instance was handed over.
    fn add(&mut self, extent: Extent) {
        self.extent = self.extent.max(extent);
    }

    /// Goes on after a failure, if only the rest is wanted.
    fn after(
        &mut self,
        failure: Failure,
        of: fn(Failure) -> HandoverError,
        how: Handover,
        extent: Extent,
    ) -> Result<(), HandoverError> {
        match how {
            Handover::Whole => Err(of(failure)),
            Handover::Rest => {
                self.add(extent);
                self.failure.get_or_insert(failure);
                Ok(())
            }
        }
    }
}

/// How much of the state the version that takes over must get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handover {
    /// All of it; otherwise the previous version goes on.
    Whole,
    /// Whatever can be had, because the previous version has failed.
    Rest,
}

impl<T: InstanceSource> InstanceSet<T> {
    /// Makes the set. `replicas` counts only for the scope `plugin`.
    pub(crate) fn new(
        template: &Arc<T>,
        current: &Arc<CurrentInstances<T>>,
        scope: &Scope,
        replicas: usize,
    ) -> Arc<Self> {
        let shared = |key| SharedInstance::new(template.clone(), current.clone(), key);
        let by = match scope {
            Scope::Plugin => By::Replicas {
                replicas: (0..replicas.max(1)).map(|index| shared(Key::Replica(index))).collect(),
                next: AtomicUsize::new(0),
            },
            Scope::Param(name) => By::Param(name.clone()),
            Scope::Connection => By::Connection,
        };
        let (template, current) = (template.clone(), current.clone());
        Arc::new(Self { template, current, by, inner: Mutex::default() })
    }

    /// What the instances are made from.
    pub(crate) fn template(&self) -> &Arc<T> {
        &self.template
    }

    /// Whether its instances have something in memory, or have saved something.
    pub(crate) fn holds_memory(&self) -> bool {
        let all = self.all(&self.inner.lock());
        all.iter().any(|shared| !shared.holds_nothing())
    }

    /// The sockets whose state is not in its instances.
    pub(crate) fn movable(&self) -> usize {
        let all = self.all(&self.inner.lock());
        all.iter().map(|shared| shared.movable()).sum()
    }

    /// The instance for a request, and for the socket that the request may become. A retired set
    /// passes the request on.
    ///
    /// # Errors
    /// There are already `limits.instances`, and none of them can make room.
    pub(crate) fn for_request(
        &self,
        request: &Request,
    ) -> Result<Lease<SharedInstance<T>>, Failure> {
        match &self.by {
            By::Replicas { replicas, next } => {
                let index = next.fetch_add(1, Ordering::Relaxed) % replicas.len();
                Ok(Lease::of(&replicas[index]))
            }
            By::Param(name) => self.by_value(request.scope_value(name)),
            By::Connection => self.by_connection(self.current.next_connection()),
        }
    }

    /// Why an instance could not save what it has in memory when it was asked last, if there is
    /// such an instance.
    pub(crate) fn cannot_save(&self) -> Option<Arc<str>> {
        let all = self.all(&self.inner.lock());
        all.iter().find_map(|shared| shared.cannot_save())
    }

    /// Why an instance has refused what an idle one had saved, if that is still kept.
    pub(crate) fn cannot_restore(&self) -> Option<Arc<str>> {
        let all = self.all(&self.inner.lock());
        all.iter().find_map(|shared| shared.cannot_restore())
    }

    /// Calls the handler of the instance for a request.
    ///
    /// # Errors
    /// As [`InstanceSet::for_request`], or the call fails; see [`Failure`].
    pub(crate) async fn handle(&self, request: Arc<Request>) -> AnswerAndHandle<T> {
        SharedInstance::handle(self.for_request(&request)?, request).await
    }

    /// The instance that takes over from the one with this key. None if the scope has changed.
    pub(super) fn by_key(&self, key: &Key) -> Option<Result<Lease<SharedInstance<T>>, Failure>> {
        match (&self.by, key) {
            (By::Replicas { replicas, .. }, Key::Replica(index)) => {
                Some(Ok(Lease::of(&replicas[index % replicas.len()])))
            }
            (By::Param(own), Key::Param { name, value }) if own == name => {
                Some(self.by_value(value))
            }
            (By::Connection, Key::Connection(number)) => Some(self.by_connection(*number)),
            _ => None,
        }
    }

    fn by_value(&self, value: &str) -> Result<Lease<SharedInstance<T>>, Failure> {
        let By::Param(name) = &self.by else { return Err(Failure::Stopped) };
        let mut inner = self.inner.lock();
        inner.asked = inner.asked.wrapping_add(1);
        let asked = inner.asked;
        if let Some(own) = inner.by_value.get_mut(value) {
            own.asked = asked;
            return Ok(Lease::of(&own.shared));
        }
        if let Err(full) = self.has_room(inner.by_value.len()) {
            self.make_room(&mut inner).ok_or(full)?;
        }
        let value: Arc<str> = value.into();
        let key = Key::Param { name: name.clone(), value: value.clone() };
        let shared = self.begin(&mut inner, key);
        let lease = Lease::of(&shared);
        inner.by_value.insert(value, OfValue { shared, asked });
        Ok(lease)
    }

    /// Drops an instance that nothing needs, or else the one that has been idle for longest, with
    /// the contents of its memory. None if each has a lease, a socket, an event or a timer.
    fn make_room(&self, inner: &mut Inner<T>) -> Option<()> {
        let first = inner.idle().min()?;
        self.drop_idle(inner, first, Limit::Instances);
        Some(())
    }

    fn drop_idle(&self, inner: &mut Inner<T>, idle: Idle, limit: Limit) {
        inner.by_value.remove(&idle.value);
        if idle.holds_memory {
            self.say_lost(inner, &idle.value, limit);
        }
    }

    /// Logs the loss at most once a second: clients must not be able to fill the log.
    fn say_lost(&self, inner: &mut Inner<T>, value: &str, limit: Limit) {
        inner.unreported = inner.unreported.saturating_add(1);
        if !inner.reports.is_due() {
            return;
        }
        let dropped = std::mem::take(&mut inner.unreported);
        let context = self.template.context();
        let (site, plugin) = (&*context.site, &*context.plugin);
        tracing::warn!(
            target: "limits", site, plugin, value, dropped,
            "an idle instance was dropped with what it had in memory, to make room: `{limit}` is reached"
        );
    }

    fn by_connection(&self, number: u64) -> Result<Lease<SharedInstance<T>>, Failure> {
        let mut inner = self.inner.lock();
        if let Some(shared) = inner.by_connection.get(&number).and_then(Weak::upgrade) {
            return Ok(Lease::of(&shared));
        }
        inner.by_connection.retain(|_, shared| shared.strong_count() > 0);
        self.has_room(inner.by_connection.len())?;
        let shared = self.begin(&mut inner, Key::Connection(number));
        inner.by_connection.insert(number, Arc::downgrade(&shared));
        Ok(Lease::of(&shared))
    }

    fn has_room(&self, instances: usize) -> Result<(), Failure> {
        let max = self.template.context().limits.instances;
        match instances < max {
            true => Ok(()),
            false => Err(Failure::Busy(max, Limit::Instances)),
        }
    }

    fn begin(&self, inner: &mut Inner<T>, key: Key) -> Arc<SharedInstance<T>> {
        let (template, current) = (self.template.clone(), self.current.clone());
        match (&mut inner.born_paused, inner.retired) {
            (None, false) => SharedInstance::new(template, current, key),
            (None, true) => {
                // A request that found this version before it was retired is passed on.
                let (shared, paused) = SharedInstance::new_paused(template, current, key);
                paused.retire();
                shared
            }
            (Some(born), _) => {
                let (shared, paused) = SharedInstance::new_paused(template, current, key);
                born.push(paused);
                shared
            }
        }
    }

    /// Gives memory back while the site holds too much of it: the instances of values that have
    /// been idle for longest go, with what they have in memory or have saved. If the host has too
    /// little, idle replicas go, too.
    pub(crate) fn give_back(&self, limit: Limit, is_over: &dyn Fn() -> bool) {
        match &self.by {
            By::Replicas { replicas, .. } if limit == Limit::HostMemory => {
                for shared in replicas.iter().take_while(|_| is_over()) {
                    shared.give_up();
                }
            }
            By::Param(_) => {
                let mut inner = self.inner.lock();
                let mut idle: Vec<_> = inner.idle().collect();
                idle.sort_unstable();
                for idle in idle.into_iter().take_while(|_| is_over()) {
                    self.drop_idle(&mut inner, idle, limit);
                }
            }
            By::Replicas { .. } | By::Connection => {}
        }
    }

    /// Drops the instances that have been idle since `idle_after` before `now` and can be dropped.
    /// Forgets those that have nothing left.
    pub(crate) fn sweep(&self, now: Duration, idle_after: Duration) {
        let all = {
            let mut inner = self.inner.lock();
            inner.by_value.retain(|_, own| own.shared.is_needed() || !own.shared.is_empty());
            inner.by_connection.retain(|_, shared| shared.strong_count() > 0);
            // One at a time is held: a lease keeps its instance in memory.
            self.all(&inner).iter().map(|shared| Arc::downgrade(shared)).collect::<Vec<_>>()
        };
        all.iter().filter_map(Weak::upgrade).for_each(|shared| shared.sweep(now, idle_after));
    }

    /// Commits to this version: what the previous one has handed over is dropped.
    pub(crate) fn commit(&self) {
        let all = self.all(&self.inner.lock());
        all.iter().for_each(|shared| shared.forget_inherited());
    }

    /// Ends the instances with their sockets, because the plugin is no longer served.
    pub(crate) fn end(&self) {
        let all = {
            let mut inner = self.inner.lock();
            inner.retired = true;
            self.all(&inner)
        };
        all.iter().for_each(|shared| shared.end());
    }

    /// Hands what can move to the current instances, from each instance between two of its events.
    pub(crate) async fn retire(&self) -> Moved {
        let all = {
            let mut inner = self.inner.lock();
            inner.retired = true;
            self.all(&inner)
        };
        let retired =
            join_all(all.iter().map(async |shared| Some(shared.pause().await.ok()?.retire())));
        sum(retired.await.into_iter().flatten())
    }

    /// Tries the handover to other instances, which serve nothing. Each instance is held only while
    /// it saves, and goes on then with its memory. It has `pause_time` to end the current event.
    ///
    /// # Errors
    /// As [`PausedSet::hand_over`], or the host is stopping.
    pub(crate) async fn try_hand_over(
        &self,
        heirs: &Self,
        how: Handover,
        pause_time: Duration,
        deadline: Instant,
    ) -> Result<HandedOver, HandoverError> {
        let (mut handed_over, mut kept) = (HandedOver::whole(), Vec::new());
        let all = self.all(&self.inner.lock());
        for shared in all {
            check(deadline)?;
            let paused = timeout(pause_time, shared.pause()).await;
            let paused = paused.map_err(|_| HandoverError::Busy)?;
            let mut paused = paused.map_err(HandoverError::Save)?;
            let saved = save(&mut paused, how, &mut handed_over).await?;
            drop(paused);
            let Some(saved) = saved else { continue };
            let Some(heir) = heirs.by_key(shared.key()) else {
                return Ok(handed_over.part());
            };
            if let Err(failure) = give(heir, saved, &mut kept).await {
                handed_over.after(failure, HandoverError::Restore, how, Extent::Part)?;
            }
        }
        Ok(handed_over)
    }

    /// Holds every instance between two events. Cancel-safe: dropping the future lets all go on.
    ///
    /// # Errors
    /// The host is stopping.
    pub(crate) async fn pause(self: &Arc<Self>) -> Result<PausedSet<T>, Failure> {
        let all = {
            let mut inner = self.inner.lock();
            inner.born_paused = Some(Vec::new());
            self.all(&inner)
        };
        let mut paused =
            PausedSet { instance_set: self.clone(), paused: Vec::new(), heirs: Vec::new() };
        paused.paused = try_join_all(all.iter().map(|shared| shared.pause())).await?;
        Ok(paused)
    }

    fn all(&self, inner: &Inner<T>) -> Vec<Lease<SharedInstance<T>>> {
        let replicas: &[_] = match &self.by {
            By::Replicas { replicas, .. } => replicas,
            _ => &[],
        };
        let replicas = replicas.iter().map(Lease::of);
        let by_value = inner.by_value.values().map(|own| Lease::of(&own.shared));
        let by_connection = inner.by_connection.values().filter_map(Weak::upgrade);
        replicas.chain(by_value).chain(by_connection.map(|own| Lease::of(&own))).collect()
    }
}

impl InstanceSet {
    /// The same set, with instances of its own that are apart from the plugin.
    pub(crate) fn apart(&self) -> Arc<Self> {
        let (scope, replicas) = match &self.by {
            By::Replicas { replicas, .. } => (Scope::Plugin, replicas.len()),
            By::Param(name) => (Scope::Param(name.clone()), 1),
            By::Connection => (Scope::Connection, 1),
        };
        Self::new(&Arc::new(self.template.apart()), &Arc::default(), &scope, replicas)
    }
}

/// All instances of a version, held between two events. They go on when this is dropped.
pub(crate) struct PausedSet<T: InstanceSource = Template<Hooks>> {
    instance_set: Arc<InstanceSet<T>>,
    paused: Vec<PausedInstance<T>>,
    /// Heirs that have been given something stay until they are needed.
    heirs: Vec<Lease<SharedInstance<T>>>,
}

impl<T: InstanceSource> PausedSet<T> {
    /// Gives each heir what its predecessor saves. If the heirs have another scope, nothing is
    /// handed over.
    ///
    /// # Errors
    /// `save` or `restore` fails, and the handover has to be whole.
    pub(crate) async fn hand_over(
        &mut self,
        heirs: &InstanceSet<T>,
        how: Handover,
        deadline: Instant,
    ) -> Result<HandedOver, HandoverError> {
        let mut handed_over = HandedOver::whole();
        for paused in &mut self.paused {
            check(deadline)?;
            let saved = save(paused, how, &mut handed_over).await?;
            let Some(saved) = saved else { continue };
            let Some(heir) = paused.key().and_then(|key| heirs.by_key(key)) else {
                return Ok(handed_over.part());
            };
            if let Err(failure) = give(heir, saved, &mut self.heirs).await {
                handed_over.after(failure, HandoverError::Restore, how, Extent::Part)?;
            }
        }
        Ok(handed_over)
    }

    /// Hands what can move to the current instances.
    pub(crate) fn retire(mut self) -> Moved {
        let born = {
            let mut inner = self.instance_set.inner.lock();
            inner.retired = true;
            inner.born_paused.take().unwrap_or_default()
        };
        let paused = std::mem::take(&mut self.paused);
        sum(paused.into_iter().chain(born).map(PausedInstance::retire))
    }
}

impl<T: InstanceSource> Drop for PausedSet<T> {
    fn drop(&mut self) {
        let born = self.instance_set.inner.lock().born_paused.take();
        drop(born);
    }
}

/// The time is looked at between two instances only: a `save` that has begun ends within its own
/// limit. Otherwise the instance would be lost in the middle of it.
fn check(deadline: Instant) -> Result<(), HandoverError> {
    match Instant::now() < deadline {
        true => Ok(()),
        false => Err(HandoverError::Slow),
    }
}

/// What the instance saves. If only the rest is wanted, and it has lost its memory or cannot save
/// it: what it was given.
async fn save<T: InstanceSource>(
    paused: &mut PausedInstance<T>,
    how: Handover,
    handed_over: &mut HandedOver,
) -> Result<Option<Vec<u8>>, HandoverError> {
    if how == Handover::Rest
        && let Some(inherited) = paused.lost_inheritance()
    {
        handed_over.add(Extent::Inherited);
        return Ok(Some(inherited));
    }
    match paused.save().await {
        Ok(saved) => Ok(saved),
        Err(failure) => {
            let inherited = paused.inheritance();
            let extent = if inherited.is_some() { Extent::Inherited } else { Extent::Part };
            handed_over.save_was_fatal |= !failure.spares_the_instance();
            handed_over.after(failure, HandoverError::Save, how, extent)?;
            Ok(inherited)
        }
    }
}

/// Gives an heir what its predecessor has saved. The heir is in `kept` then, so that it does not
/// make room for the next one.
async fn give<T: InstanceSource>(
    heir: Result<Lease<SharedInstance<T>>, Failure>,
    saved: Vec<u8>,
    kept: &mut Vec<Lease<SharedInstance<T>>>,
) -> Result<(), Failure> {
    let heir = heir?;
    kept.push(heir.clone());
    heir.restore(saved).await
}

fn sum(moved: impl Iterator<Item = Moved>) -> Moved {
    moved.fold(Moved::default(), Moved::and)
}
