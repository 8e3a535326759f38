//! The status of a site and the results of its changes, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::capability::account::{Held, SiteMemory};
use crate::plugin::{Digest, EmptyMemory};

/// The result of a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What has changed, by component.
    pub changes: Vec<Change>,
    /// Whether only a part of the requests gets it, and the rest gets what was served before.
    pub canary: bool,
    /// Whether nothing has changed, and this says what would.
    #[serde(default)]
    pub dry_run: bool,
    /// The longest time that events waited, in microseconds.
    #[serde(rename = "pause_us", with = "micros")]
    pub pause: Duration,
    /// What the change did not do, although it is served. Somebody has to look at it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// The result for one component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The component's file in the site, such as `routes/chat.wasm`.
    pub plugin: String,
    /// The previous version. None if the component is new.
    pub from: Option<Digest>,
    /// The new version. None if the component is no longer served.
    pub to: Option<Digest>,
    /// Sockets that the new version has taken over.
    pub moved: usize,
    /// Sockets that stay with the previous version until they end, or `swap.drain_time` is up.
    pub draining: usize,
    /// Why the new version begins with empty memory, although the previous version had something in
    /// memory; or why what a removed component had in memory is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_memory: Option<EmptyMemory>,
    /// What `save` or `restore` has failed with, if that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// What is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The site's name.
    pub site: String,
    /// The versions that serve.
    pub plugins: Vec<Serving>,
    /// What the canary has instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryStatus>,
    /// Versions that no longer get requests, and still have sockets.
    pub draining: Vec<DrainingStatus>,
    /// How often each limit was exceeded, by its name in `lithe.toml`.
    pub exceeded: BTreeMap<String, u64>,
    /// What the host holds in memory for the site.
    #[serde(default)]
    pub memory: MemoryStatus,
    /// Why the last change of the site's folder was refused. What was served before goes on. None
    /// if the folder is served as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The settings that are lower than the site's own, because the operator caps them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lowered: Vec<LoweredStatus>,
}

/// A setting that is lowered to the operator's cap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoweredStatus {
    /// The setting, as `lithe.toml` names it: `limits.memory`.
    pub setting: String,
    /// What it would be without the cap.
    pub from: String,
    /// What the operator allows.
    pub to: String,
    /// Whether a version that serves was made before the cap, so that the cap holds for the next
    /// version.
    pub waits: bool,
}

/// What the host holds in memory for a site, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryStatus {
    /// What it holds now.
    pub used: usize,
    /// The most that it has held since the site is served.
    pub highest: usize,
    /// The most that it may hold: `limits.site_memory`, or `host.memory`.
    pub bound: usize,
    /// What it holds, by what it is for.
    pub held: BTreeMap<String, usize>,
}

impl From<&SiteMemory> for MemoryStatus {
    fn from(memory: &SiteMemory) -> Self {
        let held = Held::ALL.iter().map(|what| (what.name().to_owned(), memory.held(*what)));
        Self {
            used: memory.used(),
            highest: memory.highest(),
            bound: memory.bound(),
            held: held.collect(),
        }
    }
}

/// A version that serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// The component's file in the site.
    pub plugin: String,
    /// The files that share it. Empty if it has one file, whose name it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The component's digest.
    pub version: Digest,
    /// How many sockets it has.
    pub sockets: usize,
    /// How often its guest was called.
    pub calls: u64,
    /// Calls that have cost an instance by a trap.
    pub traps: u64,
    /// Calls that have cost an instance by a limit.
    pub limits: u64,
    /// Answers from 500 on that it has made, and sessions that it has failed.
    pub errors: u64,
    /// Whether the memory of its shared instances goes on in another version (it exports `state`).
    /// None if it has no shared instances, or the site says that they hold nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<bool>,
    /// Why it began with empty memory, if the previous version had something in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_memory: Option<EmptyMemory>,
    /// Why one of its instances could not save what it has in memory when it was asked last. Until
    /// it can, a deploy is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cannot_save: Option<String>,
    /// Why an instance has refused what an idle one had saved. The host keeps it, and the events
    /// fail until an instance takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cannot_restore: Option<String>,
    /// Why `save` has cost one of its instances what that had in memory, the last time that it did.
    /// The instance has begun again with empty memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_memory: Option<String>,
    /// Versions that the site can go back to, newest first.
    pub before: Vec<Digest>,
}

/// A canary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryStatus {
    /// Which requests it gets.
    pub split: String,
    /// The versions that differ from the stable ones.
    pub plugins: Vec<Serving>,
}

/// A version that drains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainingStatus {
    /// The component's file in the site.
    pub plugin: String,
    /// The component's digest.
    pub version: Digest,
    /// How many sockets it still has.
    pub sockets: usize,
    /// The time until its sockets are closed, in seconds.
    #[serde(rename = "seconds_left", with = "seconds")]
    pub left: Duration,
}

mod micros {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        time: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'d, D: Deserializer<'d>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_micros)
    }
}

mod seconds {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        time: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.as_secs())
    }

    pub(crate) fn deserialize<'d, D: Deserializer<'d>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

impl Report {
    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.warnings.is_empty()
    }

    /// Whether something that was in memory is lost.
    pub fn loses_memory(&self) -> bool {
        self.changes.iter().any(|change| change.empty_memory.is_some())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changes.is_empty() {
            return f.write_str(match self.dry_run {
                true => "nothing would change",
                false => "nothing has changed",
            });
        }
        for (number, change) in self.changes.iter().enumerate() {
            f.write_str(if number == 0 { "" } else { "; " })?;
            change.say(f, self.dry_run)?;
        }
        if self.canary {
            write!(f, "; as a canary")?;
        }
        if !self.pause.is_zero() {
            write!(f, "; events waited {:.1} ms at most", self.pause.as_secs_f64() * 1e3)?;
        }
        self.changes.iter().try_for_each(|change| change.say_lost(f, self.dry_run))?;
        self.warnings.iter().try_for_each(|warning| write!(f, "\nwarning: {warning}"))
    }
}

impl Change {
    /// What of its memory is lost, as a line of its own.
    fn say_lost(&self, f: &mut fmt::Formatter<'_>, dry_run: bool) -> fmt::Result {
        let Some(reason) = self.empty_memory else { return Ok(()) };
        let plugin = &self.plugin;
        match (reason, dry_run) {
            (EmptyMemory::Removed, false) => {
                write!(f, "\nwarning: what {plugin} had in memory is lost: {reason}")?;
            }
            (EmptyMemory::Removed, true) => {
                write!(f, "\nwarning: what {plugin} has in memory would be lost: {reason}")?;
            }
            (EmptyMemory::LastSwap, false) => write!(
                f,
                "\nwarning: {plugin} goes on with the memory that was handed over at the last swap, and what came \
                 after is lost: {reason}"
            )?,
            (EmptyMemory::LastSwap, true) => write!(
                f,
                "\nwarning: {plugin} would go on with the memory that was handed over at the last swap, and what came \
                 after would be lost: {reason}"
            )?,
            (_, false) => write!(f, "\nwarning: {plugin} begins with empty memory: {reason}")?,
            (_, true) => write!(f, "\nwarning: {plugin} would begin with empty memory: {reason}")?,
        }
        self.failure.iter().try_for_each(|failure| write!(f, ": {failure}"))?;
        reason.advice().map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }

    fn say(&self, f: &mut fmt::Formatter<'_>, dry_run: bool) -> fmt::Result {
        let plugin = &self.plugin;
        let verb = |done, would| if dry_run { would } else { done };
        match (&self.from, &self.to) {
            (Some(from), Some(to)) if from == to => {
                write!(f, "{} {plugin}", verb("reloaded", "would reload"))?;
            }
            (Some(from), Some(to)) => {
                let replaced = verb("replaced", "would replace");
                write!(f, "{replaced} {plugin} ({from:.12} by {to:.12})")?;
            }
            (None, Some(to)) => write!(f, "{} {plugin} ({to:.12})", verb("added", "would add"))?,
            (_, None) => write!(f, "{} {plugin}", verb("removed", "would remove"))?,
        }
        if self.moved > 0 {
            write!(f, ", {}", sockets(self.moved, verb("moved", "moving")))?;
        }
        if self.draining > 0 {
            write!(f, ", {}", sockets(self.draining, "draining"))?;
        }
        Ok(())
    }
}

fn sockets(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 socket {what}"),
        count => format!("{count} sockets {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_as_a_line_and_each_warning_as_one() {
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let change = |from, to, moved, draining| {
            let plugin = "routes/a.wasm".to_owned();
            Change { plugin, from, to, moved, draining, empty_memory: None, failure: None }
        };
        let changes = vec![
            change(Some(one), Some(two), 1, 20),
            change(Some(one), Some(one), 0, 0),
            change(None, Some(one), 0, 0),
            change(Some(one), None, 0, 0),
        ];
        let pause = Duration::from_micros(1_250);
        let mut report = Report { changes, pause, ..Report::default() };
        assert_eq!(
            report.to_string(),
            "replaced routes/a.wasm (6b86b273ff34 by d4735e3a265e), 1 socket moved, 20 sockets draining; \
             reloaded routes/a.wasm; added routes/a.wasm (6b86b273ff34); removed routes/a.wasm; \
             events waited 1.2 ms at most"
        );
        report.changes.drain(1..);
        report.changes[0].empty_memory = Some(EmptyMemory::NoStateAfter);
        report.dry_run = true;
        report.pause = Duration::ZERO;
        assert_eq!(
            report.to_string(),
            "would replace routes/a.wasm (6b86b273ff34 by d4735e3a265e), 1 socket moving, 20 sockets draining\n\
             warning: routes/a.wasm would begin with empty memory: the new version does not export `state`; \
             export it, or set `stateless = true` in `lithe.toml` if there is nothing to lose"
        );
        report.changes[0].empty_memory = Some(EmptyMemory::Failed);
        report.changes[0].failure = Some("`save` answered: not now".to_owned());
        let failed = "would begin with empty memory: `save` or `restore` has failed: `save` answered: not now";
        assert!(report.to_string().ends_with(failed), "{report}");
        report.changes = vec![change(Some(one), None, 0, 0)];
        report.changes[0].empty_memory = Some(EmptyMemory::Removed);
        for (dry_run, said) in [
            (
                true,
                "would remove routes/a.wasm\nwarning: what routes/a.wasm has in memory would be lost: ",
            ),
            (false, "removed routes/a.wasm\nwarning: what routes/a.wasm had in memory is lost: "),
        ] {
            report.dry_run = dry_run;
            let why = "nothing takes over from a plugin that is removed or renamed";
            assert_eq!(report.to_string(), format!("{said}{why}"));
        }
    }
}
