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
pub mod exports;
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

pub use at_load::at_load;
pub use current::CurrentInstances;
pub use engine::{Runtime, compiler};
pub use failure::Failure;
pub use instance::{Instance, NamedRoute};
pub use instance_set::{Handover, InstanceSet, PausedSet};
pub use kind::{Kind, Unfit};
pub use ledger::Full;
pub use per_connection::PerConnection;
pub use pool::Pool;
pub use share::{Background, Share, step_back};
#[cfg(all(test, feature = "shuttle"))]
pub use shared_instance::checks::model;
pub use shared_instance::{InstanceSource, Moved, Received, SocketHandle};
pub use template::Template;
