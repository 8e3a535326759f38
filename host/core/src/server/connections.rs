//! Open connections: counted in total, for each client's address, and for each site.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;

use crate::capability::account::{Account, Connected};
use crate::config;
use crate::descriptors::Descriptor;
use crate::log::Seldom;
use crate::pipeline::ConnectionLease;

/// A place among `server.connections`, and a descriptor of the process.
pub(crate) type Permits = (OwnedSemaphorePermit, Descriptor);

/// The connections of each client.
#[derive(Default)]
pub(crate) struct Clients {
    open: Mutex<HashMap<IpAddr, usize>>,
    /// Limits how often the log reports a client with too many.
    reports: Seldom,
}

/// A connection, counted until this is dropped, together with the session that it becomes.
pub(crate) struct Counted {
    _permits: Permits,
    _client: Option<OfClient>,
    /// The site of its last request.
    site: Mutex<Option<Connected>>,
}

struct OfClient {
    clients: Arc<Clients>,
    network: IpAddr,
}

impl Clients {
    /// Counts one more connection of this client, unless it has `server.client_connections`. A
    /// trusted proxy may have any number.
    pub(crate) fn connect(
        self: &Arc<Self>,
        client: IpAddr,
        permits: Permits,
        settings: &config::ServerConfig,
    ) -> Option<Counted> {
        let counted =
            |client| Counted { _permits: permits, _client: client, site: Mutex::default() };
        let client = client.to_canonical();
        if settings.trusted_proxies.iter().any(|network| network.contains(&client)) {
            return Some(counted(None));
        }
        let network = network(client);
        let mut open = self.open.lock();
        let own = open.entry(network).or_default();
        if *own >= settings.client_connections {
            drop(open);
            self.report(client);
            return None;
        }
        *own += 1;
        drop(open);
        Some(counted(Some(OfClient { clients: self.clone(), network })))
    }

    fn report(&self, client: IpAddr) {
        if self.reports.is_due() {
            tracing::warn!(target: "limits", %client, "`server.client_connections` was exceeded");
        }
    }
}

/// The address that is counted: one client may have all addresses of a 64-bit network (RFC 4291,
/// section 2.5.4).
fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

impl Counted {
    /// Counts the connection for this site from now on. Returns false if the site has
    /// `limits.connections`.
    pub(crate) fn count_for(&self, site: &Arc<Account>, limit: usize) -> bool {
        let mut own = self.site.lock();
        if own.as_ref().is_some_and(|own| own.is_of(site)) {
            return true;
        }
        *own = site.connect(limit);
        own.is_some()
    }
}

impl ConnectionLease for Counted {
    fn becomes_a_socket(&self) {
        if let Some(site) = &mut *self.site.lock() {
            site.becomes_a_socket();
        }
    }
}

impl Drop for OfClient {
    fn drop(&mut self) {
        let mut open = self.clients.open.lock();
        if let Some(own) = open.get_mut(&self.network) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    fn connect(clients: &Arc<Clients>, client: &str, limit: usize) -> Option<Counted> {
        let trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
        let settings = config::ServerConfig {
            client_connections: limit,
            trusted_proxies,
            ..config::ServerConfig::default()
        };
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("there is one");
        let descriptor = crate::descriptors::try_one().expect("there are some");
        clients.connect(client.parse().expect("an address"), (permit, descriptor), &settings)
    }

    #[test]
    fn each_client_has_its_own_connections() {
        let clients = Arc::new(Clients::default());
        let one = connect(&clients, "192.0.2.1", 1).expect("the first");
        assert!(connect(&clients, "192.0.2.1", 1).is_none());
        assert!(connect(&clients, "::ffff:192.0.2.1", 1).is_none(), "the same, written otherwise");
        let _other = connect(&clients, "192.0.2.2", 1).expect("another client");
        drop(one);
        assert!(connect(&clients, "192.0.2.1", 1).is_some());
    }

    #[test]
    fn addresses_of_one_network_are_one_client() {
        let clients = Arc::new(Clients::default());
        let _one = connect(&clients, "2001:db8::1", 1).expect("the first");
        assert!(connect(&clients, "2001:db8::ffff:2", 1).is_none());
        assert!(connect(&clients, "2001:db8:0:1::1", 1).is_some());
    }

    #[test]
    fn proxies_that_are_trusted_are_not_counted() {
        let clients = Arc::new(Clients::default());
        let _one = connect(&clients, "10.1.2.3", 1).expect("the first");
        assert!(connect(&clients, "10.1.2.3", 1).is_some());
        assert!(connect(&clients, "::ffff:10.1.2.3", 1).is_some(), "the same, as IPv6");
        assert!(clients.open.lock().is_empty());
    }

    #[test]
    fn nothing_is_kept_of_clients_that_are_gone() {
        let clients = Arc::new(Clients::default());
        drop(connect(&clients, "192.0.2.1", 1));
        assert!(clients.open.lock().is_empty());
    }
}
