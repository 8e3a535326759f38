//! The host that a request names (RFC 9110, section 7.2; RFC 9112, section 3.2).

use std::net::Ipv6Addr;

use http::{HeaderValue, Request, Version, header};

/// The longest host name, and the longest label in one (RFC 1035, section 2.3.4).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Why a request's host is unknown. The answer is 400.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum InvalidHost {
    #[error("the request must have one `host`")]
    NotOnce,
    #[error("the target's scheme must be `http`, if it has one: this connection is not encrypted")]
    Scheme,
    #[error("`host` must be a host's name or address, with a port or without")]
    Malformed,
}

/// If the request's target names a host, copies it into `host`: it takes precedence over the header
/// that was sent.
///
/// # Errors
/// `host` is missing, occurs twice, or is not a host. It is checked in either case.
pub(crate) fn normalize<B>(request: &mut Request<B>) -> Result<(), InvalidHost> {
    check(request)?;
    if let Some(authority) = request.uri().authority() {
        parse(authority.as_str().as_bytes()).ok_or(InvalidHost::Malformed)?;
        let host = HeaderValue::from_str(authority.as_str());
        let host = host.map_err(|_| InvalidHost::Malformed)?;
        request.headers_mut().insert(header::HOST, host);
    }
    Ok(())
}

/// The host of a normalized request, without its port. HTTP/1.0 need not name one.
pub(crate) fn of<B>(request: &Request<B>) -> Option<&str> {
    parse(request.headers().get(header::HOST)?.as_bytes())
}

fn check<B>(request: &Request<B>) -> Result<(), InvalidHost> {
    if request.uri().scheme_str().is_some_and(|scheme| scheme != "http") {
        return Err(InvalidHost::Scheme);
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => parse(host.as_bytes()).map(drop).ok_or(InvalidHost::Malformed),
        (None, _) if request.version() != Version::HTTP_11 => Ok(()),
        _ => Err(InvalidHost::NotOnce),
    }
}

/// The name or address in the value of `host`, without the port and without a final dot. Names are
/// those of DNS, with underscores.
fn parse(host: &[u8]) -> Option<&str> {
    let host = std::str::from_utf8(host).ok()?;
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')?;
            rest[..end].parse::<Ipv6Addr>().ok()?;
            host.split_at(end + 2)
        }
        None => {
            let (name, port) = host.split_at(host.find(':').unwrap_or(host.len()));
            let name = name.strip_suffix('.').unwrap_or(name);
            (is_name(name).then_some(name)?, port)
        }
    };
    (port.is_empty() || is_port(port.strip_prefix(':')?)).then_some(name)
}

fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label =
        |label: &str| (1..=MAX_LABEL).contains(&label.len()) && label.bytes().all(is_allowed);
    name.len() <= MAX_NAME && name.split('.').all(is_label)
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit())
        && (port.is_empty() || port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_an_address_has_a_port_or_none() {
        for (host, name) in [
            ("example.com", "example.com"),
            ("Example.com:8080", "Example.com"),
            ("example.com.", "example.com"),
            ("example.com.:80", "example.com"),
            ("example.com:", "example.com"),
            ("a_b-c", "a_b-c"),
            ("127.0.0.1:65535", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[2001:db8::1]:80", "[2001:db8::1]"),
        ] {
            assert_eq!(parse(host.as_bytes()), Some(name), "{host}");
        }
    }

    #[test]
    fn what_is_not_a_host_is_refused() {
        // At the bounds, and one over.
        let label = "a".repeat(MAX_LABEL);
        let name = format!("{}b", "a.".repeat(MAX_NAME / 2));
        assert_eq!(name.len(), MAX_NAME);
        for host in [&label, &name] {
            assert_eq!(parse(host.as_bytes()), Some(&**host));
        }
        let (label, name) = (format!("{label}a"), format!("{name}b"));
        for host in [
            "",
            ".",
            "a..",
            "a..b",
            ".a",
            "a b",
            "a,b",
            "a@b",
            "x/../y",
            "<script>",
            "a?b",
            "a#b",
            "a\\b",
            "a%20b",
            "a;b",
            "*.a",
            "a:b",
            "a:65536",
            "a:80:80",
            "a:+80",
            "a:-1",
            "a: 80",
            ":80",
            "[::1",
            "::1",
            "[::1]a",
            "[::1]:x",
            "[]",
            "[127.0.0.1]",
            "[fe80::1%25eth0]",
            "caf\u{e9}",
            "a\tb",
            &label,
            &name,
        ] {
            assert_eq!(parse(host.as_bytes()), None, "{host}");
        }
        assert_eq!(parse(b"a\xff"), None);
    }

    fn settled(target: &str, hosts: &[&str], version: Version) -> Result<String, InvalidHost> {
        let mut request = Request::builder().uri(target).version(version);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        let mut request = request.body(()).expect("it is a request");
        normalize(&mut request)?;
        Ok(of(&request).unwrap_or_default().to_owned())
    }

    #[test]
    fn the_targets_host_goes_before_the_one_that_was_sent() {
        let version = Version::HTTP_11;
        assert_eq!(settled("/x", &["a"], version).as_deref(), Ok("a"));
        assert_eq!(settled("http://b:80/x", &["a"], version).as_deref(), Ok("b"));
        for (target, hosts) in
            [("http://b/", &["a@c"][..]), ("http://u@b/", &["b"]), ("http://b..c/", &["b"])]
        {
            assert_eq!(settled(target, hosts, version), Err(InvalidHost::Malformed), "{target}");
        }
    }

    #[test]
    fn a_host_is_there_once() {
        for hosts in [&[][..], &["a", "b"], &["a", "a"]] {
            assert_eq!(settled("/", hosts, Version::HTTP_11), Err(InvalidHost::NotOnce));
        }
        assert_eq!(settled("/", &[], Version::HTTP_10).as_deref(), Ok(""));
        assert_eq!(settled("/", &["a", "b"], Version::HTTP_10), Err(InvalidHost::NotOnce));
    }
}
