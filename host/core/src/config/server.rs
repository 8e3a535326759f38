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
pub struct Server {
    /// Open connections. Default: 60,000. Over it, new ones wait in the system's accept queue.
    #[serde(deserialize_with = "count::<1, MANY, _, _>")]
    pub connections: usize,
    /// Those of one client's address, or of one network of 64 bits where that is an IPv6 address;
    /// those of `trusted_proxies` are not counted. Default: 20,000. Over it, new ones are closed.
    #[serde(deserialize_with = "count::<1, MANY, _, _>")]
    pub client_connections: usize,
    /// From a connection's first byte, or the last response, to the end of the next request's head.
    /// Default: 10 s. Over it the connection is closed.
    #[serde(deserialize_with = "time::<MS, DAY, _>")]
    pub header_time: Duration,
    /// From the end of a request's head to the end of its body. Default: 30 s. Over it: 408. What a
    /// client still sends after an answer that ends the connection is read and dropped for as long,
    /// and for 2 s at least.
    #[serde(deserialize_with = "time_or_zero::<DAY, _>")]
    pub body_time: Duration,
    /// How long a client may take nothing of an answer that is being sent. Default: 30 s; zero
    /// waits for ever. Over it the connection is closed, and the guest of a stream sees 1006.
    #[serde(deserialize_with = "time_or_zero::<YEAR, _>")]
    pub write_time: Duration,
    /// Networks whose `proxy_header` says who the client is, such as `["10.0.0.0/8"]`. Default:
    /// none.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// The header to which the trusted proxies append the address of their client:
    /// `"x-forwarded-for"` (default) or `"forwarded"` (RFC 7239). Only that one is read: a proxy
    /// passes the other on as the client sent it.
    pub proxy_header: ProxyHeader,
    /// How long a shutdown waits for requests and sockets. Default: 10 s.
    #[serde(deserialize_with = "time_or_zero::<DAY, _>")]
    pub shutdown_time: Duration,
}

/// Networks of clients' addresses, which the host has in their shortest form: an IPv4 network may
/// be written as an IPv6 one (`::ffff:10.0.0.0/104`).
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

impl Default for Server {
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

/// The header that a trusted proxy names its client in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// A list of addresses.
    XForwardedFor,
    /// A list of parameters, `for` among them (RFC 7239).
    Forwarded,
}

/// The listener for those who deploy. Its traffic is not encrypted: it listens on loopback only.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Where, such as `"127.0.0.1:4001"`. Default: nowhere.
    pub listen: Option<SocketAddr>,
    /// A file with the token that every request has to show, relative to the site. Default: the
    /// environment's `LITHE_ADMIN_TOKEN`.
    pub token_file: Option<PathBuf>,
    /// The largest component, or the largest set of them. Default: 64 MiB. Over it: 413.
    #[serde(deserialize_with = "size::<1, { 4 * GIB }, _>")]
    pub body: ByteSize,
}

impl Admin {
    /// What its ranges do not say.
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        if let Some(address) = self.listen {
            anyhow::ensure!(
                address.ip().is_loopback(),
                "`admin.listen` is `{address}`: it must be a loopback address such as \
                 `127.0.0.1:4001`, for what it hears is not encrypted; from elsewhere, use a tunnel"
            );
        }
        Ok(())
    }
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: None, token_file: None, body: ByteSize::mib(64) }
    }
}
