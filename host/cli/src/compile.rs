//! `lithe compile`: what the host starts as a child to compile a component. Not for people.

use std::time::Duration;

use crate::CompileOptions;
use lithe_host::internals::plugin::{Effort, run_child};

pub(crate) fn run(options: &CompileOptions) -> anyhow::Result<()> {
    let effort = if options.quick { Effort::Quick } else { Effort::Full };
    run_child(effort, bytesize::ByteSize::b(options.memory), Duration::from_millis(options.time))
}
