//! What a shared instance needs from the guest that it runs. In the host, the guest is a component.
//! In the model checker, it is a guest without WebAssembly, so that the queue and the handover are
//! checked as they are.

use std::sync::Arc;

use tokio::task::AbortHandle;

use crate::capability::event::Request;
use crate::capability::outcome::Answered;
use crate::capability::socket::{CloseInfo, Delivery, Socket};
use crate::capability::turn::Turns;
use crate::capability::{Context, InstanceId, Sharing};
use crate::runtime::call::Upkeep;
use crate::runtime::exports::Hooks;
use crate::runtime::failure::Failure;
use crate::runtime::instance::Instance;
use crate::runtime::template::Template;

/// What instances are made from: a [`Template`].
pub trait InstanceSource: Send + Sync + 'static {
    type Instance: GuestCalls;

    /// See [`Template::context`].
    fn context(&self) -> &Arc<Context>;
    /// See [`Template::takes_batches`].
    fn takes_batches(&self) -> bool;
    /// See [`Template::has_state`].
    fn has_state(&self) -> bool;
    /// See [`Template::resumes`].
    fn resumes(&self) -> bool;
    /// See [`Template::spawn`].
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle>;
    /// See [`Template::instantiate`].
    ///
    /// # Errors
    /// See [`Failure`].
    fn instantiate(
        &self,
        sharing: Option<Sharing>,
    ) -> impl Future<Output = Result<Self::Instance, Failure>> + Send;
}

/// The result of a call.
type Called<T> = Result<T, Failure>;

/// The calls that a shared instance makes of its guest: an [`Instance`].
pub trait GuestCalls: Send + 'static {
    /// See [`Instance::id`].
    fn id(&self) -> InstanceId;
    /// See [`Instance::has_timers`].
    fn has_timers(&self) -> bool;
    /// See [`Instance::handle`].
    ///
    /// # Errors
    /// See [`Failure`], here and below.
    fn handle(&mut self, request: &Arc<Request>) -> impl Future<Output = Called<Answered>> + Send;
    /// See [`Instance::open`].
    fn open(&mut self, socket: &Arc<Socket>) -> impl Future<Output = Called<()>> + Send;
    /// See [`Instance::receive`].
    fn receive(&mut self, delivery: &Delivery) -> impl Future<Output = Called<()>> + Send;
    /// See [`Instance::receive_packed`].
    fn receive_packed(
        &mut self,
        packed: &[u8],
        turns: &mut Turns,
    ) -> impl Future<Output = Called<Option<()>>> + Send;
    /// See [`Instance::drain`].
    fn drain(&mut self, socket: &Arc<Socket>) -> impl Future<Output = Called<()>> + Send;
    /// See [`Instance::close`].
    fn close(
        &mut self,
        socket: &Arc<Socket>,
        info: &CloseInfo,
    ) -> impl Future<Output = Called<()>> + Send;
    /// See [`Instance::timer`].
    fn timer(&mut self, id: u32) -> impl Future<Output = Called<()>> + Send;
    /// See [`Instance::save`].
    fn save(&mut self, upkeep: Upkeep) -> impl Future<Output = Called<Option<Vec<u8>>>> + Send;
    /// See [`Instance::restore`].
    fn restore(
        &mut self,
        saved: &[u8],
        upkeep: Upkeep,
    ) -> impl Future<Output = Called<Option<()>>> + Send;
    /// See [`Instance::resume`].
    fn resume(&mut self, socket: &Arc<Socket>) -> impl Future<Output = Called<Option<()>>> + Send;
}

impl InstanceSource for Template<Hooks> {
    type Instance = Instance<Hooks>;

    fn context(&self) -> &Arc<Context> {
        Template::context(self)
    }

    fn takes_batches(&self) -> bool {
        Template::takes_batches(self)
    }

    fn has_state(&self) -> bool {
        Template::has_state(self)
    }

    fn resumes(&self) -> bool {
        Template::resumes(self)
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        Template::spawn(self, work)
    }

    fn instantiate(
        &self,
        sharing: Option<Sharing>,
    ) -> impl Future<Output = Result<Instance<Hooks>, Failure>> + Send {
        Template::instantiate(self, sharing)
    }
}

impl GuestCalls for Instance<Hooks> {
    fn id(&self) -> InstanceId {
        Instance::id(self)
    }

    fn has_timers(&self) -> bool {
        Instance::has_timers(self)
    }

    fn handle(&mut self, request: &Arc<Request>) -> impl Future<Output = Called<Answered>> + Send {
        Instance::handle(self, request)
    }

    fn open(&mut self, socket: &Arc<Socket>) -> impl Future<Output = Called<()>> + Send {
        Instance::open(self, socket)
    }

    fn receive(&mut self, delivery: &Delivery) -> impl Future<Output = Called<()>> + Send {
        Instance::receive(self, delivery)
    }

    fn receive_packed(
        &mut self,
        packed: &[u8],
        turns: &mut Turns,
    ) -> impl Future<Output = Called<Option<()>>> + Send {
        Instance::receive_packed(self, packed, turns)
    }

    fn drain(&mut self, socket: &Arc<Socket>) -> impl Future<Output = Called<()>> + Send {
        Instance::drain(self, socket)
    }

    fn close(
        &mut self,
        socket: &Arc<Socket>,
        info: &CloseInfo,
    ) -> impl Future<Output = Called<()>> + Send {
        Instance::close(self, socket, info)
    }

    fn timer(&mut self, id: u32) -> impl Future<Output = Called<()>> + Send {
        Instance::timer(self, id)
    }

    fn save(&mut self, upkeep: Upkeep) -> impl Future<Output = Called<Option<Vec<u8>>>> + Send {
        Instance::save(self, upkeep)
    }

    fn restore(
        &mut self,
        saved: &[u8],
        upkeep: Upkeep,
    ) -> impl Future<Output = Called<Option<()>>> + Send {
        Instance::restore(self, saved, upkeep)
    }

    fn resume(&mut self, socket: &Arc<Socket>) -> impl Future<Output = Called<Option<()>>> + Send {
        Instance::resume(self, socket)
    }
}
