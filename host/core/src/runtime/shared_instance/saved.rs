//! What outlives an instance: the state that it saves for the next version, or for the next
//! instance after hibernation.

use super::runner::Runner;
use super::{GuestCalls as _, InstanceSource};
use crate::runtime::failure::Failure;

impl<T: InstanceSource> Runner<T> {
    /// Gives the instance the state that one of another version has saved.
    pub(crate) async fn restore(&mut self, saved: Vec<u8>) -> Result<(), Failure> {
        let restored = self.started().await?.restore(&saved).await;
        if restored.as_ref().is_err_and(|failure| !failure.spares_the_instance()) {
            self.forget_instance();
        }
        restored?;
        let mut inner = self.shared.inner.lock();
        inner.inherited = Some(saved);
        inner.lost = false;
        Ok(())
    }

    /// What the instance saves, or what it saved when it hibernated.
    pub(crate) async fn save(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(instance) = &mut self.instance else {
            return Ok(self.shared.inner.lock().hibernated.clone());
        };
        let saved = instance.save().await;
        if saved.as_ref().is_err_and(|failure| !failure.spares_the_instance()) {
            self.lose_instance();
        }
        saved
    }

    /// Drops the instance, unless something came that needs it.
    pub(crate) async fn hibernate(&mut self) {
        let is_needed = |instance: &T::Instance| self.shared.inner.lock().is_needed(instance);
        if self.instance.as_deref().is_none_or(is_needed) {
            return;
        }
        match self.save().await {
            Ok(saved) => {
                self.instance = None;
                let mut inner = self.shared.inner.lock();
                inner.hibernated = saved;
                let context = self.shared.template.context();
                let (site, plugin) = (&*context.site, &*context.plugin);
                let sockets = inner.assignments.len();
                tracing::debug!(target: "session", site, plugin, sockets, "hibernating");
            }
            Err(failure) => self.keep_what_cannot_be_saved(&failure),
        }
    }

    /// Keeps an idle instance that cannot save: its memory would be lost.
    fn keep_what_cannot_be_saved(&self, failure: &Failure) {
        let context = self.shared.template.context();
        let (site, plugin) = (&*context.site, &*context.plugin);
        let kept = self.instance.as_ref().map(|instance| instance.id());
        self.shared.inner.lock().cannot_save = kept;
        match kept {
            Some(_) => tracing::warn!(
                target: "session", site, plugin, %failure,
                "an idle instance stays in memory, since it cannot save what it has"
            ),
            None => tracing::error!(
                target: "session", site, plugin, %failure,
                "the memory of an idle instance is lost: its `save` has failed"
            ),
        }
    }

    /// Gives a new instance what the previous one saved when it hibernated.
    pub(crate) async fn wake_up(&mut self) -> Result<(), Failure> {
        let Some(saved) = self.shared.inner.lock().hibernated.take() else { return Ok(()) };
        let Some(instance) = &mut self.instance else { return Ok(()) };
        let Err(failure) = instance.restore(&saved).await else { return Ok(()) };
        let context = self.shared.template.context();
        let (site, plugin) = (&*context.site, &*context.plugin);
        tracing::error!(
            target: "session", site, plugin, %failure,
            "what an idle instance had saved is lost: `restore` has failed"
        );
        match failure.spares_the_instance() {
            true => Ok(()),
            // The new instance starts without memory, as after any failure.
            false => self.start().await,
        }
    }
}
