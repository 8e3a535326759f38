//! `[tenants]`, and the hosts that a site answers for.

use std::fmt;

use serde::Deserialize;

use super::ranges::share;

/// What holds for each of several sites.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tenants {
    /// Variables of the host's environment that a site's `secrets` may name. Default: none; a site that
    /// is served alone may name all.
    pub environment: Vec<String>,
    /// The share of all cores that the guests of one site may use before those of other sites go first,
    /// from 0 to 1. Default: 0.25. Over it, they run in what is left over.
    #[serde(deserialize_with = "share::<1, _>")]
    pub cpu_share: f64,
}

impl Default for Tenants {
    fn default() -> Self {
        Self { environment: Vec::new(), cpu_share: 0.25 }
    }
}

/// A host, in lower case, without a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Host {
    /// This one.
    Exact(String),
    /// Those that end with a dot and this.
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
        let is_address = !is_below && name.starts_with('[') && name.ends_with(']');
        let is_name = |name: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            name.split('.').all(|label| !label.is_empty() && label.chars().all(allowed))
        };
        match is_address || is_name(name) {
            true if is_below => Ok(Self::Below(name.to_owned())),
            true => Ok(Self::Exact(name.to_owned())),
            false => Err(format!(
                "`{text}` is no host, expected one such as `example.com` or `*.example.com`, without a \
                 port"
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
