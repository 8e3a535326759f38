//! Cookies (RFC 6265): read from requests, set by responses.

use std::fmt;
use std::time::Duration;

use crate::query::{is_token_byte, percent_decode, percent_encode};

/// A cookie that a response sets, with [`with_cookie`](crate::Response::with_cookie).
///
/// A new cookie has no attributes. It lasts until the browser closes, goes with requests below the
/// path's folder only, and scripts can read it. A value may be any text: characters that a cookie
/// cannot hold are percent-encoded, and [`Event::cookie`](crate::Event::cookie) decodes them. A
/// name is a token (RFC 9110, 5.6.2), and is not decoded: other characters in it stay
/// percent-encoded.
///
/// ```
/// use std::time::Duration;
///
/// use lithe_sdk::{Cookie, Response, SameSite};
///
/// let session = Cookie::new("session", "31d4")
///     .path("/")
///     .max_age(Duration::from_secs(3600))
///     .secure()
///     .http_only()
///     .same_site(SameSite::Lax);
/// assert_eq!(
///     session.to_string(),
///     "session=31d4; Path=/; Max-Age=3600; SameSite=Lax; Secure; HttpOnly"
/// );
/// let response = Response::text("welcome").with_cookie(session);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    name: String,
    value: String,
    path: Option<String>,
    domain: Option<String>,
    max_age: Option<Duration>,
    same_site: Option<SameSite>,
    secure: bool,
    http_only: bool,
}

/// Whether a cookie goes with requests that other sites cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// Never.
    Strict,
    /// Only if the user follows a link.
    Lax,
    /// Always. Browsers demand [`secure`](Cookie::secure) with it.
    None,
}

impl Cookie {
    /// A cookie without attributes.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            path: None,
            domain: None,
            max_age: None,
            same_site: None,
            secure: false,
            http_only: false,
        }
    }

    /// Makes the browser forget the cookie of that name. It needs the path and the domain with
    /// which the cookie was set.
    pub fn removal(name: impl Into<String>) -> Self {
        Self::new(name, "").max_age(Duration::ZERO)
    }

    /// Sends it with requests below this path. `/` is the whole site.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Sends it to this domain and those below it, not only to the host that set it.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// How long the browser keeps it, in whole seconds.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Whether it goes with requests that other sites cause.
    #[must_use]
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = Some(same_site);
        self
    }

    /// Sends it over HTTPS only.
    #[must_use]
    pub fn secure(mut self) -> Self {
        self.secure = true;
        self
    }

    /// Hides it from scripts.
    #[must_use]
    pub fn http_only(mut self) -> Self {
        self.http_only = true;
        self
    }
}

/// The value of `set-cookie`.
impl fmt::Display for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = percent_encode(&self.name, is_token_byte);
        let value = percent_encode(&self.value, |b| is_cookie_octet(b) && b != b'%');
        write!(f, "{name}={value}")?;
        for (attribute, text) in [("Path", &self.path), ("Domain", &self.domain)] {
            if let Some(text) = text {
                let text = percent_encode(text, |b| matches!(b, b' '..=b'~') && b != b';');
                write!(f, "; {attribute}={text}")?;
            }
        }
        if let Some(max_age) = self.max_age {
            write!(f, "; Max-Age={}", max_age.as_secs())?;
        }
        match self.same_site {
            Some(SameSite::Strict) => f.write_str("; SameSite=Strict")?,
            Some(SameSite::Lax) => f.write_str("; SameSite=Lax")?,
            Some(SameSite::None) => f.write_str("; SameSite=None")?,
            None => {}
        }
        if self.secure {
            f.write_str("; Secure")?;
        }
        if self.http_only {
            f.write_str("; HttpOnly")?;
        }
        Ok(())
    }
}

/// RFC 6265, 4.1.1.
fn is_cookie_octet(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}

/// The pairs of a request's `cookie` headers, in order. Skips what is not a pair. Names stay as
/// they were sent: a browser guards `__Host-a`, and would take `__%48ost-a` from anybody.
pub(crate) fn parse(headers: &[(String, String)]) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("cookie"))
        .flat_map(|(_, value)| value.split(';'))
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), percent_decode(unquoted(value.trim()))))
        .filter(|(name, _)| !name.is_empty())
        .collect()
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> Vec<(String, String)> {
        parse(&[("Cookie".into(), header.into())])
    }

    #[test]
    fn what_is_set_is_read_again() {
        for value in ["", "plain", "a b;c,d\"e\\f", "100%", "%41", "ä\u{1f600}\r\n"] {
            let header = Cookie::new("name", value).to_string();
            assert!(header.is_ascii() && !header.contains([';', '\r', '\n', ' ']), "{header}");
            assert_eq!(read(&header), [("name".into(), value.into())]);
        }
    }

    #[test]
    fn a_name_is_compared_as_it_was_sent() {
        let pairs = read("__%48ost-a=evil; __Host-a=%41");
        assert_eq!(pairs, [("__%48ost-a".into(), "evil".into()), ("__Host-a".into(), "A".into())]);
        assert_eq!(read(&Cookie::new("a%41", "1").to_string()), [("a%41".into(), "1".into())]);
    }

    #[test]
    fn nothing_in_a_cookie_can_add_an_attribute_or_a_header() {
        let cookie = Cookie::new("a;b=c", "d").path("/x; Domain=evil\r\nset-cookie: e=f");
        assert_eq!(cookie.to_string(), "a%3Bb%3Dc=d; Path=/x%3B Domain=evil%0D%0Aset-cookie: e=f");
    }

    #[test]
    fn a_removal_has_no_time_left() {
        assert_eq!(Cookie::removal("a").path("/").to_string(), "a=; Path=/; Max-Age=0");
    }

    #[test]
    fn what_is_no_pair_is_skipped_and_quotes_are_dropped() {
        let expected = [("a".into(), "1".into()), ("b".into(), "x=y".into())];
        assert_eq!(read("a=\"1\"; nonsense;; =2 ; b=x=y"), expected);
    }
}
