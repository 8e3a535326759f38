//! Running guests: the engine, instances and their limits, and the three ways in which a plugin's
//! instances are used.
//!
//! Startup goes [`Runtime`] (engine and linker) → [`Template`] (a component, ready to be
//! instantiated) → [`Pool`], [`InstanceSet`] or [`PerConnection`]; a call goes store → instance →
//! export. This module does not know about files, connections or frames.

mod at_load;
mod call;
mod current;
mod engine;
pub(crate) mod exports;
mod failure;
mod instance;
mod instance_set;
mod kind;
mod ledger;
mod per_connection;
mod pool;
mod share;
mod shared_instance;
mod template;

pub(crate) use at_load::at_load;
pub(crate) use current::CurrentInstances;
pub use engine::Runtime;
pub(crate) use engine::compiler;
pub use failure::Failure;
pub(crate) use instance::{Instance, NamedRoute};
pub use instance_set::Handover;
pub(crate) use instance_set::{Extent, HandedOver, HandoverError, InstanceSet, PausedSet};
pub use kind::Kind;
pub(crate) use kind::Unfit;
pub(crate) use per_connection::PerConnection;
pub use pool::Pool;
pub use share::step_back;
pub(crate) use share::{Background, Share};
#[cfg(all(test, feature = "shuttle"))]
pub(crate) use shared_instance::checks::model;
pub(crate) use shared_instance::{InstanceSource, Moved, Received, SocketHandle};
pub(crate) use template::Template;
