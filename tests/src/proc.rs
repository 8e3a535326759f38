//! What Linux says of a process (proc(5)).

use std::fs;
use std::path::Path;
use std::time::Duration;

/// A process, or one of its threads.
#[derive(Clone, Debug)]
pub struct Task {
    /// The first 15 characters of it.
    pub name: String,
    /// Whether it runs, or wants to.
    pub is_runnable: bool,
    /// Whether it has ended, and its parent has not looked yet.
    pub has_ended: bool,
    pub parent: u32,
    pub niceness: i32,
    /// The number of its scheduling policy, such as 5 for `SCHED_IDLE` (sched(7)).
    pub policy: u32,
    /// CPU time that it has used, with that of a process's threads, in steps of 10 ms.
    pub cpu: Duration,
}

impl Task {
    /// The process with this number, if it exists.
    pub fn process(number: u32) -> Option<Self> {
        Self::at(&Path::new("/proc").join(number.to_string()))
    }

    /// The numbers of the processes that this one has started.
    pub fn children_of(parent: u32) -> Vec<u32> {
        let names = fs::read_dir("/proc").into_iter().flatten().flatten();
        let numbers = names.filter_map(|name| name.file_name().to_str()?.parse().ok());
        let is_child = |number: &u32| Self::process(*number).is_some_and(|it| it.parent == parent);
        numbers.filter(is_child).collect()
    }

    /// The threads of a process. Those that end meanwhile are left out.
    pub fn threads_of(process: u32) -> Vec<Self> {
        let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
        tasks.filter_map(|task| Self::at(&task.path())).collect()
    }

    fn at(folder: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(folder.join("stat")).ok()?)
    }

    fn parse(stat: &str) -> Option<Self> {
        /// User code counts CPU time in hundredths of a second, whatever the system does.
        const CLOCK_TICK: Duration = Duration::from_millis(10);
        // The number, the name in parentheses, and then the third field and the rest.
        let (start, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).copied();
        let time = |number| field(number)?.parse::<u32>().ok();
        Some(Self {
            name: start.split_once('(')?.1.to_owned(),
            is_runnable: field(3)? == "R",
            has_ended: field(3)? == "Z",
            parent: field(4)?.parse().ok()?,
            niceness: field(19)?.parse().ok()?,
            policy: field(41)?.parse().ok()?,
            cpu: CLOCK_TICK * (time(14)? + time(15)?),
        })
    }
}

/// A line of a process's `status` or `smaps_rollup`, such as `VmHWM`, in bytes. None if the process
/// has ended, or has no such line.
pub fn memory(process: u32, file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/{file}")).ok()?;
    let of = |line: &str| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim().to_owned());
    let kib = text.lines().find_map(of)?.strip_suffix(" kB")?.parse::<u64>().ok()?;
    Some(kib * 1024)
}
