//! The address of the client: the peer, or the client that a trusted proxy names.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

use crate::config::ProxyHeader;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address. Each proxy appends to the header that it is configured to use. So the list
/// is read from its end, for as long as the proxy that wrote an entry is trusted. Other headers are
/// ignored: a proxy passes them on as the client sent them. An address without a port gets port 0.
pub(crate) fn address(
    peer: SocketAddr,
    headers: &HeaderMap,
    trusted: &[IpNet],
    kept: ProxyHeader,
) -> SocketAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    if !is_trusted(peer.ip()) {
        return peer;
    }
    let name = match kept {
        ProxyHeader::XForwardedFor => &X_FORWARDED_FOR,
        ProxyHeader::Forwarded => &header::FORWARDED,
    };
    let node_of = |entry| match kept {
        ProxyHeader::XForwardedFor => node(entry),
        ProxyHeader::Forwarded => for_of(entry),
    };
    let mut client = peer;
    for entry in headers.get_all(name).iter().rev().flat_map(|list| Entries(Some(list.as_bytes())))
    {
        // If a proxy has hidden or garbled an entry, the entries before it are unknown.
        let Some(node) = node_of(entry) else { break };
        client = node;
        if !is_trusted(client.ip()) {
            break;
        }
    }
    client
}

/// The entries of a list, last first. Because the list is read backwards, what the client has
/// written cannot change how the entries behind it are understood.
struct Entries<'h>(Option<&'h [u8]>);

impl<'h> Iterator for Entries<'h> {
    type Item = &'h [u8];

    fn next(&mut self) -> Option<&'h [u8]> {
        let list = self.0.take()?;
        let mut is_quoted = false;
        for (at, byte) in list.iter().enumerate().rev() {
            match byte {
                b'"' if !is_escaped(list, at) => is_quoted = !is_quoted,
                b',' if !is_quoted => {
                    self.0 = Some(&list[..at]);
                    return Some(&list[at + 1..]);
                }
                _ => {}
            }
        }
        Some(list)
    }
}

/// Whether an unescaped backslash stands before this byte.
fn is_escaped(text: &[u8], at: usize) -> bool {
    text[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The `for` of one entry of `forwarded` (RFC 7239, section 4), if there is one.
fn for_of(entry: &[u8]) -> Option<SocketAddr> {
    let mut is_quoted = false;
    let separators = entry.iter().enumerate().filter(|(at, byte)| {
        is_quoted ^= **byte == b'"' && !is_escaped(entry, *at);
        **byte == b';' && !is_quoted
    });
    let ends = separators.map(|(at, _)| at).chain([entry.len()]);
    let mut begin = 0;
    let mut found = None;
    for end in ends {
        let pair = std::str::from_utf8(&entry[begin..end]).ok()?;
        begin = end + 1;
        let Some((name, value)) = pair.split_once('=') else { continue };
        if name.trim().eq_ignore_ascii_case("for") && found.replace(value).is_some() {
            // An entry may have only one.
            return None;
        }
    }
    let value = found?.trim();
    let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    node(unquoted.unwrap_or(value).as_bytes())
}

/// An address, with a port or without; IPv6 in brackets or not.
fn node(text: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let address = text.parse::<SocketAddr>().ok().or_else(|| {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 0))
    });
    address.map(canonical)
}

/// The same address, with IPv4 that is written as IPv6 (RFC 4291, section 2.5.5.2) as IPv4.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TRUSTED: &[&str] = &["10.0.0.0/8"];

    fn client(header: ProxyHeader, headers: &[(&'static str, &str)], trusted: &[&str]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            map.append(*name, value);
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        address("10.0.0.1:5".parse().unwrap(), &map, &trusted, header).to_string()
    }

    fn of_list(headers: &[(&'static str, &str)]) -> String {
        client(ProxyHeader::XForwardedFor, headers, TRUSTED)
    }

    fn of_forwarded(value: &str) -> String {
        client(ProxyHeader::Forwarded, &[("forwarded", value)], TRUSTED)
    }

    #[test]
    fn headers_of_a_peer_that_is_not_trusted_are_ignored() {
        let header = ProxyHeader::XForwardedFor;
        assert_eq!(client(header, &[("x-forwarded-for", "1.2.3.4")], &[]), "10.0.0.1:5");
    }

    #[test]
    fn a_trusted_proxy_names_the_client() {
        assert_eq!(of_list(&[("x-forwarded-for", "6.6.6.6, 1.2.3.4")]), "1.2.3.4:0");
        let twice = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "10.1.1.1")];
        assert_eq!(of_list(&twice), "1.2.3.4:0");
        let standard = "for=\"[2001:db8::1]:47\";proto=https, for=10.0.0.2";
        assert_eq!(of_forwarded(standard), "[2001:db8::1]:47");
    }

    #[test]
    fn the_header_that_the_proxy_does_not_keep_is_not_looked_at() {
        let both = [("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "1.2.3.4")];
        assert_eq!(of_list(&both), "1.2.3.4:0");
        assert_eq!(client(ProxyHeader::Forwarded, &both, TRUSTED), "6.6.6.6:0");
        assert_eq!(of_list(&both[..1]), "10.0.0.1:5");
    }

    #[test]
    fn an_address_that_is_mapped_to_ipv6_is_the_one_of_ipv4() {
        assert_eq!(of_list(&[("x-forwarded-for", "::ffff:1.2.3.4")]), "1.2.3.4:0");
        let through = [("x-forwarded-for", "1.2.3.4, ::ffff:10.0.0.9")];
        assert_eq!(of_list(&through), "1.2.3.4:0", "the proxy is trusted");
    }

    #[test]
    fn what_a_proxy_hides_ends_the_search() {
        for hidden in ["for=1.2.3.4, for=unknown", "for=1.2.3.4, proto=https", "for=1.2.3.4, "] {
            assert_eq!(of_forwarded(hidden), "10.0.0.1:5", "{hidden}");
        }
        assert_eq!(of_list(&[("x-forwarded-for", "1.2.3.4, nonsense")]), "10.0.0.1:5");
    }

    #[test]
    fn what_the_client_has_written_does_not_change_the_proxys_entry() {
        for written in ["\"", "for=\"", "\\\"", "for=6.6.6.6;x=\"", "caf\u{e9}", ",,;=\""] {
            assert_eq!(of_forwarded(&format!("{written}, for=1.2.3.4")), "1.2.3.4:0", "{written}");
            let list = format!("{written}, 1.2.3.4");
            assert_eq!(of_list(&[("x-forwarded-for", &list)]), "1.2.3.4:0", "{written}");
        }
    }

    #[test]
    fn what_is_quoted_is_one_value() {
        for entry in [
            "for=1.2.3.4;host=\"a, for=6.6.6.6\"",
            "host=\"a;for=6.6.6.6;\";for=1.2.3.4",
            "host=\"a\\\", for=6.6.6.6\";for=\"1.2.3.4\"",
        ] {
            assert_eq!(of_forwarded(entry), "1.2.3.4:0", "{entry}");
        }
        assert_eq!(of_forwarded("for=1.2.3.4;for=6.6.6.6"), "10.0.0.1:5", "twice is not right");
    }
}
