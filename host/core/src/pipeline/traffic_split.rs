//! What a site serves: a snapshot, and possibly a canary for a part of the requests.

#![warn(missing_docs)]

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::snapshot::SiteSnapshot;
use crate::config::Limits;
use crate::plugin::PluginVersion;

/// A change replaces all of it in one step.
pub struct TrafficSplit {
    pub stable: Arc<SiteSnapshot>,
    pub canary: Option<Canary>,
}

/// A version of the site that only some requests get, with the sockets that they become.
pub struct Canary {
    pub snapshot: Arc<SiteSnapshot>,
    pub split: Split,
    requests: AtomicU64,
}

/// Which requests a canary gets.
#[derive(Clone, Debug, PartialEq)]
pub enum Split {
    /// This part of them, more than 0 and at most 1.
    Share(f64),
    /// Those with this header.
    Header(HeaderName, HeaderValue),
}

impl TrafficSplit {
    /// One snapshot for all requests.
    pub fn new(stable: Arc<SiteSnapshot>) -> Self {
        Self { stable, canary: None }
    }

    /// The site, and a canary of it.
    pub fn with_canary(
        stable: Arc<SiteSnapshot>,
        snapshot: Arc<SiteSnapshot>,
        split: Split,
    ) -> Self {
        Self { stable, canary: Some(Canary { snapshot, split, requests: AtomicU64::new(0) }) }
    }

    /// The same split of the same versions, with the limits that take effect without a new version
    /// from `lower`.
    pub fn with_site_limits_of(&self, lower: &Limits) -> Self {
        let lowered = |snapshot: &SiteSnapshot| Arc::new(snapshot.with_site_limits_of(lower));
        let canary = self.canary.as_ref().map(|canary| Canary {
            snapshot: lowered(&canary.snapshot),
            split: canary.split.clone(),
            requests: AtomicU64::new(canary.requests.load(Ordering::Relaxed)),
        });
        Self { stable: lowered(&self.stable), canary }
    }

    /// The snapshot that serves a request with these headers.
    pub fn choose(&self, headers: &HeaderMap) -> &Arc<SiteSnapshot> {
        match &self.canary {
            Some(canary) if canary.split.takes(headers, &canary.requests) => &canary.snapshot,
            _ => &self.stable,
        }
    }

    /// Every plugin once.
    pub fn plugins(&self) -> impl Iterator<Item = &Arc<PluginVersion>> {
        let stable = || self.stable.versions();
        let canary = self.canary.iter().flat_map(|canary| canary.snapshot.versions());
        let is_new =
            move |plugin: &&Arc<PluginVersion>| !stable().any(|own| Arc::ptr_eq(own, plugin));
        self.stable.versions().chain(canary.filter(is_new))
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(share) => write!(f, "{}% of the requests", share * 100.0),
            Self::Header(name, value) => write!(f, "requests with `{name}: {value:?}`"),
        }
    }
}

/// The text is not a share or header of a canary.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SplitError {
    #[error(
        "`{0}` is not a share: write a percentage over 0 and up to 100, such as `5%`; with a header in place of a \
         share, a canary gets only the requests that you choose"
    )]
    Share(String),
    #[error("`{0}` is not a header: write its name and value, such as `x-canary: yes`")]
    Header(String),
}

impl Split {
    /// Whether the canary gets a request with these headers. `requests` counts the requests.
    fn takes(&self, headers: &HeaderMap, requests: &AtomicU64) -> bool {
        match self {
            Self::Header(name, value) => headers.get_all(name).iter().any(|own| own == value),
            Self::Share(share) => {
                // The canary gets each request whose number makes the canary's total reach the next
                // integer.
                let number = requests.fetch_add(1, Ordering::Relaxed) as f64;
                ((number + 1.0) * share).floor() > (number * share).floor()
            }
        }
    }

    /// Reads a percentage such as `5%`.
    ///
    /// # Errors
    /// The text is not a number over 0 and up to 100.
    pub fn share(text: &str) -> Result<Self, SplitError> {
        let number = text.strip_suffix('%').and_then(|number| f64::from_str(number.trim()).ok());
        match number {
            Some(percent) if percent > 0.0 && percent <= 100.0 => Ok(Self::Share(percent / 100.0)),
            _ => Err(SplitError::Share(text.to_owned())),
        }
    }

    /// Reads a header such as `x-canary: yes`.
    ///
    /// # Errors
    /// The text is not a header's name and value.
    pub fn header(text: &str) -> Result<Self, SplitError> {
        let wrong = || SplitError::Header(text.to_owned());
        let (name, value) = text.split_once(':').ok_or_else(wrong)?;
        let name = HeaderName::from_str(name.trim()).map_err(|_| wrong())?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
        Ok(Self::Header(name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_exact_over_many_requests() {
        for (share, expected) in [("5%", 50), ("0.5%", 5), ("33%", 330), ("100%", 1_000)] {
            let (split, requests) = (Split::share(share).unwrap(), AtomicU64::new(0));
            let takes = |_: &i32| split.takes(&HeaderMap::new(), &requests);
            let got = (0..1_000).filter(takes).count();
            assert_eq!(got, expected, "{share}");
        }
    }

    #[test]
    fn a_header_chooses_by_name_and_value() {
        let (split, requests) = (Split::header("X-Canary: yes").unwrap(), AtomicU64::new(0));
        let mut headers = HeaderMap::new();
        assert!(!split.takes(&headers, &requests));
        headers.insert("x-canary", HeaderValue::from_static("no"));
        assert!(!split.takes(&headers, &requests));
        headers.append("x-canary", HeaderValue::from_static("yes"));
        assert!(split.takes(&headers, &requests));
    }

    #[test]
    fn what_is_no_split_is_named_with_what_would_be_one() {
        for wrong in ["5", "0%", "101%", "%", "NaN%"] {
            let error = Split::share(wrong).unwrap_err().to_string();
            assert!(error.contains(wrong) && error.contains("such as `5%`"), "{error}");
        }
        for wrong in ["x-canary", ": yes", "x canary: yes"] {
            assert_eq!(Split::header(wrong), Err(SplitError::Header(wrong.to_owned())));
        }
    }
}
