//! `[tenants]`, and the hosts that a site answers for.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv6Addr;

use bytesize::ByteSize;
use serde::Deserialize;

use super::ranges::{GIB, share, size};

/// Settings for a host of several sites.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tenants {
    /// Variables of the host's environment that the `secrets` of a site may name. Default: none.
    /// The only site of a host may name all.
    pub environment: Vec<String>,
    /// Which site a host belongs to, by the name of its folder, such as `"shop.example" = "shop"`
    /// or `"*.shop.example" = "shop"`. That site answers for the host even if its own `lithe.toml`
    /// does not name it, and no other site does. Default: none. A site also has the host of its
    /// folder's name, every host below that, and every other host that it named first. If it stops
    /// naming one, the host is free after ten minutes.
    pub hosts: BTreeMap<Host, String>,
    /// The share of all cores, from 0 to 1, that one site may use. Default: 0.25. A site over its
    /// share runs on what the others leave over.
    #[serde(deserialize_with = "share::<1, _>")]
    pub cpu_share: f64,
    /// The share of the host's instances, and of their memories and tables, from 0 to 1, that one
    /// site may have at once. Default: 0.25. Over it, a request that needs a new instance is
    /// answered 503.
    #[serde(deserialize_with = "share::<1, _>")]
    pub pool_share: f64,
    /// The most that one site may log in a second. A higher `limits.log_per_second` of its own is
    /// lowered to this. Default: 1 MiB.
    #[serde(deserialize_with = "size::<0, GIB, _>")]
    pub log_per_second: ByteSize,
}

impl Default for Tenants {
    fn default() -> Self {
        Self {
            environment: Vec::new(),
            hosts: BTreeMap::new(),
            cpu_share: 0.25,
            pool_share: 0.25,
            log_per_second: ByteSize::mib(1),
        }
    }
}

/// The most bytes of a host's name (RFC 1035, section 2.3.4).
const MAX_HOST: usize = 253;

/// A host, in lower case, without a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Host {
    /// Exactly this host.
    Exact(String),
    /// Every host that ends with a dot and this name.
    Below(String),
}

impl TryFrom<String> for Host {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.to_ascii_lowercase();
        let (name, is_below) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (&*text, false),
        };
        let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        let is_address = !is_below && address.is_some_and(|text| text.parse::<Ipv6Addr>().is_ok());
        let is_name = |name: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            let is_label = |label: &str| !label.is_empty() && label.chars().all(allowed);
            name.len() <= MAX_HOST && name.split('.').all(is_label)
        };
        match is_address || is_name(name) {
            true if is_below => Ok(Self::Below(name.to_owned())),
            true => Ok(Self::Exact(name.to_owned())),
            false => Err(format!(
                "`{}` is not a host, expected one such as `example.com` or `*.example.com`, without a \
                 port",
                text.escape_debug()
            )),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}
