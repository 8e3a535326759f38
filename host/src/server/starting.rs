//! Sites that are not ready yet: their clients are told to come again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderValue, Request, Response, StatusCode, header};
use parking_lot::Mutex;

use super::Server;
use super::hosts::host_of;
use crate::config::Host;
use crate::pipeline;

/// The hosts of sites that are being loaded.
#[derive(Default)]
pub struct Waiting(Mutex<Vec<(u64, Vec<Host>)>>);

/// A site is being loaded, until this is dropped.
pub struct Starting {
    server: Arc<Server>,
    id: u64,
}

impl Server {
    /// A site begins to be loaded: until it is served, what is asked of its hosts is answered 503. Without
    /// hosts, it is the only site.
    pub fn start(self: &Arc<Self>, hosts: &[Host]) -> Starting {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        self.waiting.0.lock().push((id, hosts.to_vec()));
        Starting { server: self.clone(), id }
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        self.server.waiting.0.lock().retain(|(id, _)| *id != self.id);
    }
}

impl Waiting {
    /// The answer for a request that no site serves, if one is being loaded that will.
    pub fn answer<B>(&self, request: &Request<B>) -> Option<Response<pipeline::Body>> {
        let waiting = self.0.lock();
        let host = host_of(request);
        let is_for = |own: &Host| match (own, &host) {
            (Host::Exact(name), Some(host)) => name == host,
            (Host::Below(name), Some(host)) => {
                host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'))
            }
            (_, None) => false,
        };
        if !waiting.iter().any(|(_, hosts)| hosts.is_empty() || hosts.iter().any(is_for)) {
            return None;
        }
        drop(waiting);
        let message = "the site is starting: try again in a moment".to_owned();
        let mut response = pipeline::refuse(StatusCode::SERVICE_UNAVAILABLE, message);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        Some(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn clients_of_a_site_are_told_to_come_again_until_it_has_been_loaded() {
        let server = Server::new(config::Server::default());
        let hosts = ["a.test", "*.b.test"].map(|host| host.to_owned().try_into().unwrap());
        let starting = server.start(&hosts);
        let answer = |host: &str| {
            let request = Request::get("/").header("host", host).body(()).unwrap();
            server.waiting.answer(&request)
        };
        for host in ["a.test", "A.test:80", "x.b.test", "y.x.b.test"] {
            let answer = answer(host).unwrap();
            assert_eq!(answer.status(), 503, "{host}");
            assert_eq!(answer.headers()["retry-after"], "1", "{host}");
        }
        for host in ["b.test", "x.a.test", "xb.test", "c.test"] {
            assert!(answer(host).is_none(), "{host}");
        }
        drop(starting);
        assert!(answer("a.test").is_none());
        let _only = server.start(&[]);
        assert!(answer("c.test").is_some());
    }
}
