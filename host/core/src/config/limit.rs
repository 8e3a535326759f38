//! The names of what `lithe.toml` bounds.

use std::fmt;

macro_rules! limits {
    ($($variant:ident = $name:literal,)+) => {
        /// A bound, by the name of its setting in `lithe.toml`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Limit {
            $(#[doc = concat!("`", $name, "`.")] $variant,)+
        }

        impl Limit {
            /// The setting, as people write it: `limits.body`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            #[cfg(test)]
            const ALL: &'static [Self] = &[$(Self::$variant,)+];
        }
    };
}

limits! {
    Attachment = "limits.attachment",
    Body = "limits.body",
    BodyTime = "server.body_time",
    Connections = "limits.connections",
    EventCpu = "limits.event_cpu",
    Files = "limits.files",
    FolderSize = "folders.size",
    Headers = "limits.headers",
    HostMemory = "host.memory",
    Instances = "limits.instances",
    LogPerSecond = "limits.log_per_second",
    Memory = "limits.memory",
    Message = "limits.message",
    MessageTime = "limits.message_time",
    MessagesPerSecond = "limits.messages_per_second",
    Outbound = "limits.outbound",
    PoolShare = "tenants.pool_share",
    Queue = "limits.queue",
    RequestCpu = "limits.request_cpu",
    RequestTime = "limits.request_time",
    RequestsPerSecond = "limits.requests_per_second",
    Response = "limits.response",
    SiteMemory = "limits.site_memory",
    Sockets = "limits.sockets",
    State = "limits.state",
    TableElements = "limits.table_elements",
    Timers = "limits.timers",
    Topics = "limits.topics",
    Uri = "limits.uri",
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn every_limit_is_a_setting_of_that_name() {
        for limit in Limit::ALL {
            let (table, field) = limit.name().split_once('.').unwrap();
            let toml = match limit {
                Limit::FolderSize => format!(
                    "[plugin.\"routes/a.wasm\"]\nfolders = {{ \"/d\" = {{ path = \"d\", {field} = [] }} }}"
                ),
                _ => format!("[{table}]\n{field} = []\n"),
            };
            // A setting that is known has the wrong type here; another one is not known.
            let error = toml::from_str::<Config>(&toml).unwrap_err().to_string();
            assert!(!error.contains("unknown field"), "{limit}: {error}");
        }
    }
}
