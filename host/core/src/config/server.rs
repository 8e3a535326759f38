//! `[server]` and `[admin]`: the listeners.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Deserializer};

use super::ranges::{DAY, GIB, MANY, MS, YEAR, count, size, time, time_or_zero};

/// The listener's own bounds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Open connections. Default: 60,000. Over it, new ones wait in the system's accept queue.
    #[serde(deserialize_with = "count::<1, MANY, _, _>")]
    pub connections: usize,
    /// Open connections of one client: of its address, or of its 64-bit network for an IPv6
    /// address. Those of `trusted_proxies` are not counted. Default: 20,000. Over it, new ones are
    /// closed.
    #[serde(deserialize_with = "count::<1, MANY, _, _>")]
    pub client_connections: usize,
    /// From a connection's first byte, or the last response, to the end of the next request's head.
    /// Default: 10 s. Over it the connection is closed.
    #[serde(deserialize_with = "time::<MS, DAY, _>")]
    pub header_time: Duration,
    /// From the end of a request's head to the end of its body. Default: 30 s. Over it: 408. After
    /// an answer that ends the connection, the host reads and drops what the client still sends for
    /// the same time, and for at least 2 s.
    #[serde(deserialize_with = "time_or_zero::<DAY, _>")]
    pub body_time: Duration,
    /// How long a client may read nothing of an answer. Default: 30 s; zero waits forever. Over it
    /// the connection is closed, and the guest of a stream sees 1006.
    #[serde(deserialize_with = "time_or_zero::<YEAR, _>")]
    pub write_time: Duration,
    /// Networks of the proxies that the host trusts to name the client in `proxy_header`, such as
    /// `["10.0.0.0/8"]`. Default: none.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// The header to which the trusted proxies append the address of their client:
    /// `"x-forwarded-for"` (default) or `"forwarded"` (RFC 7239). The host reads only this header,
    /// because a proxy passes the other on as the client sent it.
    pub proxy_header: ProxyHeader,
    /// How long a shutdown waits for requests and sockets. Default: 10 s.
    #[serde(deserialize_with = "time_or_zero::<DAY, _>")]
    pub shutdown_time: Duration,
}

/// Networks of clients' addresses. The host has addresses in their shortest form, so an IPv4
/// network that is written as an IPv6 one (`::ffff:10.0.0.0/104`) becomes an IPv4 network.
fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    const MAPPED: u8 = 96;
    let written = Vec::<IpNet>::deserialize(deserializer)?;
    let canonical = |network: IpNet| match network {
        IpNet::V6(wide) => {
            let address = wide.addr().to_ipv4_mapped();
            let length = wide.prefix_len().checked_sub(MAPPED);
            let narrow = address.zip(length).and_then(|(ip, length)| Ipv4Net::new(ip, length).ok());
            narrow.map_or(network, IpNet::V4)
        }
        IpNet::V4(_) => network,
    };
    Ok(written.into_iter().map(canonical).collect())
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            connections: 60_000,
            client_connections: 20_000,
            header_time: Duration::from_secs(10),
            body_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::XForwardedFor,
            shutdown_time: Duration::from_secs(10),
        }
    }
}

/// The header in which a trusted proxy names its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// A list of addresses.
    XForwardedFor,
    /// A list of parameters, among them `for` (RFC 7239).
    Forwarded,
}

/// The listener for deploys. It accepts only loopback addresses, because its traffic is not
/// encrypted.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// The address to listen on, such as `"127.0.0.1:4001"`. Default: none.
    pub listen: Option<SocketAddr>,
    /// A file with the operator's token, relative to the site, or to the folder of the sites. Every
    /// request must show it, or a token of `tenants.tokens`. It must not lie in the `public/` of
    /// the only site. Default: the environment variable `LITHE_ADMIN_TOKEN` has the token.
    pub token_file: Option<PathBuf>,
    /// The file of the audit, which has a line for each change that somebody asks for, relative to
    /// the same folder. It must not lie in a site's folder among several, or in the `public/` of
    /// the only one. With its four predecessors, `FILE.1` to `FILE.4`, it has at most 42 MiB. If it
    /// cannot be written, no change is made. Default: `.lithe/audit.log`.
    pub audit: Option<PathBuf>,
    /// The largest component, or set of components in one deploy. Default: 64 MiB. Over it: 413.
    #[serde(deserialize_with = "size::<1, { 4 * GIB }, _>")]
    pub body: ByteSize,
}

impl Admin {
    /// Checks what the ranges cannot express.
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        if let Some(address) = self.listen {
            anyhow::ensure!(
                address.ip().is_loopback(),
                "`admin.listen` is `{address}`: it must be a loopback address such as \
                 `127.0.0.1:4001`, because its traffic is not encrypted; from elsewhere, use a tunnel"
            );
        }
        Ok(())
    }
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: None, token_file: None, audit: None, body: ByteSize::mib(64) }
    }
}
