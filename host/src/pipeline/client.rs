//! Who sent a request: the peer, or the client that a trusted proxy names.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// The client's address. Proxies append to `forwarded` (RFC 7239) or `x-forwarded-for`, so the lists
/// are read from their end, for as long as whoever wrote an entry is trusted. An address that comes
/// without a port has port 0.
pub fn address(peer: SocketAddr, headers: &HeaderMap, trusted: &[IpNet]) -> SocketAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    if !is_trusted(peer.ip().to_canonical()) {
        return peer;
    }
    let forwarded = entries(headers, "forwarded");
    let hops: Vec<Option<SocketAddr>> = match forwarded.is_empty() {
        false => forwarded.iter().map(|entry| for_of(entry)).collect(),
        true => entries(headers, "x-forwarded-for").iter().map(|entry| node(entry)).collect(),
    };
    let mut client = peer;
    for hop in hops.into_iter().rev() {
        if !is_trusted(client.ip().to_canonical()) {
            break;
        }
        // What a proxy has hidden, or garbled, ends what can be known.
        let Some(hop) = hop else { break };
        client = hop;
    }
    client
}

fn entries(headers: &HeaderMap, name: &str) -> Vec<String> {
    let lists = headers.get_all(name).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(|entry| entry.trim().to_owned()).collect()
}

/// The `for` of one entry of `forwarded`.
fn for_of(entry: &str) -> Option<SocketAddr> {
    let pairs = entry.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(key, _)| key.trim().eq_ignore_ascii_case("for"))?;
    node(value.trim().trim_matches('"'))
}

/// An address, with a port or without; IPv6 in brackets or not.
fn node(text: &str) -> Option<SocketAddr> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address);
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &str)], trusted: &[&str]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        address(peer.parse().unwrap(), &map, &trusted).to_string()
    }

    #[test]
    fn headers_of_a_peer_that_is_not_trusted_are_ignored() {
        assert_eq!(client("9.9.9.9:5", &[("x-forwarded-for", "1.2.3.4")], &[]), "9.9.9.9:5");
    }

    #[test]
    fn a_trusted_proxy_names_the_client() {
        let trusted = ["10.0.0.0/8"];
        let list = [("x-forwarded-for", "6.6.6.6, 1.2.3.4")];
        assert_eq!(client("10.0.0.1:5", &list, &trusted), "1.2.3.4:0");
        let twice = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "10.1.1.1")];
        assert_eq!(client("10.0.0.1:5", &twice, &trusted), "1.2.3.4:0");
        let standard = [("forwarded", "for=\"[2001:db8::1]:47\";proto=https, for=10.0.0.2")];
        assert_eq!(client("10.0.0.1:5", &standard, &trusted), "[2001:db8::1]:47");
    }

    #[test]
    fn what_a_proxy_hides_ends_the_search() {
        let hidden = [("forwarded", "for=1.2.3.4, for=unknown")];
        assert_eq!(client("10.0.0.1:5", &hidden, &["10.0.0.0/8"]), "10.0.0.1:5");
    }
}
