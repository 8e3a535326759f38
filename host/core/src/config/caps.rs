//! `[tenants.limits]`: caps on what the sites of a host may set for themselves.
//!
//! A cap has the name and the range of the limit that it caps. What a site has written over a cap
//! is refused; a default over a cap is lowered to it.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, Visitor};
use toml::de::{DeTable, DeValue};

use super::limits::{Limits, OutboundPolicy};
use super::ranges::{Size, Time};
use super::{PluginConfig, SiteConfig};

/// How many settings over their caps one error names.
const MAX_NAMED: usize = 8;

/// Caps on limits: those that are set, by their limits' names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caps {
    values: Limits,
    set: BTreeSet<&'static str>,
}

/// A setting of a site that may have a cap, as the site writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteKey {
    /// One of `[limits]`.
    Limit(&'static str),
    /// `replicas` of a plugin.
    Replicas { plugin: String },
    /// `size` of a plugin's folder.
    Folder { plugin: String, guest: String },
}

impl fmt::Display for SiteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(name) => write!(f, "limits.{name}"),
            Self::Replicas { plugin } => write!(f, "plugin.{plugin:?}.replicas"),
            Self::Folder { plugin, guest } => {
                write!(f, "plugin.{plugin:?}.folders.{guest:?}.size")
            }
        }
    }
}

/// A setting of a site that was lowered to its cap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lowered {
    pub setting: SiteKey,
    /// What it would be without the cap, as people write it.
    pub from: String,
    pub to: String,
}

/// Which values a cap forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Forbids {
    /// Larger ones.
    Larger,
    /// Larger ones, and zero, because it removes the bound. A cap of zero forbids nothing.
    LargerOrZero,
    /// All others.
    Different,
}

/// How a value is over its cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Excess {
    /// It is larger.
    Larger,
    /// It is zero, which removes the bound.
    Unbounded,
    /// It is another one.
    Different,
}

/// A limit that may have a cap.
struct Field {
    name: &'static str,
    excess: fn(&Limits, &Limits) -> Option<Excess>,
    take: fn(&mut Limits, &Limits),
    shown: fn(&Limits) -> String,
}

macro_rules! fields {
    ($($field:ident: $forbids:ident,)+) => {
        const FIELDS: &[Field] = &[$(Field {
            name: stringify!($field),
            excess: |own, cap| own.$field.excess(&cap.$field, Forbids::$forbids),
            take: |own, cap| own.$field = cap.$field,
            shown: |limits| limits.$field.shown(),
        },)+];

        /// A limit without a line above does not compile.
        const fn _every_limit_has_a_line(Limits { $($field: _,)+ }: &Limits) {}
    };
}

fields! {
    memory: Larger,
    site_memory: LargerOrZero,
    table_elements: Larger,
    instances: Larger,
    queue: Larger,
    sockets: Larger,
    event_cpu: Larger,
    request_cpu: Larger,
    request_time: Larger,
    requests_per_second: LargerOrZero,
    connections: Larger,
    uri: Larger,
    headers: Larger,
    body: Larger,
    response: Larger,
    message: Larger,
    messages_per_second: LargerOrZero,
    message_time: LargerOrZero,
    outbound: Larger,
    outbound_policy: Different,
    attachment: Larger,
    topics: Larger,
    files: Larger,
    folder_size: Larger,
    timers: Larger,
    log_per_second: LargerOrZero,
    state: Larger,
    close_time: Larger,
    ping_interval: LargerOrZero,
    pong_time: Larger,
    idle_time: LargerOrZero,
    idle_after: LargerOrZero,
}

/// A value that can be capped.
trait Capped: PartialEq {
    /// Its size, as a number that can be compared with that of another value.
    fn size(&self) -> u128;
    /// As people write it.
    fn shown(&self) -> String;

    /// How it is over this cap, if it is.
    fn excess(&self, cap: &Self, forbids: Forbids) -> Option<Excess> {
        let (size, max) = (self.size(), cap.size());
        match forbids {
            Forbids::Different => (self != cap).then_some(Excess::Different),
            Forbids::LargerOrZero if max == 0 => None,
            Forbids::LargerOrZero if size == 0 => Some(Excess::Unbounded),
            Forbids::Larger | Forbids::LargerOrZero => (size > max).then_some(Excess::Larger),
        }
    }
}

impl Capped for ByteSize {
    fn size(&self) -> u128 {
        self.as_u64().into()
    }

    fn shown(&self) -> String {
        Size(*self).to_string()
    }
}

impl Capped for Duration {
    fn size(&self) -> u128 {
        self.as_nanos()
    }

    fn shown(&self) -> String {
        Time(*self).to_string()
    }
}

impl Capped for usize {
    fn size(&self) -> u128 {
        *self as u128
    }

    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Capped for OutboundPolicy {
    fn size(&self) -> u128 {
        0
    }

    fn shown(&self) -> String {
        self.name().to_owned()
    }
}

impl Caps {
    /// What holds for every site unless the operator says otherwise: a site cannot fill the log.
    pub fn of_every_site() -> Self {
        let set = BTreeSet::from(["log_per_second"]);
        Self { values: Limits { log_per_second: ByteSize::mib(1), ..Limits::default() }, set }
    }

    /// These caps, and those of `special` instead where it has some.
    #[must_use]
    pub fn with(&self, special: &Self) -> Self {
        let mut caps = self.clone();
        for field in special.fields() {
            (field.take)(&mut caps.values, &special.values);
        }
        caps.set.extend(&special.set);
        caps
    }

    /// These caps, with those that follow from them: a message must fit the queue, so a lower cap
    /// on the queue is one on messages, too.
    #[must_use]
    pub(super) fn settled(mut self) -> Self {
        let values = &mut self.values;
        if self.set.contains("outbound")
            && (!self.set.contains("message") || values.message > values.outbound)
        {
            values.message = values.outbound;
            self.set.insert("message");
        }
        self
    }

    /// Whether nothing is capped.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    fn fields(&self) -> impl Iterator<Item = &'static Field> {
        FIELDS.iter().filter(|field| self.set.contains(field.name))
    }

    fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields().find(|field| field.name == name)
    }

    /// Holds settings that were read from this text to the caps, and says what was lowered.
    ///
    /// # Errors
    /// The text has values over their caps. The message names each with its line, and both values.
    pub(super) fn hold(&self, config: &mut SiteConfig, text: &str) -> anyhow::Result<Vec<Lowered>> {
        let table = DeTable::parse(text);
        let table = table.as_ref().ok().map(|table| table.get_ref());
        let line = |setting: &SiteKey| {
            let at = setting.place(table?)?.start;
            let before = text.get(..at).unwrap_or_default();
            Some(before.matches('\n').count().saturating_add(1))
        };
        let mut over = Vec::new();
        let lowered = self.lower_unless(config, |lowered, excess| {
            let Some(line) = line(&lowered.setting) else { return false };
            over.push((line, said(lowered, excess, line)));
            true
        });
        over.sort();
        let more = over.len().saturating_sub(MAX_NAMED);
        let mut over: Vec<String> =
            over.into_iter().take(MAX_NAMED).map(|(_, said)| said).collect();
        if more > 0 {
            over.push(format!("{more} more of its settings are over what the host allows"));
        }
        anyhow::ensure!(over.is_empty(), "{}", over.join("\n"));
        Ok(lowered)
    }

    /// Lowers everything that is over its cap.
    #[must_use = "the site's owner has to see it"]
    pub fn lower(&self, config: &mut SiteConfig) -> Vec<Lowered> {
        self.lower_unless(config, |_, _| false)
    }

    /// Lowers what is over its cap, except what `is_refused`.
    fn lower_unless(
        &self,
        config: &mut SiteConfig,
        mut is_refused: impl FnMut(&Lowered, Excess) -> bool,
    ) -> Vec<Lowered> {
        let (mut lowered, cap) = (Vec::new(), &self.values);
        let mut lower = |setting, from: String, to: String, excess, take: &mut dyn FnMut()| {
            let found = Lowered { setting, from, to };
            if !is_refused(&found, excess) {
                take();
                lowered.push(found);
            }
        };
        let own = &mut config.limits;
        for field in self.fields() {
            let Some(excess) = (field.excess)(own, cap) else { continue };
            let (from, to) = ((field.shown)(own), (field.shown)(cap));
            let setting = SiteKey::Limit(field.name);
            lower(setting, from, to, excess, &mut || (field.take)(own, cap));
        }
        for (name, plugin) in &mut config.plugin {
            let replicas = &mut plugin.replicas;
            if self.field("instances").is_some() && *replicas > cap.instances {
                let setting = SiteKey::Replicas { plugin: name.clone() };
                let (from, to) = (replicas.shown(), cap.instances.shown());
                lower(setting, from, to, Excess::Larger, &mut || *replicas = cap.instances);
            }
            for (guest, folder) in &mut plugin.folders {
                let Some(size) = &mut folder.size else { continue };
                if self.field("folder_size").is_some() && *size > cap.folder_size {
                    let setting = SiteKey::Folder { plugin: name.clone(), guest: guest.clone() };
                    let (from, to) = (size.shown(), cap.folder_size.shown());
                    lower(setting, from, to, Excess::Larger, &mut || *size = cap.folder_size);
                }
            }
        }
        lowered
    }
}

/// What the error for a setting says.
fn said(lowered: &Lowered, excess: Excess, line: usize) -> String {
    let Lowered { setting, from, to } = lowered;
    let (from, most) = match excess {
        Excess::Different => (format!("`{from}`"), format!("only `{to}`")),
        Excess::Unbounded => (format!("{from}, which removes the bound"), format!("at most {to}")),
        Excess::Larger => (from.clone(), format!("at most {to}")),
    };
    let advice = "write what is allowed, or leave it out";
    format!("line {line}: `{setting}` is {from}, and the host allows this site {most}: {advice}")
}

impl Lowered {
    /// Whether these limits, with which something is served, have another value than the cap's.
    pub fn waits(&self, limits: &Limits) -> bool {
        self.field().is_some_and(|field| (field.shown)(limits) != self.to)
    }

    /// The same, with the settings of the plugin that it is about.
    pub fn waits_in_plugin(&self, settings: &PluginConfig) -> bool {
        let served = match &self.setting {
            SiteKey::Limit(_) => None,
            SiteKey::Replicas { .. } => Some(settings.replicas.shown()),
            SiteKey::Folder { guest, .. } => {
                let folder = settings.folders.get(guest);
                folder.and_then(|folder| folder.size).map(|size| size.shown())
            }
        };
        served.is_some_and(|served| served != self.to)
    }

    fn field(&self) -> Option<&'static Field> {
        let SiteKey::Limit(name) = self.setting else { return None };
        FIELDS.iter().find(|field| field.name == name)
    }
}

/// Reads the limits as a site's, with their ranges, and notes which of them are there.
impl<'de> Deserialize<'de> for Caps {
    fn deserialize<D: Deserializer<'de>>(caps: D) -> Result<Self, D::Error> {
        struct Table;

        impl<'de> Visitor<'de> for Table {
            type Value = Caps;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of limits, such as `{ memory = \"64 MiB\" }`")
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Caps, A::Error> {
                let mut keys = BTreeSet::new();
                let noting = Noting { table, keys: &mut keys };
                let values = Limits::deserialize(MapAccessDeserializer::new(noting))?;
                let names = FIELDS.iter().map(|field| field.name);
                Ok(Caps { values, set: names.filter(|name| keys.contains(*name)).collect() })
            }
        }

        caps.deserialize_map(Table)
    }
}

/// A table whose keys are noted as they are read.
struct Noting<'k, A> {
    table: A,
    keys: &'k mut BTreeSet<String>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Noting<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        self.table.next_key_seed(Note { seed, keys: self.keys })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.table.next_value_seed(seed)
    }
}

struct Note<'k, K> {
    seed: K,
    keys: &'k mut BTreeSet<String>,
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for Note<'_, K> {
    type Value = K::Value;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<K::Value, D::Error> {
        let key = String::deserialize(key)?;
        let value = self.seed.deserialize(key.as_str().into_deserializer());
        self.keys.insert(key);
        value
    }
}

impl SiteKey {
    /// Where a site's settings have it. None if they do not.
    fn place(&self, table: &DeTable<'_>) -> Option<std::ops::Range<usize>> {
        let path: &[&str] = match self {
            Self::Limit(name) => &["limits", name],
            Self::Replicas { plugin } => &["plugin", plugin, "replicas"],
            Self::Folder { plugin, guest } => &["plugin", plugin, "folders", guest, "size"],
        };
        let (key, tables) = path.split_last()?;
        let mut table = table;
        for name in tables {
            let DeValue::Table(inner) = table.get(*name)?.get_ref() else { return None };
            table = inner;
        }
        table.get_key_value(*key).map(|(key, _)| key.span())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(text: &str) -> Caps {
        toml::from_str::<Caps>(text).expect("they are caps").settled()
    }

    fn held(caps_text: &str, text: &str) -> anyhow::Result<(SiteConfig, Vec<Lowered>)> {
        SiteConfig::parse(text, &caps(caps_text))
    }

    fn refused(caps: &str, text: &str) -> String {
        held(caps, text).expect_err("it is over").to_string()
    }

    #[test]
    fn a_value_over_its_cap_is_refused_with_both_values_its_line_and_its_field() {
        let error =
            refused("memory = \"64 MiB\"", "name = \"a\"\n[limits]\nmemory = \"128 MiB\"\n");
        assert_eq!(
            error,
            "line 3: `limits.memory` is 128 MiB, and the host allows this site at most 64 MiB: write \
             what is allowed, or leave it out"
        );
        let (config, lowered) =
            held("memory = \"64 MiB\"", "limits.memory = \"64 MiB\"\n").unwrap();
        assert_eq!((config.limits.memory, lowered), (ByteSize::mib(64), Vec::new()));
        // Whichever way it is written.
        for text in ["limits = { timers = 11 }", "limits.timers = 11", "[limits]\ntimers = 11"] {
            assert!(refused("timers = 10", text).contains("`limits.timers` is 11"), "{text}");
        }
    }

    /// The limits that zero removes.
    const REMOVED_BY_ZERO: [&str; 8] = [
        "site_memory",
        "requests_per_second",
        "messages_per_second",
        "message_time",
        "log_per_second",
        "ping_interval",
        "idle_time",
        "idle_after",
    ];

    #[test]
    fn every_limit_can_be_capped_in_its_direction() {
        for field in FIELDS {
            let name = field.name;
            let (cap, within, over) = match (field.shown)(&Limits::default()) {
                policy if name == "outbound_policy" => {
                    ("\"refuse\"", "\"refuse\"", vec![format!("\"{policy}\"")])
                }
                _ if name.ends_with("_time")
                    || name.starts_with("idle")
                    || name.contains("cpu") =>
                {
                    ("\"2s\"", "\"1s\"", vec!["\"3s\"".to_owned(), "\"0s\"".to_owned()])
                }
                _ if name == "ping_interval" => {
                    ("\"2s\"", "\"1s\"", vec!["\"3s\"".to_owned(), "\"0s\"".to_owned()])
                }
                // Of every range, and both sizes and numbers.
                _ => ("65537", "65536", vec!["65538".to_owned(), "0".to_owned()]),
            };
            let write = |value: &str| match name {
                // A queue must have room for a message.
                "outbound" => format!("[limits]\nmessage = 1\noutbound = {value}\n"),
                _ => format!("[limits]\n{name} = {value}\n"),
            };
            let cap = format!("{name} = {cap}");
            held(&cap, &write(within)).unwrap_or_else(|error| panic!("{name}: {error:#}"));
            for (number, over) in over.iter().enumerate() {
                let is_zero = number == 1;
                let held = held(&cap, &write(over));
                let is_refused = !is_zero || REMOVED_BY_ZERO.contains(&name);
                match held {
                    Err(error) if is_refused => {
                        let error = error.to_string();
                        assert!(error.contains(&format!("`limits.{name}` is ")), "{error}");
                        assert_eq!(is_zero, error.contains("removes the bound"), "{error}");
                    }
                    // Less than the range of the limit itself, or within the cap.
                    held => assert!(is_zero && !is_refused, "{name} = {over}: {held:?}"),
                }
            }
        }
    }

    #[test]
    fn a_default_over_a_cap_is_lowered() {
        let (config, lowered) = held("memory = \"32 MiB\"\nsite_memory = \"1 GiB\"", "").unwrap();
        assert_eq!(config.limits.memory, ByteSize::mib(32));
        assert_eq!(config.limits.site_memory, ByteSize::gib(1), "zero is over every cap");
        let shown: Vec<_> =
            lowered.iter().map(|own| format!("{} {} {}", own.setting, own.from, own.to)).collect();
        assert_eq!(shown, ["limits.memory 64 MiB 32 MiB", "limits.site_memory 0 B 1 GiB"]);
        assert!(lowered[0].waits(&Limits::default()) && !lowered[0].waits(&config.limits));
    }

    #[test]
    fn a_cap_of_zero_on_a_limit_that_zero_removes_caps_nothing() {
        let text = "[limits]\nlog_per_second = 0\n";
        let caps = Caps::of_every_site();
        assert!(SiteConfig::parse(text, &caps).unwrap_err().to_string().contains("at most 1 MiB"));
        let lifted = caps.with(&toml::from_str("log_per_second = 0").unwrap());
        assert_eq!(SiteConfig::parse(text, &lifted).unwrap().1, Vec::new());
    }

    #[test]
    fn a_cap_on_the_queue_is_one_on_messages() {
        let (config, _) = held("outbound = \"64 KiB\"", "").unwrap();
        assert_eq!(config.limits.message, ByteSize::kib(64));
        let error = refused("outbound = \"64 KiB\"", "limits.message = \"65 KiB\"");
        assert!(error.contains("`limits.message` is 65 KiB"), "{error}");
        let error = refused(
            "message = \"1 KiB\"",
            "[plugin.\"a\"]\nauto_response = { x = \"y\" }\n[limits]\nmessage = \"2 KiB\"",
        );
        assert!(error.contains("line 4"), "{error}");
    }

    #[test]
    fn settings_of_plugins_are_held_to_the_caps() {
        let text = "[plugin.\"routes/a.wasm\"]\nreplicas = 9\n\
                    folders = { \"/d\" = { path = \"d\", write = true, size = \"2 GiB\" } }\n";
        let error = refused("instances = 8\nfolder_size = \"1 GiB\"", text);
        let lines: Vec<&str> = error.lines().collect();
        assert!(
            lines[0].starts_with("line 2: `plugin.\"routes/a.wasm\".replicas` is 9"),
            "{error}"
        );
        let folder = "line 3: `plugin.\"routes/a.wasm\".folders.\"/d\".size` is 2 GiB";
        assert!(lines[1].starts_with(folder) && lines.len() == 2, "{error}");
        let text = text.replace(", size = \"2 GiB\"", "").replace('9', "8");
        let (config, lowered) = held("instances = 8\nfolder_size = \"1 MiB\"", &text).unwrap();
        let size = config.plugin["routes/a.wasm"].folders["/d"].size;
        assert_eq!(size, Some(ByteSize::mib(1)), "a default is lowered");
        assert_eq!(lowered.len(), 2, "{lowered:?}");
    }

    #[test]
    fn what_is_served_is_lowered_even_if_the_site_wrote_it() {
        let (mut config, _) =
            SiteConfig::parse("limits.memory = \"1 GiB\"", &Caps::default()).unwrap();
        let lowered = caps("memory = \"64 MiB\"").lower(&mut config);
        assert_eq!((config.limits.memory, lowered.len()), (ByteSize::mib(64), 1));
    }

    #[test]
    fn an_error_names_a_few_settings_and_counts_the_others() {
        let plugin = |n| format!("[plugin.\"routes/{n}.wasm\"]\nreplicas = 2\n");
        let text: String = (0..20).map(plugin).collect();
        let error = refused("instances = 1", &text);
        assert_eq!(error.lines().count(), MAX_NAMED + 1, "{error}");
        assert!(
            error.ends_with("12 more of its settings are over what the host allows"),
            "{error}"
        );
    }

    #[test]
    fn a_cap_has_the_range_of_its_limit_and_an_unknown_one_is_refused() {
        for (text, what) in [
            ("memory = 1", "out of range"),
            ("memory = -1", "line 1"),
            ("memry = 1", "unknown field `memry`"),
            ("memory = 1\nmemory = 1", "duplicate key"),
        ] {
            let error = toml::from_str::<Caps>(text).unwrap_err().to_string();
            assert!(error.contains(what), "{text}: {error}");
        }
    }
}
