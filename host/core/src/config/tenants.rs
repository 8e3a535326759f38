//! `[tenants]`, and the hosts that a site answers for.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer, de};

use super::Caps;
use super::ranges::{is_label, list, share, table};

/// Settings for a host of several sites.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tenants {
    /// Variables of the host's environment that the `secrets` of a site may name. Default: none.
    /// The only site of a host may name all.
    pub environment: Vec<String>,
    /// The share of all cores, from 0 to 1, that one site may use. Default: 0.25. A site over its
    /// share runs on what the others leave over.
    #[serde(deserialize_with = "share::<1, _>")]
    pub cpu_share: f64,
    /// The share of the host's instances, and of their memories and tables, from 0 to 1, that one
    /// site may have at once. Default: 0.25. Over it, a request that needs a new instance is
    /// answered 503.
    #[serde(deserialize_with = "share::<1, _>")]
    pub pool_share: f64,
    /// Caps: the most that a site may set for itself in `[limits]`, by the same names. A site with
    /// a larger value in its own `lithe.toml` is refused; a larger default is lowered to the cap.
    /// Where zero removes a bound, a site's zero is over each cap, and a cap of zero caps nothing.
    /// Of `outbound_policy`, only the same is allowed. `instances` caps `replicas` of a plugin,
    /// too, `folder_size` the `size` of a folder, and `outbound` also `message`. Default: `{
    /// log_per_second = "1 MiB" }`.
    pub limits: Caps,
    /// Settings for one site, by the name of its folder.
    pub sites: BTreeMap<String, TenantSite>,
    /// Tokens that act on one site only, by names for the audit. At most 4,096.
    #[serde(deserialize_with = "table::<MAX_TOKENS, _, _>")]
    pub tokens: BTreeMap<String, TenantToken>,
    #[serde(rename = "hosts", deserialize_with = "moved_hosts")]
    _hosts: (),
    #[serde(rename = "log_per_second", deserialize_with = "moved_log_per_second")]
    _log_per_second: (),
}

/// Settings for one of several sites.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TenantSite {
    /// The hosts that belong to the site, such as `["shop.example", "*.shop.example"]`. It answers
    /// for them even if its own `lithe.toml` does not name them, and no other site does. Default:
    /// none. A site also has the host of its folder's name, every host below that, and every other
    /// host that it named first. If it stops naming one, the host is free after ten minutes.
    #[serde(deserialize_with = "list::<1_000, _, _>")]
    pub hosts: Vec<Host>,
    /// The site's caps. Each replaces the one in `tenants.limits`; the others hold for the site,
    /// too.
    pub limits: Caps,
    /// The site's `tenants.cpu_share`.
    #[serde(deserialize_with = "some_share")]
    pub cpu_share: Option<f64>,
    /// The site's `tenants.pool_share`.
    #[serde(deserialize_with = "some_share")]
    pub pool_share: Option<f64>,
}

/// A token that acts on one site only: it deploys, goes back, promotes and drops a canary, and sees
/// the site's status and audit. Anything else is answered 403.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantToken {
    /// The site, by the name of its folder.
    pub site: String,
    /// A file with the token, relative to the folder of the sites. It must not lie in a site's
    /// folder. The host reads it again when it changes, and at SIGHUP.
    pub file: Option<PathBuf>,
    /// Or a variable of the host's environment with the token.
    pub variable: Option<String>,
}

impl Default for Tenants {
    fn default() -> Self {
        Self {
            environment: Vec::new(),
            cpu_share: 0.25,
            pool_share: 0.25,
            limits: Caps::default(),
            sites: BTreeMap::new(),
            tokens: BTreeMap::new(),
            _hosts: (),
            _log_per_second: (),
        }
    }
}

/// The most tokens. Their files are watched.
const MAX_TOKENS: usize = 4_096;

/// The longest name of a token, in bytes.
const MAX_TOKEN_NAME: usize = 64;

impl Tenants {
    /// The caps that hold for the site in this folder.
    pub fn caps_of(&self, site: &str) -> Caps {
        let caps = Caps::of_every_site().with(&self.limits);
        let own = self.sites.get(site).map(|own| caps.with(&own.limits));
        own.unwrap_or(caps).settled()
    }

    /// The shares of the cores and of the pool for the site in this folder.
    pub fn shares_of(&self, site: &str) -> (f64, f64) {
        let own = self.sites.get(site);
        let cpu = own.and_then(|own| own.cpu_share).unwrap_or(self.cpu_share);
        (cpu, own.and_then(|own| own.pool_share).unwrap_or(self.pool_share))
    }

    /// Which site each host belongs to.
    pub fn hosts(&self) -> impl Iterator<Item = (&Host, &str)> {
        self.sites.iter().flat_map(|(site, own)| own.hosts.iter().map(|host| (host, &**site)))
    }

    /// Whether every site has the same shares under both settings.
    pub(super) fn has_shares_of(&self, other: &Self) -> bool {
        let names = self.sites.keys().chain(other.sites.keys());
        let all = |own: &Self| (own.cpu_share, own.pool_share);
        all(self) == all(other)
            && names.into_iter().all(|name| self.shares_of(name) == other.shares_of(name))
    }

    /// Checks what the ranges cannot express.
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        let mut owners = BTreeMap::new();
        for (host, site) in self.hosts() {
            let Some(other) = owners.insert(host, site) else { continue };
            anyhow::ensure!(
                other == site,
                "`{host}` is in the `hosts` of both `[tenants.sites.{other:?}]` and `[tenants.sites.{site:?}]`: \
                 keep it in one"
            );
            anyhow::bail!("`{host}` occurs twice in the `hosts` of `[tenants.sites.{site:?}]`");
        }
        for (name, token) in &self.tokens {
            let of = format!("`[tenants.tokens.{name:?}]`");
            anyhow::ensure!(
                is_label(name, MAX_TOKEN_NAME),
                "{of}: a token's name has 1 to {MAX_TOKEN_NAME} bytes, no control characters, and no blanks \
                 around it"
            );
            anyhow::ensure!(
                !RESERVED.contains(&name.as_str()),
                "{of}: `{name}` has a meaning of its own in the audit: choose another name"
            );
            anyhow::ensure!(!token.site.is_empty(), "{of}: `site` is empty: name a site's folder");
            anyhow::ensure!(
                token.file.is_some() != token.variable.is_some(),
                "{of} needs either a `file` or a `variable`, which has the token"
            );
        }
        Ok(())
    }

    /// Checks the settings of a host that has only one site.
    ///
    /// # Errors
    /// There are settings that only hold among several sites.
    pub fn validate_alone(&self) -> anyhow::Result<()> {
        let set = [
            ("limits", !self.limits.is_empty()),
            ("sites", !self.sites.is_empty()),
            ("tokens", !self.tokens.is_empty()),
        ];
        match set.into_iter().find(|(_, is_set)| *is_set) {
            None => Ok(()),
            Some((table, _)) => anyhow::bail!(
                "`[tenants.{table}]` is for a host of several sites, and this one has only this site: remove \
                 it, or serve the folder above, with `[tenants]` in the `lithe.toml` there"
            ),
        }
    }
}

/// What the audit calls those who need no token of a site.
const RESERVED: [&str; 2] = ["operator", "control"];

fn some_share<'de, D: Deserializer<'de>>(value: D) -> Result<Option<f64>, D::Error> {
    share::<1, _>(value).map(Some)
}

/// Refuses a setting that has another place now, and says which.
fn moved<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    value: D,
    write: impl FnOnce(T) -> String,
) -> Result<(), D::Error> {
    let write = write(T::deserialize(value)?);
    Err(de::Error::custom(format_args!("this setting has another place now: write {write}")))
}

fn moved_hosts<'de, D: Deserializer<'de>>(hosts: D) -> Result<(), D::Error> {
    /// How many hosts the error shows.
    const SHOWN: usize = 3;
    moved(hosts, |hosts: BTreeMap<String, String>| {
        let of = |(host, site): (&String, &String)| {
            format!("`[tenants.sites.{site:?}]` with `hosts = [{host:?}]`")
        };
        match hosts.len() {
            0 => "`hosts = […]` in `[tenants.sites.\"NAME\"]`".to_owned(),
            count => {
                let shown: Vec<_> = hosts.iter().take(SHOWN).map(of).collect();
                let rest = if count > SHOWN { ", and so on" } else { "" };
                shown.join(", ") + rest
            }
        }
    })
}

fn moved_log_per_second<'de, D: Deserializer<'de>>(cap: D) -> Result<(), D::Error> {
    moved(cap, |cap: ByteSize| {
        format!("`log_per_second = \"{}\"` in `[tenants.limits]`", super::ranges::Size(cap))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tenants(text: &str) -> Tenants {
        toml::from_str(text).expect("they are settings")
    }

    #[test]
    fn a_site_has_its_own_caps_and_shares_before_those_of_all() {
        let own = tenants(
            "cpu_share = 0.1\nlimits = { memory = \"64 MiB\", timers = 5 }\n\
             [sites.\"acmé\"]\nlimits = { memory = \"1 GiB\" }\npool_share = 0.5\n",
        );
        let (all, one) = (own.caps_of("other"), own.caps_of("acmé"));
        let caps = |text| Caps::of_every_site().with(&toml::from_str(text).expect("caps"));
        assert_eq!(all, caps("memory = \"64 MiB\"\ntimers = 5"));
        assert_eq!(one, caps("memory = \"1 GiB\"\ntimers = 5"));
        assert_eq!((own.shares_of("other"), own.shares_of("acmé")), ((0.1, 0.25), (0.1, 0.5)));
        // The same name in another form of Unicode is another folder's.
        assert_eq!(own.shares_of("acme\u{301}"), (0.1, 0.25));
    }

    #[test]
    fn a_sites_own_cap_on_the_queue_is_its_own_on_messages() {
        let own = tenants(
            "limits = { outbound = \"64 KiB\" }\n\
             [sites.a]\nlimits = { outbound = \"1 MiB\" }\n\
             [sites.b]\nlimits = { message = \"1 MiB\" }\n",
        );
        let caps = |text| Caps::of_every_site().with(&toml::from_str(text).expect("caps"));
        assert_eq!(own.caps_of("a"), caps("outbound = \"1 MiB\"\nmessage = \"1 MiB\""));
        let all = caps("outbound = \"64 KiB\"\nmessage = \"64 KiB\"");
        assert_eq!(own.caps_of("other"), all);
        assert_eq!(own.caps_of("b"), all, "a message must fit the queue");
    }

    #[test]
    fn only_shares_wait_for_a_restart() {
        let shares = "[sites.a]\ncpu_share = 0.5\n";
        let other = format!("{shares}hosts = [\"x.test\"]\n[limits]\nmemory = \"64 MiB\"\n");
        assert!(tenants(shares).has_shares_of(&tenants(&other)));
        assert!(!tenants(shares).has_shares_of(&tenants("")));
        assert!(!tenants("").has_shares_of(&tenants("pool_share = 0.5")));
        assert!(tenants("").has_shares_of(&tenants("[sites.a]\ncpu_share = 0.25\n")));
    }

    #[test]
    fn a_host_belongs_to_one_site() {
        for (text, says) in [
            ("[sites.a]\nhosts = [\"x.test\", \"X.test\"]\n", "occurs twice"),
            (
                "[sites.a]\nhosts = [\"x.test\"]\n[sites.b]\nhosts = [\"x.test\"]\n",
                "keep it in one",
            ),
        ] {
            let error = tenants(text).validate().expect_err(text).to_string();
            assert!(error.contains("`x.test`") && error.contains(says), "{error}");
        }
        let below = "[sites.a]\nhosts = [\"*.x.test\"]\n[sites.b]\nhosts = [\"a.x.test\"]\n";
        assert!(tenants(below).validate().is_ok(), "the longest name counts");
    }
}
