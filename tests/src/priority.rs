//! Which threads of a load give way to those that are measured.

use std::io;

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// Has this thread run when no other one of its core wants to (`SCHED_IDLE`, see `sched(7)`): what is measured
/// waits for nobody.
///
/// # Errors
/// The system refuses.
pub fn step_back() -> io::Result<()> {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle)
        .map_err(|error| io::Error::other(format!("cannot step back: {error:?}")))
}
