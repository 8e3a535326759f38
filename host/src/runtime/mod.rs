//! Running guests: the engine, instances and their limits, and the three ways in which a plugin's
//! instances are used.
//!
//! Startup goes [`Runtime`] (engine and linker) → [`Template`] (a component, ready to be
//! instantiated) → [`Pool`], [`Scoped`] or [`PerConnection`]; a call goes store → instance → export.
//! Nothing here knows of files, connections or frames.

mod at_load;
mod call;
mod engine;
mod failure;
mod instance;
mod lane;
mod ledger;
mod per_connection;
mod pool;
mod scoped;
mod share;
mod shared;
mod template;

pub use at_load::at_load;
pub use call::detach;
pub use engine::{Runtime, compiler};
pub use failure::Failure;
pub use instance::{Instance, NamedRoute};
pub use lane::Lane;
pub use ledger::Full;
pub use per_connection::PerConnection;
pub use pool::Pool;
pub use scoped::{Handover, Scoped, Standstill};
pub use share::{Background, Share};
pub use shared::{Moved, Received, Seat};
pub use template::{Kind, Template, Unfit};
