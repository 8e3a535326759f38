//! `lithe compile`: compiles a component in a process of its own. The host starts it; it is not for
//! people.

use std::time::Duration;

use crate::CompileOptions;
use lithe_host::internals::plugin::{Effort, run_child};

pub(crate) fn run(options: &CompileOptions) -> anyhow::Result<()> {
    let effort = if options.quick { Effort::Quick } else { Effort::Full };
    run_child(effort, bytesize::ByteSize::b(options.memory), Duration::from_millis(options.time))
}
