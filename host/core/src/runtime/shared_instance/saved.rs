//! What outlives an instance: the state that it saves for the next version, or for the next
//! instance after hibernation.

use bytes::Bytes;

use super::runner::Runner;
use super::{GuestCalls as _, Hibernated, InstanceSource, Unsaved};
use crate::capability::account::Held;
use crate::log;
use crate::runtime::call::Upkeep;
use crate::runtime::failure::Failure;

/// The most bytes of the reason why a save or a restore has failed that are kept for `status`.
const MAX_REASON: usize = 1024;

impl<T: InstanceSource> Runner<T> {
    /// Gives the instance the state that one of another version has saved.
    pub(crate) async fn restore(&mut self, saved: Vec<u8>) -> Result<(), Failure> {
        let restored = self.started().await?.restore(&saved, Upkeep::Swap).await;
        if restored.as_ref().is_err_and(|failure| !failure.spares_the_instance()) {
            self.forget_instance();
        }
        restored?;
        let mut inner = self.shared.inner.lock();
        inner.inherited = Some(self.charged(saved));
        inner.lost = false;
        Ok(())
    }

    /// A state that stays in the host's memory, charged to the site.
    fn charged(&self, saved: Vec<u8>) -> Bytes {
        self.shared.template.context().account.memory().charged(Held::States, saved)
    }

    /// What the instance saves, or what it saved when it hibernated.
    pub(crate) async fn save(&mut self, upkeep: Upkeep) -> Result<Option<Vec<u8>>, Failure> {
        let Some(instance) = &mut self.instance else {
            // Copied after the lock is given back.
            let saved = self.shared.inner.lock().hibernated.as_ref().map(|own| own.saved.clone());
            return Ok(saved.map(|saved| saved.to_vec()));
        };
        let saved = instance.save(upkeep).await;
        let instance = instance.id();
        match &saved {
            Err(failure) if failure.spares_the_instance() => {
                let mut inner = self.shared.inner.lock();
                let before = inner.unsaved.take().filter(|before| before.instance == instance);
                let why = log::excerpt(failure, MAX_REASON).into();
                let is_said = before.is_some_and(|before| before.is_said);
                inner.unsaved = Some(Unsaved { instance, why, stays: false, is_said });
            }
            Err(failure) => {
                let context = self.shared.template.context();
                if !context.settings.stateless {
                    context.calls.lose_memory(log::excerpt(failure, MAX_REASON).into());
                }
                self.lose_instance();
            }
            Ok(_) => self.shared.inner.lock().unsaved = None,
        }
        saved
    }

    /// Drops the instance, unless something came that needs it.
    pub(crate) async fn hibernate(&mut self) {
        let is_needed = |instance: &T::Instance| self.shared.inner.lock().is_needed(instance);
        if self.instance.as_deref().is_none_or(is_needed) {
            return;
        }
        match self.save(Upkeep::Instance).await {
            Ok(saved) => {
                self.instance = None;
                let mut inner = self.shared.inner.lock();
                let saved = saved.map(|saved| self.charged(saved));
                inner.hibernated = saved.map(|saved| Hibernated { saved, refused: None });
                let context = self.shared.template.context();
                let (site, plugin) = (&*context.site, &*context.plugin);
                let sockets = inner.assignments.len();
                tracing::debug!(target: "session", site, plugin, sockets, "hibernating");
            }
            Err(failure) if self.shared.template.context().settings.stateless => {
                self.drop_what_holds_nothing(&failure);
            }
            Err(failure) => self.keep_what_cannot_be_saved(&failure),
        }
    }

    /// Drops an idle instance whose `save` has failed, although its memory holds nothing.
    fn drop_what_holds_nothing(&mut self, failure: &Failure) {
        let context = self.shared.template.context();
        let (site, plugin) = (&*context.site, &*context.plugin);
        tracing::warn!(
            target: "session", site, plugin, %failure,
            "hibernating, although `save` has failed: the site says that the memory holds nothing"
        );
        self.forget_instance();
    }

    /// Keeps an idle instance that cannot save: its memory would be lost. The log says it once.
    fn keep_what_cannot_be_saved(&self, failure: &Failure) {
        let context = self.shared.template.context();
        let (site, plugin) = (&*context.site, &*context.plugin);
        if self.instance.is_none() {
            tracing::error!(
                target: "session", site, plugin, %failure,
                "the memory of an idle instance is lost: its `save` has failed"
            );
            return;
        }
        let was_said = {
            let mut inner = self.shared.inner.lock();
            // Otherwise this call would count as an event, after which the instance is asked again.
            inner.used = false;
            let Some(unsaved) = &mut inner.unsaved else { return };
            unsaved.stays = true;
            std::mem::replace(&mut unsaved.is_said, true)
        };
        if !was_said {
            tracing::warn!(
                target: "session", site, plugin, %failure,
                "an idle instance stays in memory, since it cannot save what it has"
            );
        }
    }

    /// Gives a new instance what the previous one saved when it hibernated. If the instance refuses
    /// it, it goes, and the next event tries again: otherwise the memory would be lost.
    pub(crate) async fn wake_up(&mut self) -> Result<(), Failure> {
        let Some(instance) = &mut self.instance else { return Ok(()) };
        let Some(hibernated) = self.shared.inner.lock().hibernated.take() else { return Ok(()) };
        let restored = instance.restore(&hibernated.saved, Upkeep::Instance).await;
        let Err(failure) = restored else { return Ok(()) };
        if failure.spares_the_instance() {
            self.instance = None;
            self.keep_what_was_refused(hibernated, &failure);
            return Err(failure);
        }
        let context = self.shared.template.context();
        let (site, plugin) = (&*context.site, &*context.plugin);
        tracing::error!(
            target: "session", site, plugin, %failure,
            "what an idle instance had saved is lost: `restore` has failed"
        );
        // The new instance starts without memory, as after any failure.
        self.start().await
    }

    /// Keeps what a new instance has refused for the next one. The log says it once.
    fn keep_what_was_refused(&self, mut hibernated: Hibernated, failure: &Failure) {
        let why = log::excerpt(failure, MAX_REASON).into();
        let was_said = hibernated.refused.replace(why).is_some();
        self.shared.inner.lock().hibernated = Some(hibernated);
        if !was_said {
            let context = self.shared.template.context();
            let (site, plugin) = (&*context.site, &*context.plugin);
            tracing::error!(
                target: "session", site, plugin, %failure,
                "an instance has refused what an idle one had saved: it is kept, and each event \
                 fails until `restore` takes it"
            );
        }
    }
}
